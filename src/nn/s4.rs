//! S4 (Gu et al. 2022, arXiv 2111.00396) as SaShiMi's layer: a long convolution per channel, GELU, and a linear layer with a gate across them; and S4D (Gu et al. 2022,
//! arXiv 2206.11893) in its place, whose state spaces are diagonal.

use kernels::dropout::dropout_channels;
use kernels::fft_conv::fft_conv;
use kernels::gelu::gelu;
use kernels::glu::glu;
use kernels::s4_kernel::{Parameters, s4_kernel};
use kernels::s4d_kernel::{self, Rule, s4d_kernel};
use kernels::{Array, Backend, OpError};

use super::init::{LegsPart, PoleSpread};
use super::{Init, Linear, ParamId, Pass, Scope};

/// What the state spaces of a layer look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// S4's: poles with a correction of rank one, from HiPPO-LegS.
    LowRank,
    /// S4D's: poles alone; without a spread they start as HiPPO-LegS's.
    Diagonal { rule: Rule, spread: Option<PoleSpread> },
}

/// Sizes of an S4 layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct S4Sizes {
    pub space: Space,
    /// Channels, each with a state space of its own.
    pub width: usize,
    /// Conjugate pairs of states.
    pub pairs: usize,
    /// One set of poles for all channels.
    pub tied: bool,
    /// Whether the future is heard, too.
    pub both: bool,
    /// Step sizes that are drawn from, ln uniform.
    pub dt_range: [f32; 2],
    /// Samples that C̃ stands for: no sequence is longer.
    pub period: usize,
    /// A gated linear unit behind the linear layer.
    pub glu: bool,
    /// Of whole channels, in front of the linear layer.
    pub dropout: f32,
}

/// A complex normal C of variance 1.
const NORMAL: Init = Init::Normal { std: std::f32::consts::FRAC_1_SQRT_2 };

/// conv + D → GELU → dropout → linear → GLU.
#[derive(Debug, Clone)]
pub struct S4 {
    sizes: S4Sizes,
    d: ParamId,
    log_dt: ParamId,
    log_w_real: ParamId,
    w_imag: ParamId,
    /// P and B, where there is a correction.
    low_rank: Option<[ParamId; 2]>,
    c: ParamId,
    output: Linear,
}

impl S4 {
    /// Parameters `D` [width]; in `kernel.kernel`, with G sets of poles and R directions, `log_dt` [width], `log_w_real` and `w_imag`
    /// [G, pairs], `P` and `B` [G, pairs, 2] and C̃ as `C` [R, width, pairs, 2]; and `output_linear.0.*`. A diagonal layer has neither `P` nor `B`, and
    /// C itself.
    pub fn declare(scope: &mut Scope<'_>, sizes: S4Sizes) -> Self {
        let S4Sizes { width, pairs, period, .. } = sizes;
        let d = scope.param("D", [width], Init::Normal { std: 1.0 });
        let mut kernel = scope.child("kernel");
        let mut kernel = kernel.child("kernel");
        let groups = if sizes.tied { 1 } else { width };
        let [low, high] = sizes.dt_range.map(f32::ln);
        let legs = |part| Init::Legs { pairs, part };
        let log_dt = kernel.param("log_dt", [width], Init::Uniform { low, high });
        // Re w = −½ less a thousandth, as in the published programs.
        let log_w_real = kernel.param("log_w_real", [groups, pairs], Init::Constant(0.501f32.ln()));
        let (poles, outputs) = match sizes.space {
            Space::Diagonal { spread: Some(spread), .. } => (Init::Poles { pairs, spread }, NORMAL),
            Space::Diagonal { spread: None, .. } => (legs(LegsPart::Frequencies), NORMAL),
            Space::LowRank => (legs(LegsPart::Frequencies), Init::Periodic { period, pairs }),
        };
        let w_imag = kernel.param("w_imag", [groups, pairs], poles);
        let low_rank = (sizes.space == Space::LowRank).then(|| {
            let parts = [("P", LegsPart::LowRank), ("B", LegsPart::Input)];
            parts.map(|(name, part)| kernel.param(name, [groups, pairs, 2], legs(part)))
        });
        let directions = if sizes.both { 2 } else { 1 };
        let c = kernel.param("C", [directions, width, pairs, 2], outputs);
        let mixed = if sizes.glu { 2 * width } else { width };
        let output = Linear::torch(&mut scope.child("output_linear.0"), width, mixed, true);
        S4 { sizes, d, log_dt, log_w_real, w_imag, low_rank, c, output }
    }

    /// # Shapes
    /// x [B, L, width] → the same
    ///
    /// # Errors
    /// L is more than the period, the shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let [_, len, _] = x.dims("s4", "x")?;
        let kernel = pass.within("kernel.kernel", |pass| self.kernel(pass, len))?;
        let d = pass.param(self.d);
        let y = fft_conv(pass.tape, x, &kernel, d)?;
        let y = gelu(pass.tape, &y)?;
        let (rate, seed) = pass.dropout(self.sizes.dropout);
        let y = dropout_channels(pass.tape, &y, rate, seed)?;
        let y = pass.within("output_linear.0", |pass| self.output.forward(pass, &y))?;
        if self.sizes.glu { glu(pass.tape, &y) } else { Ok(y) }
    }

    /// What the convolution is done with, [R, width, len].
    fn kernel<D: Backend>(&self, pass: &mut Pass<'_, D>, len: usize) -> Result<Array<D>, OpError> {
        let (log_dt, log_w_real) = (pass.param(self.log_dt), pass.param(self.log_w_real));
        let (w_imag, c) = (pass.param(self.w_imag), pass.param(self.c));
        match (self.low_rank, self.sizes.space) {
            (Some([p, b]), _) => {
                let (p, b) = (pass.param(p), pass.param(b));
                let parameters = Parameters { log_dt, log_w_real, w_imag, p, b, c };
                s4_kernel(pass.tape, parameters, self.sizes.period, len)
            }
            (None, Space::Diagonal { rule, .. }) => {
                let parameters = s4d_kernel::Parameters { log_dt, log_w_real, w_imag, c };
                s4d_kernel(pass.tape, parameters, rule, len)
            }
            (None, Space::LowRank) => Err(OpError::device("s4", "a layer without P and B is diagonal")),
        }
    }
}
