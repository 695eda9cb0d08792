//! EnCodec (Défossez et al. 2022, arXiv 2210.13438) at 24 kHz: sound to codes and back, as transformers' `EncodecModel` has it.
//!
//! A causal convolutional encoder with an LSTM gives a vector for each 320 samples, and each level of the quantiser takes from it what is left of
//! it by the nearest row of its codebook; the decoder is its mirror. Sound is taken piece by piece: every layer keeps what it has to see of the
//! piece before ([`layers`]), so that hours of sound take no more memory than seconds. Not for: training, the model of 48 kHz (which is not causal),
//! entropy coding. Start at [`Encodec`]; which tensors it has says [`names`].

mod layers;
mod names;
mod quantizer;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use kernels::{Cpu, OpError, Tape};

use super::artifact::Codes;
use crate::model::weights::{Match, WeightsError, read_checkpoint, take};
use crate::nn::{Params, Scope};

use layers::{Frames, Stack};
use quantizer::Quantizer;
pub use sizes::Sizes;

/// Frames of codes that are taken at once: ten seconds.
const PIECE_FRAMES: usize = 750;

/// Why sound could not be coded, or codes not be heard.
#[derive(Debug, thiserror::Error)]
pub enum EncodecError {
    /// The weights cannot be read, or do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// `config.json` is damaged or of another model.
    #[error("`{}` is no configuration of EnCodec at 24 kHz: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, as a fragment of a sentence.
        reason: String,
    },
    /// An op failed.
    #[error(transparent)]
    Op(#[from] OpError),
    /// A bandwidth that no number of levels has.
    #[error("a bandwidth of {kbps} kbps is below that of one level, {least_kbps} kbps")]
    Bandwidth {
        /// As asked for.
        kbps: f64,
        /// That of one level.
        least_kbps: f64,
    },
    /// Codes of other levels, or beyond the codebooks.
    #[error("{0}")]
    Codes(String),
    /// Nothing to code.
    #[error("there are no samples")]
    Empty,
}

/// The codec, ready to be used.
pub struct Encodec {
    sizes: Sizes,
    params: Params<Cpu>,
    encoder: Stack,
    quantizer: Quantizer,
    decoder: Stack,
}

impl Encodec {
    /// Reads weights: a folder in Hugging Face's layout, whose `config.json` says the sizes, or a file of tensors by Hugging Face's or by the
    /// authors' names.
    ///
    /// # Errors
    /// They cannot be read, lack a tensor or have one of another shape: all of them at once.
    pub fn read(from: &Path) -> Result<Self, EncodecError> {
        let sizes = Sizes::beside(from)?;
        let tensors = names::ours(read_checkpoint(from)?);
        let mut codec = Self::draw(sizes, 0)?;
        take(&mut codec.params, &tensors, from, Match::Strict)?;
        Ok(codec)
    }

    /// A codec with random weights.
    ///
    /// # Errors
    /// There is no room.
    pub fn draw(sizes: Sizes, seed: u64) -> Result<Self, EncodecError> {
        let mut declarations = Vec::new();
        let mut root = Scope::root(&mut declarations);
        let encoder = layers::encoder(&mut root.child("encoder"), &sizes);
        let decoder = layers::decoder(&mut root.child("decoder"), &sizes);
        let quantizer = Quantizer::declare(&mut root.child("quantizer"), &sizes);
        let params = Params::draw(&Cpu::default(), &declarations, seed)?;
        Ok(Encodec { sizes, params, encoder, quantizer, decoder })
    }

    /// What it is made of.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The names and extents of its tensors.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<usize>)> {
        self.params.iter().map(|param| (param.name(), param.array().shape().dims().to_vec()))
    }

    /// Samples at [`Sizes::rate_hz`] as codes of `levels` levels: a frame for each [`Sizes::hop_samples`], the last one filled up.
    ///
    /// # Errors
    /// There are no samples, more levels than codebooks, or an op failed.
    pub fn encode(&self, samples: &[f32], levels: usize) -> Result<Codes, EncodecError> {
        self.encode_by(samples, levels, PIECE_FRAMES)
    }

    /// The same, so many frames at once.
    fn encode_by(&self, samples: &[f32], levels: usize, piece_frames: usize) -> Result<Codes, EncodecError> {
        if samples.is_empty() {
            return Err(EncodecError::Empty);
        }
        self.check_levels(levels)?;
        let mut tape = Tape::silent();
        let mut memory = self.encoder.memory();
        let pieces: Vec<&[f32]> = samples.chunks(piece_frames * self.sizes.hop_samples()).collect();
        let mut columns: Vec<Vec<u16>> = vec![Vec::new(); levels];
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            let sound = Frames { values: piece.to_vec(), width: 1 };
            let latent = self.encoder.forward(&self.params, &mut tape, sound, &mut memory, last)?;
            self.quantizer.encode(&self.params, &mut tape, latent, &mut columns)?;
        }
        let frames = columns[0].len();
        Ok(Codes::new(levels, frames, columns.concat()))
    }

    /// The sound of codes, at [`Sizes::rate_hz`]: [`Sizes::hop_samples`] for each frame.
    ///
    /// # Errors
    /// There are more levels than codebooks, a code is beyond them, or an op failed.
    pub fn decode(&self, codes: &Codes) -> Result<Vec<f32>, EncodecError> {
        self.decode_by(codes, PIECE_FRAMES)
    }

    /// The same, so many frames at once.
    fn decode_by(&self, codes: &Codes, piece_frames: usize) -> Result<Vec<f32>, EncodecError> {
        self.check_levels(codes.levels())?;
        if let Some(code) = codes.values().iter().find(|code| usize::from(**code) >= self.sizes.codebook_size)
        {
            let message =
                format!("there is no code {code}: codebooks have {} rows", self.sizes.codebook_size);
            return Err(EncodecError::Codes(message));
        }
        let mut tape = Tape::silent();
        let mut memory = self.decoder.memory();
        let mut samples = Vec::with_capacity(codes.frames() * self.sizes.hop_samples());
        let mut first = 0;
        while first < codes.frames() {
            let end = (first + piece_frames).min(codes.frames());
            let latent = self.quantizer.decode(&self.params, codes, first..end);
            let last = end == codes.frames();
            let sound = self.decoder.forward(&self.params, &mut tape, latent, &mut memory, last)?;
            samples.extend(sound.values);
            first = end;
        }
        Ok(samples)
    }

    fn check_levels(&self, levels: usize) -> Result<(), EncodecError> {
        if (1..=self.sizes.codebooks).contains(&levels) {
            return Ok(());
        }
        let message = format!("there are {levels} levels, and {} codebooks", self.sizes.codebooks);
        Err(EncodecError::Codes(message))
    }
}
