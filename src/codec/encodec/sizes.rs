//! What an EnCodec is made of.

use std::path::Path;

use serde_json::Value as Json;

use crate::codec::{CodecError, levels_at};

/// Sizes of a causal EnCodec with one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Samples per second.
    pub rate_hz: u32,
    /// Channels behind the first convolution; each stage doubles them.
    pub filters: usize,
    /// Strides of the decoder's stages, the encoder's in reverse.
    pub ratios: Vec<usize>,
    /// Width of a frame between encoder and quantiser.
    pub latent: usize,
    /// Rows of a codebook.
    pub codebook_size: usize,
    /// Codebooks.
    pub codebooks: usize,
    /// Taps of the first convolution.
    pub taps: usize,
    /// Taps of the last one.
    pub last_taps: usize,
    /// Taps of the wide convolution of a residual block.
    pub residual_taps: usize,
    /// Layers of the LSTM.
    pub lstm_layers: usize,
}

impl Default for Sizes {
    /// The published model of 24 kHz.
    fn default() -> Self {
        Sizes {
            rate_hz: 24_000,
            filters: 32,
            ratios: vec![8, 5, 4, 2],
            latent: 128,
            codebook_size: 1024,
            codebooks: 32,
            taps: 7,
            last_taps: 7,
            residual_taps: 3,
            lstm_layers: 2,
        }
    }
}

/// What the sizes here stand for; a model with other values is another one.
const FIXED: [(&str, &str); 11] = [
    ("model_type", "\"encodec\""),
    ("audio_channels", "1"),
    ("normalize", "false"),
    ("norm_type", "\"weight_norm\""),
    ("use_causal_conv", "true"),
    ("pad_mode", "\"reflect\""),
    ("num_residual_layers", "1"),
    ("compress", "2"),
    ("trim_right_ratio", "1.0"),
    ("use_conv_shortcut", "true"),
    ("chunk_length_s", "null"),
];

/// The largest size of any kind: with it a damaged file cannot ask for all memory.
const MOST: u64 = 1 << 16;

impl Sizes {
    /// The sizes that a `config.json` beside weights says; those of the published model where there is none.
    ///
    /// # Errors
    /// It is damaged, or of another kind of model.
    pub fn beside(weights: &Path) -> Result<Self, CodecError> {
        let path = if weights.is_dir() {
            weights.join("config.json")
        } else {
            weights.with_file_name("config.json")
        };
        let wrong =
            |reason: String| CodecError::Config { path: path.clone(), codec: "EnCodec at 24 kHz", reason };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let json: Json = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Self::of(&json).map_err(wrong)
    }

    /// The sizes of a `config.json`; what it leaves out is as published.
    ///
    /// # Errors
    /// What is wrong, as a fragment of a sentence.
    pub fn of(json: &Json) -> Result<Self, String> {
        for (key, want) in FIXED {
            let found = json.get(key).map(Json::to_string);
            let number = |text: &str| text.parse::<f64>().ok();
            let wanted =
                |found: &str| found == want || number(found).is_some_and(|x| number(want) == Some(x));
            if found.as_deref().is_some_and(|found| !wanted(found)) {
                return Err(format!("its `{key}` is not {want}"));
            }
        }
        let default = Self::default();
        let size = |key: &str, default: usize| match json.get(key) {
            None => Ok(default),
            Some(value) => match value.as_u64() {
                Some(value @ 1..=MOST) => Ok(value as usize),
                _ => Err(format!("its `{key}` is no size")),
            },
        };
        let ratios = match json.get("upsampling_ratios") {
            None => default.ratios.clone(),
            Some(ratios) => strides(ratios).ok_or("its `upsampling_ratios` are no strides")?,
        };
        let rate_hz = json.get("sampling_rate").map_or(Some(24_000), Json::as_u64);
        let mut sizes = Sizes {
            rate_hz: rate_hz
                .filter(|rate| (1_000..=768_000).contains(rate))
                .ok_or("its `sampling_rate` is none")? as u32,
            filters: size("num_filters", default.filters)?,
            ratios,
            latent: size("hidden_size", default.latent)?,
            codebook_size: size("codebook_size", default.codebook_size)?,
            codebooks: default.codebooks,
            taps: size("kernel_size", default.taps)?,
            last_taps: size("last_kernel_size", default.last_taps)?,
            residual_taps: size("residual_kernel_size", default.residual_taps)?,
            lstm_layers: size("num_lstm_layers", default.lstm_layers)?,
        };
        if size("codebook_dim", sizes.latent)? != sizes.latent {
            return Err("its `codebook_dim` is not its `hidden_size`".into());
        }
        if let Some(kbps) = json.get("target_bandwidths") {
            let kbps = kbps
                .as_array()
                .and_then(|all| all.last()?.as_f64())
                .ok_or("its `target_bandwidths` are none")?;
            // As transformers counts its quantisers: by whole bits and whole frames per second.
            let frames = f64::from(sizes.rate_hz.div_ceil(sizes.hop_samples() as u32));
            let bits = (sizes.codebook_size as f64).log2().ceil();
            let codebooks = (1_000.0 * kbps / (frames * bits)).floor();
            if !(1.0..=1_024.0).contains(&codebooks) {
                return Err("its `target_bandwidths` leave no number of codebooks".into());
            }
            sizes.codebooks = codebooks as usize;
        }
        Ok(sizes)
    }

    /// Samples of a frame.
    pub fn hop_samples(&self) -> usize {
        self.ratios.iter().product()
    }

    /// Levels that a bandwidth in kbit/s is enough for, at most as many as there are codebooks.
    ///
    /// # Errors
    /// It is not enough for one.
    pub fn levels(&self, kbps: f64) -> Result<usize, CodecError> {
        levels_at(kbps, self.level_kbps(), self.codebooks)
    }

    /// The bandwidth of one level in kbit/s.
    pub fn level_kbps(&self) -> f64 {
        (self.codebook_size as f64).log2() * f64::from(self.rate_hz) / self.hop_samples() as f64 / 1_000.0
    }
}

/// One to eight strides.
fn strides(json: &Json) -> Option<Vec<usize>> {
    let ratios = json.as_array().filter(|ratios| (1..=8).contains(&ratios.len()))?;
    ratios
        .iter()
        .map(|ratio| Some(ratio.as_u64().filter(|ratio| (1..=64).contains(ratio))? as usize))
        .collect()
}
