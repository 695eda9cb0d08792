//! What a Vocos is made of, by the extents of its tensors; what they do not show is held to its `config.yaml`.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use crate::codec::CodecError;
use crate::model::weights::Tensors;
use crate::model::yaml;

/// Sizes of a Vocos that decodes EnCodec's codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Bandwidths that norms were trained for: of 2, 4, 8, … levels.
    pub bandwidths: usize,
    /// Codebooks: the levels of the widest bandwidth.
    pub codebooks: usize,
    /// Rows of a codebook.
    pub codebook_size: usize,
    /// Width of a row.
    pub latent: usize,
    /// Width of the blocks.
    pub width: usize,
    /// Width inside of a block.
    pub inner: usize,
    /// Blocks.
    pub blocks: usize,
    /// Taps of the first convolution.
    pub first_taps: usize,
    /// Taps of the blocks' convolutions.
    pub taps: usize,
    /// Samples of the transform; a step is a quarter of it.
    pub n_fft: usize,
}

/// The most of anything that is counted: with it a damaged file cannot ask for all memory.
const MOST: usize = 64;

impl Sizes {
    /// The sizes of a checkpoint.
    ///
    /// # Errors
    /// What is missing or cannot be, all of it.
    pub fn of(tensors: &Tensors) -> Result<Self, Vec<String>> {
        let mut misfits = Vec::new();
        let mut axes = |name: &str, count: usize| {
            let shape = tensors.get(name).map(|(shape, _)| shape.clone());
            match shape {
                Some(shape) if shape.len() == count && !shape.contains(&0) => shape,
                Some(shape) => {
                    misfits.push(format!("`{name}` is {shape:?} there, and has {count} axes here"));
                    vec![1; count]
                }
                None => {
                    misfits.push(format!("`{name}` is missing"));
                    vec![1; count]
                }
            }
        };
        let rows = axes("feature_extractor.codebook_weights", 2);
        let embed = axes("backbone.embed.weight", 3);
        let bandwidths = axes("backbone.norm.scale.weight", 2)[0];
        let inner = axes("backbone.convnext.0.pwconv1.weight", 2)[0];
        let taps = axes("backbone.convnext.0.dwconv.weight", 3)[2];
        let out = axes("head.out.weight", 2)[0];
        let blocks = (0..MOST)
            .take_while(|block| tensors.contains_key(&format!("backbone.convnext.{block}.gamma")))
            .count()
            .max(1);
        if misfits.is_empty() {
            let codebooks = 1 << bandwidths.min(MOST - 1);
            if bandwidths > 5 || !rows[0].is_multiple_of(codebooks) {
                misfits
                    .push(format!("{} rows of codebooks are not those of {bandwidths} bandwidths", rows[0]));
            } else if out < 10 || out % 8 != 2 {
                misfits.push(format!("{out} values of a frame are no spectrum of four steps"));
            } else if embed[2].is_multiple_of(2) || taps.is_multiple_of(2) {
                misfits.push("a convolution has an even number of taps".into());
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let codebooks = 1 << bandwidths;
        Ok(Sizes {
            bandwidths,
            codebooks,
            codebook_size: rows[0] / codebooks,
            latent: rows[1],
            width: embed[0],
            inner,
            blocks,
            first_taps: embed[2],
            taps,
            n_fft: out - 2,
        })
    }

    /// Samples of a frame.
    pub fn hop_samples(&self) -> usize {
        self.n_fft / 4
    }

    /// Which bandwidth's norms codes of so many levels are decoded with: the least that has as many.
    pub fn bandwidth(&self, levels: usize) -> usize {
        (0..self.bandwidths).find(|id| 2 << id >= levels).unwrap_or(self.bandwidths - 1)
    }

    /// Frames to either side of one that matter for its sound.
    pub fn reach_frames(&self) -> usize {
        // Four transforms lie over each sample, and some of those that do begin beyond their frame.
        self.first_taps / 2 + self.blocks * (self.taps / 2) + 4
    }

    /// Holds a `config.yaml` beside weights to these sizes.
    ///
    /// # Errors
    /// It cannot be read, or is of another model.
    pub fn agree(&self, weights: &Path) -> Result<(), CodecError> {
        let name = "config.yaml";
        let path = if weights.is_dir() { weights.join(name) } else { weights.with_file_name(name) };
        let wrong =
            |reason| CodecError::Config { path: path.clone(), codec: "Vocos for EnCodec's codes", reason };
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(wrong(error.to_string())),
            Ok(text) => {
                let settings = yaml::parse(&text).map_err(wrong)?;
                self.conflict(&settings).map_or(Ok(()), |reason| Err(wrong(reason)))
            }
        }
    }

    /// What settings say that is otherwise here, as a fragment of a sentence; what they leave out is as here.
    fn conflict(&self, settings: &Map<String, Json>) -> Option<String> {
        // EnCodec's bandwidths: 1.5 kbps for two levels, and each twice the one before.
        let kbps: Vec<f64> = (0..self.bandwidths).map(|id| 1.5 * f64::from(1u32 << id)).collect();
        let wanted = [
            ("feature_extractor.class_path", json!("vocos.feature_extractors.EncodecFeatures")),
            ("feature_extractor.init_args.encodec_model", json!("encodec_24khz")),
            ("feature_extractor.init_args.bandwidths", json!(kbps)),
            ("backbone.class_path", json!("vocos.models.VocosBackbone")),
            ("head.class_path", json!("vocos.heads.ISTFTHead")),
            ("head.init_args.n_fft", json!(self.n_fft)),
            ("head.init_args.hop_length", json!(self.hop_samples())),
            ("head.init_args.padding", json!("same")),
        ];
        wanted.iter().find_map(|(path, want)| {
            let mut parts = path.split('.');
            let top = settings.get(parts.next()?)?;
            let found = parts.try_fold(top, |at, part| at.get(part))?;
            (found != want).then(|| format!("its `{path}` is {found}, not {want}"))
        })
    }
}
