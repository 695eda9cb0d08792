//! The op on files.

use super::{PlaceTokens, place_tokens};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for PlaceTokens {
    const ABOUT: &'static str = "tokens before frame `at` of each sequence, and positions added";
    const OPERANDS: Words = &[("x", "[B, T, C]"), ("tokens", "[E, C]"), ("positions", "[E + T, C]")];
    const SETTINGS: Words = &[("at", "0")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, tokens, positions] = call.operands(["x", "tokens", "positions"])?;
        let at = call.setting("at", 0)?;
        Ok(place_tokens(&mut call.tape, &x, &tokens, &positions, at)?)
    }
}
