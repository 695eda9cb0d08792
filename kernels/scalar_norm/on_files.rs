//! The op on files, and its row in the bench.

use super::{ScalarNorm, scalar_norm};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, pass};

impl OnFiles for ScalarNorm {
    const ABOUT: &'static str = "each row normalised, with one gain and one shift for all channels";
    const OPERANDS: Words = &[("x", "[…, C]"), ("gain", "[1]"), ("shift", "[1]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, gain, shift] = call.operands(["x", "gain", "shift"])?;
        Ok(scalar_norm(&mut call.tape, &x, &gain, &shift)?)
    }

    fn rows() -> Vec<Row> {
        let (t, width) = (16_000, 64);
        let extents: [(_, &[usize]); 4] =
            [("x", &[1, t, width]), ("gain", &[1]), ("shift", &[1]), ("dy", &[1, t, width])];
        vec![Row::new("64 channels, 1 s", &extents, pass(t * width))]
    }
}
