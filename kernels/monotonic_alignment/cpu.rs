//! The CPU kernel: frame by frame, only tokens that can be reached.

use std::ops::Range;

use super::Utterance;
use crate::simd;

/// How many frames each token has.
pub(super) fn durations(utterance: Utterance<'_>, channels: usize) -> Vec<usize> {
    let Utterance { frames, means } = utterance;
    let half_squares: Vec<f32> =
        means.chunks_exact(channels).map(|mean| 0.5 * simd::dot(mean, mean)).collect();
    search(half_squares.len(), frames.len() / channels, |t, tokens, values| {
        let frame = &frames[t * channels..][..channels];
        let means = means[tokens.start * channels..].chunks_exact(channels);
        simd::dispatch(
            #[inline(always)]
            || {
                for ((value, mean), half) in values.iter_mut().zip(means).zip(&half_squares[tokens]) {
                    *value = simd::dot(mean, frame) - half;
                }
            },
        );
    })
}

/// The same for any values; `tell(t, tokens, values)` fills in those of frame t for a span of tokens.
pub(super) fn search(
    tokens: usize,
    frames: usize,
    mut tell: impl FnMut(usize, Range<usize>, &mut [f32]),
) -> Vec<usize> {
    let mut best = vec![f32::NEG_INFINITY; tokens];
    let mut values = vec![0.0; tokens];
    // Whether the token before ends here.
    let mut begins = vec![false; tokens * frames];
    for t in 0..frames {
        let reachable = (tokens + t).saturating_sub(frames)..tokens.min(t + 1);
        let values = &mut values[..reachable.len()];
        tell(t, reachable.clone(), values);
        // Downwards, so that the token before still has its sum of a frame earlier.
        for (i, value) in reachable.zip(&*values).rev() {
            let before = match i {
                0 if t == 0 => 0.0,
                0 => f32::NEG_INFINITY,
                _ => best[i - 1],
            };
            let stays = if i == t { f32::NEG_INFINITY } else { best[i] };
            begins[t * tokens + i] = i > 0 && (i == t || stays < before);
            best[i] = value + stays.max(before);
        }
    }
    let mut counts = vec![0; tokens];
    let mut i = tokens - 1;
    for t in (0..frames).rev() {
        counts[i] += 1;
        if begins[t * tokens + i] {
            i -= 1;
        }
    }
    counts
}
