//! The op on files, and its rows in the bench.

use super::{Attention, AttentionOver, Queries, Scores, attention};
use crate::Backend;
use crate::on_files::{Call, LENS, Made, OnFiles, Row, Words, Work, product};

impl OnFiles for AttentionOver {
    const ABOUT: &'static str = "softmax(scale q kᵀ) v over the valid frames, per head";
    const OPERANDS: Words = &[("q", "[B, T, H·P]"), ("k", "as q"), ("v", "as q"), LENS];
    const SETTINGS: Words = &[
        ("heads", "1"),
        ("scale", "1/√P"),
        ("causal", "false"),
        ("answer_padding", "false"),
        ("materialised", "false"),
    ];

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let (q, k, v) = (call.operand("q")?, call.operand("k")?, call.operand("v")?);
        let heads = call.setting("heads", 1)?;
        let scale = 1.0 / ((q.shape().last() / usize::max(heads, 1)) as f32).sqrt();
        let queries = match call.setting("answer_padding", false)? {
            true => Queries::All,
            false => Queries::Valid,
        };
        let settings = Attention {
            heads,
            scale: call.setting("scale", scale)?,
            lens: call.lens(&q)?,
            queries,
            causal: call.setting("causal", false)?,
            dropout: 0.0,
            seed: 0,
            scores: if call.setting("materialised", false)? { Scores::Whole } else { Scores::Tiles },
        };
        Ok(attention(&mut call.tape, &q, &k, &v, settings)?)
    }

    fn rows() -> Vec<Row> {
        Row::of_models(|size, t, width, _| {
            let heads = width / 64;
            let operand: &[usize] = &[1, t, width];
            let [forward, training] = product(4 * t * t * width, 4 * t * width);
            // Five products more, two of which form the scores again.
            let training = Work { flops: 3.5 * forward.flops, ..training };
            Row::new(
                format!("{heads} × 64, {size}"),
                &[("q", operand), ("k", operand), ("v", operand), ("dy", operand)],
                [forward, training],
            )
            .with(&[("heads", heads)])
        })
    }
}
