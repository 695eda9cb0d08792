//! The Descript Audio Codec (Kumar et al. 2023, arXiv 2306.06546): sound to codes and back, as transformers' `DacModel` has it.
//!
//! A convolutional encoder gives a vector for each 512 samples, and each level of the quantiser takes from it what is left of it by the row of its
//! codebook that points most nearly the same way; the decoder is its mirror. It was trained on sound of one loudness, so recordings are brought to that
//! first, and what was decoded back to theirs. Sound is taken piece by piece ([`layers`]), so that hours of sound take no more memory than seconds.
//! Not for: training, several channels. Start at [`DacModel`]; which tensors it has says [`names`].

mod layers;
mod names;
mod quantizer;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::Path;

use kernels::{Cpu, Tape};

use super::artifact::{Codes, Dac, Kind};
use super::frames::Frames;
use super::{Codec, CodecError, check, check_levels, levels_at};
use crate::audio::{gain, loudness_lufs};
use crate::model::torch;
use crate::model::weights::{Match, Tensors, read_checkpoint, take};
use crate::nn::{Params, Scope};

use layers::Stack;
use quantizer::Quantizer;
pub use sizes::Sizes;

/// Frames of codes that are taken at once: one and a half seconds.
const PIECE_FRAMES: usize = 128;
/// The loudness that the encoder hears.
const LOUDNESS_LUFS: f64 = -16.0;
/// What any recording may have had, from the least that is measured to more than full scale.
const SOUND_LUFS: std::ops::RangeInclusive<f32> = -70.0..=20.0;

/// The codec, ready to be used.
pub struct DacModel {
    sizes: Sizes,
    levels: usize,
    params: Params<Cpu>,
    encoder: Stack,
    quantizer: Quantizer,
    decoder: Stack,
}

impl DacModel {
    /// Reads weights: a folder in Hugging Face's layout, whose `config.json` says the sizes, or a file of tensors by Hugging Face's or by the
    /// authors' names, which notes them itself.
    ///
    /// # Errors
    /// They cannot be read, lack a tensor or have one of another shape: all of them at once.
    pub fn read(from: &Path) -> Result<Self, CodecError> {
        let (sizes, tensors) = sizes_and_tensors(from)?;
        let tensors = names::ours(tensors, &sizes);
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
        Ok(DacModel { levels: sizes.codebooks, sizes, params, encoder, quantizer, decoder })
    }

    /// What it is made of.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The names and extents of its tensors.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<usize>)> {
        self.params.iter().map(|param| (param.name(), param.array().shape().dims().to_vec()))
    }

    /// The codec with codes of as many levels as a bandwidth in kbit/s is enough for, of all where none is given.
    ///
    /// # Errors
    /// It is not enough for one.
    pub fn with_bandwidth(self, kbps: Option<f64>) -> Result<Self, CodecError> {
        let Some(kbps) = kbps else { return Ok(self) };
        let frames_per_sec = f64::from(self.sizes.rate_hz) / self.sizes.hop_samples() as f64;
        let level_kbps = (self.sizes.codebook_size as f64).log2() * frames_per_sec / 1_000.0;
        let levels = levels_at(kbps, level_kbps, self.sizes.codebooks)?;
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
        let hop = self.sizes.hop_samples();
        let mut tape = Tape::silent();
        let mut memory = self.encoder.memory(true);
        let pieces = samples.chunks(piece_frames * hop);
        let count = pieces.len();
        let mut columns: Vec<Vec<u16>> = vec![Vec::new(); self.levels];
        for (index, piece) in pieces.enumerate() {
            let last = index + 1 == count;
            let mut values = piece.to_vec();
            values.resize(piece.len().next_multiple_of(hop), 0.0);
            let sound = Frames { values, width: 1 };
            let latent = self.encoder.forward(&self.params, &mut tape, sound, &mut memory, last)?;
            self.quantizer.encode(&self.params, &mut tape, latent, &mut columns)?;
        }
        let frames = columns[0].len();
        Ok(Codes::new(self.levels, frames, columns.concat()))
    }

    /// The sound of codes, so many frames at once; without `padded`, of those samples alone that see nothing beyond the codes.
    fn decode_by(&self, codes: &Codes, piece_frames: usize, padded: bool) -> Result<Vec<f32>, CodecError> {
        check(codes, self.sizes.codebooks, self.sizes.codebook_size)?;
        let mut tape = Tape::silent();
        let mut memory = self.decoder.memory(padded);
        let mut samples = Vec::with_capacity(codes.frames() * self.sizes.hop_samples());
        let mut first = 0;
        while first < codes.frames() {
            let end = (first + piece_frames).min(codes.frames());
            let latent = self.quantizer.decode(&self.params, &mut tape, codes, first..end)?;
            let last = end == codes.frames();
            let sound = self.decoder.forward(&self.params, &mut tape, latent, &mut memory, last)?;
            samples.extend(sound.values);
            first = end;
        }
        Ok(samples)
    }
}

impl Codec for DacModel {
    fn kind(&self) -> Kind {
        Kind::Dac
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
        let rows = self.quantizer.decode(&self.params, &mut Tape::silent(), codes, 0..codes.frames())?;
        Ok(Some((rows.width, rows.values)))
    }

    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError> {
        self.encode_by(samples, PIECE_FRAMES)
    }

    fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError> {
        let mut samples = self.decode_by(codes, PIECE_FRAMES, true)?;
        // A stage of an odd stride makes a sample less than its input's frames ask for: silence in the place of a few at the end.
        samples.resize(codes.frames() * self.sizes.hop_samples(), 0.0);
        Ok(samples)
    }

    fn levelled(&self, mut samples: Vec<f32>) -> (Vec<f32>, Option<Dac>) {
        let input_lufs = loudness_lufs(&samples, self.sizes.rate_hz);
        gain(&mut samples, LOUDNESS_LUFS - input_lufs);
        let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        if peak > 1.0 {
            samples.iter_mut().for_each(|sample| *sample /= peak);
        }
        let notes = Dac {
            input_db: input_lufs as f32,
            chunk_length: samples.len().div_ceil(self.sizes.hop_samples()) as u64,
            channels: 1,
            padding: true,
        };
        (samples, Some(notes))
    }

    fn decode_noted(&self, codes: &Codes, notes: &Dac) -> Result<Vec<f32>, CodecError> {
        let wrong = |what: String| Err(CodecError::Codes(format!("its notes speak of {what}")));
        if notes.channels != 1 {
            return wrong(format!("{} channels, the codes are of one", notes.channels));
        }
        if notes.chunk_length == 0 {
            return wrong("pieces of no frames".into());
        }
        if !SOUND_LUFS.contains(&notes.input_db) {
            return wrong(format!("a loudness of {} LUFS", notes.input_db));
        }
        let piece = usize::try_from(notes.chunk_length).unwrap_or(usize::MAX);
        if notes.padding && piece >= codes.frames() {
            return self.decode(codes);
        }
        let mut samples = Vec::new();
        for first in (0..codes.frames()).step_by(piece) {
            let piece = codes.part(first..(first.saturating_add(piece)).min(codes.frames()));
            samples.extend(self.decode_by(&piece, PIECE_FRAMES, notes.padding)?);
        }
        Ok(samples)
    }
}

/// What a checkpoint holds, and what the model was made with.
fn sizes_and_tensors(from: &Path) -> Result<(Sizes, Tensors), CodecError> {
    if from.is_file() && torch::is_torch(from) {
        let checkpoint = torch::read(from)?;
        let sizes = match (checkpoint.beside.get("metadata"), Sizes::beside(from)?) {
            (Some(metadata), _) => Sizes::of_metadata(metadata).map_err(|reason| CodecError::Config {
                path: from.to_owned(),
                codec: "DAC",
                reason,
            })?,
            (None, beside) => beside.unwrap_or_default(),
        };
        return Ok((sizes, checkpoint.tensors));
    }
    Ok((Sizes::beside(from)?.unwrap_or_default(), read_checkpoint(from)?))
}
