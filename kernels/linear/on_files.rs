//! The op on files, and its rows in the bench.

use super::{Linear, linear};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, product};

impl OnFiles for Linear {
    const ABOUT: &'static str = "x weightᵀ + bias";
    const OPERANDS: Words = &[("x", "[…, I]"), ("weight", "[O, I]"), ("bias?", "[O]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.optional("bias")?);
        Ok(linear(&mut call.tape, &x, &weight, bias.as_ref())?)
    }

    fn rows() -> Vec<Row> {
        Row::of_models(|size, t, width, inner| {
            Row::new(
                format!("{width} → {inner}, {size}"),
                &[
                    ("x", &[1, t, width]),
                    ("weight", &[inner, width]),
                    ("bias", &[inner]),
                    ("dy", &[1, t, inner]),
                ],
                product(2 * t * width * inner, t * (width + inner) + width * inner),
            )
        })
    }
}
