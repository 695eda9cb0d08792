//! The op on files.

use super::{AddToFrames, add_to_frames};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for AddToFrames {
    const ABOUT: &'static str = "one vector for each sequence, added to all its frames";
    const OPERANDS: Words = &[("x", "[B, T, C]"), ("v", "[B, C]")];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, v] = call.operands(["x", "v"])?;
        Ok(add_to_frames(&mut call.tape, &x, &v)?)
    }
}
