//! `[model.wav2vec2]`: an encoder with heads, for recognition and classification.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A wav2vec2 encoder and its heads. Sizes default to wav2vec2-large-lv60, rates to the paper's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wav2vec2 {
    /// Where the weights start from: a folder, a hub name, or `random:SEED`.
    ///
    /// A folder holds `config.json` and `model.safetensors` in Hugging Face's layout. A hub name (the paper's
    /// `asr_model_name`) is looked up in the local Hugging Face cache. `random:SEED` draws every weight from that
    /// seed, the same for each experiment that names it. `run:EXPERIMENT` is the best checkpoint of that experiment's run, which comes
    /// first.
    #[schemars(length(min = 1))]
    pub pretrained: String,

    /// Width of the encoder.
    #[schemars(range(min = 1, max = 65_536))]
    pub hidden_size: usize,

    /// Encoder layers.
    #[schemars(range(min = 1, max = 1_024))]
    pub num_hidden_layers: usize,

    /// Attention heads; must divide `hidden_size`.
    #[schemars(range(min = 1, max = 65_536))]
    pub num_attention_heads: usize,

    /// Width inside the feed-forward blocks.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub intermediate_size: usize,

    /// Channels of each convolution of the feature encoder.
    #[schemars(length(min = 1, max = 32), inner(range(min = 1, max = 65_536)))]
    pub conv_dim: Vec<usize>,

    /// Kernel width of each convolution, in its input's frames.
    #[schemars(length(min = 1, max = 32), inner(range(min = 1, max = 65_536)))]
    pub conv_kernel: Vec<usize>,

    /// Stride of each convolution; their product is the samples per encoder frame.
    #[schemars(length(min = 1, max = 32), inner(range(min = 1, max = 65_536)))]
    pub conv_stride: Vec<usize>,

    /// Give the convolutions of the feature encoder a bias.
    pub conv_bias: bool,

    /// Normalisation inside the feature encoder.
    pub feat_extract_norm: FeatExtractNorm,

    /// Normalise before each block (large) instead of after it (base).
    pub do_stable_layer_norm: bool,

    /// Kernel width of the positional convolution, in encoder frames.
    #[schemars(range(min = 1, max = 65_536))]
    pub num_conv_pos_embeddings: usize,

    /// Groups of the positional convolution; must divide `hidden_size`.
    #[schemars(range(min = 1, max = 65_536))]
    pub num_conv_pos_embedding_groups: usize,

    /// Added to the variance in every layer norm of the encoder.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub layer_norm_eps: f64,

    /// Standard deviation of freshly drawn linear weights.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub initializer_range: f64,

    /// Dropout after the feature projection.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub feat_proj_dropout: f64,

    /// Dropout before the CTC head.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub final_dropout: f64,

    /// Dropout at the encoder's input, after each mixer and after each feed-forward block.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub hidden_dropout: f64,

    /// Dropout inside the feed-forward blocks, after the GELU.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub activation_dropout: f64,

    /// Dropout of attention weights. In force as written here, whatever the checkpoint's `config.json` says.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub attention_dropout: f64,

    /// Chance of skipping a layer in training. In force as written here, whatever the checkpoint's `config.json` says.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub layerdrop: f64,

    /// Share of frames covered by SpecAugment's time masks in training, overlaps not counted; 0 = no masks.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mask_time_prob: f64,

    /// Length of a time mask, in encoder frames.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub mask_time_length: usize,

    /// Time masks per utterance at least.
    pub mask_time_min_masks: usize,

    /// Outputs of the CTC head; at least the size of the vocabulary.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub asr_vocab_size: usize,

    /// Blank of CTC and padding of label sequences, as an index into the vocabulary.
    pub pad_token_id: usize,

    /// Keep the convolutions of the feature encoder as they are, as the paper always does.
    pub freeze_feature_encoder: bool,

    /// Replace every self-attention by a forward and a time-reversed Mamba mixer.
    pub asr_use_mamba: bool,

    /// Add the mixers' input to their output, besides the encoder layer's own residual.
    pub asr_mamba_residual_inside: bool,

    /// Mix with Mamba-2 (state-space duality) instead of Mamba-1 (selective scan).
    pub asr_mamba_use_mamba2: bool,

    /// States per channel of a mixer; 0 = the operator's own: 128 for Mamba-2, 16 for Mamba-1.
    #[schemars(range(max = 65_536))]
    pub mamba_d_state: usize,

    /// Channels per head of a Mamba-2 mixer; must divide `hidden_size × mamba_expand`.
    #[schemars(range(min = 1, max = 65_536))]
    pub mamba_headdim: usize,

    /// Kernel width of a mixer's causal convolution, in frames.
    #[schemars(range(min = 1, max = 64))]
    pub mamba_d_conv: usize,

    /// Inner width of a mixer over `hidden_size`.
    #[schemars(range(min = 1, max = 64))]
    pub mamba_expand: usize,

    /// Frames per block of the Mamba-2 scan. A matter of speed: results agree to rounding.
    #[schemars(range(min = 1, max = 65_536))]
    pub mamba_chunk_size: usize,

    /// Attach classifier heads (intent, speaker) to the pooled encoder output.
    pub use_classifier: bool,

    /// Classes of each classifier head. For SLURP 18 scenarios and 46 actions.
    #[schemars(length(min = 1, max = 32), inner(range(min = 1, max = 1_048_576)))]
    pub classifier_num_targets: Vec<usize>,

    /// How frames become one vector for the classifier heads.
    pub classifier_pooling: Pooling,
}

impl Default for Wav2vec2 {
    fn default() -> Self {
        Self {
            pretrained: "facebook/wav2vec2-large-lv60".into(),
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            intermediate_size: 4096,
            conv_dim: vec![512; 7],
            conv_kernel: vec![10, 3, 3, 3, 3, 2, 2],
            conv_stride: vec![5, 2, 2, 2, 2, 2, 2],
            conv_bias: true,
            feat_extract_norm: FeatExtractNorm::Layer,
            do_stable_layer_norm: true,
            num_conv_pos_embeddings: 128,
            num_conv_pos_embedding_groups: 16,
            layer_norm_eps: 1e-5,
            initializer_range: 0.02,
            feat_proj_dropout: 0.2,
            final_dropout: 0.0,
            hidden_dropout: 0.2,
            activation_dropout: 0.2,
            attention_dropout: 0.1,
            layerdrop: 0.1,
            mask_time_prob: 0.1,
            mask_time_length: 10,
            mask_time_min_masks: 2,
            asr_vocab_size: 32,
            pad_token_id: 0,
            freeze_feature_encoder: true,
            asr_use_mamba: false,
            asr_mamba_residual_inside: true,
            asr_mamba_use_mamba2: true,
            mamba_d_state: 0,
            mamba_headdim: 64,
            mamba_d_conv: 4,
            mamba_expand: 1,
            mamba_chunk_size: 256,
            use_classifier: false,
            classifier_num_targets: vec![18, 46],
            classifier_pooling: Pooling::Mean,
        }
    }
}

/// Normalisation inside the feature encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeatExtractNorm {
    /// Group norm after the first convolution only (base). Its statistics include padding.
    Group,
    /// Layer norm after every convolution (large).
    Layer,
}

/// How frames become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over valid frames.
    Mean,
    /// The first frame.
    First,
}
