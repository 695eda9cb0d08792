//! The op on files.

use super::{BinaryCrossEntropy, binary_cross_entropy};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for BinaryCrossEntropy {
    const ABOUT: &'static str = "mean over classes of −y ln σ(x) − (1 − y) ln(1 − σ(x)), per row";
    const OPERANDS: Words = &[("logits", "[R, C]"), ("targets", "[R, C] from 0 to 1; no gradient")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (logits, targets) = (call.operand("logits")?, call.values("targets")?.1.to_vec());
        Ok(binary_cross_entropy(&mut call.tape, &logits, targets)?)
    }
}
