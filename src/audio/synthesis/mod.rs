//! Sound out of a mel spectrogram, and the spectrogram that it is made of.
//!
//! For: what models of speech synthesis are taught ([`SpeechMel`]), and the way back: magnitudes that have such bands, a waveform that has such
//! magnitudes ([`GriffinLim`]), brought to an even loudness ([`to_loudness`]). Not for: features of recognisers (`features`), learnt vocoders.
//! Start at [`SpeechMel`].

mod griffin_lim;
mod loudness;
mod magnitudes;
mod speech_mel;
mod stft;

#[cfg(test)]
mod tests;

pub use griffin_lim::{GriffinLim, Phase};
pub use loudness::to_loudness;
pub use speech_mel::{MelForm, SpeechMel};
pub use stft::{Complex32, Spectra, Stft};
