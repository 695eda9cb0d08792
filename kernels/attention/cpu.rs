//! The CPU kernel: one batch row and head at a time, so that its keys and values stay in the second cache.
//!
//! Scores live in one tile of [`QUERIES`] × [`KEYS`] per thread. The heads of a row lie beside each other in memory, so
//! each result is made in a dense tile and then moved to its rows.

mod backward;
mod forward;
mod whole;

use super::dropout::Dropout;
use super::{Attention, AttentionOver, Scores};
use crate::matmul::View;
use crate::op::{Held, Pullback, Run};
use crate::{Array, Cpu, OpError};

/// Queries per tile.
const QUERIES: usize = 128;
/// Keys per tile.
const KEYS: usize = 256;

/// What backward needs besides q, k and v.
pub struct Saved {
    /// L of each query, [B, H, T].
    log_sums: Vec<f32>,
    /// The output. It shares its buffer with the array that was returned: nothing is copied.
    out: Option<Array<Cpu>>,
}

impl Held for Saved {
    fn held_bytes(&self) -> usize {
        self.log_sums.held_bytes()
    }
}

impl Run<AttentionOver> for Cpu {
    type Saved = Saved;

    fn keeps_input(_op: &AttentionOver, _index: usize) -> bool {
        true
    }

    fn forward(
        AttentionOver { constants: op, .. }: &AttentionOver,
        inputs: &[&Array<Cpu>],
        outputs: &mut [Array<Cpu>],
        save: bool,
    ) -> Result<Saved, OpError> {
        let call = Call::new(op, [inputs[0], inputs[1], inputs[2]]);
        let mut log_sums = vec![0.0; if save { op.lens.len() * op.heads * call.time } else { 0 }];
        let out = outputs[0].as_mut_slice();
        match op.scores {
            Scores::Tiles => forward::run(&call, out, &mut log_sums),
            Scores::Whole => whole::run(&call, out, &mut log_sums),
        }
        Ok(Saved { log_sums, out: save.then(|| outputs[0].clone()) })
    }

    fn backward(op: &AttentionOver, saved: Saved, pullback: Pullback<'_, Cpu>) -> Result<(), OpError> {
        let (dout, dinputs) = (&pullback.doutputs[0], pullback.dinputs);
        let ([Some(q), Some(k), Some(v)], Some(out), [dq, dk, dv]) = (pullback.inputs, &saved.out, dinputs)
        else {
            return Ok(());
        };
        let call = Call::new(&op.constants, [q, k, v]);
        let kept = backward::Kept { out: out.as_slice(), dout, log_sums: &saved.log_sums };
        let gradients = [dq, dk, dv]
            .map(|gradient| gradient.as_mut().map(|gradient| gradient.as_mut_slice()).unwrap_or_default());
        backward::run(&call, &kept, gradients);
        Ok(())
    }
}

/// The operands of one call.
struct Call<'a> {
    op: &'a Attention,
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    /// T.
    time: usize,
    /// H·P.
    width: usize,
    /// P.
    per_head: usize,
}

impl<'a> Call<'a> {
    fn new(op: &'a Attention, [q, k, v]: [&'a Array<Cpu>; 3]) -> Self {
        let width = q.shape().last();
        let time = q.shape().rows() / op.lens.len().max(1);
        let per_head = width / op.heads;
        Call { op, q: q.as_slice(), k: k.as_slice(), v: v.as_slice(), time, width, per_head }
    }

    /// `rows` positions of one head, from position `first` on.
    fn view<'d>(&self, data: &'d [f32], head: Head, first: usize, rows: usize) -> View<'d> {
        let start = (head.batch_row * self.time + first) * self.width + head.index * self.per_head;
        View::strided(&data[start..], rows, self.per_head, self.width)
    }

    /// Every batch row and head, batch-major, with the rows of `data` [B, T, H·P] whose queries are answered.
    fn queries<'d>(&self, data: &'d mut [f32]) -> Vec<Vec<&'d mut [f32]>> {
        let counts: Vec<usize> = (0..self.op.lens.len()).map(|b| self.op.answered(b, self.time)).collect();
        self.heads(data, &counts)
    }

    /// Every batch row and head, batch-major, with its first `counts[b]` rows of `data` [B, T, H·P].
    /// Where `data` is empty there are no rows.
    fn heads<'d>(&self, data: &'d mut [f32], counts: &[usize]) -> Vec<Vec<&'d mut [f32]>> {
        let heads = self.op.heads;
        let mut split: Vec<Vec<&mut [f32]>> =
            (0..counts.len() * heads).map(|index| Vec::with_capacity(counts[index / heads])).collect();
        for (row, values) in data.chunks_mut(self.width.max(1)).enumerate() {
            let (b, t) = (row / self.time, row % self.time);
            if t < counts[b] {
                for (h, piece) in values.chunks_mut(self.per_head).enumerate() {
                    split[b * heads + h].push(piece);
                }
            }
        }
        split
    }

    fn head(&self, flat: usize) -> Head {
        let (batch_row, index) = (flat / self.op.heads, flat % self.op.heads);
        let dropout = Dropout::new(self.op.dropout, self.op.seed, batch_row, index);
        let (len, queries) = (self.op.lens[batch_row], self.op.answered(batch_row, self.time));
        Head { batch_row, index, len, queries, causal: self.op.causal, dropout }
    }
}

/// One batch row and head.
#[derive(Clone, Copy)]
struct Head {
    batch_row: usize,
    index: usize,
    /// Valid positions: keys.
    len: usize,
    /// Queries answered.
    queries: usize,
    causal: bool,
    dropout: Dropout,
}

impl Head {
    /// The number of keys that the query at position `i` sees.
    #[inline(always)]
    fn keys_of(&self, i: usize) -> usize {
        if self.causal { self.len.min(i + 1) } else { self.len }
    }
}

/// A rectangle of scores: queries from `query` on, keys from `key` on.
#[derive(Clone, Copy)]
struct Tile {
    query: usize,
    queries: usize,
    key: usize,
    keys: usize,
}

impl Tile {
    /// How many of its keys the query in row `r` of the tile sees.
    #[inline(always)]
    fn visible(&self, head: &Head, r: usize) -> usize {
        head.keys_of(self.query + r).saturating_sub(self.key).min(self.keys)
    }
}
