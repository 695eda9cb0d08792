//! The op on files.

use super::{Elu, elu};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Elu {
    const ABOUT: &'static str = "x where it is positive, else exp(x) - 1";
    const OPERANDS: Words = &[("x", "any")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(elu(&mut call.tape, &x)?)
    }
}
