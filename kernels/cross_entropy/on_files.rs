//! The op on files.

use super::{CrossEntropy, cross_entropy};
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for CrossEntropy {
    const ABOUT: &'static str = "−ln softmax(logits)[target], per row";
    const OPERANDS: Words = &[("logits", "[R, C]"), ("targets", "[R] classes, −100 for none; no gradient")];

    fn run(call: &mut Call) -> Made {
        let logits = call.operand("logits")?;
        let targets = call.numbers("targets")?.into_iter().map(|class| usize::try_from(class).ok()).collect();
        Ok(cross_entropy(&mut call.tape, &logits, targets)?)
    }
}
