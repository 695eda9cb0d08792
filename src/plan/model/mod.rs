//! The model: every size known, every shape proven. A family says here what others have to know of it.

mod keyword;
mod sashimi;
mod wav2vec2;

use serde::Serialize;

use super::Problem;
use crate::config::Model;

pub use keyword::KeywordPlan;
pub use sashimi::{
    BlockNorm, DiffwavePlan, Periods, Quantizer, S4Plan, SashimiPlan, Skips, StateMatrix, TiersPlan,
};
pub use wav2vec2::{ConvLayer, Heads, MixerPlan, NormKind, Rates, TimeMasks, Wav2vec2Plan};

/// Where the first weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Pretrained {
    /// Nowhere: all weights are drawn from the run's own seed.
    None,
    /// Drawn from this seed.
    Random { seed: u64 },
    /// A folder with `config.json` and `model.safetensors`, a hub name, or a file of weights.
    Folder(String),
}

/// A network, and where its first weights come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelPlan {
    pub pretrained: Pretrained,
    /// Written without its family's name, beside `pretrained`: a run's identity is a hash of this.
    #[serde(flatten)]
    pub body: Body,
}

/// The network of one family.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Body {
    Wav2vec2(Box<Wav2vec2Plan>),
    Keyword(Box<KeywordPlan>),
    Sashimi(Box<SashimiPlan>),
    Diffwave(Box<DiffwavePlan>),
}

impl From<Wav2vec2Plan> for Body {
    fn from(plan: Wav2vec2Plan) -> Self {
        Body::Wav2vec2(Box::new(plan))
    }
}

impl From<KeywordPlan> for Body {
    fn from(plan: KeywordPlan) -> Self {
        Body::Keyword(Box::new(plan))
    }
}

impl From<SashimiPlan> for Body {
    fn from(plan: SashimiPlan) -> Self {
        Body::Sashimi(Box::new(plan))
    }
}

impl From<DiffwavePlan> for Body {
    fn from(plan: DiffwavePlan) -> Self {
        Body::Diffwave(Box::new(plan))
    }
}

impl ModelPlan {
    /// The name of its table.
    pub fn family(&self) -> &'static str {
        match self.body {
            Body::Wav2vec2(_) => "wav2vec2",
            Body::Keyword(_) => "keyword",
            Body::Sashimi(_) => "sashimi",
            Body::Diffwave(_) => "diffwave_sashimi",
        }
    }

    /// Frames of `samples` samples: what its outputs are counted in.
    pub fn frames(&self, samples: usize) -> usize {
        match &self.body {
            Body::Wav2vec2(plan) => plan.frames(samples),
            Body::Keyword(plan) => plan.frames(samples),
            Body::Sashimi(_) | Body::Diffwave(_) => samples,
        }
    }

    /// The fewest samples that give one frame.
    pub fn min_samples(&self) -> usize {
        match &self.body {
            Body::Wav2vec2(plan) => plan.min_samples(),
            Body::Keyword(plan) => plan.window_samples,
            Body::Sashimi(_) | Body::Diffwave(_) => 1,
        }
    }

    /// The longest clip that it takes at once, in samples.
    pub fn max_samples(&self) -> Option<usize> {
        self.tiers().map(|tiers| tiers.s4.period)
    }

    /// The heads that transcribe or classify, where it has such.
    pub fn heads(&self) -> Option<&Heads> {
        match &self.body {
            Body::Wav2vec2(plan) => Some(&plan.heads),
            Body::Keyword(plan) => Some(&plan.heads),
            Body::Sashimi(_) | Body::Diffwave(_) => None,
        }
    }

    /// The CTC head among them.
    pub fn ctc(&self) -> Option<&Heads> {
        self.heads().filter(|heads| heads.vocab_size > 0)
    }

    /// Classes of each classifier head; none without one.
    pub fn classes(&self) -> &[usize] {
        self.heads().map_or(&[], |heads| &heads.classes)
    }

    /// The wav2vec2 encoder, where it is one.
    pub fn wav2vec2(&self) -> Option<&Wav2vec2Plan> {
        match &self.body {
            Body::Wav2vec2(plan) => Some(plan),
            _ => None,
        }
    }

    /// [`ModelPlan::wav2vec2`], to be changed.
    pub fn wav2vec2_mut(&mut self) -> Option<&mut Wav2vec2Plan> {
        match &mut self.body {
            Body::Wav2vec2(plan) => Some(plan),
            _ => None,
        }
    }

    /// The tiers of S4 layers, where it has such.
    pub fn tiers(&self) -> Option<&TiersPlan> {
        match &self.body {
            Body::Wav2vec2(_) | Body::Keyword(_) => None,
            Body::Sashimi(plan) => Some(&plan.tiers),
            Body::Diffwave(plan) => Some(&plan.tiers),
        }
    }

    /// Whether waveforms are brought to mean 0 and variance 1 before it sees them.
    pub fn normalises(&self) -> bool {
        self.heads().is_some()
    }

    /// Whether a parameter stays as it is drawn or loaded throughout.
    pub fn freezes(&self, name: &str) -> bool {
        match &self.body {
            Body::Wav2vec2(plan) => plan.freezes(name),
            Body::Keyword(_) => false,
            Body::Sashimi(plan) => plan.tiers.s4.freezes(name),
            Body::Diffwave(plan) => plan.tiers.s4.freezes(name),
        }
    }

    /// Whether a pretrained checkpoint has to bring this parameter.
    pub fn is_source(&self, name: &str) -> bool {
        match &self.body {
            Body::Wav2vec2(_) => wav2vec2::is_source(name),
            Body::Keyword(_) | Body::Sashimi(_) | Body::Diffwave(_) => true,
        }
    }

    /// The peak learning rate of a parameter that has one of its own.
    pub fn own_lr(&self, name: &str) -> Option<f64> {
        match &self.body {
            Body::Sashimi(plan) => sashimi::is_state_matrix(name).then_some(plan.state_lr),
            Body::Wav2vec2(_) | Body::Keyword(_) | Body::Diffwave(_) => None,
        }
    }

    /// The same model with attention: what a student's teacher looks like. A family without attention teaches as it is.
    pub fn with_attention(&self, heads: usize) -> Self {
        let mut model = self.clone();
        if let Some(plan) = model.wav2vec2_mut() {
            plan.mixer = MixerPlan::Attention { heads };
        }
        model
    }
}

/// The model of an experiment, and what is wrong with it.
pub(super) fn model_plan(model: &Model, rate_hz: u32, problems: &mut Vec<Problem>) -> ModelPlan {
    match model {
        Model::Wav2vec2(w) => wav2vec2::wav2vec2_model(w, problems),
        Model::Keyword(k) => keyword::keyword_model(k, rate_hz, problems),
        Model::Sashimi(s) => sashimi::sashimi_model(s, problems),
        Model::DiffwaveSashimi(d) => sashimi::diffwave_model(d, problems),
    }
}

/// Reports a `divisor` under `key` that does not divide `of`, which is called `what`.
fn divides(divisor: usize, of: usize, key: &str, what: &str, problems: &mut Vec<Problem>) {
    if divisor == 0 || !of.is_multiple_of(divisor) {
        let leaf = key.rsplit('.').next().unwrap_or(key);
        let near = (1..=of).filter(|d| of.is_multiple_of(*d)).min_by_key(|d| d.abs_diff(divisor));
        let help = near.map_or(String::new(), |near| format!("the nearest divisor is `{leaf} = {near}`"));
        problems.push(Problem::new(
            key,
            format!("`{leaf}` is {divisor}, which does not divide {what} ({of})"),
            help,
        ));
    }
}
