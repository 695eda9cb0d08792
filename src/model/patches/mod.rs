//! SSAMBA and SSAST: a spectrogram in patches, through Mamba layers or a vision transformer.
//!
//! [`front`] makes patches of waveforms, [`trunk`] is what they go through, and here stand the tokens in front of it and the heads behind; [`pool`] is what heads
//! stand on. What is asked of masked patches is `task`'s. Not for: the published files' positions on another grid ([`positions`]). Start at
//! [`PatchNet`].

mod block;
pub(super) mod front;
mod parts;
mod pool;
pub mod positions;
mod stream;
#[cfg(test)]
mod tests;
mod trunk;

use kernels::linear::linear;
use kernels::place_tokens::place_tokens;
use kernels::relu::relu;
use kernels::time_mask::time_mask;
use kernels::{Array, Backend, OpError};

use self::front::Front;
use self::trunk::{Keep, Trunk};
use super::recogniser::{Activations, Input};
use crate::nn::{Init, LayerNorm, Linear, ParamId, Pass, Scope};
use crate::plan::{PatchTask, PatchesPlan};

/// Of tokens and positions as they are drawn.
const TOKEN_STD: f32 = 0.02;
const HEAD_NORM_EPS: f32 = 1e-5;
/// What SUPERB's tasks project the bands of a moment to.
const PROJECTED: usize = 256;

/// The network: where its parameters are and how they act.
#[derive(Debug, Clone)]
pub struct PatchNet {
    plan: PatchesPlan,
    front: Front,
    mask_embed: Option<ParamId>,
    /// `cls_token`, and `dist_token`, where there are such.
    tokens: Vec<ParamId>,
    positions: ParamId,
    projection: [ParamId; 2],
    trunk: Trunk,
    /// To tell masked patches apart, and to draw them.
    pretext: [Option<Pretext>; 2],
    head_norm: Option<LayerNorm>,
    projector: Option<Linear>,
    heads: Vec<Linear>,
}

/// linear → ReLU → linear, to the elements of a patch.
#[derive(Debug, Clone)]
struct Pretext {
    inner: Linear,
    outer: Linear,
}

/// What is asked of a masked patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which of the masked patches is it?
    Which,
    /// What does it look like?
    What,
}

impl PatchNet {
    /// Parameters under the published names, without the heads that the published files have and never use.
    pub fn declare(scope: &mut Scope<'_>, plan: &PatchesPlan) -> Self {
        let width = plan.width;
        let pretrains = plan.task.pretrains();
        let mask_embed = pretrains.then(|| {
            scope.param("mask_embed", [1, 1, width], Init::Normal { std: 1.0 / (width as f32).sqrt() })
        });
        let mut body = scope.child("v");
        let (count, _) = plan.tokens();
        let tokens = ["cls_token", "dist_token"].into_iter().take(count);
        let normal = Init::Normal { std: TOKEN_STD };
        let tokens = tokens.map(|name| body.param(name, [1, 1, width], normal)).collect();
        let positions = body.param("pos_embed", [1, count + plan.patches(), width], normal);
        let mut projection = body.child("patch_embed");
        let mut projection = projection.child("proj");
        let init = Init::fan_in(plan.patch_len());
        let [bands, frames] = plan.shape;
        let projection = [
            projection.param("weight", [width, 1, bands, frames], init),
            projection.param("bias", [width], init),
        ];
        let trunk = Trunk::declare(&mut body, plan);
        let mut head = |name: &str, tasks: [PatchTask; 2]| {
            tasks.contains(&plan.task).then(|| {
                let mut scope = scope.child(name);
                Pretext {
                    inner: Linear::torch(&mut scope.child("0"), width, width, true),
                    outer: Linear::torch(&mut scope.child("2"), width, plan.patch_len(), true),
                }
            })
        };
        let pretext = [
            head("cpredlayer", [PatchTask::PretrainJoint, PatchTask::PretrainMpc]),
            head("gpredlayer", [PatchTask::PretrainJoint, PatchTask::PretrainMpg]),
        ];
        let mut head = scope.child("mlp_head");
        let superb = plan.task == PatchTask::FtSuperb;
        let head_norm =
            (!pretrains && !superb).then(|| LayerNorm::declare(&mut head.child("0"), width, HEAD_NORM_EPS));
        let projected = if superb { PROJECTED } else { width };
        let mut linear = |(index, &classes): (usize, &usize)| {
            // The published models have one head, the second module of a list.
            Linear::torch(&mut head.child(index + 1), projected, classes, true)
        };
        let heads = plan.heads.classes.iter().enumerate().map(&mut linear).collect();
        let projector = superb
            .then(|| Linear::torch(&mut scope.child("projector"), plan.grid()[0] * width, PROJECTED, true));
        let front = Front::new(plan);
        PatchNet {
            plan: plan.clone(),
            front,
            mask_embed,
            tokens,
            positions,
            projection,
            trunk,
            pretext,
            head_norm,
            projector,
            heads,
        }
    }

    /// The plan this network was made from.
    pub fn plan(&self) -> &PatchesPlan {
        &self.plan
    }

    /// The patches [B, P, elements] of waveforms; masks and noise on the spectrogram in train mode only.
    ///
    /// # Errors
    /// A waveform is shorter than a frame, or the device failed.
    pub fn patches<D: Backend>(&self, pass: &mut Pass<'_, D>, input: &Input<D>) -> Result<Array<D>, OpError> {
        pass.within("features", |pass| {
            let features = self.front.features(input, pass.rng())?;
            let patches = self.front.patches(&features);
            let shape = [input.samples.len(), self.plan.patches(), self.plan.patch_len()];
            Array::from_vec(input.waveforms.device(), patches, shape)
        })
    }

    /// What the trunk makes of `patches` [B, P, elements] and of its tokens: [B, tokens + P, width]. Those patches that are `masked`, by their
    /// index in each clip, it does not see.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn encode<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        patches: &Array<D>,
        masked: &[Vec<usize>],
    ) -> Result<Vec<Array<D>>, OpError> {
        self.run(pass, patches, masked, Keep::All)
    }

    fn run<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        patches: &Array<D>,
        masked: &[Vec<usize>],
        keep: Keep,
    ) -> Result<Vec<Array<D>>, OpError> {
        pass.within("v", |pass| {
            let width = self.plan.width;
            let mut x = pass.within("patch_embed", |pass| {
                let [weight, bias] = self.projection.map(|id| pass.param(id));
                linear(pass.tape, patches, &weight.reshaped([width, self.plan.patch_len()])?, Some(bias))
            })?;
            if let Some(embed) = self.mask_embed.filter(|_| !masked.is_empty()) {
                let mut flags = vec![false; masked.len() * self.plan.patches()];
                for (row, masked) in masked.iter().enumerate() {
                    masked.iter().for_each(|patch| flags[row * self.plan.patches() + patch] = true);
                }
                x = time_mask(pass.tape, &x, &pass.param(embed).reshaped([width])?, flags)?;
            }
            x = self.place(pass, &x)?;
            self.trunk.forward(pass, x, keep)
        })
    }

    /// The last of what [`PatchNet::encode`] makes of `patches`, none of them masked: what is used as features.
    ///
    /// # Errors
    /// As there.
    pub fn last<D: Backend>(&self, pass: &mut Pass<'_, D>, patches: &Array<D>) -> Result<Array<D>, OpError> {
        let mut states = self.run(pass, patches, &[], Keep::Last)?;
        states.pop().ok_or_else(|| OpError::device("patches", "a model has layers"))
    }

    /// Sets tokens among the patches, and adds positions.
    fn place<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (width, (count, at)) = (self.plan.width, self.plan.tokens());
        let positions = pass.param(self.positions).reshaped([count + self.plan.patches(), width])?;
        let one = |pass: &Pass<'_, D>, id: ParamId| pass.param(id).reshaped([1, width]);
        match self.tokens[..] {
            [class] => {
                let token = one(pass, class)?;
                place_tokens(pass.tape, x, &token, &positions, at)
            }
            [class, second] => {
                // The second is set first, without positions, then the first before it with all of them.
                let (class, second) = (one(pass, class)?, one(pass, second)?);
                let none = Array::zeros(x.device(), [1 + self.plan.patches(), width])?;
                let x = place_tokens(pass.tape, x, &second, &none, at)?;
                place_tokens(pass.tape, &x, &class, &positions, at)
            }
            _ => Err(OpError::device("patches", "a model has one token or two")),
        }
    }

    /// The answers [B, M, elements] of a pretext head to a question about the `masked` patches, M of each clip.
    ///
    /// # Errors
    /// There is no such head, the shapes do not fit, or the device failed.
    pub fn answers<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        patches: &Array<D>,
        masked: &[Vec<usize>],
        question: Question,
    ) -> Result<Array<D>, OpError> {
        let head = match question {
            Question::Which => &self.pretext[0],
            Question::What => &self.pretext[1],
        };
        let head = head.as_ref().ok_or_else(|| OpError::device("patches", "the model has no such head"))?;
        let states = self.run(pass, patches, masked, Keep::Last)?;
        let chosen = pool::patches(pass, &self.plan, &states[states.len() - 1], masked)?;
        let name = if question == Question::Which { "cpredlayer" } else { "gpredlayer" };
        pass.within(name, |pass| {
            let x = head.inner.forward(pass, &chosen)?;
            let x = relu(pass.tape, &x)?;
            head.outer.forward(pass, &x)
        })
    }

    /// Runs the network for classes.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        input: &Input<D>,
    ) -> Result<Activations<D>, OpError> {
        let patches = self.patches(pass, input)?;
        let hidden_states = self.encode(pass, &patches, &[])?;
        let last = &hidden_states[hidden_states.len() - 1];
        let (pooled, class_logits) = self.classify(pass, last, &input.samples)?;
        let frames = vec![last.shape().dims()[1]; input.samples.len()];
        Ok(Activations {
            extract_features: patches,
            hidden_states,
            logits: None,
            pooled,
            class_logits,
            frames,
        })
    }
}
