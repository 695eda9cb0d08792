//! The op on files.

use super::{Tanh, tanh};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Tanh {
    const ABOUT: &'static str = "tanh(x)";
    const OPERANDS: Words = &[("x", "any")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(tanh(&mut call.tape, &x)?)
    }
}
