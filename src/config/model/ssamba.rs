//! `[model.ssamba]` and `[model.ssast]`: patches of a spectrogram, and what is learned of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Behaviour;

/// SSAMBA (Shams et al. 2024): patches of a log-mel spectrogram through bidirectional Mamba layers. Sizes default to the published tiny
/// one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ssamba {
    /// A checkpoint to start from: one of ours, or one that the published programs left. `run:EXPERIMENT` is the best one of that
    /// experiment's run, which comes first. Empty: weights are drawn.
    pub pretrained: String,

    /// What is learned.
    pub task: PatchTask,

    /// Classes of each head, where the task is to classify.
    #[schemars(length(max = 32), inner(range(min = 1, max = 1_048_576)))]
    pub num_targets: Vec<usize>,

    /// Peak learning rate of what stands on the layers; 0 = as all others.
    #[schemars(range(min = 0.0))]
    pub head_lr: f64,

    /// Width of the layers.
    #[schemars(range(min = 1, max = 65_536))]
    pub embed_dim: usize,

    /// Layers.
    #[schemars(range(min = 1, max = 1_024))]
    pub depth: usize,

    /// States per channel.
    #[schemars(range(min = 1, max = 4_096))]
    pub d_state: usize,

    /// How a layer looks back as well as ahead.
    pub bimamba_type: BimambaType,

    /// Halve the sum of a layer's two directions (`bimamba_type = "v2"`).
    pub if_divide_out: bool,

    /// Take layers in pairs, the second of which walks the other way round.
    pub if_bidirectional: bool,

    /// What becomes of the two streams of a pair: `sound` is their mean, `reference` their sum, so that the stream doubles in every pair.
    pub residual: Behaviour,

    /// How often the last norm is applied: `sound` is once, `reference` twice.
    pub final_norm: Behaviour,

    /// RMS norm in the place of layer norm.
    pub rms_norm: bool,

    /// Where the class token stands among the patches.
    pub class_token: ClassToken,

    /// Chance that the last layer is left out for a clip in training; it rises to this from 0 at the first.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub drop_path_rate: f64,

    /// How sound becomes a spectrogram.
    pub features: Filterbank,

    /// How a spectrogram becomes patches.
    pub patches: Patches,

    /// What is asked of masked patches.
    pub pretext: Pretext,

    /// How a clip is told apart into seconds.
    pub scene: Scene,
}

/// SSAST (Gong et al. 2022): the same patches through a vision transformer. Sizes default to the published tiny one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ssast {
    /// A checkpoint to start from: one of ours, or one that the published programs left. `run:EXPERIMENT` is the best one of that
    /// experiment's run, which comes first. Empty: weights are drawn.
    pub pretrained: String,

    /// What is learned.
    pub task: PatchTask,

    /// Classes of each head, where the task is to classify.
    #[schemars(length(max = 32), inner(range(min = 1, max = 1_048_576)))]
    pub num_targets: Vec<usize>,

    /// Peak learning rate of what stands on the layers; 0 = as all others.
    #[schemars(range(min = 0.0))]
    pub head_lr: f64,

    /// Width of the layers; `num_heads` must divide it.
    #[schemars(range(min = 1, max = 65_536))]
    pub embed_dim: usize,

    /// Layers.
    #[schemars(range(min = 1, max = 1_024))]
    pub depth: usize,

    /// Attention heads.
    #[schemars(range(min = 1, max = 1_024))]
    pub num_heads: usize,

    /// How much of the attention scores is in memory at a time.
    pub attention: AttentionScores,

    /// Inner width of the feed-forward blocks over `embed_dim`.
    #[schemars(range(min = 1, max = 64))]
    pub mlp_ratio: usize,

    /// A second token beside the class token, as in distilled vision transformers.
    pub distilled: bool,

    /// How sound becomes a spectrogram.
    pub features: Filterbank,

    /// How a spectrogram becomes patches.
    pub patches: Patches,

    /// What is asked of masked patches.
    pub pretext: Pretext,

    /// How a clip is told apart into seconds.
    pub scene: Scene,
}

/// How much of the attention scores is there at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttentionScores {
    /// A tile for each thread.
    Tiled,
    /// All of all heads, and all weights beside them, as in the published program: to measure what that costs.
    Materialised,
}

impl AttentionScores {
    /// Whether it is the usual way.
    pub fn is_tiled(&self) -> bool {
        *self == Self::Tiled
    }
}

/// What is learned of patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchTask {
    /// To tell masked patches from each other, and to draw them.
    PretrainJoint,
    /// To tell masked patches from each other.
    PretrainMpc,
    /// To draw masked patches.
    PretrainMpg,
    /// Classes, by the mean over patches.
    FtAvgtok,
    /// Classes, by the class token.
    FtCls,
    /// Classes of each second, by the mean over its patches.
    #[serde(rename = "ft_avgtok_1sec")]
    FtAvgtok1sec,
    /// Classes as SUPERB's tasks find them: all bands of a moment side by side, a linear layer, the mean over time.
    FtSuperb,
}

impl PatchTask {
    /// Whether patches are masked, and there are no classes.
    pub fn pretrains(self) -> bool {
        matches!(self, Self::PretrainJoint | Self::PretrainMpc | Self::PretrainMpg)
    }
}

/// How a clip is told apart into seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scene {
    /// Seconds of a clip, each with a label of its own.
    #[schemars(range(min = 1, max = 65_536))]
    pub seconds: usize,

    /// What a second is: `sound` is all bands of that second, `reference` so many tokens in their order, band by band, which is several seconds of a
    /// single band.
    pub slices: Behaviour,
}

/// How a Mamba layer looks back as well as ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BimambaType {
    /// Not at all.
    None,
    /// One convolution for both directions, a scan for each.
    V1,
    /// A convolution and a scan for each direction.
    V2,
}

/// Where a class token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClassToken {
    /// Before all patches.
    First,
    /// In their middle.
    Middle,
}

/// How sound becomes a spectrogram: Kaldi's log-mel filterbank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filterbank {
    /// Mel bands.
    #[schemars(range(min = 1, max = 1_024))]
    pub num_mel_bins: usize,

    /// Frames of 10 ms that every clip is brought to.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub target_length: usize,

    /// Mean of the corpus' log-mel energies.
    pub dataset_mean: f64,

    /// Their standard deviation.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub dataset_std: f64,

    /// What energies are divided by: `sound` is the standard deviation, `reference` twice that.
    pub scale: Behaviour,

    /// What stands behind the end of a clip and in masks: `sound` is the corpus' mean, `reference` is a log energy of 0, which is loud.
    pub padding: Behaviour,

    /// Widest mask over bands in training, SpecAugment's; 0 = none.
    pub freqm: usize,

    /// Widest mask over frames in training, SpecAugment's; 0 = none.
    pub timem: usize,

    /// Noise on the spectrogram and a shift in time, in training.
    pub noise: bool,
}

/// How a spectrogram becomes patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Patches {
    /// Bands of a patch.
    #[schemars(range(min = 1, max = 1_024))]
    pub fshape: usize,

    /// Frames of a patch.
    #[schemars(range(min = 1, max = 65_536))]
    pub tshape: usize,

    /// Bands from a patch to the next.
    #[schemars(range(min = 1, max = 1_024))]
    pub fstride: usize,

    /// Frames from a patch to the next.
    #[schemars(range(min = 1, max = 65_536))]
    pub tstride: usize,

    /// Frames that the checkpoint in `pretrained` was trained on: its positions are brought from there to this model's patches.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub pretrained_length: usize,
}

/// What is asked of masked patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pretext {
    /// Masked patches of each clip.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub mask_patch: usize,

    /// How they are drawn: `sound` is clusters that fall everywhere alike, `reference` keeps the lowest indices of a few too many, so that low bands
    /// are masked less, and the first and the last patch never.
    pub masks: Behaviour,

    /// What a patch is told apart from: `sound` is all masked patches for a prediction, as in the paper; `reference` all predictions
    /// for a patch.
    pub contrast: Behaviour,

    /// Weight of drawing patches beside telling them apart, in `pretrain_joint`.
    #[schemars(range(min = 0.0))]
    pub mse_weight: f64,
}

impl Default for Ssamba {
    fn default() -> Self {
        Self {
            pretrained: String::new(),
            task: PatchTask::PretrainJoint,
            num_targets: Vec::new(),
            head_lr: 0.0,
            embed_dim: 192,
            depth: 24,
            d_state: 16,
            bimamba_type: BimambaType::V2,
            if_divide_out: true,
            if_bidirectional: true,
            residual: Behaviour::Sound,
            final_norm: Behaviour::Sound,
            rms_norm: false,
            class_token: ClassToken::First,
            drop_path_rate: 0.1,
            features: Filterbank::default(),
            patches: Patches::default(),
            pretext: Pretext::default(),
            scene: Scene::default(),
        }
    }
}

impl Default for Ssast {
    fn default() -> Self {
        Self {
            pretrained: String::new(),
            task: PatchTask::PretrainJoint,
            num_targets: Vec::new(),
            head_lr: 0.0,
            embed_dim: 192,
            depth: 12,
            num_heads: 3,
            attention: AttentionScores::Tiled,
            mlp_ratio: 4,
            distilled: true,
            features: Filterbank::default(),
            patches: Patches::default(),
            pretext: Pretext::default(),
            scene: Scene::default(),
        }
    }
}

impl Default for Filterbank {
    /// AudioSet's, ten seconds.
    fn default() -> Self {
        Self {
            num_mel_bins: 128,
            target_length: 1024,
            dataset_mean: -4.267_739_3,
            dataset_std: 4.568_997_4,
            scale: Behaviour::Sound,
            padding: Behaviour::Sound,
            freqm: 0,
            timem: 0,
            noise: false,
        }
    }
}

impl Default for Patches {
    fn default() -> Self {
        Self { fshape: 16, tshape: 16, fstride: 16, tstride: 16, pretrained_length: 1024 }
    }
}

impl Default for Pretext {
    fn default() -> Self {
        Self { mask_patch: 400, masks: Behaviour::Sound, contrast: Behaviour::Sound, mse_weight: 10.0 }
    }
}

impl Default for Scene {
    /// Dynamic scenes of a minute.
    fn default() -> Self {
        Self { seconds: 60, slices: Behaviour::Sound }
    }
}
