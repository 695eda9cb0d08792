//! The op on files.

use super::{Tanh, tanh};
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Tanh {
    const ABOUT: &'static str = "tanh(x)";
    const OPERANDS: Words = &[("x", "any")];

    fn run(call: &mut Call) -> Made {
        let x = call.operand("x")?;
        Ok(tanh(&mut call.tape, &x)?)
    }
}
