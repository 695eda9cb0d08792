//! The noise in a waveform (DiffWave, Kong et al. 2021, arXiv 2009.09761), found by SaShiMi's tiers in the place of its WaveNet.

use kernels::relu::relu;
use kernels::{Array, Backend, OpError};

use super::Tiers;
use crate::nn::{Init, Linear, NormedLinear, Pass, Scope, StepEmbedding};
use crate::plan::DiffwavePlan;

/// Samples as channels → tiers that hear of the diffusion step → one value for each sample.
#[derive(Debug, Clone)]
pub struct Diffwave {
    plan: DiffwavePlan,
    init: NormedLinear,
    step: StepEmbedding,
    tiers: Tiers,
    last: NormedLinear,
    out: Linear,
}

impl Diffwave {
    /// Parameters of `sashimi`: `init_conv.0.conv.*`, `fc_t1.*`, `fc_t2.*`, those of the tiers, `final_conv.0.conv.*` and `final_conv.2.conv.*`, which are
    /// zero at first.
    pub fn declare(scope: &mut Scope<'_>, plan: &DiffwavePlan) -> Self {
        let (width, tiers) = (plan.tiers.width, &plan.tiers);
        let mut scope = scope.child("sashimi");
        let zero = Init::Constant(0.0);
        Diffwave {
            plan: plan.clone(),
            init: NormedLinear::declare(&mut scope.child("init_conv.0.conv"), 1, width),
            step: StepEmbedding::declare(&mut scope, plan.step_embedding, plan.step_width),
            tiers: Tiers::declare(&mut scope, tiers, tiers.norm, Some(plan.step_width)),
            last: NormedLinear::declare(&mut scope.child("final_conv.0.conv"), width, width),
            out: Linear::declare(&mut scope.child("final_conv.2.conv"), width, 1, zero, Some(zero)),
        }
    }

    /// The plan this network was made from.
    pub fn plan(&self) -> &DiffwavePlan {
        &self.plan
    }

    /// The noise in waveforms `x` [B, L] that have come to `steps`, counted from 0: [B, L].
    ///
    /// # Errors
    /// There are not B steps, L is no multiple of all poolings' product or longer than the period, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        steps: &[f32],
    ) -> Result<Array<D>, OpError> {
        let [batch, len] = x.dims("diffwave", "x")?;
        if steps.len() != batch {
            let want = format!("there are {} steps", steps.len());
            return Err(OpError::Shape { op: "diffwave", operand: "x", got: x.shape(), want });
        }
        pass.within("sashimi", |pass| {
            let y = pass.within("init_conv", |pass| {
                let y = self.init.forward(pass, &x.reshaped([batch, len, 1])?)?;
                relu(pass.tape, &y)
            })?;
            let step = self.step.forward(pass, steps, x)?;
            let y = self.tiers.forward(pass, &y, Some(&step))?;
            pass.within("final_conv", |pass| {
                let y = self.last.forward(pass, &y)?;
                let y = relu(pass.tape, &y)?;
                self.out.forward(pass, &y)?.reshaped([batch, len])
            })
        })
    }
}
