//! One task's way back through its chunks.

use super::super::forward::{scale_heads, scale_inputs};
use super::super::steps::ChunkSteps;
use super::super::{Rows, Task};
use super::within::PerStep;
use super::{Operands, Partial, add};
use crate::matmul::{View, matmul_serial};
use crate::simd;

/// One task's operands and scratch.
pub(super) struct Walk<'a> {
    pub operands: &'a Operands<'a>,
    pub task: Task,
    pub partial: Partial,
    pub head_steps: Vec<ChunkSteps>,
    /// E, N × width.
    state_gradient: Vec<f32>,
    /// dy scaled by e^{s_i}; x scaled by Δ_j e^{s_last−s_j}: chunk × width each.
    dy_scaled: Vec<f32>,
    x_scaled: Vec<f32>,
    /// S C_i, then E B_j, then dx: chunk × width.
    pub rows: Vec<f32>,
    /// dy_i·x_j and M of one head: chunk × chunk each.
    pub outer: Vec<f32>,
    pub mixing: Vec<f32>,
    /// Per head of the task and step of the chunk.
    pub per_step: Vec<PerStep>,
    /// One decay per step.
    decay: Vec<f32>,
}

impl<'a> Walk<'a> {
    /// Scratch for one task.
    pub fn new(operands: &'a Operands<'a>, task: Task) -> Self {
        let layout = operands.layout;
        let scratch = || vec![0.0; layout.chunk * layout.width()];
        let states = layout.time * layout.constants.state;
        Walk {
            operands,
            task,
            partial: Partial {
                db: vec![0.0; states],
                dc: vec![0.0; states],
                dproducts: vec![0.0; layout.chunks * layout.tile()],
                da_log: vec![0.0; layout.block],
                dd: vec![0.0; layout.block],
                ddt_bias: vec![0.0; layout.block],
            },
            head_steps: (0..layout.block).map(|_| ChunkSteps::new(layout)).collect(),
            state_gradient: vec![0.0; layout.state()],
            dy_scaled: scratch(),
            x_scaled: scratch(),
            rows: scratch(),
            outer: vec![0.0; layout.tile()],
            mixing: vec![0.0; layout.tile()],
            per_step: (0..layout.block).map(|_| PerStep::new(layout)).collect(),
            decay: vec![0.0; layout.stride],
        }
    }

    /// Adds to `dx` and `ddt`, rows of the task's columns (none where not wanted).
    pub fn run(mut self, mut dx: Vec<&mut [f32]>, mut ddt: Vec<&mut [f32]>) -> Partial {
        for chunk in (0..self.operands.layout.chunks).rev() {
            self.chunk(chunk, &mut dx, &mut ddt);
        }
        self.partial
    }

    fn chunk(&mut self, chunk: usize, dx: &mut [&mut [f32]], ddt: &mut [&mut [f32]]) {
        let layout = self.operands.layout;
        let span = layout.span(chunk);
        let rows = Rows { sequence: self.task.sequence, first: span.start, len: span.len() };
        for (k, (steps, per_step)) in self.head_steps.iter_mut().zip(&mut self.per_step).enumerate() {
            let head = self.task.first_head + k;
            self.operands.saved.steps.load(layout, self.task.sequence, head, chunk, steps);
            per_step.start(steps);
        }
        let (entered, left) = (chunk > 0, chunk + 1 < layout.chunks);
        if entered {
            self.entering_state(chunk, rows);
        }
        if entered && left {
            self.whole_decay(chunk);
        }
        if left {
            self.leaving_state(rows);
        } else {
            self.rows.fill(0.0);
        }
        if entered {
            self.pass_gradient(left, rows);
        }
        for k in 0..layout.block {
            self.within(k, chunk, rows);
        }
        for (dx, row) in dx
            .iter_mut()
            .skip(span.start)
            .zip(self.rows[..rows.len * layout.width()].chunks_exact(layout.width()))
        {
            add(dx, row);
        }
        for k in 0..layout.block {
            self.steps_gradient(k, rows, ddt);
        }
    }

    /// The gradient of y at some steps of some heads: [steps, heads × P].
    pub fn dy(&self, rows: Rows, first_head: usize, heads: usize) -> View<'a> {
        let layout = self.operands.layout;
        let head_dim = layout.constants.head_dim;
        layout.rows(self.operands.dy, layout.inner(), rows, first_head * head_dim, heads * head_dim)
    }

    /// The input x at some steps of some heads: [steps, heads × P].
    pub fn x(&self, rows: Rows, first_head: usize, heads: usize) -> View<'a> {
        let layout = self.operands.layout;
        let head_dim = layout.constants.head_dim;
        layout.rows(self.operands.xbc, layout.row(), rows, first_head * head_dim, heads * head_dim)
    }

    /// The state that enters `chunk`.
    fn state(&self, chunk: usize) -> View<'a> {
        let layout = self.operands.layout;
        let index = self.task.sequence * layout.blocks + self.task.first_head / layout.block;
        let start = (index * layout.chunks + chunk) * layout.state();
        View::new(
            &self.operands.saved.states[start..][..layout.state()],
            layout.constants.state,
            layout.width(),
        )
    }

    /// dC_i += e^{s_i} Sᵀ dy_i, and λ_t += Σ_{i≥t} e^{s_i} dy_i·S C_i.
    fn entering_state(&mut self, chunk: usize, rows: Rows) {
        let layout = self.operands.layout;
        let (width, head_dim, n) = (layout.width(), layout.constants.head_dim, layout.constants.state);
        let (state, dy) = (self.state(chunk), self.dy(rows, self.task.first_head, layout.block));
        let c = layout.c(self.operands.xbc, rows, self.task.group);
        matmul_serial(1.0, c, state, 0.0, &mut self.rows, width);
        let (per_step, scaled, sc) = (&mut self.per_step, &mut self.dy_scaled, &self.rows);
        simd::dispatch(
            #[inline(always)]
            || {
                for (k, per_step) in per_step.iter_mut().enumerate() {
                    let mut sum = 0.0;
                    for i in (0..rows.len).rev() {
                        let at = i * width + k * head_dim;
                        let (scaled, sc) = (&mut scaled[at..][..head_dim], &sc[at..][..head_dim]);
                        let dy = &dy.data[i * dy.row_stride + k * head_dim..][..head_dim];
                        let decay = per_step.since_start[i];
                        scaled.iter_mut().zip(dy).for_each(|(scaled, dy)| *scaled = decay * dy);
                        sum += simd::dot(scaled, sc);
                        per_step.lambda[i] += sum;
                    }
                }
            },
        );
        let scaled = View::new(&self.dy_scaled, rows.len, width);
        matmul_serial(1.0, scaled, state.t(), 1.0, &mut self.partial.dc[rows.first * n..], n);
    }

    /// λ_t += e^{s_last}⟨S, E⟩: the decay of the entering state over the whole chunk.
    fn whole_decay(&mut self, chunk: usize) {
        let layout = self.operands.layout;
        let (state, head_dim, width) = (self.state(chunk).data, layout.constants.head_dim, layout.width());
        let (per_step, gradient, steps) = (&mut self.per_step, &self.state_gradient, &self.head_steps);
        simd::dispatch(
            #[inline(always)]
            || {
                for (k, (per_step, steps)) in per_step.iter_mut().zip(steps).enumerate() {
                    let rows = state.chunks_exact(width).zip(gradient.chunks_exact(width));
                    let product: f32 = rows
                        .map(|(s, e)| {
                            simd::dot(&s[k * head_dim..][..head_dim], &e[k * head_dim..][..head_dim])
                        })
                        .sum();
                    let kappa = steps.whole() * product;
                    per_step.lambda.iter_mut().for_each(|lambda| *lambda += kappa);
                }
            },
        );
    }

    /// dB_j += Δ_j e^{s_last−s_j} Eᵀ x_j, rows ← Δ_j e^{s_last−s_j} E B_j, and what it says about Δ and decay.
    fn leaving_state(&mut self, rows: Rows) {
        let layout = self.operands.layout;
        let (width, head_dim, n) = (layout.width(), layout.constants.head_dim, layout.constants.state);
        let x = self.x(rows, self.task.first_head, layout.block);
        let gradient = View::new(&self.state_gradient, n, width);
        let b = layout.b(self.operands.xbc, rows, self.task.group);
        matmul_serial(1.0, b, gradient, 0.0, &mut self.rows, width);
        scale_inputs(layout, &self.head_steps, x, &mut self.decay, &mut self.x_scaled);
        let scaled = View::new(&self.x_scaled, rows.len, width);
        matmul_serial(1.0, scaled, gradient.t(), 1.0, &mut self.partial.db[rows.first * n..], n);
        let (per_step, steps, eb) = (&mut self.per_step, &self.head_steps, &mut self.rows);
        simd::dispatch(
            #[inline(always)]
            || {
                for (k, (per_step, steps)) in per_step.iter_mut().zip(steps).enumerate() {
                    let mut sum = 0.0;
                    for j in 0..rows.len {
                        let eb = &mut eb[j * width + k * head_dim..][..head_dim];
                        let x = &x.data[j * x.row_stride + k * head_dim..][..head_dim];
                        let direct = per_step.to_end[j] * simd::dot(x, eb);
                        per_step.direct[j] += direct;
                        per_step.lambda[j] += sum;
                        sum += steps.delta[j] * direct;
                        let scale = per_step.to_end[j] * steps.delta[j];
                        eb.iter_mut().for_each(|eb| *eb *= scale);
                    }
                }
            },
        );
    }

    /// E ← e^{s_last} E + Σ_i e^{s_i} C_i dy_iᵀ.
    fn pass_gradient(&mut self, left: bool, rows: Rows) {
        let (layout, width) = (self.operands.layout, self.operands.layout.width());
        if left {
            scale_heads(layout, &self.head_steps, &mut self.state_gradient);
        }
        let c = layout.c(self.operands.xbc, rows, self.task.group);
        let scaled = View::new(&self.dy_scaled, rows.len, width);
        let keep = if left { 1.0 } else { 0.0 };
        matmul_serial(1.0, c.t(), scaled, keep, &mut self.state_gradient, width);
    }
}
