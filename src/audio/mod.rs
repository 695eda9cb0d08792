//! What is in this sound?
//!
//! For: turning a wav, flac, Ogg Vorbis or NIST Sphere file into mono `f32` samples at the rate a model wants,
//! asking a file how long it is without decoding it, going through a long one block by block ([`Blocks`]), writing a clip as flac or wav, the waveform
//! normalisation of wav2vec2, samples as levels, spectrograms to look at, features for models ([`features`]), and sound out of
//! a mel spectrogram ([`synthesis`]).
//! Not for: deciding which file belongs to which utterance (`corpora`), or batching and padding (`data`).
//! Start at [`read`]; [`facts`] reads headers only.

mod blocks;
mod error;
pub mod features;
mod flac;
mod format;
mod levels;
mod loudness;
mod measure;
mod normalise;
mod ogg;
mod packets;
mod pcm16;
mod resample;
mod sinc;
mod spectrogram;
mod sph;
pub mod synthesis;
mod wav;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

pub use blocks::{Blocks, counted};
pub use error::{AudioError, Reason};
pub use format::{Format, is_sound};
pub use levels::{Law, Levels};
pub use loudness::{gain, loudness_lufs};
pub use measure::{Measured, SILENCE_DB, measure};
pub use normalise::{mean, normalise};
pub use pcm16::Pcm16;
pub use resample::resample;
pub use sinc::resample_by_sinc;
pub use spectrogram::{FLOOR_DB, Spectrogram};
pub use wav::{Written, pcm16_bytes, wav_bytes, wav_stream_header, write_wav};

/// What a file's header says about its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Samples per second of one channel.
    pub rate_hz: u32,
    /// Channels in the file; reading mixes them down to one.
    pub channels: u16,
    /// Samples per channel, at `rate_hz`.
    pub samples: u64,
    /// The container.
    pub format: Format,
}

/// A decoded sound: one channel at the rate of its file.
#[derive(Debug, Clone, PartialEq)]
struct Sound {
    /// Samples per second.
    rate_hz: u32,
    /// Mono samples, full scale is [-1, 1).
    samples: Vec<f32>,
}

/// Decodes the file at `path` to mono samples at `rate_hz`.
///
/// Integer samples become `i / 2^(bits - 1)`, channels are averaged, and other rates are resampled to
/// `ceil(n * rate_hz / file_rate)` samples. Fails on a missing, truncated, unknown, empty or non-finite file.
pub fn read(path: &Path, rate_hz: u32) -> Result<Vec<f32>, AudioError> {
    at_rate(&path.display().to_string(), decode(path)?, rate_hz)
}

/// Decodes the file at `path` to mono samples at the file's own rate: the rate, and the samples.
///
/// Fails as [`read`].
pub fn read_as_recorded(path: &Path) -> Result<(u32, Vec<f32>), AudioError> {
    let sound = decode(path)?;
    Ok((sound.rate_hz, sound.samples))
}

/// Decodes audio already in memory, such as the member of an archive; `name` appears in errors only.
pub fn read_bytes(name: &str, bytes: Vec<u8>, rate_hz: u32) -> Result<Vec<f32>, AudioError> {
    at_rate(name, decode_bytes(name, bytes)?, rate_hz)
}

/// Decodes the file at `path` to mono samples at the file's own rate.
fn decode(path: &Path) -> Result<Sound, AudioError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| AudioError::new(&name, source.into()))?;
    decode_bytes(&name, bytes)
}

/// Decodes audio already in memory to mono samples at its own rate; `name` appears in errors only.
fn decode_bytes(name: &str, bytes: Vec<u8>) -> Result<Sound, AudioError> {
    decode_by_format(bytes).and_then(checked).map_err(|reason| AudioError::new(name, reason))
}

/// Reads rate, channels and length of the file at `path` from its headers; a flac whose header does not know its length is decoded for it, a block
/// at a time.
pub fn facts(path: &Path) -> Result<Facts, AudioError> {
    let facts = File::open(path).map_err(Reason::from).and_then(|file| head(BufReader::new(file)));
    let facts = facts.map_err(|reason| AudioError::new(&path.display().to_string(), reason))?;
    match facts.samples {
        0 => Ok(Facts { samples: counted(path)?.1, ..facts }),
        _ => Ok(facts),
    }
}

/// Reads the same from a file's bytes, such as those of an archive's member; `name` appears in errors only.
pub fn facts_bytes(name: &str, bytes: &[u8]) -> Result<Facts, AudioError> {
    let facts = head(Cursor::new(bytes)).map_err(|reason| AudioError::new(name, reason))?;
    match facts.samples {
        0 => Ok(Facts { samples: decode_bytes(name, bytes.to_vec())?.samples.len() as u64, ..facts }),
        _ => Ok(facts),
    }
}

fn decode_by_format(bytes: Vec<u8>) -> Result<Sound, Reason> {
    match Format::known(&bytes)? {
        Format::Wav => wav::decode(bytes),
        Format::Flac => packets::survived(|| flac::decode(bytes)),
        Format::Ogg => packets::survived(|| ogg::decode(bytes)),
        Format::Sphere => sph::decode(&bytes),
    }
}

/// What a file's headers say. A flac written to a pipe does not know its own length: then it has 0 samples, as no other file may.
fn head(mut reader: impl Read + Seek) -> Result<Facts, Reason> {
    let mut head = Vec::with_capacity(error::HEAD_BYTES);
    reader.by_ref().take(error::HEAD_BYTES as u64).read_to_end(&mut head)?;
    let format = Format::known(&head)?;
    reader.seek(SeekFrom::Start(0))?;
    let facts = match format {
        Format::Wav => wav::facts(&mut reader)?,
        Format::Flac => flac::facts(&mut reader)?,
        Format::Ogg => ogg::facts(&mut reader)?,
        Format::Sphere => sph::facts(&mut reader)?,
    };
    resample::check_rate(facts.rate_hz)?;
    match (format, facts.samples) {
        (Format::Wav | Format::Ogg | Format::Sphere, 0) => Err(Reason::Empty),
        _ => Ok(facts),
    }
}

/// The checks every decoded sound passes, whatever it came from.
fn checked(sound: Sound) -> Result<Sound, Reason> {
    resample::check_rate(sound.rate_hz)?;
    if sound.samples.is_empty() {
        return Err(Reason::Empty);
    }
    match sound.samples.iter().position(|x| !x.is_finite()) {
        Some(sample) => Err(Reason::NotFinite { sample }),
        None => Ok(sound),
    }
}

fn at_rate(name: &str, sound: Sound, rate_hz: u32) -> Result<Vec<f32>, AudioError> {
    resample(sound.samples, sound.rate_hz, rate_hz).map_err(|reason| AudioError::new(name, reason))
}
