//! Scaled dot-product attention over one sequence, in tiles: the T × T matrix never exists, unless it is asked for (`Scores::Whole`), to be measured.
//!
//! Forward, per batch row b and head h (channels hP … hP + P − 1 of q, k, v), for keys j below len = `lens[b]`, and j ≤ i where
//! `causal`, and queries i below len, or all where `queries` says so:
//!
//! - s_ij = scale q_i·k_j, p_ij = e^{s_ij − L_i} with L_i = ln Σ_j e^{s_ij}
//! - out_i = Σ_j m_ij p_ij v_j, where m_ij is 0 with probability `dropout` and else 1 / (1 − `dropout`)
//!
//! Backward, with L and out kept and the tiles formed again:
//!
//! - dv_j = Σ_i m_ij p_ij dout_i
//! - ds_ij = p_ij (m_ij dout_i·v_j − δ_i), δ_i = dout_i·out_i
//! - dq_i = scale Σ_j ds_ij k_j, dk_j = scale Σ_i ds_ij q_i
//!
//! Rows from len on are 0 in dk and dv, and in out and dq where their queries are not answered, and are not read. m is a function of (`seed`, b, h, i, j) alone.
//!
//! Not for: projections (the caller's), attention between two sequences.
//!
//! # Shapes
//! q [B, T, H·P] · k, v as q → out as q

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
mod dropout;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, Run, apply_one};
use crate::{Array, OpError, Tape};

/// Whose questions are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Queries {
    /// Those of valid positions; padding gets 0, as flash attention gives it.
    #[default]
    Valid,
    /// Those of padding, too, over the valid keys, as `scaled_dot_product_attention` with a key mask answers them. A row without
    /// any valid key gets 0.
    All,
}

/// How much of the scores is there at a time. The answers are the same but for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scores {
    /// A tile for each thread.
    #[default]
    Tiles,
    /// All of all heads, and all weights beside them: what it takes where a product, a softmax and a product follow each other. Forward alone; gradients
    /// form tiles.
    Whole,
}

/// The constants of one attention.
#[derive(Debug, Clone)]
pub struct Attention {
    /// Heads, H.
    pub heads: usize,
    /// What scores are multiplied by; 1/√P as a rule.
    pub scale: f32,
    /// Valid positions of each batch row.
    pub lens: Vec<usize>,
    /// Whether padding is answered.
    pub queries: Queries,
    /// Whether a query sees only keys up to its own position.
    pub causal: bool,
    /// The probability in [0, 1) of dropping an attention weight.
    pub dropout: f32,
    /// Chooses the dropped weights.
    pub seed: u64,
    /// How forward goes about it.
    pub scores: Scores,
}

impl Attention {
    /// How many of a row's T queries are answered.
    fn answered(&self, batch_row: usize, time: usize) -> usize {
        match (self.queries, self.lens[batch_row]) {
            (Queries::Valid, len) | (Queries::All, len @ 0) => len,
            (Queries::All, _) => time,
        }
    }
}

/// [`Attention`] over sequences of given extents: the op that devices run.
#[derive(Debug, Clone)]
pub struct AttentionOver {
    constants: Attention,
    /// Positions of a batch row, T. The processor takes both extents from its slices.
    #[cfg_attr(not(any(test, feature = "cuda")), expect(dead_code, reason = "devices read it"))]
    time: usize,
    /// Channels, H·P.
    #[cfg_attr(not(any(test, feature = "cuda")), expect(dead_code, reason = "devices read it"))]
    width: usize,
}

impl Op for AttentionOver {
    const NAME: &'static str = "attention";
}

/// softmax(scale·q kᵀ) v in each of H heads of `q`, `k`, `v` [B, T, H·P], over the valid positions of each batch row.
///
/// # Errors
/// The three shapes differ, H does not divide the channels, there is not one length per batch row, a length exceeds T, or
/// the device failed.
pub fn attention<D: Run<AttentionOver>>(
    tape: &mut Tape<D>,
    q: &Array<D>,
    k: &Array<D>,
    v: &Array<D>,
    op: Attention,
) -> Result<Array<D>, OpError> {
    let name = AttentionOver::NAME;
    let [batch, time, width] = q.dims(name, "q")?;
    let refuse =
        |operand, array: &Array<D>, want| Err(OpError::Shape { op: name, operand, got: array.shape(), want });
    for (operand, array) in [("k", k), ("v", v)] {
        if array.shape() != q.shape() {
            return refuse(operand, array, format!("q has {}", q.shape()));
        }
    }
    if op.heads == 0 || !width.is_multiple_of(op.heads) {
        return refuse("q", q, format!("its channels must split into {} heads", op.heads));
    }
    if op.lens.len() != batch {
        return refuse("q", q, format!("there are {} lengths", op.lens.len()));
    }
    if let Some(b) = op.lens.iter().position(|&len| len > time) {
        return refuse("q", q, format!("row {b} is {} frames long", op.lens[b]));
    }
    apply_one(tape, AttentionOver { constants: op, time, width }, &[q, k, v], q.shape())
}
