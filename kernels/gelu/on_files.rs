//! The op on files, and its rows in the bench.

use super::{Gelu, gelu};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, pass};

impl OnFiles for Gelu {
    const ABOUT: &'static str = "x Φ(x), exact";
    const OPERANDS: Words = &[("x", "any")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        Ok(gelu(&mut call.tape, &x)?)
    }

    fn rows() -> Vec<Row> {
        let (t, inner) = (500, 3072);
        let operand: &[usize] = &[1, t, inner];
        vec![Row::new("base, 10 s", &[("x", operand), ("dy", operand)], pass(t * inner))]
    }
}
