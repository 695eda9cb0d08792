//! The op on files, and its rows in the bench.

use super::{Conv1d, Convolution, conv1d};
use crate::Backend;
use crate::on_files::{Call, Made, OnFiles, Row, Words, product};

impl OnFiles for Convolution {
    const ABOUT: &'static str = "convolution over time, channels last";
    const OPERANDS: Words = &[("x", "[B, T, I]"), ("weight", "[O, I / groups, W]"), ("bias?", "[O]")];
    const SETTINGS: Words = &[
        ("stride", "1"),
        ("left", "0"),
        ("right", "0"),
        ("dilation", "1"),
        ("groups", "1"),
        ("gelu", "false"),
    ];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.optional("bias")?);
        let settings = Conv1d {
            stride: call.setting("stride", 1)?,
            padding: [call.setting("left", 0)?, call.setting("right", 0)?],
            dilation: call.setting("dilation", 1)?,
            groups: call.setting("groups", 1)?,
            gelu: call.setting("gelu", false)?,
        };
        Ok(conv1d(&mut call.tape, &x, &weight, bias.as_ref(), settings)?)
    }

    fn rows() -> Vec<Row> {
        // 10 s of sound through the feature encoder: the first layer, the second, one of the last.
        let encoder = [
            ("first, 10 s", 160_000, 1, 10, 5),
            ("second, 10 s", 31_999, 512, 3, 2),
            ("sixth, 10 s", 1_999, 512, 2, 2),
        ];
        let mut rows = Vec::from(encoder.map(|(size, t, inputs, taps, stride)| {
            let out = (t - taps) / stride + 1;
            Row::new(
                size,
                &[("x", &[1, t, inputs]), ("weight", &[512, inputs, taps]), ("dy", &[1, out, 512])],
                product(2 * out * 512 * inputs * taps, t * inputs + out * 512),
            )
            .with(&[("stride", stride)])
        }));
        let (t, width) = (500, 768);
        let positional = Row::new(
            "positional, 128 taps, 16 groups, 10 s",
            &[
                ("x", &[1, t, width]),
                ("weight", &[width, width / 16, 128]),
                ("bias", &[width]),
                ("dy", &[1, t + 1, width]),
            ],
            product(2 * t * width * width / 16 * 128, 2 * t * width),
        );
        rows.push(positional.with(&[("left", 64), ("right", 64), ("groups", 16)]));
        rows
    }
}
