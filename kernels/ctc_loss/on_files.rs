//! The op on files, and its rows in the bench.

use super::{CtcLoss, CtcLossOver, ctc_loss};
use crate::Backend;
use crate::on_files::{Call, LENS, Made, OnFiles, Row, Words, pass};

impl OnFiles for CtcLossOver {
    const ABOUT: &'static str =
        "connectionist temporal classification, per utterance; infeasible targets give 0";
    const OPERANDS: Words =
        &[("logits", "[B, T, V]"), ("targets", "[B, S] classes, −100 behind the end; no gradient"), LENS];
    const SETTINGS: Words = &[("blank", "0")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let logits = call.operand("logits")?;
        let flat = call.numbers("targets")?;
        let batch = logits.shape().dims()[0];
        let each = flat.len() / batch.max(1);
        let targets = flat
            .chunks(each.max(1))
            .map(|row| row.iter().filter_map(|class| u32::try_from(*class).ok()).collect())
            .collect();
        let input_lens = call.lens(&logits)?;
        let blank = call.setting("blank", 0)?;
        Ok(ctc_loss(&mut call.tape, &logits, CtcLoss { targets, input_lens, blank, zero_infinity: true })?)
    }

    fn rows() -> Vec<Row> {
        let frames = 500;
        let extents: [(_, &[usize]); 3] =
            [("logits", &[4, frames, 32]), ("targets", &[4, 150]), ("dy", &[4])];
        vec![Row::new("4 × 10 s, 150 letters", &extents, pass(4 * frames * 32))]
    }
}
