//! Mamba-2's scan (state-space duality), evaluated in chunks by matrix products.
//!
//! Forward, head h of group g = h / (H/G), S_0 = 0, S ∈ R^{P×N}:
//!
//! - Δ_t = clamp(softplus(dt_t + dt_bias_h)), A_h = −exp(A_log_h), α_t = e^{Δ_t A_h}
//! - S_t = α_t S_{t−1} + Δ_t x_t B_tᵀ and y_t = S_t C_t + D_h x_t
//!
//! In a chunk of Q steps with s_i = Σ_{m≤i} Δ_m A and incoming state S: M_ij = C_i·B_j e^{s_i−s_j} Δ_j for j ≤ i, and
//!
//! - y_i = Σ_j M_ij x_j + e^{s_i} S C_i + D x_i
//! - S ← e^{s_last} S + Σ_j e^{s_last−s_j} Δ_j x_j B_jᵀ
//!
//! Backward walks the chunks from the last, with E the gradient of the state that leaves a chunk:
//!
//! - dx_j = Σ_{i≥j} M_ij dy_i + Δ_j e^{s_last−s_j} E B_j + D dy_j and dD = Σ dy·x
//! - dCB_ij = (dy_i·x_j) e^{s_i−s_j} Δ_j, summed over the heads of the group, gives dC_i += Σ_j dCB_ij B_j and
//!   dB_j += Σ_i dCB_ij C_i; the states add e^{s_i} Sᵀ dy_i to dC_i and e^{s_last−s_j} Δ_j Eᵀ x_j to dB_j
//! - E ← e^{s_last} E + Σ_i e^{s_i} dy_i C_iᵀ
//! - λ_t = ∂loss/∂(Δ_t A) = Σ_{i≥t>j} M_ij (dy_i·x_j) + Σ_{i≥t} e^{s_i} dy_i·S C_i + e^{s_last}⟨S, E⟩ +
//!   Σ_{j<t} Δ_j e^{s_last−s_j} x_j·E B_j
//! - dΔ_j = ∂/∂Δ_j at fixed decay + A λ_j, dA = Σ Δλ, dA_log = A dA; through softplus and clamp to dt and dt_bias
//!
//! Not for: gating and normalisation (`rms_norm`), initial states, packed sequences, decoding step by step.
//!
//! # Shapes
//! xbc [B, T, H·P + 2·G·N] (columns x | B | C) · dt [B, T, H] · a_log, d, dt_bias [H] → y [B, T, H·P]

pub(crate) mod columns;
mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
pub(crate) mod decay;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The constants of one state-space-duality scan.
#[derive(Clone, Copy, Debug)]
pub struct Ssd {
    /// Heads, H.
    pub heads: usize,
    /// Channels per head, P.
    pub head_dim: usize,
    /// Groups of heads that share B and C, G; divides H.
    pub groups: usize,
    /// State size, N.
    pub state: usize,
    /// Time steps per chunk, Q, at least 1: an upper bound, below which a kernel picks what is fastest. The result
    /// does not depend on it beyond rounding.
    pub chunk: usize,
    /// Least step Δ; 0 for no bound.
    pub dt_min: f32,
    /// Greatest step Δ; infinite for no bound.
    pub dt_max: f32,
    /// Step by step as it is written, every state kept, instead of as fast as can be.
    pub simple: bool,
}

/// [`Ssd`] over sequences of a given length: the op that devices run.
#[derive(Clone, Copy, Debug)]
pub struct SsdScan {
    constants: Ssd,
    /// Samples per sequence, T.
    time: usize,
}

impl Op for SsdScan {
    const NAME: &'static str = "ssd";
}

/// Scans `xbc` [B, T, H·P + 2·G·N], whose columns are x | B | C, with raw steps `dt` [B, T, H] (before bias and
/// softplus) and the per-head `a_log`, `d` and `dt_bias` [H]. Returns y [B, T, H·P], D·x included.
///
/// # Errors
/// The shapes do not fit `constants` or each other, or the device failed.
pub fn ssd<D: Run<SsdScan>>(
    tape: &mut Tape<D>,
    xbc: &Array<D>,
    dt: &Array<D>,
    a_log: &Array<D>,
    d: &Array<D>,
    dt_bias: &Array<D>,
    constants: Ssd,
) -> Result<Array<D>, OpError> {
    let [batch, time, columns] = xbc.dims(SsdScan::NAME, "xbc")?;
    let mismatch =
        |operand, got: &Array<D>, want| OpError::Shape { op: SsdScan::NAME, operand, got: got.shape(), want };
    let Ssd { heads, head_dim, groups, state, chunk, .. } = constants;
    if groups == 0 || !heads.is_multiple_of(groups) {
        return Err(mismatch("xbc", xbc, format!("{groups} groups cannot share {heads} heads evenly")));
    }
    if heads * head_dim * state * chunk == 0 {
        let want = "heads, head_dim, state and chunk must be at least 1".to_owned();
        return Err(mismatch("xbc", xbc, want));
    }
    let want = heads * head_dim + 2 * groups * state;
    if columns != want {
        let parts = format!("{heads} heads × {head_dim} + 2 × {groups} groups × {state} states");
        return Err(mismatch("xbc", xbc, format!("{parts} need {want} columns")));
    }
    if dt.shape() != [batch, time, heads].into() {
        return Err(mismatch("dt", dt, format!("xbc and the heads need [{batch}, {time}, {heads}]")));
    }
    for (operand, array) in [("a_log", a_log), ("d", d), ("dt_bias", dt_bias)] {
        if array.shape() != [heads].into() {
            return Err(mismatch(operand, array, format!("one value per head needs [{heads}]")));
        }
    }
    let op = SsdScan { constants, time };
    apply_one(tape, op, &[xbc, dt, a_log, d, dt_bias], [batch, time, heads * head_dim])
}
