//! What a model's `config.json` and `generation_config.json` say.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::TranscribeError;

/// What the network is made of, by the names of `config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sizes {
    model_type: String,
    pub vocab_size: usize,
    pub num_mel_bins: usize,
    pub d_model: usize,
    pub encoder_layers: usize,
    pub encoder_attention_heads: usize,
    pub encoder_ffn_dim: usize,
    pub decoder_layers: usize,
    pub decoder_attention_heads: usize,
    pub decoder_ffn_dim: usize,
    /// Positions of a window of sound, 20 ms each.
    pub max_source_positions: usize,
    /// Tokens of a window's transcript at most, with those that ask for it.
    pub max_target_positions: usize,
}

/// What may be said, by the names of `generation_config.json`; older models have it in `config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Manners {
    /// Tokens that are never said.
    pub suppress_tokens: Option<Vec<u32>>,
    /// Tokens that nothing begins with.
    pub begin_suppress_tokens: Option<Vec<u32>>,
    /// How far into the window the first words may begin, in steps of 20 ms.
    pub max_initial_timestamp_index: Option<usize>,
    /// Whether it knows more languages than English.
    pub is_multilingual: Option<bool>,
}

/// The file of sizes.
const SIZES: &str = "config.json";
/// The file of manners.
const MANNERS: &str = "generation_config.json";

impl Sizes {
    /// The sizes that the folder's `config.json` says.
    ///
    /// # Errors
    /// It cannot be read, is of another model, or contradicts itself.
    pub fn read(folder: &Path) -> Result<Self, TranscribeError> {
        let path = folder.join(SIZES);
        let sizes: Sizes = read(&path)?;
        match sizes.contradiction() {
            None => Ok(sizes),
            Some(reason) => Err(TranscribeError::beside(&path, reason)),
        }
    }

    fn contradiction(&self) -> Option<String> {
        if self.model_type != "whisper" {
            return Some(format!("`model_type` is `{}`", self.model_type));
        }
        let counts = [
            ("vocab_size", self.vocab_size),
            ("num_mel_bins", self.num_mel_bins),
            ("d_model", self.d_model),
            ("encoder_attention_heads", self.encoder_attention_heads),
            ("decoder_attention_heads", self.decoder_attention_heads),
            ("max_source_positions", self.max_source_positions),
            ("max_target_positions", self.max_target_positions),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Some(format!("`{name}` is 0"));
        }
        let heads = [self.encoder_attention_heads, self.decoder_attention_heads];
        let odd = heads.into_iter().find(|heads| !self.d_model.is_multiple_of(*heads))?;
        Some(format!("`d_model = {}` is no multiple of {odd} heads", self.d_model))
    }

    /// Frames of a window of sound, 10 ms each.
    pub fn window_frames(&self) -> usize {
        2 * self.max_source_positions
    }
}

impl Manners {
    /// The manners beside the sizes; none where neither file has any.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(folder: &Path) -> Result<Self, TranscribeError> {
        let own = folder.join(MANNERS);
        match own.exists() {
            true => read(&own),
            false => read(&folder.join(SIZES)),
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TranscribeError> {
    let text = std::fs::read(path).map_err(|error| TranscribeError::beside(path, error))?;
    serde_json::from_slice(&text).map_err(|error| TranscribeError::beside(path, error))
}
