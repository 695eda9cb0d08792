//! The op on files.

use super::{SwapAxes, swap_axes};
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for SwapAxes {
    const ABOUT: &'static str = "x with its two middle axes swapped";
    const OPERANDS: Words = &[("x", "[A, B, C, D]")];

    fn run(call: &mut Call) -> Made {
        let x = call.operand("x")?;
        Ok(swap_axes(&mut call.tape, &x)?)
    }
}
