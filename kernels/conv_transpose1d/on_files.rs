//! The op on files.

use super::{ConvTranspose1d, conv_transpose1d};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for ConvTranspose1d {
    const ABOUT: &'static str = "transposed convolution over time, channels last";
    const OPERANDS: Words = &[("x", "[B, T, I]"), ("weight", "[I, O, W]"), ("bias?", "[O]")];
    const SETTINGS: Words = &[("stride", "1"), ("left", "0"), ("right", "0")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.optional("bias")?);
        let (stride, trim) =
            (call.setting("stride", 1)?, [call.setting("left", 0)?, call.setting("right", 0)?]);
        Ok(conv_transpose1d(&mut call.tape, &x, &weight, bias.as_ref(), stride, trim)?)
    }
}
