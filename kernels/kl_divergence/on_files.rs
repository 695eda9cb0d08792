//! The op on files.

use super::{KlDivergence, kl_divergence};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, WEIGHTS, Words};

impl OnFiles for KlDivergence {
    const ABOUT: &'static str = "Σ weight · KL(softmax(teacher / τ) ‖ softmax(student / τ))";
    const OPERANDS: Words = &[("student", "[B, T, V]"), ("teacher", "as student; no gradient"), WEIGHTS];
    const SETTINGS: Words = &[("temperature", "2")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (student, teacher) = (call.operand("student")?, call.constant("teacher")?);
        let temperature = call.setting("temperature", 2.0)?;
        let settings = KlDivergence { temperature, weights: call.weights(&student)? };
        Ok(kl_divergence(&mut call.tape, &student, &teacher, settings)?)
    }
}
