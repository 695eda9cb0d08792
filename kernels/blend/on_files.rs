//! The op on files, and its row in the bench.

use super::{Blend, blend};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, pass};

impl OnFiles for Blend {
    const ABOUT: &'static str = "two arrays added with a weight each, of every sequence its own";
    const OPERANDS: Words =
        &[("a", "[B, …]"), ("b", "as a"), ("weights", "[B, 2] of a and of b, no gradient")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (a, b) = (call.operand("a")?, call.operand("b")?);
        let weights = call.values("weights")?.1.as_chunks::<2>().0.to_vec();
        Ok(blend(&mut call.tape, &a, &b, weights)?)
    }

    fn rows() -> Vec<Row> {
        let (b, t, width) = (4, 500, 768);
        let operand: &[usize] = &[b, t, width];
        let extents = [("a", operand), ("b", operand), ("weights", &[b, 2]), ("dy", operand)];
        vec![Row::new("base, 4 × 10 s", &extents, pass(b * t * width * 3 / 2))]
    }
}
