//! S4D's convolution kernel: the impulse response of a diagonal state space, as a sum of powers.
//!
//! For each head with step dt and M conjugate pairs of poles w, Re w < 0, with a = dt w, λ and two numbers c₀, c₁ for each pair that follow from the rule
//! of discretisation ([`Rule`]):
//!
//! - K_0 = 2 Re Σ_n c₀,  K_l = 2 Re Σ_n c₁ λ^{l−1} for l = 1 … L − 1
//!
//! B is one for all: it and C enter as their product, which is the parameter C. Backward: with G = ∂/∂Re + i ∂/∂Im, G_{c₁} = 2 Σ_l dK_l conj(λ^{l−1}) and
//! G_λ = 2 Σ_l dK_l conj((l − 1) c₁ λ^{l−2}), summed in one more walk over the samples; then the chain to C, w and dt, which is differentiated whole.
//!
//! Gu, Gupta, Goel, Ré: *On the Parameterization and Initialization of Diagonal State Space Models* (2022). Not for: corrections of low rank
//! (`s4_kernel`), applying the kernel (`fft_conv`). Start at [`rule`].
//!
//! # Shapes
//! log_dt [H] · log_w_real, w_imag [G, M] · c [R, H, M, 2] → k [R, H, L], with G = 1 (shared by all heads) or H, and R responses

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
pub(crate) mod reference;
pub mod rule;
#[cfg(test)]
mod tests;

use crate::op::{Op, apply_one};
use crate::{Array, OpError, Run, Tape};
pub use rule::Rule;

/// The extents of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct S4dKernel {
    /// Heads, H.
    heads: usize,
    /// Sets of poles, G: 1 or H.
    groups: usize,
    /// Stored pairs of states, M.
    pairs: usize,
    /// Responses per head, R.
    responses: usize,
    /// Samples wanted, L.
    len: usize,
    rule: Rule,
}

impl Op for S4dKernel {
    const NAME: &'static str = "s4d_kernel";
}

/// The parameters of S4D's state spaces, complex numbers as pairs in a last axis.
#[derive(Clone, Copy)]
pub struct Parameters<'a, D: crate::Device> {
    /// ln dt, [H].
    pub log_dt: &'a Array<D>,
    /// ln(−Re w), [G, M].
    pub log_w_real: &'a Array<D>,
    /// Im w, [G, M].
    pub w_imag: &'a Array<D>,
    /// C, [R, H, M, 2].
    pub c: &'a Array<D>,
}

/// The first `len` samples of the kernels.
///
/// # Errors
/// The shapes do not fit each other, or the device failed.
pub fn s4d_kernel<D: Run<S4dKernel>>(
    tape: &mut Tape<D>,
    parameters: Parameters<'_, D>,
    rule: Rule,
    len: usize,
) -> Result<Array<D>, OpError> {
    let op = S4dKernel::NAME;
    let Parameters { log_dt, log_w_real, w_imag, c } = parameters;
    let [responses, heads, pairs, _] = c.dims(op, "c")?;
    let [groups, _] = log_w_real.dims(op, "log_w_real")?;
    let refuse = |operand, array: &Array<D>, want: String| {
        Err(OpError::Shape { op, operand, got: array.shape(), want })
    };
    if groups != 1 && groups != heads {
        let want = format!("there is one set of poles, or one for each of {heads} heads");
        return refuse("log_w_real", log_w_real, want);
    }
    let expected = [
        ("log_dt", log_dt, [heads].into()),
        ("log_w_real", log_w_real, [groups, pairs].into()),
        ("w_imag", w_imag, [groups, pairs].into()),
        ("c", c, [responses, heads, pairs, 2].into()),
    ];
    for (operand, array, want) in expected {
        if array.shape() != want {
            return refuse(operand, array, format!("c and log_w_real need {want}"));
        }
    }
    let op = S4dKernel { heads, groups, pairs, responses, len, rule };
    apply_one(tape, op, &[log_dt, log_w_real, w_imag, c], [responses, heads, len])
}
