//! S4's convolution kernel: the impulse response of a diagonal-plus-low-rank state space, at all its frequencies at once.
//!
//! For each head with step dt, and A = diag(w) − P P* over the N = 2M states of M conjugate pairs, discretised by the bilinear rule, the
//! generating function of a period of Lk samples is evaluated at the nodes z_j = i y_j, y_j = 2 tan(π j / Lk), j = 0 … Lk/2. With a = dt w and
//!
//! - r\[v\]_j = dt Σ_n ( v_n / (z_j − a_n) + v̄_n / (z_j − ā_n) )
//! - r00 = r\[B C̃\], r01 = r\[B P̄\], r10 = r\[P C̃\], r11 = r\[|P|²\]
//! - K_j = (1 + i y_j / 2) (r00 − r01 r10 / (1 + r11)), and dt Σ_n Re(B_n C̃_n) where y is infinite (j = Lk/2)
//!
//! the kernel is the first samples of the inverse real Fourier transform of K. Both members of each pair count: a sum over one
//! alone is not a real system's. C̃ = (I − Ā^Lk)ᵀ C makes the response exact for Lk samples instead of periodic ([`super::s4_step`] turns one into
//! the other). P = 0 is S4D under the bilinear rule.
//!
//! Backward: the same sums again, then for each pole the derivative by the real numbers that its pair of terms is made of (`cpu/terms.rs`).
//! The setup of C̃ is not differentiated, as in the reference.
//!
//! Gu, Goel, Ré: *Efficiently Modeling Long Sequences with Structured State Spaces* (2022), sections 3 and C; Goel et al.:
//! *It's Raw!* (2022) for A = Λ − P P*. Not for: applying the kernel (`fft_conv`), stepping (`s4_step`).
//!
//! # Shapes
//! log_dt [H] · log_w_real, w_imag [G, M] · p, b [G, M, 2] · c [R, H, M, 2] → k [R, H, L], with G = 1 (shared by all heads) or H, and R responses

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};

/// The extents of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct S4Kernel {
    /// Heads, H.
    heads: usize,
    /// Sets of poles, G: 1 or H.
    groups: usize,
    /// Stored pairs of states, M.
    pairs: usize,
    /// Responses per head, R.
    responses: usize,
    /// Samples of a period, Lk.
    period: usize,
    /// Samples wanted, L.
    len: usize,
}

impl Op for S4Kernel {
    const NAME: &'static str = "s4_kernel";
}

/// The parameters of S4's state spaces, complex numbers as pairs in a last axis.
#[derive(Clone, Copy)]
pub struct Parameters<'a, D: crate::Device> {
    /// ln dt, [H].
    pub log_dt: &'a Array<D>,
    /// ln(−Re w), [G, M].
    pub log_w_real: &'a Array<D>,
    /// Im w, [G, M].
    pub w_imag: &'a Array<D>,
    /// P, [G, M, 2].
    pub p: &'a Array<D>,
    /// B, [G, M, 2].
    pub b: &'a Array<D>,
    /// C̃, [R, H, M, 2].
    pub c: &'a Array<D>,
}

/// The first `len` samples of the kernels whose C̃ was made for `period` samples.
///
/// # Errors
/// `period` is odd or shorter than `len`, the shapes do not fit each other, or the device failed.
pub fn s4_kernel<D: Run<S4Kernel>>(
    tape: &mut Tape<D>,
    parameters: Parameters<'_, D>,
    period: usize,
    len: usize,
) -> Result<Array<D>, OpError> {
    let op = S4Kernel::NAME;
    let Parameters { log_dt, log_w_real, w_imag, p, b, c } = parameters;
    let [responses, heads, pairs, _] = c.dims(op, "c")?;
    let [groups, _] = log_w_real.dims(op, "log_w_real")?;
    let refuse = |operand, array: &Array<D>, want: String| {
        Err(OpError::Shape { op, operand, got: array.shape(), want })
    };
    if period < 2 || !period.is_multiple_of(2) || len > period {
        let want = format!("a period of {period} samples, which gives no {len}: it is even and no shorter");
        return refuse("c", c, want);
    }
    if groups != 1 && groups != heads {
        return refuse(
            "log_w_real",
            log_w_real,
            format!("there is one set of poles, or one for each of {heads} heads"),
        );
    }
    let expected = [
        ("log_dt", log_dt, [heads].into()),
        ("log_w_real", log_w_real, [groups, pairs].into()),
        ("w_imag", w_imag, [groups, pairs].into()),
        ("p", p, [groups, pairs, 2].into()),
        ("b", b, [groups, pairs, 2].into()),
        ("c", c, [responses, heads, pairs, 2].into()),
    ];
    for (operand, array, want) in expected {
        if array.shape() != want {
            return refuse(operand, array, format!("c and log_w_real need {want}"));
        }
    }
    let op = S4Kernel { heads, groups, pairs, responses, period, len };
    apply_one(tape, op, &[log_dt, log_w_real, w_imag, p, b, c], [responses, heads, len])
}
