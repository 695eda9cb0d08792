//! Mamba-1's selective scan, with softplus on the steps and the SiLU gate fused.
//!
//! Forward, channel by channel with h_0 = 0 and A = −exp(A_log):
//!
//! - Δ_t = softplus(δ_t + δ_bias), a_{t,n} = e^{Δ_t A_n}
//! - h_{t,n} = a_{t,n} h_{t−1,n} + Δ_t B_{t,n} u_t
//! - y_t = Σ_n C_{t,n} h_{t,n} + D u_t and out_t = y_t silu(z_t)
//!
//! Backward, with dy_t = dout_t silu(z_t), dz_t = dout_t y_t silu'(z_t), from the last step:
//!
//! - g_{t,n} = C_{t,n} dy_t + a_{t+1,n} g_{t+1,n}
//! - dC_{t,n} = Σ_channels dy_t h_{t,n} and dB_{t,n} = Σ_channels g_{t,n} Δ_t u_t
//! - s_t = Σ_n g_{t,n} B_{t,n}, du_t = Δ_t s_t + D dy_t, dD = Σ dy_t u_t
//! - w_{t,n} = g_{t,n} a_{t,n} h_{t−1,n}, dΔ_t = u_t s_t + Σ_n A_n w_{t,n}, dA_n = Σ Δ_t w_{t,n}, dA_log = A dA
//! - dδ_t = dΔ_t σ(δ_t + δ_bias), dδ_bias = Σ dδ_t
//!
//! Not for: shared decays per head (`ssd`), initial states, decoding step by step.
//!
//! # Shapes
//! u, delta, z [B, T, C] · a_log [C, N] · b, c [B, T, N] · d, delta_bias [C] → out [B, T, C]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The constants of one selective scan.
#[derive(Clone, Copy, Debug)]
pub struct SelectiveScan {
    /// Samples per sequence, T.
    time: usize,
    /// Channels, C.
    channels: usize,
    /// State size per channel, N.
    state: usize,
    /// Step by step as it is written, instead of as fast as can be.
    simple: bool,
}

impl Op for SelectiveScan {
    const NAME: &'static str = "selective_scan";
}

/// Scans `u` [B, T, C] with raw steps `delta` [B, T, C] (before `delta_bias` [C] and softplus), rates `a_log` [C, N],
/// inputs and outputs of the state `b`, `c` [B, T, N], skip `d` [C], and gates by silu(`z`) [B, T, C].
///
/// `simple` walks step by step as the formulas are written: slowly, and with every state kept.
///
/// # Errors
/// The shapes do not fit each other, or the device failed.
#[allow(clippy::too_many_arguments)] // the operands of the published operator
pub fn selective_scan<D: Run<SelectiveScan>>(
    tape: &mut Tape<D>,
    u: &Array<D>,
    delta: &Array<D>,
    a_log: &Array<D>,
    b: &Array<D>,
    c: &Array<D>,
    d: &Array<D>,
    z: &Array<D>,
    delta_bias: &Array<D>,
    simple: bool,
) -> Result<Array<D>, OpError> {
    let op = SelectiveScan::NAME;
    let [batch, time, channels] = u.dims(op, "u")?;
    let [_, state] = a_log.dims(op, "a_log")?;
    let expected = [
        ("delta", delta, [batch, time, channels].into()),
        ("a_log", a_log, [channels, state].into()),
        ("b", b, [batch, time, state].into()),
        ("c", c, [batch, time, state].into()),
        ("d", d, [channels].into()),
        ("z", z, [batch, time, channels].into()),
        ("delta_bias", delta_bias, [channels].into()),
    ];
    for (operand, array, want) in expected {
        if array.shape() != want {
            let want = format!("u and a_log need {want}");
            return Err(OpError::Shape { op, operand, got: array.shape(), want });
        }
    }
    if state == 0 {
        let want = "the state needs at least one element".to_owned();
        return Err(OpError::Shape { op, operand: "a_log", got: a_log.shape(), want });
    }
    let op = SelectiveScan { time, channels, state, simple };
    apply_one(tape, op, &[u, delta, a_log, b, c, d, z, delta_bias], u.shape())
}
