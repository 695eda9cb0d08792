//! The op on files, and its rows in the bench.

use super::{Add, add_dropped};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, pass};

impl OnFiles for Add {
    const ABOUT: &'static str = "a + dropout(b)";
    const OPERANDS: Words = &[("a", "any"), ("b", "as a")];
    const SETTINGS: Words = &[("p", "0"), ("seed", "0")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (a, b) = (call.operand("a")?, call.operand("b")?);
        let drop = (call.setting("p", 0.0)?, call.setting("seed", 0)?);
        Ok(add_dropped(&mut call.tape, &a, &b, drop)?)
    }

    fn rows() -> Vec<Row> {
        let (t, width) = (500, 768);
        let operand: &[usize] = &[1, t, width];
        let extents = [("a", operand), ("b", operand), ("dy", operand)];
        vec![Row::new("base, 10 s", &extents, pass(t * width * 3 / 2))]
    }
}
