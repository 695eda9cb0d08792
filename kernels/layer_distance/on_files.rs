//! The op on files.

use super::{LayerDistance, layer_distance};
use crate::Backend;
use crate::on_files::{Call, EPS, Made, OnFiles, WEIGHTS, Words};

impl OnFiles for LayerDistance {
    const ABOUT: &'static str = "Σ weight · mean (LN(student) − LN(teacher))²";
    const OPERANDS: Words = &[("student", "[B, T, D]"), ("teacher", "as student; no gradient"), WEIGHTS];
    const SETTINGS: Words = &[EPS];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (student, teacher) = (call.operand("student")?, call.constant("teacher")?);
        let settings = LayerDistance { weights: call.weights(&student)?, eps: call.setting("eps", 1e-5)? };
        Ok(layer_distance(&mut call.tape, &student, &teacher, settings)?)
    }
}
