//! The op on files.

use super::{CrossEntropy, cross_entropy};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for CrossEntropy {
    const ABOUT: &'static str = "−ln softmax(logits)[target], per row";
    const OPERANDS: Words = &[("logits", "[R, C]"), ("targets", "[R] classes, −100 for none; no gradient")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let logits = call.operand("logits")?;
        let targets = call.numbers("targets")?.into_iter().map(|class| usize::try_from(class).ok()).collect();
        Ok(cross_entropy(&mut call.tape, &logits, targets)?)
    }
}
