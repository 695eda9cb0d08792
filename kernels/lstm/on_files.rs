//! The op on files.

use super::{Lstm, Memory, Weights, lstm};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Words};

impl OnFiles for Lstm {
    const ABOUT: &'static str = "one layer of long short-term memory";
    const OPERANDS: Words = &[
        ("x", "[B, T, I]"),
        ("input", "[4H, I]"),
        ("hidden", "[4H, H]"),
        ("input_bias", "[4H]"),
        ("hidden_bias", "[4H]"),
        ("h", "[B, H]"),
        ("c", "[B, H]"),
    ];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let [x, input, hidden, input_bias, hidden_bias, h, c] =
            call.operands(["x", "input", "hidden", "input_bias", "hidden_bias", "h", "c"])?;
        let weights =
            Weights { input: &input, hidden: &hidden, input_bias: &input_bias, hidden_bias: &hidden_bias };
        Ok(lstm(&mut call.tape, &x, &weights, &Memory { hidden: h, cell: c })?.0)
    }
}
