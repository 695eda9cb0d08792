//! What a DAC is made of.

use std::path::Path;

use serde_json::Value as Json;

use crate::codec::CodecError;

/// Sizes of a DAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Samples per second.
    pub rate_hz: u32,
    /// Channels behind the encoder's first convolution; each stage doubles them.
    pub encoder_width: usize,
    /// Strides of the encoder's stages.
    pub encoder_ratios: Vec<usize>,
    /// Width of a frame between encoder and quantiser.
    pub latent: usize,
    /// Channels behind the decoder's first convolution; each stage halves them.
    pub decoder_width: usize,
    /// Strides of the decoder's stages.
    pub decoder_ratios: Vec<usize>,
    /// Codebooks.
    pub codebooks: usize,
    /// Rows of a codebook.
    pub codebook_size: usize,
    /// Width of a row.
    pub codebook_width: usize,
}

impl Default for Sizes {
    /// The published model of 44.1 kHz.
    fn default() -> Self {
        Sizes {
            rate_hz: 44_100,
            encoder_width: 64,
            encoder_ratios: vec![2, 4, 8, 8],
            latent: 1024,
            decoder_width: 1536,
            decoder_ratios: vec![8, 8, 4, 2],
            codebooks: 9,
            codebook_size: 1024,
            codebook_width: 8,
        }
    }
}

/// What one of both programs calls the sizes.
struct Keys {
    rate_hz: &'static str,
    encoder_width: &'static str,
    encoder_ratios: &'static str,
    latent: &'static str,
    decoder_width: &'static str,
    decoder_ratios: &'static str,
}

/// As transformers' `config.json` has them.
const HUGGING_FACE: Keys = Keys {
    rate_hz: "sampling_rate",
    encoder_width: "encoder_hidden_size",
    encoder_ratios: "downsampling_ratios",
    latent: "hidden_size",
    decoder_width: "decoder_hidden_size",
    decoder_ratios: "upsampling_ratios",
};

/// As the authors' checkpoints note what their model was made with.
const AUTHORS: Keys = Keys {
    rate_hz: "sample_rate",
    encoder_width: "encoder_dim",
    encoder_ratios: "encoder_rates",
    latent: "latent_dim",
    decoder_width: "decoder_dim",
    decoder_ratios: "decoder_rates",
};

/// The largest size of any kind: with it a damaged file cannot ask for all memory.
const MOST: u64 = 1 << 16;
/// More levels than a file of codes has.
const MOST_CODEBOOKS: usize = 32;

impl Sizes {
    /// The sizes that a `config.json` beside weights says; `None` where there is none.
    ///
    /// # Errors
    /// It is damaged, or of another model.
    pub fn beside(weights: &Path) -> Result<Option<Self>, CodecError> {
        let path = match weights.is_dir() {
            true => weights.join("config.json"),
            false => weights.with_file_name("config.json"),
        };
        let wrong = |reason: String| CodecError::Config { path: path.clone(), codec: "DAC", reason };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let json: Json = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Self::of_config(&json).map(Some).map_err(wrong)
    }

    /// The sizes of a `config.json`; what it leaves out is as published.
    ///
    /// # Errors
    /// What is wrong, as a fragment of a sentence.
    pub fn of_config(json: &Json) -> Result<Self, String> {
        match json.get("model_type").map(|kind| kind.as_str()) {
            Some(Some("dac")) | None => Self::of(json, &HUGGING_FACE),
            Some(_) => Err("its `model_type` is not \"dac\"".into()),
        }
    }

    /// The sizes that the authors' checkpoint notes under `metadata`; what it leaves out is as published.
    ///
    /// # Errors
    /// What is wrong, as a fragment of a sentence.
    pub fn of_metadata(metadata: &Json) -> Result<Self, String> {
        Self::of(&metadata["kwargs"], &AUTHORS)
    }

    fn of(json: &Json, keys: &Keys) -> Result<Self, String> {
        let default = Self::default();
        let size = |key: &str, default: usize| match json.get(key) {
            None | Some(Json::Null) => Ok(default),
            Some(value) => match value.as_u64() {
                Some(value @ 1..=MOST) => Ok(value as usize),
                _ => Err(format!("its `{key}` is no size")),
            },
        };
        let ratios = |key: &str, default: Vec<usize>| match json.get(key) {
            None => Ok(default),
            Some(ratios) => strides(ratios).ok_or(format!("its `{key}` are no strides")),
        };
        let (encoder_width, encoder_ratios) = (
            size(keys.encoder_width, default.encoder_width)?,
            ratios(keys.encoder_ratios, default.encoder_ratios)?,
        );
        let latent = size(keys.latent, encoder_width << encoder_ratios.len())?;
        let sizes = Sizes {
            rate_hz: size(keys.rate_hz, default.rate_hz as usize)? as u32,
            encoder_width,
            encoder_ratios,
            latent,
            decoder_width: size(keys.decoder_width, default.decoder_width)?,
            decoder_ratios: ratios(keys.decoder_ratios, default.decoder_ratios)?,
            codebooks: size("n_codebooks", default.codebooks)?,
            codebook_size: size("codebook_size", default.codebook_size)?,
            codebook_width: size("codebook_dim", default.codebook_width)?,
        };
        sizes.checked(keys)
    }

    /// The sizes, if they fit each other.
    fn checked(self, keys: &Keys) -> Result<Self, String> {
        if self.rate_hz < 1_000 {
            return Err(format!("its `{}` is none", keys.rate_hz));
        }
        if self.encoder_ratios.iter().product::<usize>() != self.decoder_ratios.iter().product::<usize>() {
            return Err(format!(
                "its `{}` and `{}` have different products",
                keys.encoder_ratios, keys.decoder_ratios
            ));
        }
        if self.hop_samples() > MOST as usize {
            return Err(format!(
                "its `{}` make frames of {} samples",
                keys.encoder_ratios,
                self.hop_samples()
            ));
        }
        if self.decoder_width >> self.decoder_ratios.len() == 0 {
            return Err(format!(
                "its `{}` cannot be halved {} times",
                keys.decoder_width,
                self.decoder_ratios.len()
            ));
        }
        if self.codebooks > MOST_CODEBOOKS {
            return Err(format!("its `n_codebooks` is more than {MOST_CODEBOOKS}"));
        }
        Ok(self)
    }

    /// Samples of a frame.
    pub fn hop_samples(&self) -> usize {
        self.encoder_ratios.iter().product()
    }
}

/// One to eight strides, of two samples or more.
fn strides(json: &Json) -> Option<Vec<usize>> {
    let ratios = json.as_array().filter(|ratios| (1..=8).contains(&ratios.len()))?;
    ratios
        .iter()
        .map(|ratio| Some(ratio.as_u64().filter(|ratio| (2..=64).contains(ratio))? as usize))
        .collect()
}
