//! Vocos (Siuzdak 2023, arXiv 2306.00814) as a decoder of EnCodec's codes: rows of codebooks to spectra, and spectra to sound.
//!
//! ConvNeXt blocks over whole frames give magnitudes and phases of a short-time Fourier transform; what its inverse makes of them is the sound. Norms are
//! those of a bandwidth, which follows from the number of levels; the reference programs take it from their settings instead, and so decode
//! codes of other levels with norms that were trained for others. Codes are EnCodec's, so EnCodec makes them. Not for: training, Vocos of mel spectrograms.
//! Start at [`Vocos`]; its layers are in [`backbone`].

mod backbone;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::Path;

use kernels::{Array, Cpu, Tape};

use super::artifact::{Codes, Kind};
use super::{Codec, CodecError, check, fit};
use crate::audio::features::FeatureError;
use crate::audio::synthesis::{Complex32, Spectra, Stft};
use crate::model::weights::{Tensors, WeightsError, read_checkpoint};
use crate::nn::{Init, ParamId, Params, Scope};

use backbone::Backbone;
pub use sizes::Sizes;

/// Frames that are taken at once: ten seconds.
const PIECE_FRAMES: usize = 750;

/// No bin of a spectrum is louder.
const LOUDEST: f32 = 100.0;

/// The decoder, ready to be used.
pub struct Vocos {
    sizes: Sizes,
    params: Params<Cpu>,
    codebooks: ParamId,
    backbone: Backbone,
    stft: Stft,
}

impl Vocos {
    /// Reads weights: a folder with `pytorch_model.bin` and `config.yaml`, or a file of tensors by the same names. Sizes are those of the tensors; a
    /// `config.yaml` beside them has to agree.
    ///
    /// # Errors
    /// They cannot be read, lack a tensor or have one of another shape: all of them at once; or `config.yaml` is of another model.
    pub fn read(from: &Path) -> Result<Self, CodecError> {
        let tensors = read_checkpoint(from)?;
        let misfit = |misfits| WeightsError::Misfit { path: from.to_owned(), misfits };
        let sizes = Sizes::of(&tensors).map_err(misfit)?;
        sizes.agree(from)?;
        Self::of(sizes, &tensors, from)
    }

    fn of(sizes: Sizes, tensors: &Tensors, from: &Path) -> Result<Self, CodecError> {
        let mut declarations = Vec::new();
        let mut root = Scope::root(&mut declarations);
        let rows = [sizes.codebooks * sizes.codebook_size, sizes.latent];
        let codebooks = root.child("feature_extractor").param("codebook_weights", rows, Init::Constant(0.0));
        let backbone = Backbone::declare(&mut root, &sizes);
        let params = fit::filled(&declarations, tensors, from)?;
        let misfit = |error: FeatureError| WeightsError::Misfit {
            path: from.to_owned(),
            misfits: vec![error.to_string()],
        };
        let stft = Stft::new(sizes.n_fft, sizes.n_fft, sizes.hop_samples()).map_err(misfit)?;
        Ok(Vocos { sizes, params, codebooks, backbone, stft })
    }

    /// The sums of the codebooks' rows [frames, latent].
    fn features(&self, codes: &Codes, from: usize, to: usize) -> Vec<f32> {
        let (width, size) = (self.sizes.latent, self.sizes.codebook_size);
        let rows = self.params.array(self.codebooks).as_slice();
        let mut sums = vec![0.0; (to - from) * width];
        for level in 0..codes.levels() {
            for (sum, &code) in sums.chunks_exact_mut(width).zip(&codes.level(level)[from..to]) {
                let row = &rows[(level * size + usize::from(code)) * width..][..width];
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        }
        sums
    }

    /// What the blocks make of features [1, frames, width].
    fn hidden(&self, features: Vec<f32>, bandwidth: usize) -> Result<Array<Cpu>, CodecError> {
        let frames = features.len() / self.sizes.latent;
        let x = Array::from_vec(&Cpu::default(), features, [1, frames, self.sizes.latent])?;
        Ok(self.backbone.forward(&self.params, &mut Tape::silent(), x, bandwidth)?)
    }

    /// The sound of hidden frames: the first half of what a linear layer makes of each are logarithms of magnitudes, the second phases.
    fn sound(&self, hidden: &Array<Cpu>) -> Result<Vec<f32>, CodecError> {
        let out = self.backbone.head(&self.params, &mut Tape::silent(), hidden)?;
        let bins = self.stft.bins();
        let mut values = Vec::with_capacity(out.len() / 2);
        for frame in out.as_slice().chunks_exact(2 * bins) {
            let (magnitudes, phases) = frame.split_at(bins);
            let value = |(magnitude, phase): (&f32, &f32)| {
                let (sine, cosine) = phase.sin_cos();
                let magnitude = magnitude.exp().min(LOUDEST);
                Complex32::new(magnitude * cosine, magnitude * sine)
            };
            values.extend(magnitudes.iter().zip(phases).map(value));
        }
        Ok(self.stft.waveform_of_steps(&Spectra { values, bins }))
    }

    /// The sound of codes, so many frames at once, with as many beside them as layers and transforms see.
    fn decode_by(&self, codes: &Codes, piece_frames: usize) -> Result<Vec<f32>, CodecError> {
        check(codes, self.sizes.codebooks, self.sizes.codebook_size)?;
        let bandwidth = self.sizes.bandwidth(codes.levels());
        let (frames, hop, beside) = (codes.frames(), self.sizes.hop_samples(), self.sizes.reach_frames());
        let mut samples = Vec::with_capacity(frames * hop);
        for first in (0..frames).step_by(piece_frames) {
            let end = (first + piece_frames).min(frames);
            let (from, to) = (first.saturating_sub(beside), (end + beside).min(frames));
            let sound = self.sound(&self.hidden(self.features(codes, from, to), bandwidth)?)?;
            samples.extend_from_slice(&sound[(first - from) * hop..(end - from) * hop]);
        }
        Ok(samples)
    }
}

impl Codec for Vocos {
    fn kind(&self) -> Kind {
        Kind::Encodec
    }

    fn rate_hz(&self) -> u32 {
        Kind::Encodec.rate_hz()
    }

    fn hop_samples(&self) -> usize {
        self.sizes.hop_samples()
    }

    fn levels(&self) -> usize {
        self.sizes.codebooks
    }

    fn codebook_size(&self) -> usize {
        self.sizes.codebook_size
    }

    /// # Errors
    /// Always: it decodes alone.
    fn encode(&self, _: &[f32]) -> Result<Codes, CodecError> {
        Err(CodecError::Codes("Vocos decodes alone: EnCodec makes its codes".into()))
    }

    fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError> {
        self.decode_by(codes, PIECE_FRAMES)
    }
}
