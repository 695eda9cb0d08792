//! The op on files.

use super::{Silu, silu};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Silu {
    const ABOUT: &'static str = "x σ(x)";
    const OPERANDS: Words = &[("x", "any")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(silu(&mut call.tape, &x)?)
    }
}
