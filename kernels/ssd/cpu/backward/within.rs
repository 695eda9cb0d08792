//! What happens within a chunk: M and its gradient, and the way from Δ and its decay to the parameters.

use super::super::steps::ChunkSteps;
use super::super::{LANES, Layout, Rows};
use super::walk::Walk;
use crate::matmul::{View, matmul_serial};
use crate::simd;

/// Per-step gradients of one head in one chunk.
pub(super) struct PerStep {
    /// ∂/∂(Δ_t A).
    pub lambda: Vec<f32>,
    /// ∂/∂Δ_t at fixed decay.
    pub direct: Vec<f32>,
    /// e^{s_i} and e^{s_last−s_j}.
    pub since_start: Vec<f32>,
    pub to_end: Vec<f32>,
    /// Running column sums of [`mixing_gradient`].
    sums: Vec<f32>,
}

impl PerStep {
    /// Scratch for the steps of one chunk.
    pub fn new(layout: &Layout) -> Self {
        let zeros = || vec![0.0; layout.stride];
        PerStep { lambda: zeros(), direct: zeros(), since_start: zeros(), to_end: zeros(), sums: zeros() }
    }

    /// Makes ready for a chunk: its decays, and zeros to add to.
    pub fn start(&mut self, steps: &ChunkSteps) {
        self.lambda.fill(0.0);
        self.direct.fill(0.0);
        simd::dispatch(
            #[inline(always)]
            || {
                steps.since_start(&mut self.since_start);
                steps.to_end(&mut self.to_end);
            },
        );
    }
}

impl Walk<'_> {
    /// rows += Mᵀ dy for the task's head `k`, and the gradients of M.
    pub fn within(&mut self, k: usize, chunk: usize, rows: Rows) {
        let (layout, head) = (self.operands.layout, self.task.first_head + k);
        let (dy, x) = (self.dy(rows, head, 1), self.x(rows, head, 1));
        let stride = layout.stride;
        matmul_serial(1.0, dy, x.t(), 0.0, &mut self.outer, stride);
        let dd: f64 = (0..rows.len).map(|i| f64::from(self.outer[i * stride + i])).sum();
        self.partial.dd[k] += dd;
        let product = layout.product(&self.operands.saved.products, self.task, chunk);
        let dproduct = &mut self.partial.dproducts[chunk * layout.tile()..][..layout.tile()];
        let factors = Factors {
            product,
            outer: &self.outer,
            steps: &self.head_steps[k],
            d: self.operands.d[head],
            stride,
        };
        let (per_step, mixing) = (&mut self.per_step[k], &mut self.mixing[..rows.len * stride]);
        simd::dispatch(
            #[inline(always)]
            || mixing_gradient(&factors, mixing, dproduct, per_step),
        );
        let mixing = View::strided(&self.mixing, rows.len, rows.len, stride);
        let width = layout.width();
        matmul_serial(1.0, mixing.t(), dy, 1.0, &mut self.rows[k * layout.constants.head_dim..], width);
    }

    /// From λ and the direct part to d dt, dA_log and d dt_bias of the task's head `k`.
    pub fn steps_gradient(&mut self, k: usize, rows: Rows, ddt: &mut [&mut [f32]]) {
        simd::dispatch(
            #[inline(always)]
            || self.add_steps_gradient(k, rows, ddt),
        );
    }

    #[inline(always)]
    fn add_steps_gradient(&mut self, k: usize, rows: Rows, ddt: &mut [&mut [f32]]) {
        let (layout, head) = (self.operands.layout, self.task.first_head + k);
        let heads = layout.constants.heads;
        let (least, most) = (layout.constants.dt_min, layout.constants.dt_max);
        let a = -self.operands.a_log[head].exp();
        let bias = self.operands.dt_bias[head];
        let dt = &self.operands.dt[(rows.sequence * layout.time + rows.first) * heads + head..];
        let (steps, per_step) = (&self.head_steps[k], &self.per_step[k]);
        for (i, dt) in dt.iter().step_by(heads).take(rows.len).enumerate() {
            let raw = dt + bias;
            let (delta, lambda) = (steps.delta[i], per_step.lambda[i]);
            self.partial.da_log[k] += f64::from(a) * f64::from(delta) * f64::from(lambda);
            let free = simd::softplus(raw);
            if free < least || free > most {
                continue;
            }
            let gradient = (per_step.direct[i] + a * lambda) * simd::sigmoid(raw);
            self.partial.ddt_bias[k] += f64::from(gradient);
            if let Some(row) = ddt.get_mut(rows.first + i) {
                row[k] += gradient;
            }
        }
    }
}

/// What M and its gradient are made of, for one head in one chunk.
struct Factors<'a> {
    /// C_i·B_j.
    product: &'a [f32],
    /// dy_i·x_j.
    outer: &'a [f32],
    steps: &'a ChunkSteps,
    d: f32,
    stride: usize,
}

/// Fills M (with D on its diagonal), adds to the gradient of C·Bᵀ, to λ and to the direct part of dΔ.
///
/// Rows are taken from the last, with running column sums of C_i·B_j e^{s_i−s_j} dy_i·x_j: at row t their products with
/// Δ_j over j < t are the rectangle i ≥ t > j of λ_t, and after row 0 they are the direct part.
#[inline(always)]
fn mixing_gradient(factors: &Factors<'_>, mixing: &mut [f32], dproduct: &mut [f32], per_step: &mut PerStep) {
    let Factors { product, outer, steps, d, stride } = *factors;
    let sums = &mut per_step.sums;
    sums.fill(0.0);
    for (i, row) in mixing.chunks_exact_mut(stride).enumerate().rev() {
        let (lower, upper) = row.split_at_mut((i + 1).next_multiple_of(LANES));
        steps.decay_row(i, lower);
        let (product, outer) = (&product[i * stride..], &outer[i * stride..]);
        mix_row(lower, product, outer, &steps.delta, &mut dproduct[i * stride..], sums);
        lower[i] += d;
        upper.fill(0.0);
        per_step.lambda[i] += simd::dot(&sums[..i], &steps.delta[..i]);
    }
    per_step.direct.iter_mut().zip(sums).for_each(|(direct, sum)| *direct += *sum);
}

/// One row: `row` goes from decays to M.
#[inline(always)]
fn mix_row(
    row: &mut [f32],
    product: &[f32],
    outer: &[f32],
    delta: &[f32],
    dproduct: &mut [f32],
    sums: &mut [f32],
) {
    let len = row.len();
    let (product, outer, delta) = (&product[..len], &outer[..len], &delta[..len]);
    let (dproduct, sums) = (&mut dproduct[..len], &mut sums[..len]);
    for j in 0..len {
        let decay = row[j];
        let mixed = product[j] * decay;
        dproduct[j] = (outer[j] * decay).mul_add(delta[j], dproduct[j]);
        sums[j] = mixed.mul_add(outer[j], sums[j]);
        row[j] = mixed * delta[j];
    }
}
