//! The model: every size known, every shape proven.
//!
//! A family is a file: its sizes, the contradictions among its options, and what others ask of it as a [`Family`]. Here stands what all are
//! asked, and the list of them ([`Body`]). Not for: how a network computes (`crate::model`). Start at [`ModelPlan`]; `keyword.rs` is the smallest.

mod codec_lm;
mod keyword;
mod log_mel;
mod patches;
mod sashimi;
mod speaker;
mod tacomamba;
mod wav2vec2;

use serde::Serialize;

use super::Problem;
use crate::config::Model;

pub use codec_lm::{CodePattern, CodecLmPlan, CodecName, CodedText, PhonemeLanguage};
pub use keyword::KeywordPlan;
pub use log_mel::LogMelPlan;
pub use patches::{FeaturesPlan, MambaPlan, PatchTask, PatchesPlan, PretextPlan, ScenePlan, Trunk};
pub use sashimi::{
    BlockNorm, DiagonalPlan, DiffwavePlan, Discretization, Measure, Periods, Quantizer, S4Plan, SashimiPlan,
    Skips, StateMatrix, TiersPlan,
};
pub use speaker::{SpeakerEncoderPlan, SpeakerPlan};
pub use tacomamba::{DroppedLayers, MelScaling, SpeakersPlan, SpeechMelPlan, TacomambaPlan, TextCleaners};
pub use wav2vec2::{ConvLayer, Heads, MixerPlan, NormKind, Rates, TimeMasks, Wav2vec2Plan};

/// Where the first weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Pretrained {
    /// Nowhere: all weights are drawn from the run's own seed.
    None,
    /// Drawn from this seed.
    Random { seed: u64 },
    /// The best weights of another run.
    Run {
        #[serde(skip)]
        dir: std::path::PathBuf,
        id: String,
    },
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
    Speaker(Box<SpeakerPlan>),
    Sashimi(Box<SashimiPlan>),
    Diffwave(Box<DiffwavePlan>),
    Patches(Box<PatchesPlan>),
    Tacomamba(Box<TacomambaPlan>),
    CodecLm(Box<CodecLmPlan>),
}

impl Body {
    fn family(&self) -> &dyn Family {
        match self {
            Body::Wav2vec2(plan) => plan.as_ref(),
            Body::Keyword(plan) => plan.as_ref(),
            Body::Speaker(plan) => plan.as_ref(),
            Body::Sashimi(plan) => plan.as_ref(),
            Body::Diffwave(plan) => plan.as_ref(),
            Body::Patches(plan) => plan.as_ref(),
            Body::Tacomamba(plan) => plan.as_ref(),
            Body::CodecLm(plan) => plan.as_ref(),
        }
    }

    fn family_mut(&mut self) -> &mut dyn Family {
        match self {
            Body::Wav2vec2(plan) => plan.as_mut(),
            Body::Keyword(plan) => plan.as_mut(),
            Body::Speaker(plan) => plan.as_mut(),
            Body::Sashimi(plan) => plan.as_mut(),
            Body::Diffwave(plan) => plan.as_mut(),
            Body::Patches(plan) => plan.as_mut(),
            Body::Tacomamba(plan) => plan.as_mut(),
            Body::CodecLm(plan) => plan.as_mut(),
        }
    }
}

/// What a run asks of a model's sizes, whatever family it is of. What a family does not answer is as for one that is drawn whole, learns what
/// its tiers do not freeze, and neither transcribes nor classifies: a sample is its frame.
trait Family {
    /// The name of its table.
    fn name(&self) -> &'static str;

    /// Frames of `samples` samples: what its outputs are counted in.
    fn frames(&self, samples: usize) -> usize {
        samples
    }

    /// The fewest samples that give one frame.
    fn min_samples(&self) -> usize {
        1
    }

    /// The heads that transcribe or classify.
    fn heads(&self) -> Option<&Heads> {
        None
    }

    /// Voices that are told apart by a line's label; 0 where none are.
    fn speakers(&self) -> usize {
        0
    }

    /// Seconds of a clip, where each has classes of its own.
    fn seconds(&self) -> Option<usize> {
        None
    }

    /// Whether waveforms are brought to mean 0 and variance 1 before it sees them.
    fn normalises(&self) -> bool {
        self.heads().is_some()
    }

    /// Whether what it hears of a clip follows from the waveform alone, before anything that learns.
    fn has_fixed_front(&self) -> bool {
        false
    }

    /// The tiers of S4 layers.
    fn tiers(&self) -> Option<&TiersPlan> {
        None
    }

    /// Whether a parameter stays as it is drawn or loaded throughout.
    fn freezes(&self, name: &str) -> bool {
        self.tiers().is_some_and(|tiers| tiers.s4.freezes(name))
    }

    /// Whether a pretrained checkpoint has to bring this parameter.
    fn is_source(&self, _name: &str) -> bool {
        true
    }

    /// The peak learning rate of a parameter that has one of its own.
    fn own_lr(&self, _name: &str) -> Option<f64> {
        None
    }

    /// What drops in training, in words, with its rate.
    fn drops(&self) -> Vec<(&'static str, f64)> {
        self.tiers().map_or_else(Vec::new, TiersPlan::drops)
    }

    /// Brings sizes that this run does not use to their resting value. With `attends`, a model like it with attention runs in training, too.
    fn settle(&mut self, _attends: bool) {}
}

impl ModelPlan {
    /// The name of its table.
    pub fn family(&self) -> &'static str {
        self.body.family().name()
    }

    /// Frames of `samples` samples: what its outputs are counted in.
    pub fn frames(&self, samples: usize) -> usize {
        self.body.family().frames(samples)
    }

    /// The fewest samples that give one frame.
    pub fn min_samples(&self) -> usize {
        self.body.family().min_samples()
    }

    /// The longest clip that it takes at once, in samples.
    pub fn max_samples(&self) -> Option<usize> {
        self.tiers().map(|tiers| tiers.s4.period)
    }

    /// The heads that transcribe or classify, where it has such.
    pub fn heads(&self) -> Option<&Heads> {
        self.body.family().heads()
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

    /// How many class names each label of a line has, where labels are read: those of classifier heads, or voices.
    pub fn labelled(&self) -> Vec<usize> {
        match self.body.family().speakers() {
            0 => self.classes().to_vec(),
            speakers => vec![speakers],
        }
    }

    /// The model of speech, where it is one.
    pub fn tacomamba(&self) -> Option<&TacomambaPlan> {
        match &self.body {
            Body::Tacomamba(plan) => Some(plan),
            _ => None,
        }
    }

    /// The model of codes, where it is one.
    pub fn codec_lm(&self) -> Option<&CodecLmPlan> {
        match &self.body {
            Body::CodecLm(plan) => Some(plan),
            _ => None,
        }
    }

    /// Whether it makes sound out of texts.
    pub fn speaks(&self) -> bool {
        matches!(self.body, Body::Tacomamba(_) | Body::CodecLm(_))
    }

    /// The tiers of S4 layers, where it has such.
    pub fn tiers(&self) -> Option<&TiersPlan> {
        self.body.family().tiers()
    }

    /// Seconds of a clip, where each has classes of its own.
    pub fn seconds(&self) -> Option<usize> {
        self.body.family().seconds()
    }

    /// Whether waveforms are brought to mean 0 and variance 1 before it sees them.
    pub fn normalises(&self) -> bool {
        self.body.family().normalises()
    }

    /// Whether what it hears of a clip follows from the waveform alone, before anything that learns.
    pub fn has_fixed_front(&self) -> bool {
        self.body.family().has_fixed_front()
    }

    /// Whether a parameter stays as it is drawn or loaded throughout.
    pub fn freezes(&self, name: &str) -> bool {
        self.body.family().freezes(name)
    }

    /// Whether a pretrained checkpoint has to bring this parameter.
    pub fn is_source(&self, name: &str) -> bool {
        self.body.family().is_source(name)
    }

    /// The peak learning rate of a parameter that has one of its own.
    pub fn own_lr(&self, name: &str) -> Option<f64> {
        self.body.family().own_lr(name)
    }

    /// What drops in training, in words, each with its rate; what is off is left out.
    pub fn drops(&self) -> Vec<(&'static str, f64)> {
        // Rates were written in 64 bits and are kept in 32.
        let as_written = |rate: f64| (rate * 1e6).round() / 1e6;
        let drops = self.body.family().drops().into_iter();
        drops.filter(|(_, rate)| *rate > 0.0).map(|(name, rate)| (name, as_written(rate))).collect()
    }

    /// Brings sizes that this run does not use to their resting value. With `attends`, a model like it with attention runs in training, too.
    pub(super) fn settle(&mut self, attends: bool) {
        self.body.family_mut().settle(attends);
    }

    /// The same model with attention: what a student's teacher looks like. A family without attention teaches as it is.
    pub fn with_attention(&self, heads: usize) -> Self {
        let mut model = self.clone();
        if let Body::Wav2vec2(plan) = &mut model.body {
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
        Model::Speaker(s) => speaker::speaker_model(s, rate_hz, problems),
        Model::Sashimi(s) => sashimi::sashimi_model(s, problems),
        Model::DiffwaveSashimi(d) => sashimi::diffwave_model(d, problems),
        Model::Ssamba(s) => patches::ssamba_model(s, rate_hz, problems),
        Model::Ssast(s) => patches::ssast_model(s, rate_hz, problems),
        Model::Tacomamba(t) => tacomamba::tacomamba_model(t, rate_hz, problems),
        Model::CodecLm(c) => codec_lm::codec_lm_model(c, rate_hz, problems),
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
