//! Monotonic alignment search (Kim et al. 2020, Glow-TTS, arXiv 2005.11129): which token does each frame belong to?
//!
//! Of all ways through the tokens that begin at the first, end at the last and go on by one token or none with each frame, the one of which the
//! values v_{i,t} add up to most:
//!
//! - Q_{i,t} = v_{i,t} + max(Q_{i,t−1}, Q_{i−1,t−1}), −∞ where a token cannot be reached by then or leaves too few frames for those behind it
//! - back from the last token at the last frame: one token back where it can have begun no earlier, or where Q_{i,t−1} < Q_{i−1,t−1}
//!
//! So every token has a frame at least. With normal densities of variance 1 around each token's mean, v_{i,t} = μ_i·y_t − ½ μ_i·μ_i and what all
//! tokens have in common at a frame.
//!
//! No tape op: a choice has no gradient. What is learnt of it comes by the loss of the chosen means. Not for: attention, alignments that skip.
//! Start at [`durations`].
//!
//! # Shapes
//! frames y [T, C] · means μ [N, C], N ≤ T → N numbers of frames, 1 at least, T together

mod cpu;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::{OpError, Shape, threads};

/// One utterance: what was said in how many frames.
#[derive(Debug, Clone, Copy)]
pub struct Utterance<'a> {
    /// y [T, C].
    pub frames: &'a [f32],
    /// μ [N, C].
    pub means: &'a [f32],
}

/// How many frames each token of each utterance has; `channels` is C.
///
/// # Errors
/// An utterance has no token, or fewer frames than tokens.
pub fn durations(utterances: &[Utterance<'_>], channels: usize) -> Result<Vec<Vec<usize>>, OpError> {
    const OP: &str = "monotonic_alignment";
    for utterance in utterances {
        let [frames, tokens] = [utterance.frames, utterance.means].map(|rows| rows.len() / channels.max(1));
        if tokens == 0 || frames < tokens {
            let got = Shape::from([frames, channels]);
            let want = format!("{tokens} tokens need a frame each, and there has to be a token");
            return Err(OpError::Shape { op: OP, operand: "the frames", got, want });
        }
    }
    let mut found = vec![Vec::new(); utterances.len()];
    threads::for_each(found.iter_mut().zip(utterances).collect(), |(found, utterance)| {
        *found = cpu::durations(*utterance, channels);
    });
    Ok(found)
}
