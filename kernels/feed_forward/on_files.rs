//! The op on files, and its rows in the bench.

use super::{FeedForward, Weights, feed_forward};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, product};

impl OnFiles for FeedForward {
    const ABOUT: &'static str = "GELU(x weight_inᵀ + bias_in) weight_outᵀ + bias_out";
    const OPERANDS: Words = &[
        ("x", "[…, I]"),
        ("weight_in", "[M, I]"),
        ("bias_in", "[M]"),
        ("weight_out", "[O, M]"),
        ("bias_out", "[O]"),
    ];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, weight_in, bias_in, weight_out, bias_out] =
            call.operands(["x", "weight_in", "bias_in", "weight_out", "bias_out"])?;
        let weights = Weights { inner: [&weight_in, &bias_in], outer: [&weight_out, &bias_out] };
        Ok(feed_forward(&mut call.tape, &x, weights, 0.0, 0)?)
    }

    fn rows() -> Vec<Row> {
        Row::of_models(|size, t, width, inner| {
            Row::new(
                size,
                &[
                    ("x", &[1, t, width]),
                    ("weight_in", &[inner, width]),
                    ("bias_in", &[inner]),
                    ("weight_out", &[width, inner]),
                    ("bias_out", &[width]),
                    ("dy", &[1, t, width]),
                ],
                product(4 * t * width * inner, 2 * t * width + 2 * width * inner),
            )
        })
    }
}
