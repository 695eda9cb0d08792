//! The Mamba mixer (Gu & Dao 2023, arXiv 2312.00752).

use kernels::causal_conv1d::causal_conv1d;
use kernels::linear::linear;
use kernels::selective_scan::selective_scan;
use kernels::{Array, Backend, OpError};

use super::{Init, Linear, ParamId, Params, Pass, Scope};

/// Sizes of a Mamba mixer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mamba1Sizes {
    pub width: usize,
    pub inner: usize,
    pub state: usize,
    pub taps: usize,
    pub rank: usize,
    /// Scans step by step as they are written, instead of as fast as can be.
    pub simple: bool,
}

/// What of a mixer scans in one direction: causal conv + SiLU → x_proj, dt_proj → selective scan with gate.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    a_log: ParamId,
    skip: ParamId,
    conv_weight: ParamId,
    conv_bias: ParamId,
    x_proj: Linear,
    dt_weight: ParamId,
    dt_bias: ParamId,
    sizes: Mamba1Sizes,
}

/// What a scanner makes of a sequence before it scans.
pub(super) struct Driven<D: Backend> {
    pub x: Array<D>,
    pub delta: Array<D>,
    pub b: Array<D>,
    pub c: Array<D>,
}

impl Scanner {
    /// Convolves `x` [B, T, inner], and says how it is to be scanned.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn drive<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Driven<D>, OpError> {
        let Mamba1Sizes { state, rank, .. } = self.sizes;
        let (weight, bias) = (pass.param(self.conv_weight), pass.param(self.conv_bias));
        let x = causal_conv1d(pass.tape, x, weight, bias, true)?;
        let split = self.x_proj.forward_split(pass, &x, &[rank, state, state])?;
        let [low_rank, b, c] = &split[..] else {
            unreachable!("three widths were asked for");
        };
        // The bias goes into the scan, which adds it before the softplus.
        let delta = linear(pass.tape, low_rank, pass.param(self.dt_weight), None)?;
        Ok(Driven { x, delta, b: b.clone(), c: c.clone() })
    }

    /// Scans what was driven, at the rates `a_log` or its own, gated by `gate` [B, T, inner].
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn scan<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        driven: &Driven<D>,
        gate: &Array<D>,
        a_log: Option<ParamId>,
    ) -> Result<Array<D>, OpError> {
        let Driven { x, delta, b, c } = driven;
        let a_log = pass.param(a_log.unwrap_or(self.a_log));
        let (skip, dt_bias) = (pass.param(self.skip), pass.param(self.dt_bias));
        selective_scan(pass.tape, x, delta, a_log, b, c, skip, gate, dt_bias, self.sizes.simple)
    }
}

/// Names of a scanner's parameters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    /// `A_log`, `D`, `conv1d`, `x_proj`, `dt_proj`.
    Ahead,
    /// `A_b_log`, `D_b`, `conv1d_b`, `x_proj_b`, `dt_proj_b`: Vision Mamba's (arXiv 2401.09417), whose step sizes start at a bias of 0.
    Back,
}

/// The rates of a scan, A_log [inner, state] and D [inner].
pub(super) fn declare_rates(scope: &mut Scope<'_>, sizes: Mamba1Sizes, side: Side) -> [ParamId; 2] {
    let [a_log, skip] = match side {
        Side::Ahead => ["A_log", "D"],
        Side::Back => ["A_b_log", "D_b"],
    };
    let a_log = scope.param(a_log, [sizes.inner, sizes.state], Init::LogCounting);
    [a_log, scope.param(skip, [sizes.inner], Init::Constant(1.0))]
}

/// The rest of a scanner.
pub(super) fn declare_scanner(
    scope: &mut Scope<'_>,
    sizes: Mamba1Sizes,
    [a_log, skip]: [ParamId; 2],
    side: Side,
) -> Scanner {
    let Mamba1Sizes { inner, state, taps, rank, .. } = sizes;
    let ([conv, x_proj, dt], step_size) = match side {
        Side::Ahead => (["conv1d", "x_proj", "dt_proj"], Init::mamba_step_size()),
        Side::Back => (["conv1d_b", "x_proj_b", "dt_proj_b"], Init::Constant(0.0)),
    };
    let mut conv = scope.child(conv);
    let conv_weight = conv.param("weight", [inner, 1, taps], Init::fan_in(taps));
    let conv_bias = conv.param("bias", [inner], Init::fan_in(taps));
    let x_proj = Linear::torch(&mut scope.child(x_proj), inner, rank + 2 * state, false);
    let mut dt = scope.child(dt);
    let dt_weight = dt.param("weight", [inner, rank], Init::fan_in(rank));
    let dt_bias = dt.param("bias", [inner], step_size);
    Scanner { a_log, skip, conv_weight, conv_bias, x_proj, dt_weight, dt_bias, sizes }
}

/// in_proj → scanner → out_proj.
#[derive(Debug, Clone)]
pub struct Mamba1 {
    in_proj: Linear,
    scanner: Scanner,
    out_proj: Linear,
    inner: usize,
}

/// The arrays of a mixer, by what they are for.
pub(super) struct Mamba1Arrays<'a, D: Backend> {
    pub in_proj: &'a Array<D>,
    pub conv_weight: &'a Array<D>,
    pub conv_bias: &'a Array<D>,
    pub x_proj: &'a Array<D>,
    pub dt_weight: &'a Array<D>,
    pub dt_bias: &'a Array<D>,
    pub a_log: &'a Array<D>,
    pub skip: &'a Array<D>,
    pub out_proj: &'a Array<D>,
    pub sizes: Mamba1Sizes,
}

impl Mamba1 {
    /// Parameters in the order of the reference's state dict: `A_log`, `D`, `in_proj`, `conv1d`, `x_proj`, `dt_proj`, `out_proj`.
    /// The last starts smaller by √`residuals`.
    pub fn declare(scope: &mut Scope<'_>, sizes: Mamba1Sizes, residuals: usize) -> Self {
        let Mamba1Sizes { width, inner, .. } = sizes;
        let rates = declare_rates(scope, sizes, Side::Ahead);
        let in_proj = Linear::torch(&mut scope.child("in_proj"), width, 2 * inner, false);
        let scanner = declare_scanner(scope, sizes, rates, Side::Ahead);
        let init = Init::fan_in(inner * residuals);
        let out_proj = Linear::declare(&mut scope.child("out_proj"), inner, width, init, None);
        Mamba1 { in_proj, scanner, out_proj, inner }
    }

    /// # Shapes
    /// u [B, T, width] → the same; frame t sees frames ≤ t only
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, u: &Array<D>) -> Result<Array<D>, OpError> {
        let split = self.in_proj.forward_split(pass, u, &[self.inner, self.inner])?;
        let [x, gate] = &split[..] else {
            unreachable!("two widths were asked for");
        };
        let driven = self.scanner.drive(pass, x)?;
        let y = self.scanner.scan(pass, &driven, gate, None)?;
        self.out_proj.forward(pass, &y)
    }

    /// Its arrays among `params`.
    pub(super) fn arrays<'a, D: Backend>(&self, params: &'a Params<D>) -> Mamba1Arrays<'a, D> {
        let Scanner { a_log, skip, conv_weight, conv_bias, x_proj, dt_weight, dt_bias, sizes } =
            &self.scanner;
        Mamba1Arrays {
            in_proj: params.array(self.in_proj.weight()),
            conv_weight: params.array(*conv_weight),
            conv_bias: params.array(*conv_bias),
            x_proj: params.array(x_proj.weight()),
            dt_weight: params.array(*dt_weight),
            dt_bias: params.array(*dt_bias),
            a_log: params.array(*a_log),
            skip: params.array(*skip),
            out_proj: params.array(self.out_proj.weight()),
            sizes: *sizes,
        }
    }
}
