//! The op on files.

use super::{SwapAxes, swap_axes};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for SwapAxes {
    const ABOUT: &'static str = "x with its two middle axes swapped";
    const OPERANDS: Words = &[("x", "[A, B, C, D]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(swap_axes(&mut call.tape, &x)?)
    }
}
