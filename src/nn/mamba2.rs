//! The Mamba-2 mixer (Dao & Gu 2024, arXiv 2405.21060).

use kernels::causal_conv1d::causal_conv1d;
use kernels::rms_norm::{GatedRmsNorm, gated_rms_norm};
use kernels::ssd::{Ssd, ssd};
use kernels::{Array, Backend, OpError};

use super::{Init, Linear, ParamId, Params, Pass, Scope};

pub(super) const NORM_EPS: f32 = 1e-5;

/// Sizes of a Mamba-2 mixer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mamba2Sizes {
    pub width: usize,
    pub inner: usize,
    pub head_dim: usize,
    pub state: usize,
    pub taps: usize,
    pub chunk: usize,
    /// Scans step by step as they are written, instead of as fast as can be.
    pub simple: bool,
}

/// in_proj → causal conv + SiLU → SSD → gated RMS norm → out_proj. One group; B and C are shared by all heads.
#[derive(Debug, Clone)]
pub struct Mamba2 {
    dt_bias: ParamId,
    a_log: ParamId,
    skip: ParamId,
    in_proj: Linear,
    conv_weight: ParamId,
    conv_bias: ParamId,
    norm: ParamId,
    out_proj: Linear,
    sizes: Mamba2Sizes,
}

/// The arrays of a mixer, by what they are for.
pub(super) struct Mamba2Arrays<'a, D: Backend> {
    pub in_proj: &'a Array<D>,
    pub conv_weight: &'a Array<D>,
    pub conv_bias: &'a Array<D>,
    pub dt_bias: &'a Array<D>,
    pub a_log: &'a Array<D>,
    pub skip: &'a Array<D>,
    pub norm: &'a Array<D>,
    pub out_proj: &'a Array<D>,
    pub sizes: Mamba2Sizes,
}

impl Mamba2 {
    /// Parameters in the order of the reference's state dict: `dt_bias`, `A_log`, `D`, `in_proj`, `conv1d`, `norm`, `out_proj`.
    /// The last starts smaller by √`residuals`.
    pub fn declare(scope: &mut Scope<'_>, sizes: Mamba2Sizes, residuals: usize) -> Self {
        let heads = sizes.inner / sizes.head_dim;
        let mixed = sizes.inner + 2 * sizes.state;
        let dt_bias = scope.param("dt_bias", [heads], Init::mamba_step_size());
        let a_log = scope.param("A_log", [heads], Init::LogUniform { low: 1.0, high: 16.0 });
        let skip = scope.param("D", [heads], Init::Constant(1.0));
        let in_proj =
            Linear::torch(&mut scope.child("in_proj"), sizes.width, sizes.inner + mixed + heads, false);
        let mut conv = scope.child("conv1d");
        let conv_weight = conv.param("weight", [mixed, 1, sizes.taps], Init::fan_in(sizes.taps));
        let conv_bias = conv.param("bias", [mixed], Init::fan_in(sizes.taps));
        let norm = scope.child("norm").param("weight", [sizes.inner], Init::Constant(1.0));
        let init = Init::fan_in(sizes.inner * residuals);
        let out_proj = Linear::declare(&mut scope.child("out_proj"), sizes.inner, sizes.width, init, None);
        Mamba2 { dt_bias, a_log, skip, in_proj, conv_weight, conv_bias, norm, out_proj, sizes }
    }

    /// # Shapes
    /// u [B, T, width] → the same; frame t sees frames ≤ t only
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, u: &Array<D>) -> Result<Array<D>, OpError> {
        let Mamba2Sizes { inner, head_dim, state, chunk, simple, .. } = self.sizes;
        let heads = inner / head_dim;
        let split = self.in_proj.forward_split(pass, u, &[inner, inner + 2 * state, heads])?;
        let [gate, mixed, dt] = &split[..] else {
            unreachable!("three widths were asked for");
        };
        let (weight, bias) = (pass.param(self.conv_weight), pass.param(self.conv_bias));
        let mixed = causal_conv1d(pass.tape, mixed, weight, bias, true)?;
        let bounds = (0.0, f32::INFINITY);
        let scan =
            Ssd { heads, head_dim, groups: 1, state, chunk, dt_min: bounds.0, dt_max: bounds.1, simple };
        let (a_log, skip, dt_bias) =
            (pass.param(self.a_log), pass.param(self.skip), pass.param(self.dt_bias));
        let y = ssd(pass.tape, &mixed, dt, a_log, skip, dt_bias, scan)?;
        let norm = GatedRmsNorm { eps: NORM_EPS, groups: 1, norm_before_gate: false };
        let y = gated_rms_norm(pass.tape, &y, gate, pass.param(self.norm), norm)?;
        self.out_proj.forward(pass, &y)
    }

    /// Its arrays among `params`.
    pub(super) fn arrays<'a, D: Backend>(&self, params: &'a Params<D>) -> Mamba2Arrays<'a, D> {
        Mamba2Arrays {
            in_proj: params.array(self.in_proj.weight()),
            conv_weight: params.array(self.conv_weight),
            conv_bias: params.array(self.conv_bias),
            dt_bias: params.array(self.dt_bias),
            a_log: params.array(self.a_log),
            skip: params.array(self.skip),
            norm: params.array(self.norm),
            out_proj: params.array(self.out_proj.weight()),
            sizes: self.sizes,
        }
    }
}
