//! The op on files.

use super::{Relu, relu};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Relu {
    const ABOUT: &'static str = "max(x, 0)";
    const OPERANDS: Words = &[("x", "any")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(relu(&mut call.tape, &x)?)
    }
}
