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

use std::path::Path;

use kernels::{Cpu, Tape};

use super::artifact::{Codes, Kind};
use super::frames::Frames;
use super::{Codec, CodecError, check, check_levels};
use crate::model::weights::{Match, read_checkpoint, take};
use crate::nn::{Params, Scope};

use layers::Stack;
use quantizer::Quantizer;
pub use sizes::Sizes;

/// Frames of codes that are taken at once: ten seconds.
const PIECE_FRAMES: usize = 750;
/// The bandwidth by default, in kbit/s: eight levels of the published model.
const BANDWIDTH_KBPS: f64 = 6.0;

/// The codec, ready to be used.
pub struct Encodec {
    sizes: Sizes,
    levels: usize,
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
    pub fn read(from: &Path) -> Result<Self, CodecError> {
        let sizes = Sizes::beside(from)?;
        let tensors = names::ours(read_checkpoint(from)?);
        let mut codec = Self::draw(sizes, 0)?;
        take(&mut codec.params, &tensors, from, Match::Strict)?;
        Ok(codec)
    }

    /// A codec with random weights, and codes of all its levels.
    ///
    /// # Errors
    /// There is no room.
    pub fn draw(sizes: Sizes, seed: u64) -> Result<Self, CodecError> {
        let mut declarations = Vec::new();
        let mut root = Scope::root(&mut declarations);
        let encoder = layers::encoder(&mut root.child("encoder"), &sizes);
        let decoder = layers::decoder(&mut root.child("decoder"), &sizes);
        let quantizer = Quantizer::declare(&mut root.child("quantizer"), &sizes);
        let params = Params::draw(&Cpu::default(), &declarations, seed)?;
        Ok(Encodec { levels: sizes.codebooks, sizes, params, encoder, quantizer, decoder })
    }

    /// What it is made of.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The names and extents of its tensors.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<usize>)> {
        self.params.iter().map(|param| (param.name(), param.array().shape().dims().to_vec()))
    }

    /// The codec with codes of as many levels as a bandwidth in kbit/s is enough for; where none is given, of those that 6 kbit/s are enough for, and
    /// at least of one.
    ///
    /// # Errors
    /// The bandwidth is not enough for one.
    pub fn with_bandwidth(self, kbps: Option<f64>) -> Result<Self, CodecError> {
        let levels = match kbps {
            Some(kbps) => self.sizes.levels(kbps)?,
            None => self.sizes.levels(BANDWIDTH_KBPS).unwrap_or(1),
        };
        self.with_levels(levels)
    }

    /// The codec with codes of so many levels.
    ///
    /// # Errors
    /// There are fewer codebooks.
    pub fn with_levels(mut self, levels: usize) -> Result<Self, CodecError> {
        check_levels(levels, self.sizes.codebooks)?;
        self.levels = levels;
        Ok(self)
    }

    /// The codes of samples, so many frames at once.
    fn encode_by(&self, samples: &[f32], piece_frames: usize) -> Result<Codes, CodecError> {
        if samples.is_empty() {
            return Err(CodecError::Empty);
        }
        let mut tape = Tape::silent();
        let mut memory = self.encoder.memory();
        let pieces: Vec<&[f32]> = samples.chunks(piece_frames * self.sizes.hop_samples()).collect();
        let mut columns: Vec<Vec<u16>> = vec![Vec::new(); self.levels];
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            let sound = Frames { values: piece.to_vec(), width: 1 };
            let latent = self.encoder.forward(&self.params, &mut tape, sound, &mut memory, last)?;
            self.quantizer.encode(&self.params, &mut tape, latent, &mut columns)?;
        }
        let frames = columns[0].len();
        Ok(Codes::new(self.levels, frames, columns.concat()))
    }

    /// The sound of codes, so many frames at once.
    fn decode_by(&self, codes: &Codes, piece_frames: usize) -> Result<Vec<f32>, CodecError> {
        check(codes, self.sizes.codebooks, self.sizes.codebook_size)?;
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
}

impl Codec for Encodec {
    fn kind(&self) -> Kind {
        Kind::Encodec
    }

    fn rate_hz(&self) -> u32 {
        self.sizes.rate_hz
    }

    fn hop_samples(&self) -> usize {
        self.sizes.hop_samples()
    }

    fn levels(&self) -> usize {
        self.levels
    }

    fn codebook_size(&self) -> usize {
        self.sizes.codebook_size
    }

    fn rows(&self, codes: &Codes) -> Result<Option<(usize, Vec<f32>)>, CodecError> {
        check(codes, self.sizes.codebooks, self.sizes.codebook_size)?;
        let rows = self.quantizer.decode(&self.params, codes, 0..codes.frames());
        Ok(Some((rows.width, rows.values)))
    }

    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError> {
        self.encode_by(samples, PIECE_FRAMES)
    }

    fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError> {
        self.decode_by(codes, PIECE_FRAMES)
    }
}
