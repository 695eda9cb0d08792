//! The op on files.

use super::{Elu, elu};
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Elu {
    const ABOUT: &'static str = "x where it is positive, else exp(x) - 1";
    const OPERANDS: Words = &[("x", "any")];

    fn run(call: &mut Call) -> Made {
        let x = call.operand("x")?;
        Ok(elu(&mut call.tape, &x)?)
    }
}
