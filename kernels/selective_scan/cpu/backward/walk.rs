//! One task's way back through time.

use std::ops::Range;

use super::super::{BLOCK, LANES, Lanes, Operands, Task, ZERO, steps};
use super::{Columns, Partial};
use crate::simd;
use crate::ssd::decay::exp2_decays;

/// Lanes that a sum over channels is first folded to.
const FOLDED: usize = 16;

/// One task's operands, scratch and sums.
pub(super) struct Walk<'a> {
    operands: &'a Operands<'a>,
    task: Task,
    dout: &'a [f32],
    rates: Vec<Lanes>,
    d: Lanes,
    bias: Lanes,
    /// a_{t+1} g_{t+1} of the step last seen, state-major.
    carried: Vec<Lanes>,
    block: Block,
    pub partial: Partial,
}

/// What a block of steps needs, one entry a step (and state element).
struct Block {
    u: [Lanes; BLOCK],
    du: [Lanes; BLOCK],
    /// δ, then Δ.
    delta: [Lanes; BLOCK],
    /// σ(δ + bias) = ∂Δ/∂δ, then dδ.
    ddelta: [Lanes; BLOCK],
    /// z, then dz.
    z: [Lanes; BLOCK],
    /// dout, then dy.
    dy: [Lanes; BLOCK],
    /// a_t: [steps, N].
    decays: Vec<Lanes>,
    /// h before each step and after the last: [steps + 1, N].
    states: Vec<Lanes>,
    /// The channels' sums for dB and dC, not yet summed across lanes: [steps, N].
    db: Vec<[f32; FOLDED]>,
    dc: Vec<[f32; FOLDED]>,
}

impl<'a> Walk<'a> {
    /// Scratch for one task; `dout` is that of the whole batch.
    pub fn new(operands: &'a Operands<'a>, task: Task, dout: &'a [f32]) -> Self {
        let (time, state) = (operands.op.time, operands.op.state);
        let rows = [ZERO; BLOCK];
        Walk {
            operands,
            task,
            dout,
            rates: operands.rates(task),
            d: operands.per_channel(operands.d, task),
            bias: operands.per_channel(operands.delta_bias, task),
            carried: vec![ZERO; state],
            block: Block {
                u: rows,
                du: rows,
                delta: rows,
                ddelta: rows,
                z: rows,
                dy: rows,
                decays: vec![ZERO; BLOCK * state],
                states: vec![ZERO; (BLOCK + 1) * state],
                db: vec![[0.0; FOLDED]; BLOCK * state],
                dc: vec![[0.0; FOLDED]; BLOCK * state],
            },
            partial: Partial {
                db: vec![0.0; time * state],
                dc: vec![0.0; time * state],
                da_log: vec![ZERO; state],
                dd: ZERO,
                dbias: ZERO,
            },
        }
    }

    /// Adds to the task's own gradients and fills its partial.
    #[inline(always)]
    pub fn run(&mut self, kept: &[f32], gradients: &mut Columns<'_>) {
        let (time, state) = (self.operands.op.time, self.operands.op.state);
        for (block, kept) in kept.chunks_exact(self.operands.state_len()).enumerate().rev() {
            let span = block * BLOCK..((block + 1) * BLOCK).min(time);
            self.fetch(span.clone());
            self.recompute(span.clone(), kept);
            self.reverse(span.clone());
            add_rows(&mut gradients.du, span.clone(), &self.block.du);
            add_rows(&mut gradients.ddelta, span.clone(), &self.block.ddelta);
            add_rows(&mut gradients.dz, span.clone(), &self.block.z);
            let within = span.start * state..span.end * state;
            sum_lanes(&self.block.db[..within.len()], &mut self.partial.db[within.clone()]);
            sum_lanes(&self.block.dc[..within.len()], &mut self.partial.dc[within]);
        }
        // Rates were scaled by log2 e: A dA = (A log2 e)(Σ Δ w) / log2 e.
        for (da_log, rates) in self.partial.da_log.iter_mut().zip(&self.rates) {
            for l in 0..LANES {
                da_log[l] *= rates[l] * std::f32::consts::LN_2;
            }
        }
    }

    #[inline(always)]
    fn fetch(&mut self, span: Range<usize>) {
        let (operands, task, block) = (self.operands, self.task, &mut self.block);
        operands.fetch(operands.u, task, span.clone(), &mut block.u);
        operands.fetch(operands.delta, task, span.clone(), &mut block.delta);
        operands.fetch(operands.z, task, span.clone(), &mut block.z);
        operands.fetch(self.dout, task, span, &mut block.dy);
    }

    /// The block's decays and states from the one that entered it; dy, and dz on the way.
    #[inline(always)]
    fn recompute(&mut self, span: Range<usize>, kept: &[f32]) {
        let (operands, task, state) = (self.operands, self.task, self.operands.op.state);
        let block = &mut self.block;
        block.states[..state].as_flattened_mut().copy_from_slice(kept);
        for (i, t) in span.enumerate() {
            let (u, raw) = (&block.u[i], block.delta[i]);
            let delta = steps(&raw, &self.bias);
            let (mut scaled, mut y) = (ZERO, ZERO);
            for l in 0..LANES {
                block.ddelta[i][l] = simd::sigmoid(raw[l] + self.bias[l]);
                scaled[l] = delta[l] * u[l];
                y[l] = self.d[l] * u[l];
            }
            let (b, c) = (operands.states(operands.b, task, t), operands.states(operands.c, task, t));
            let (before, after) = block.states.split_at_mut((i + 1) * state);
            let before = &before[i * state..];
            for n in 0..state {
                let decay = &mut block.decays[i * state + n];
                decays(&delta, &self.rates[n], decay);
                advance(decay, &scaled, (b[n], c[n]), &before[n], &mut after[n], &mut y);
            }
            block.delta[i] = delta;
            gate(&mut block.z[i], &y, &mut block.dy[i]);
        }
    }

    /// The block's gradients, from its last step.
    #[inline(always)]
    fn reverse(&mut self, span: Range<usize>) {
        let (operands, task, state) = (self.operands, self.task, self.operands.op.state);
        let (block, partial) = (&mut self.block, &mut self.partial);
        for (i, t) in span.enumerate().rev() {
            let (u, delta, dy) = (&block.u[i], &block.delta[i], &block.dy[i]);
            let (b, c) = (operands.states(operands.b, task, t), operands.states(operands.c, task, t));
            let (mut scaled, mut input, mut rate) = (ZERO, ZERO, ZERO);
            for l in 0..LANES {
                scaled[l] = delta[l] * u[l];
            }
            for n in 0..state {
                let at = i * state + n;
                let (before, after) = (&block.states[at], &block.states[at + state]);
                let mut g = ZERO;
                pull(dy, &block.decays[at], (b[n], c[n]), &mut self.carried[n], &mut input, &mut g);
                turn(&self.carried[n], before, &self.rates[n], delta, &mut rate, &mut partial.da_log[n]);
                block.db[at] = channel_sums(&g, &scaled);
                block.dc[at] = channel_sums(dy, after);
            }
            let (du, ddelta) = (&mut block.du[i], &mut block.ddelta[i]);
            for l in 0..LANES {
                du[l] = delta[l] * input[l] + self.d[l] * dy[l];
                ddelta[l] *= u[l] * input[l] + rate[l] * std::f32::consts::LN_2;
                partial.dd[l] += dy[l] * u[l];
                partial.dbias[l] += ddelta[l];
            }
        }
    }
}

/// decay ← e^{ΔA}
#[inline(always)]
fn decays(delta: &Lanes, rates: &Lanes, decay: &mut Lanes) {
    for l in 0..LANES {
        decay[l] = delta[l] * rates[l];
    }
    *decay = exp2_decays(*decay);
}

/// g ← C dy + carried, carried ← decay · g, and input += g B.
#[inline(always)]
fn pull(
    dy: &Lanes,
    decay: &Lanes,
    (b, c): (f32, f32),
    carried: &mut Lanes,
    input: &mut Lanes,
    g: &mut Lanes,
) {
    for l in 0..LANES {
        g[l] = c.mul_add(dy[l], carried[l]);
        carried[l] = decay[l] * g[l];
        input[l] = g[l].mul_add(b, input[l]);
    }
}

/// With w = carried · before: rate += A w and da += Δ w.
#[inline(always)]
fn turn(carried: &Lanes, before: &Lanes, rates: &Lanes, delta: &Lanes, rate: &mut Lanes, da: &mut Lanes) {
    for l in 0..LANES {
        let w = carried[l] * before[l];
        rate[l] = rates[l].mul_add(w, rate[l]);
        da[l] = delta[l].mul_add(w, da[l]);
    }
}

/// after ← decay · before + Δ u B, and y += C · after.
#[inline(always)]
fn advance(
    decay: &Lanes,
    scaled: &Lanes,
    (b, c): (f32, f32),
    before: &Lanes,
    after: &mut Lanes,
    y: &mut Lanes,
) {
    for l in 0..LANES {
        after[l] = decay[l].mul_add(before[l], scaled[l] * b);
        y[l] = c.mul_add(after[l], y[l]);
    }
}

/// Turns dout into dy and z into dz.
#[inline(always)]
fn gate(z: &mut Lanes, y: &Lanes, dout: &mut Lanes) {
    for l in 0..LANES {
        let s = simd::sigmoid(z[l]);
        let dy = dout[l] * z[l] * s;
        z[l] = dout[l] * y[l] * s * (1.0 + z[l] * (1.0 - s));
        dout[l] = dy;
    }
}

/// Adds a block's lanes to its rows, if rows are wanted.
#[inline(always)]
fn add_rows(rows: &mut [&mut [f32]], span: Range<usize>, lanes: &[Lanes]) {
    for (row, lanes) in rows.iter_mut().skip(span.start).take(span.len()).zip(lanes) {
        row.iter_mut().zip(lanes).for_each(|(x, add)| *x += add);
    }
}

/// Σ_channels x y, but for the last sixteen lanes' sum.
#[inline(always)]
fn channel_sums(x: &Lanes, y: &Lanes) -> [f32; FOLDED] {
    let mut folded = [0.0; FOLDED];
    for l in 0..FOLDED {
        let low = x[l].mul_add(y[l], x[l + 16] * y[l + 16]);
        let high = x[l + 32].mul_add(y[l + 32], x[l + 48] * y[l + 48]);
        folded[l] = low + high;
    }
    folded
}

/// Sums each row's lanes, half onto half.
#[inline(always)]
fn sum_lanes(rows: &[[f32; FOLDED]], sums: &mut [f32]) {
    for (row, sum) in rows.iter().zip(sums) {
        let eight: [f32; 8] = std::array::from_fn(|l| row[l] + row[l + 8]);
        let four: [f32; 4] = std::array::from_fn(|l| eight[l] + eight[l + 4]);
        *sum = (four[0] + four[2]) + (four[1] + four[3]);
    }
}
