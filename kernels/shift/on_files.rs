//! The op on files.

use super::{Shift, shift};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Shift {
    const ABOUT: &'static str = "each sequence one frame later, zeros first";
    const OPERANDS: Words = &[("x", "[B, T, C]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(shift(&mut call.tape, &x)?)
    }
}
