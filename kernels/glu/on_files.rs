//! The op on files, and its row in the bench.

use super::{Glu, glu};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, Work};

impl OnFiles for Glu {
    const ABOUT: &'static str = "the first half of each row times σ of the second";
    const OPERANDS: Words = &[("x", "[…, 2C]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(glu(&mut call.tape, &x)?)
    }

    fn rows() -> Vec<Row> {
        let (t, width) = (16_000, 64);
        let extents: [(_, &[usize]); 2] = [("x", &[1, t, 2 * width]), ("dy", &[1, t, width])];
        let works = [3.0, 8.0].map(|floats| Work { flops: 0.0, bytes: floats * 4.0 * (t * width) as f64 });
        vec![Row::new("64 channels, 1 s", &extents, works)]
    }
}
