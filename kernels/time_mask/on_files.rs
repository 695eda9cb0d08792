//! The op on files.

use super::{TimeMask, time_mask};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for TimeMask {
    const ABOUT: &'static str = "embedding in the place of each masked frame";
    const OPERANDS: Words =
        &[("x", "[B, T, C]"), ("embedding", "[C]"), ("mask", "[B, T] 0 for a frame that stays, no gradient")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (x, embedding) = (call.operand("x")?, call.operand("embedding")?);
        let mask = call.values("mask")?.1.iter().map(|&flag| flag != 0.0).collect();
        Ok(time_mask(&mut call.tape, &x, &embedding, mask)?)
    }
}
