//! What the ablation of [`super::speaking`] learns: the next frame, and whether it is the last.
//!
//! - mel: (ŷ − y)² + |ŷ − y|
//! - stop: cross-entropy of whether a frame is the last, which weighs five times as much as the many that are not
//!
//! Both are means over frames that are no padding.

use std::collections::BTreeMap;

use kernels::{Array, Backend, OpError};

use super::speaking::{Spoken, Term, over_frames, with_size};
use super::{Losses, MicroBatch};
use crate::model::tacomamba::{Continued, MelFrames};

/// Weight of an utterance's last frame.
const LAST_WEIGHS: f64 = 5.0;

/// All terms.
pub(super) struct ContinuedTerms {
    pub frames: Term,
    pub stop: Term,
}

impl ContinuedTerms {
    pub(super) fn of<D: Backend>(
        made: &Continued<D>,
        spoken: &Spoken,
        bands: usize,
    ) -> Result<Self, OpError> {
        Ok(ContinuedTerms {
            frames: over_frames(&made.frames.download()?, spoken, bands, with_size),
            stop: over_stops(&made.stops.download()?, &spoken.frames),
        })
    }

    pub(super) fn means(&self) -> BTreeMap<&'static str, f64> {
        BTreeMap::from([("mel", self.frames.mean), ("stop", self.stop.mean)])
    }
}

/// The loss of a pass, weighed by its frames.
///
/// # Errors
/// The device failed.
pub(super) fn micro_batch<D: Backend>(
    made: Continued<D>,
    spoken: &Spoken,
    bands: usize,
) -> Result<MicroBatch<D>, OpError> {
    let terms = ContinuedTerms::of(&made, spoken, bands)?;
    let count = spoken.frames.lens.iter().sum::<usize>() as f64;
    let means = terms.means();
    let seeds: Vec<(Array<D>, Vec<f32>)> =
        vec![(made.frames, terms.frames.gradient), (made.stops, terms.stop.gradient)];
    Ok(MicroBatch {
        seeds,
        count,
        losses: Losses::known(
            count * means.values().sum::<f64>(),
            means.into_iter().map(|(name, mean)| (name, count * mean)),
        ),
        infinite: 0,
    })
}

fn over_stops(logits: &[f32], MelFrames { padded, lens, .. }: &MelFrames) -> Term {
    let mut gradient = vec![0.0; logits.len()];
    let mut sum = 0.0;
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (row, &frames) in lens.iter().enumerate() {
        for at in 0..frames {
            let logit = f64::from(logits[row * padded + at]);
            let (loss, slope) = match at + 1 == frames {
                true => (LAST_WEIGHS * softplus(-logit), -LAST_WEIGHS * sigmoid(-logit)),
                false => (softplus(logit), sigmoid(logit)),
            };
            sum += loss;
            gradient[row * padded + at] = slope as f32;
        }
    }
    Term { mean: sum / lens.iter().sum::<usize>().max(1) as f64, gradient }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frame_weighs_more_and_padding_nothing() {
        let frames = MelFrames { values: Vec::new(), padded: 3, lens: vec![3, 1] };
        let logits = [0.0, 1.0, -2.0, 0.5, 9.0, 9.0];
        let term = over_stops(&logits, &frames);
        let want = 2f64.ln()
            + (1.0 + 1f64.exp()).ln()
            + 5.0 * (1.0 + 2f64.exp()).ln()
            + 5.0 * (1.0 + (-0.5f64).exp()).ln();
        assert!((term.mean - want / 4.0).abs() < 1e-12, "{}", term.mean);
        assert_eq!(term.gradient[4..], [0.0, 0.0]);
        for at in 0..4 {
            let value = |by: f32| {
                let mut logits = logits;
                logits[at] += by;
                4.0 * over_stops(&logits, &frames).mean
            };
            let slope = (value(1e-3) - value(-1e-3)) / 2e-3;
            assert!((f64::from(term.gradient[at]) - slope).abs() < 1e-3, "{at}");
        }
    }
}
