//! What a tier is made of: y = x + dropout(layer(norm(x))).

use kernels::add::add;
use kernels::add_to_frames::add_to_frames;
use kernels::dropout::dropout_channels;
use kernels::s4d_kernel::Rule;
use kernels::{Array, Backend, OpError};

use crate::nn::{FeedForward, LayerNorm, Linear, Pass, PoleSpread, S4, S4Sizes, ScalarNorm, Scope, Space};
use crate::plan::{BlockNorm, DiagonalPlan, Discretization, Measure, TiersPlan};

/// PyTorch's default, which the published programs keep.
const NORM_EPS: f32 = 1e-5;

/// The state spaces of a plan's S4 layers.
fn space(diagonal: Option<DiagonalPlan>) -> Space {
    let Some(DiagonalPlan { disc, measure }) = diagonal else { return Space::LowRank };
    let spread = match measure {
        Measure::Legs => None,
        Measure::DiagInv => Some(PoleSpread::Inverse),
        Measure::DiagLin => Some(PoleSpread::Linear),
        Measure::DiagQuad => Some(PoleSpread::Quadratic),
    };
    Space::Diagonal { rule: rule(disc), spread }
}

/// The rule of discretisation by its name in a plan.
pub(super) fn rule(disc: Discretization) -> Rule {
    match disc {
        Discretization::Zoh => Rule::ZeroOrderHold,
        Discretization::Foh => Rule::FirstOrderHold,
        Discretization::Bilinear => Rule::Bilinear,
    }
}

/// The normalisation of a block, or of what leaves the tiers.
#[derive(Debug, Clone)]
pub(super) enum Norm {
    Layer(LayerNorm),
    Scalar(ScalarNorm),
}

impl Norm {
    /// Parameters of the norm over `width` channels.
    pub fn declare(scope: &mut Scope<'_>, kind: BlockNorm, width: usize) -> Self {
        match kind {
            BlockNorm::Layer => Norm::Layer(LayerNorm::declare(scope, width, NORM_EPS)),
            BlockNorm::Scalar => Norm::Scalar(ScalarNorm::declare(scope)),
        }
    }

    /// x [B, L, width], each frame brought to mean 0 and variance 1.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        pass.within("norm", |pass| match self {
            Norm::Layer(norm) => norm.forward(pass, x),
            Norm::Scalar(norm) => norm.forward(pass, x),
        })
    }
}

#[derive(Debug, Clone)]
enum Layer {
    S4(Box<S4>),
    FeedForward(FeedForward),
}

/// A layer with its normalisation and the residual connection around both; in a diffusion, S4 hears of the step.
#[derive(Debug, Clone)]
pub(super) struct Block {
    norm: Norm,
    /// Brings the step's embedding to this tier's channels.
    step: Option<Linear>,
    layer: Layer,
    dropout: f32,
}

impl Block {
    /// An S4 block of tier `tier`: parameters `norm.*`, `layer.*`, and `fc_t.*` where a step's embedding has `step_width` values.
    pub fn s4(scope: &mut Scope<'_>, plan: &TiersPlan, tier: usize, step_width: Option<usize>) -> Self {
        let width = plan.width_of(tier);
        let sizes = S4Sizes {
            space: space(plan.s4.diagonal),
            width,
            pairs: plan.s4.pairs,
            tied: plan.s4.tied,
            both: plan.bidirectional,
            dt_range: plan.s4.dt_range,
            period: plan.period_of(tier),
            glu: plan.glu,
            dropout: plan.dropout,
        };
        let layer = Layer::S4(Box::new(S4::declare(&mut scope.child("layer"), sizes)));
        let step = step_width.map(|inputs| Linear::torch(&mut scope.child("fc_t"), inputs, width, true));
        Self::around(scope, plan, width, layer, step)
    }

    /// A feed-forward block of tier `tier`: parameters `norm.*` and `layer.*`.
    pub fn feed_forward(scope: &mut Scope<'_>, plan: &TiersPlan, tier: usize) -> Self {
        let width = plan.width_of(tier);
        let inner = plan.feed_forward * width;
        let layer = FeedForward::sashimi(&mut scope.child("layer"), width, inner, plan.dropout);
        Self::around(scope, plan, width, Layer::FeedForward(layer), None)
    }

    fn around(
        scope: &mut Scope<'_>,
        plan: &TiersPlan,
        width: usize,
        layer: Layer,
        step: Option<Linear>,
    ) -> Self {
        let norm = Norm::declare(&mut scope.child("norm"), plan.norm, width);
        Block { norm, step, layer, dropout: plan.dropout }
    }

    /// # Shapes
    /// x [B, L, width], `step` [B, step width] → [B, L, width]
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        step: Option<&Array<D>>,
    ) -> Result<Array<D>, OpError> {
        let mut y = self.norm.forward(pass, x)?;
        if let (Some(linear), Some(step)) = (&self.step, step) {
            let step = pass.within("fc_t", |pass| linear.forward(pass, step))?;
            y = add_to_frames(pass.tape, &y, &step)?;
        }
        let y = pass.within("layer", |pass| match &self.layer {
            Layer::S4(layer) => layer.forward(pass, &y),
            Layer::FeedForward(layer) => layer.forward(pass, &y),
        })?;
        let (rate, seed) = pass.dropout(self.dropout);
        let y = dropout_channels(pass.tape, &y, rate, seed)?;
        add(pass.tape, x, &y)
    }
}
