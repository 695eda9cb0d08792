//! What a model of patches is made of, and what its parts take.

use super::PatchNet;
use crate::model::parts::{Part, Parts, Stage, Step, again, feed_forward, mixer_name, mixing};
use crate::plan::{AttentionScores, MambaPlan, MixerPlan, PatchTask, PatchesPlan, Trunk};

impl PatchesPlan {
    /// What mixes tokens in a layer, as memory is foreseen by.
    fn mixer(&self) -> MixerPlan {
        match &self.trunk {
            Trunk::Mamba(MambaPlan { inner, state, taps, rank, .. }) => MixerPlan::Mamba1 {
                inner: *inner,
                state: *state,
                taps: *taps,
                rank: *rank,
                residual_inside: false,
            },
            Trunk::Attention { heads, .. } => MixerPlan::Attention { heads: *heads },
        }
    }
}

impl Parts for PatchNet {
    fn parts(&self, _samples: usize) -> Vec<Part> {
        let plan = &self.plan;
        let (tokens, _) = plan.tokens();
        let ([bands, frames], all) = (plan.grid(), tokens + plan.patches());
        let [high, long] = plan.shape;
        let wide = [all, plan.width];
        let spectrum = format!("log-mel energies, {} frames × {}", plan.features.frames, plan.features.bands);
        let patches = format!("patches of {high} bands × {long} frames, {bands} × {frames} of them");
        let mut parts = vec![
            Part::new("features", spectrum, [plan.features.frames, plan.features.bands]),
            Part::new("v.patch_embed", patches, [plan.patches(), plan.width]),
            Part::new("v.pos_embed", "positions", wide),
        ];
        let mixer = mixer_name(self.plan.mixer());
        let list = self.trunk.list();
        parts.extend((0..plan.layers).map(|layer| Part::new(format!("v.{list}.{layer}"), &*mixer, wide)));
        parts.push(Part::new(format!("v.{}", self.trunk.last_norm()), "last norm", wide));
        let masked = [plan.pretext.masked, plan.patch_len()];
        let pretext = self.pretext.iter().zip(["cpredlayer", "gpredlayer"]);
        let pretext = pretext.filter(|(head, _)| head.is_some());
        parts.extend(pretext.map(|(_, name)| Part::new(name, "linear, ReLU, linear", masked)));
        let head = |(head, &classes): (usize, &usize)| {
            Part::new(format!("mlp_head.{}", head + 1), "classifier", [1, classes])
        };
        parts.extend(plan.heads.classes.iter().enumerate().map(head));
        parts
    }

    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (plan, learning) = (&self.plan, step.learning);
        let pass = Passed::of(plan, step.samples);
        let list = self.trunk.list();
        let layer = |index| {
            let params = learning(&format!("v.{list}.{index}."));
            let [mixed, fed] = pass.layer(plan);
            let mixed = Stage { params, ..mixed };
            match step.recomputes {
                false => vec![mixed, fed],
                true => vec![again(mixed, fed, pass.width)],
            }
        };
        let first = Stage {
            params: learning("v.p"),
            kept: pass.width + pass.patches,
            made: 2.0 * pass.width + pass.patches,
            ..Stage::default()
        };
        let answers = pass.asked * plan.patch_len() as f64;
        let last = Stage {
            params: learning("v.norm") + learning("cpred") + learning("gpred") + learning("mlp_head"),
            kept: 3.0 * pass.asked * plan.width as f64,
            made: pass.width + 2.0 * answers,
            under_way: 2.0 * (pass.width + answers),
            owed: 0.0,
        };
        std::iter::once(first).chain((0..plan.layers).flat_map(layer)).chain([last]).collect()
    }
}

/// What passes through the layers of one batch.
struct Passed {
    tokens: f64,
    /// Floats of all tokens.
    width: f64,
    /// Elements of all patches: either question is about the same.
    patches: f64,
    /// Masked patches that are asked about.
    asked: f64,
}

impl Passed {
    /// Of a batch of `samples`; clips are brought to one length.
    fn of(plan: &PatchesPlan, samples: f64) -> Self {
        let clip = plan.features.frames * plan.features.rate_hz as usize / 100;
        let clips = (samples / clip as f64).max(1.0);
        // Telling apart and drawing are a pass each.
        let passes = if plan.task == PatchTask::PretrainJoint { 2.0 } else { 1.0 };
        let tokens = passes * clips * sequence(plan);
        let masked = if plan.task.pretrains() { plan.pretext.masked } else { 0 };
        Passed {
            tokens,
            width: plan.width as f64 * tokens,
            patches: clips * (plan.patches() * plan.patch_len()) as f64,
            asked: passes * clips * masked as f64,
        }
    }

    /// What mixes tokens, and what feeds each forward.
    fn layer(&self, plan: &PatchesPlan) -> [Stage; 2] {
        let mixed = mixing(plan.width, plan.mixer(), self.tokens);
        match &plan.trunk {
            // Of what both directions make only the sum stays for the one projection behind them, and nothing of the stream between layers.
            Trunk::Mamba(mamba) => {
                let shared = mamba.inner as f64 * self.tokens + self.width;
                let (kept, made) = (mixed.kept - shared, mixed.made - shared);
                [Stage { kept, made, ..mixed }, Stage::default()]
            }
            Trunk::Attention { heads, inner, scores, .. } => {
                // Where scores are written out, they and their weights are there while a layer runs.
                let scores = match scores {
                    AttentionScores::Materialised => 2.0 * *heads as f64 * self.tokens * sequence(plan),
                    AttentionScores::Tiled => 0.0,
                };
                let fed = feed_forward(plan.width, *inner, self.tokens);
                [Stage { made: mixed.made + scores, ..mixed }, fed]
            }
        }
    }
}

/// Tokens of a clip.
fn sequence(plan: &PatchesPlan) -> f64 {
    (plan.tokens().0 + plan.patches()) as f64
}
