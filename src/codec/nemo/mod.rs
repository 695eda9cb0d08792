//! NVIDIA's audio codec at 44.1 kHz with finite scalar quantisation, as NeMo's `AudioCodecModel` has it: sound to codes and back.
//!
//! HiFi-GAN's residual layers (Kong et al. 2020, arXiv 2010.05646) bring 512 samples to one frame of 32 dimensions, of which each group of four is one
//! code ([`fsq`]); the decoder is their mirror. No group refines another, so all are needed to decode. NeMo fills a batch up to its longest sound and
//! silences what is behind each; here each sound is coded alone, as NeMo does it in a batch of one. No layer is causal: sound is taken in pieces with as much
//! beside them as layers see ([`layers`]), and comes out as if it had been taken whole. Not for: training, the discriminators that published files hold,
//! NeMo's other codecs. Start at [`Nemo`]; which tensors it has says [`sizes`].

mod fsq;
mod layers;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use kernels::{Array, Cpu, Tape};

use super::artifact::{Codes, Kind};
use super::{Codec, CodecError, check, fit, weight_norm};
use crate::model::torch::tarred;
use crate::model::weights::{Tensors, WeightsError, read_checkpoint};
use crate::nn::{Declaration, Params, Scope};

use fsq::Group;
use layers::{Reach, Stack};
pub use sizes::Sizes;

/// Frames that are taken at once: three seconds.
const PIECE_FRAMES: usize = 256;

/// Whose tensors are taken.
const PARTS: [&str; 3] = ["audio_encoder.", "audio_decoder.", "vector_quantizer."];

/// The codec, ready to be used.
pub struct Nemo {
    sizes: Sizes,
    params: Params<Cpu>,
    encoder: Stack,
    groups: Vec<Group>,
    decoder: Stack,
}

impl Nemo {
    /// Reads weights: a `.nemo` archive, a folder with one, or a file or folder of tensors by the same names. Sizes are those of the tensors; settings in an
    /// archive have to agree with them.
    ///
    /// # Errors
    /// They cannot be read, lack a tensor or have one of another shape: all of them at once; or the archive is of another codec.
    pub fn read(from: &Path) -> Result<Self, CodecError> {
        let file = Self::file_in(from).unwrap_or_else(|| from.to_owned());
        let archive = is_archive(&file) || tarred::is_tar(&file);
        let (tensors, settings) = match archive {
            true => tarred::read(&file).map(|read| (read.tensors, read.settings))?,
            false => (read_checkpoint(&file)?, serde_json::Map::new()),
        };
        let ours = |name: &str| PARTS.iter().any(|part| name.starts_with(part));
        let tensors = tensors.into_iter().filter(|(name, _)| ours(name));
        let tensors =
            weight_norm::folded(tensors.map(|(name, tensor)| (weight_norm::older(&name), tensor)).collect());
        let misfit = |misfits| WeightsError::Misfit { path: file.clone(), misfits };
        let sizes = Sizes::of(&tensors).map_err(misfit)?;
        if let Some(reason) = sizes.conflict(&settings) {
            return Err(CodecError::Config { path: file, codec: "NeMo's codec at 44.1 kHz", reason });
        }
        Self::of(sizes, &tensors, &file)
    }

    fn of(sizes: Sizes, tensors: &Tensors, from: &Path) -> Result<Self, CodecError> {
        let (declarations, [encoder, decoder]) = declared(&sizes);
        let params = fit::filled(&declarations, tensors, from)?;
        let groups = sizes.groups.iter().map(|levels| Group::new(levels)).collect();
        Ok(Nemo { sizes, params, encoder, groups, decoder })
    }

    /// The archive in a folder: the first by name.
    pub fn file_in(folder: &Path) -> Option<PathBuf> {
        let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        entries.filter(|path| is_archive(path) && path.is_file()).min()
    }

    /// The codes of samples, so many frames at once.
    fn encode_by(&self, samples: &[f32], piece_frames: usize) -> Result<Codes, CodecError> {
        if samples.is_empty() {
            return Err(CodecError::Empty);
        }
        let hop = self.sizes.hop_samples();
        let frames = samples.len().div_ceil(hop);
        let mut columns: Vec<Vec<u16>> = vec![Vec::with_capacity(frames); self.groups.len()];
        for piece in pieces(frames, piece_frames, self.encoder.reach(1, hop), hop) {
            let latent = self.latent(samples, &piece)?;
            for frame in latent.chunks_exact(self.sizes.latent()) {
                let mut rest = frame;
                for (group, column) in self.groups.iter().zip(&mut columns) {
                    let (values, behind) = rest.split_at(group.width());
                    let nan = || CodecError::Codes("the sound has become NaN within the encoder".into());
                    column.push(group.code(values).ok_or_else(nan)?);
                    rest = behind;
                }
            }
        }
        Ok(Codes::new(columns.len(), frames, columns.concat()))
    }

    /// What the encoder makes of a piece [frames, latent].
    fn latent(&self, samples: &[f32], piece: &Piece) -> Result<Vec<f32>, CodecError> {
        let (hop, width) = (self.sizes.hop_samples(), self.sizes.latent());
        let mut sound =
            samples[(piece.from * hop).min(samples.len())..(piece.to * hop).min(samples.len())].to_vec();
        // The last frame, and a sound that is too short to be mirrored, are filled up with silence.
        sound.resize((piece.to - piece.from) * hop, 0.0);
        let count = sound.len();
        let sound = Array::from_vec(&Cpu::default(), sound, [1, count, 1])?;
        let latent = self.encoder.forward(&self.params, &mut Tape::silent(), sound)?;
        Ok(latent.as_slice()[(piece.first - piece.from) * width..(piece.end - piece.from) * width].to_vec())
    }

    /// The sound of codes, so many frames at once.
    fn decode_by(&self, codes: &Codes, piece_frames: usize) -> Result<Vec<f32>, CodecError> {
        check(codes, self.groups.len(), self.sizes.codebook_size())?;
        if codes.levels() != self.groups.len() {
            let (levels, groups) = (codes.levels(), self.groups.len());
            let message =
                format!("there are {levels} levels, and all {groups} are needed: none refines another");
            return Err(CodecError::Codes(message));
        }
        let hop = self.sizes.hop_samples();
        let mut samples = Vec::with_capacity(codes.frames() * hop);
        for piece in pieces(codes.frames(), piece_frames, self.decoder.reach(hop, hop), hop) {
            let x = self.values(codes, &piece)?;
            let sound = self.decoder.forward(&self.params, &mut Tape::silent(), x)?;
            let own = &sound.as_slice()[(piece.first - piece.from) * hop..(piece.end - piece.from) * hop];
            samples.extend(own.iter().map(|sample| sample.clamp(-1.0, 1.0)));
        }
        Ok(samples)
    }

    /// The values of a piece's codes [1, frames, latent]. Behind the last frame, where there are too few to be mirrored, is that frame again.
    fn values(&self, codes: &Codes, piece: &Piece) -> Result<Array<Cpu>, CodecError> {
        let count = piece.to - piece.from;
        let mut values = Vec::with_capacity(count * self.sizes.latent());
        for frame in piece.from..piece.to {
            let frame = frame.min(codes.frames() - 1);
            for (level, group) in self.groups.iter().enumerate() {
                values.extend(group.values(codes.level(level)[frame]));
            }
        }
        Ok(Array::from_vec(&Cpu::default(), values, [1, count, self.sizes.latent()])?)
    }
}

/// The parameters of a codec, its encoder and its decoder.
fn declared(sizes: &Sizes) -> (Vec<Declaration>, [Stack; 2]) {
    let mut declarations = Vec::new();
    let mut root = Scope::root(&mut declarations);
    let encoder = layers::encoder(&mut root.child("audio_encoder"), &sizes.encoder, sizes.latent());
    let decoder = layers::decoder(&mut root.child("audio_decoder"), &sizes.decoder, sizes.latent());
    (declarations, [encoder, decoder])
}

fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "nemo")
}

/// Frames that are taken at once, and those beside them that are taken with them.
struct Piece {
    from: usize,
    first: usize,
    end: usize,
    to: usize,
}

/// The pieces of so many frames.
fn pieces(frames: usize, piece_frames: usize, reach: Reach, hop: usize) -> impl Iterator<Item = Piece> {
    let beside = reach.samples.div_ceil(hop);
    let all = frames.max(reach.least_frames);
    (0..frames).step_by(piece_frames).map(move |first| {
        let end = (first + piece_frames).min(frames);
        // What is filled up behind a sound that is too short belongs to it.
        Piece { from: first.saturating_sub(beside), first, end, to: (end + beside).min(all) }
    })
}

impl Codec for Nemo {
    fn kind(&self) -> Kind {
        Kind::Nemo
    }

    fn rate_hz(&self) -> u32 {
        Kind::Nemo.rate_hz()
    }

    fn hop_samples(&self) -> usize {
        self.sizes.hop_samples()
    }

    fn levels(&self) -> usize {
        self.groups.len()
    }

    fn codebook_size(&self) -> usize {
        self.sizes.codebook_size()
    }

    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError> {
        self.encode_by(samples, PIECE_FRAMES)
    }

    fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError> {
        self.decode_by(codes, PIECE_FRAMES)
    }
}
