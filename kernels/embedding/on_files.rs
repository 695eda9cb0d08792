//! The op on files.

use super::{Embedding, embedding};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Embedding {
    const ABOUT: &'static str = "the rows of a table that codes name";
    const OPERANDS: Words = &[("table", "[V, C]"), ("codes", "[B, T] numbers below V, no gradient")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let table = call.operand("table")?;
        let codes = call.constant("codes")?;
        let extents = codes.dims("embedding", "codes")?;
        let codes: Vec<u32> = codes.download()?.into_iter().map(|code| code as u32).collect();
        Ok(embedding(&mut call.tape, &table, &codes, extents)?)
    }
}
