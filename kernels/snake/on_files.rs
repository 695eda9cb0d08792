//! The op on files.

use super::{Snake, snake};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Snake {
    const ABOUT: &'static str = "x + sin(alpha x)^2 / alpha, with a frequency for each channel";
    const OPERANDS: Words = &[("x", "[…, C]"), ("alpha", "[C]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, alpha] = call.operands(["x", "alpha"])?;
        Ok(snake(&mut call.tape, &x, &alpha)?)
    }
}
