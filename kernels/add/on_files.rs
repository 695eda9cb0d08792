//! The op on files, and its rows in the bench.

use super::{Add, add};
use crate::on_files::{Call, Made, OnFiles, Row, Words, pass};

impl OnFiles for Add {
    const ABOUT: &'static str = "a + b";
    const OPERANDS: Words = &[("a", "any"), ("b", "as a")];

    fn run(call: &mut Call) -> Made {
        let (a, b) = (call.operand("a")?, call.operand("b")?);
        Ok(add(&mut call.tape, &a, &b)?)
    }

    fn rows() -> Vec<Row> {
        let (t, width) = (500, 768);
        let operand: &[usize] = &[1, t, width];
        let extents = [("a", operand), ("b", operand), ("dy", operand)];
        vec![Row::new("base, 10 s", &extents, pass(t * width * 3 / 2))]
    }
}
