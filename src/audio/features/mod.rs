//! What do ears make of a sound? Energies in bands of the mel scale, frame by frame, and cepstra.
//!
//! For: Kaldi's filterbank and MFCC as torchaudio.compliance.kaldi computes them ([`KaldiFbank`], [`KaldiMfcc`]), and mel spectrograms and
//! MFCC by the conventions of torchaudio.transforms and librosa ([`MelSpectrogram`], [`Mfcc`]). All give [frames, bands], plan once and
//! may be shared by threads. Not for: gradients, pictures (`spectrogram.rs`), normalising and augmenting features.
//! Start at [`KaldiFbank`]; what all of them share is in `bands.rs`, which works on sixteen frames at a time.

mod bands;
mod bank;
mod error;
pub(super) mod frames;
mod kaldi;
mod mel;
mod mfcc;
mod window;

#[cfg(test)]
mod tests;

pub use error::FeatureError;
pub use kaldi::{KaldiFbank, KaldiSizes};
pub use mel::{Beyond, MelScale, MelSizes, MelSpectrogram, decibels};
pub use mfcc::{Cosines, KaldiMfcc, Mfcc};
pub use window::Window;
