//! The op on files.

use super::{Dropout, dropout, dropout_channels};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Dropout {
    const ABOUT: &'static str = "x with each element at 0 with probability p, the others / (1 − p)";
    const OPERANDS: Words = &[("x", "any")];
    const SETTINGS: Words =
        &[("p", "0.5"), ("seed", "0"), ("channels", "false; true drops whole channels of x [B, T, C]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        let (p, seed) = (call.setting("p", 0.5)?, call.setting("seed", 0)?);
        let drop = if call.setting("channels", false)? { dropout_channels } else { dropout };
        Ok(drop(&mut call.tape, &x, p, seed)?)
    }
}
