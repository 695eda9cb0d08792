//! Learnt tokens set among the frames of each sequence, and a learnt position added to every one: how a transformer's input begins
//! (Dosovitskiy et al. 2021, arXiv 2010.11929).
//!
//! With E tokens standing before frame `at`, and j the place of frame t or of token e:
//!
//! - out_j = x_t + p_j or out_j = token_e + p_j
//! - dx_t = dout_j, dtoken_e = Σ_b dout_j, dp_j = Σ_b dout_j
//!
//! Not for: positions that are computed, nor for padding: every sequence has all frames.
//!
//! # Shapes
//! x [B, T, C] · tokens [E, C] · positions [E + T, C] → out [B, E + T, C]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// Where tokens stand.
#[derive(Clone, Copy, Debug)]
pub struct PlaceTokens {
    /// Frames before them.
    at: usize,
    /// Tokens, E.
    tokens: usize,
    /// Frames, T.
    time: usize,
    /// Channels, C.
    channels: usize,
}

impl PlaceTokens {
    /// The elements of a sequence of the output that are tokens.
    fn span(&self) -> Range<usize> {
        self.at * self.channels..(self.at + self.tokens) * self.channels
    }
}

impl Op for PlaceTokens {
    const NAME: &'static str = "place_tokens";
}

/// The frames of `x` [B, T, C] with `tokens` [E, C] before frame `at` of each sequence, and `positions` [E + T, C] added.
///
/// # Errors
/// The shapes do not fit, `at` is beyond the last frame, or the device failed.
pub fn place_tokens<D: Run<PlaceTokens>>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    tokens: &Array<D>,
    positions: &Array<D>,
    at: usize,
) -> Result<Array<D>, OpError> {
    let op = PlaceTokens::NAME;
    let [batch, time, channels] = x.dims(op, "x")?;
    let [count, _] = tokens.dims(op, "tokens")?;
    for (operand, array, rows) in [("tokens", tokens, count), ("positions", positions, count + time)] {
        if array.shape() != [rows, channels].into() {
            let want = format!("{count} tokens and x need [{rows}, {channels}]");
            return Err(OpError::Shape { op, operand, got: array.shape(), want });
        }
    }
    if at > time {
        let want = format!("tokens are to stand behind {at} frames");
        return Err(OpError::Shape { op, operand: "x", got: x.shape(), want });
    }
    let op = PlaceTokens { at, tokens: count, time, channels };
    apply_one(tape, op, &[x, tokens, positions], [batch, count + time, channels])
}
