//! What are a sound's tokens? Codes of neural codecs, and the files that keep them.
//!
//! Not for: training codecs, or models of codes. Start at [`Codec`], which every codec is, and [`open`]; [`recording`] goes from recordings to
//! files of codes ([`artifact`]) and back, [`dataset`] is a folder of such files, [`editing`]
//! cuts and joins them. [`cepstral`] is a codec without weights.

pub mod artifact;
pub mod cepstral;
pub mod dac;
pub mod dataset;
pub mod editing;
pub mod encodec;
mod error;
mod fit;
mod frames;
#[cfg(test)]
mod golden;
mod nearest;
pub mod nemo;
pub mod process;
pub mod recording;
pub mod similar;
pub mod vocos;
mod weight_norm;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use artifact::{Codes, Dac, Kind};
use cepstral::Cepstral;
use dac::DacModel;
use encodec::Encodec;
pub use error::CodecError;
use nemo::Nemo;
use vocos::Vocos;

use crate::model::weights;

/// A neural codec: sound at its own rate to codes, and back.
pub trait Codec {
    /// Whose codes they are, which says what ending their files have.
    fn kind(&self) -> Kind;

    /// Samples per second.
    fn rate_hz(&self) -> u32;

    /// Samples of a frame.
    fn hop_samples(&self) -> usize;

    /// Levels of the codes that it makes.
    fn levels(&self) -> usize;

    /// Codes that a level can have.
    fn codebook_size(&self) -> usize;

    /// The codes of mono samples at [`Codec::rate_hz`]: a frame for each [`Codec::hop_samples`], the last one filled up.
    ///
    /// # Errors
    /// There are no samples, or an op failed.
    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError>;

    /// The sound of codes: [`Codec::hop_samples`] samples for each frame.
    ///
    /// # Errors
    /// There are more levels than codebooks, a code is beyond them, or an op failed.
    fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError>;

    /// What the codebooks have for codes, summed over their levels: how wide a vector is, and one for each frame. `None` where a codec does not
    /// tell.
    ///
    /// # Errors
    /// There are more levels than codebooks, a code is beyond them, or an op failed.
    fn rows(&self, _codes: &Codes) -> Result<Option<(usize, Vec<f32>)>, CodecError> {
        Ok(None)
    }

    /// Sound as loud as the codec was trained to hear it, and what a file of codes notes so that it can be as loud as it was; by default sound
    /// stays as it is.
    fn levelled(&self, samples: Vec<f32>) -> (Vec<f32>, Option<Dac>) {
        (samples, None)
    }

    /// The sound of codes as their file's notes ask for it; by default they ask for nothing.
    ///
    /// # Errors
    /// The notes contradict the codes; else as [`Codec::decode`].
    fn decode_noted(&self, codes: &Codes, _notes: &Dac) -> Result<Vec<f32>, CodecError> {
        self.decode(codes)
    }
}

/// A codec that several use.
pub type SharedCodec = Arc<dyn Codec + Send + Sync>;

/// The codecs by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// EnCodec at 24 kHz.
    Encodec,
    /// The Descript Audio Codec.
    Dac,
    /// Vocos, which decodes EnCodec's codes.
    Vocos,
    /// NeMo's codec with finite scalar quantisation at 44.1 kHz.
    Nemo,
    /// Rounded cepstra, for which there are no weights.
    Cepstral,
}

impl Backend {
    /// Whose codes it makes.
    pub fn kind(self) -> Kind {
        match self {
            Backend::Encodec | Backend::Vocos => Kind::Encodec,
            Backend::Dac => Kind::Dac,
            Backend::Nemo => Kind::Nemo,
            Backend::Cepstral => Kind::Cepstral,
        }
    }

    /// The weights that are meant where none are named; an empty name where none are needed.
    pub fn default_weights(self) -> &'static str {
        match self {
            Backend::Encodec => "facebook/encodec_24khz",
            Backend::Dac => "models/dac/weights_44khz_8kbps_0.0.1.pth",
            Backend::Vocos => "charactr/vocos-encodec-24khz",
            Backend::Nemo => "nvidia/audio-codec-44khz",
            Backend::Cepstral => "",
        }
    }

    /// What `runner data fetch --model` calls them; an empty name where none are needed.
    pub fn fetched_as(self) -> &'static str {
        match self {
            Backend::Encodec => "encodec-24khz",
            Backend::Dac => "dac",
            Backend::Vocos => "vocos-encodec-24khz",
            Backend::Nemo => "nemo-audio-codec-44khz",
            Backend::Cepstral => "",
        }
    }

    /// Who makes the codes that it decodes: itself, but of Vocos EnCodec.
    pub fn encoder(self) -> Self {
        if self == Backend::Vocos { Backend::Encodec } else { self }
    }

    /// Whether a folder has weights of this codec.
    fn is_in(self, folder: &Path) -> bool {
        weights::is_in(folder) || self == Backend::Nemo && Nemo::file_in(folder).is_some()
    }
}

/// How many levels of codes a codec makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Depth {
    /// As many as it has by default.
    Usual,
    /// Those that a bandwidth in kbit/s is enough for.
    Kbps(f64),
    /// So many; of codecs that have no choice, all.
    Levels(usize),
}

impl From<Option<f64>> for Depth {
    fn from(bandwidth_kbps: Option<f64>) -> Self {
        bandwidth_kbps.map_or(Depth::Usual, Depth::Kbps)
    }
}

/// A codec with weights of this name at Hugging Face, or from this folder or file.
///
/// # Errors
/// There are no weights, they cannot be read or do not fit, or it does not have such levels.
pub fn open(
    backend: Backend,
    weights: Option<&str>,
    depth: Depth,
) -> Result<Box<dyn Codec + Send + Sync>, CodecError> {
    let kbps = match depth {
        Depth::Kbps(kbps) => Some(kbps),
        Depth::Usual | Depth::Levels(_) => None,
    };
    if backend == Backend::Cepstral {
        return match weights {
            None => Ok(Box::new(Cepstral::new()?.with_bandwidth(kbps)?)),
            Some(_) => Err(CodecError::Weightless),
        };
    }
    let name = weights.unwrap_or(backend.default_weights());
    let file = PathBuf::from(name);
    // Names at Hugging Face are of the form OWNER/NAME; any other is a path.
    let hub = name.split('/').count() == 2;
    let from = match file.is_file() {
        true => file,
        false => weights::locate_by(name, |folder| backend.is_in(folder)).map_err(|looked| {
            CodecError::Missing { looked: if hub { looked } else { file }, fetch: backend.fetched_as() }
        })?,
    };
    Ok(match (backend, depth) {
        (Backend::Encodec, Depth::Levels(levels)) => Box::new(Encodec::read(&from)?.with_levels(levels)?),
        (Backend::Dac, Depth::Levels(levels)) => Box::new(DacModel::read(&from)?.with_levels(levels)?),
        (Backend::Encodec, _) => Box::new(Encodec::read(&from)?.with_bandwidth(kbps)?),
        (Backend::Dac, _) => Box::new(DacModel::read(&from)?.with_bandwidth(kbps)?),
        (Backend::Vocos | Backend::Nemo, Depth::Kbps(_)) => return Err(CodecError::OneBandwidth),
        (Backend::Vocos, _) => Box::new(Vocos::read(&from)?),
        (Backend::Nemo, _) => Box::new(Nemo::read(&from)?),
        (Backend::Cepstral, _) => return Err(CodecError::Weightless),
    })
}

/// [`open`], and the same codec again to whoever asks for it after that: weights are read once, and kept as long as the process lives.
///
/// # Errors
/// As [`open`].
pub fn shared(backend: Backend, weights: Option<&str>, depth: Depth) -> Result<SharedCodec, CodecError> {
    type Opened = (Backend, Option<String>, Depth, SharedCodec);
    static OPENED: Mutex<Vec<Opened>> = Mutex::new(Vec::new());
    // A thread that panicked while it read weights has left none here.
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_it = |one: &&Opened| (one.0, one.1.as_deref(), one.2) == (backend, weights, depth);
    if let Some((.., codec)) = opened.iter().find(is_it) {
        return Ok(Arc::clone(codec));
    }
    let codec: SharedCodec = Arc::from(open(backend, weights, depth)?);
    opened.push((backend, weights.map(str::to_owned), depth, Arc::clone(&codec)));
    Ok(codec)
}

/// Refuses codes that a codec with so many codebooks of such a size does not have.
fn check(codes: &Codes, codebooks: usize, codebook_size: usize) -> Result<(), CodecError> {
    check_levels(codes.levels(), codebooks)?;
    match codes.values().iter().find(|code| usize::from(**code) >= codebook_size) {
        Some(code) => {
            let message = format!("there is no code {code}: codebooks have {codebook_size} rows");
            Err(CodecError::Codes(message))
        }
        None => Ok(()),
    }
}

fn check_levels(levels: usize, codebooks: usize) -> Result<(), CodecError> {
    if (1..=codebooks).contains(&levels) {
        return Ok(());
    }
    Err(CodecError::Codes(format!("there are {levels} levels, and {codebooks} codebooks")))
}

/// Levels that a bandwidth in kbit/s is enough for, at most as many as there are codebooks.
///
/// # Errors
/// It is not enough for one.
fn levels_at(kbps: f64, level_kbps: f64, codebooks: usize) -> Result<usize, CodecError> {
    // A bandwidth that is written with three digits shall be enough for what it was computed from.
    let levels = (kbps / level_kbps + 1e-9).floor();
    if levels >= 1.0 {
        Ok((levels as usize).min(codebooks))
    } else {
        Err(CodecError::Bandwidth { kbps, least_kbps: level_kbps })
    }
}
