//! The op on files.

use super::{Embedding, embedding};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words, Wrong};

impl OnFiles for Embedding {
    const ABOUT: &'static str = "the rows of a table that codes name";
    const OPERANDS: Words = &[("table", "[V, C]"), ("codes", "[B, T] numbers below V, no gradient")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let table = call.operand("table")?;
        let (extents, codes) = call.values("codes")?;
        let &[batch, time] = extents else { return Err(Wrong("`codes` are [B, T]".to_owned())) };
        let codes: Vec<u32> = codes.iter().map(|&code| code as u32).collect();
        Ok(embedding(&mut call.tape, &table, &codes, [batch, time])?)
    }
}
