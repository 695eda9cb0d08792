//! The Mamba mixer (Gu & Dao 2023, arXiv 2312.00752).

use kernels::causal_conv1d::causal_conv1d;
use kernels::linear::linear;
use kernels::selective_scan::selective_scan;
use kernels::{Array, Backend, OpError};

use super::{Init, Linear, ParamId, Pass, Scope};

/// Sizes of a Mamba mixer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mamba1Sizes {
    pub width: usize,
    pub inner: usize,
    pub state: usize,
    pub taps: usize,
    pub rank: usize,
}

/// in_proj → causal conv + SiLU → x_proj, dt_proj → selective scan with gate → out_proj.
#[derive(Debug, Clone)]
pub struct Mamba1 {
    a_log: ParamId,
    skip: ParamId,
    in_proj: Linear,
    conv_weight: ParamId,
    conv_bias: ParamId,
    x_proj: Linear,
    dt_weight: ParamId,
    dt_bias: ParamId,
    out_proj: Linear,
    sizes: Mamba1Sizes,
}

impl Mamba1 {
    /// Parameters in the order of the reference's state dict: `A_log`, `D`, `in_proj`, `conv1d`, `x_proj`, `dt_proj`, `out_proj`.
    pub fn declare(scope: &mut Scope<'_>, sizes: Mamba1Sizes) -> Self {
        let Mamba1Sizes { width, inner, state, taps, rank } = sizes;
        let a_log = scope.param("A_log", [inner, state], Init::LogCounting);
        let skip = scope.param("D", [inner], Init::Constant(1.0));
        let in_proj = Linear::torch(&mut scope.child("in_proj"), width, 2 * inner, false);
        let mut conv = scope.child("conv1d");
        let conv_weight = conv.param("weight", [inner, 1, taps], Init::fan_in(taps));
        let conv_bias = conv.param("bias", [inner], Init::fan_in(taps));
        let x_proj = Linear::torch(&mut scope.child("x_proj"), inner, rank + 2 * state, false);
        let mut dt = scope.child("dt_proj");
        let dt_weight = dt.param("weight", [inner, rank], Init::fan_in(rank));
        let dt_bias = dt.param("bias", [inner], Init::mamba_step_size());
        let out_proj = Linear::torch(&mut scope.child("out_proj"), inner, width, false);
        Mamba1 { a_log, skip, in_proj, conv_weight, conv_bias, x_proj, dt_weight, dt_bias, out_proj, sizes }
    }

    /// # Shapes
    /// u [B, T, width] → the same; frame t sees frames ≤ t only
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, u: &Array<D>) -> Result<Array<D>, OpError> {
        let Mamba1Sizes { inner, state, rank, .. } = self.sizes;
        let split = self.in_proj.forward_split(pass, u, &[inner, inner])?;
        let [x, gate] = &split[..] else {
            unreachable!("two widths were asked for");
        };
        let (weight, bias) = (pass.param(self.conv_weight), pass.param(self.conv_bias));
        let x = causal_conv1d(pass.tape, x, weight, bias, true)?;
        let split = self.x_proj.forward_split(pass, &x, &[rank, state, state])?;
        let [low_rank, b, c] = &split[..] else {
            unreachable!("three widths were asked for");
        };
        // The bias goes into the scan, which adds it before the softplus.
        let delta = linear(pass.tape, low_rank, pass.param(self.dt_weight), None)?;
        let (a_log, skip, dt_bias) =
            (pass.param(self.a_log), pass.param(self.skip), pass.param(self.dt_bias));
        let y = selective_scan(pass.tape, &x, &delta, a_log, b, c, skip, gate, dt_bias)?;
        self.out_proj.forward(pass, &y)
    }
}
