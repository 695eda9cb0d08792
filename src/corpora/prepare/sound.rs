//! Where the sound of a unit is: a file of its own, a row of a larger file, or several files one after the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FLAC_SHARE, PrepareError};
use crate::audio::{self, AudioError, Facts, Format};

/// Bytes of flac for a byte of a source that is not flac and is taken whole, by its ending.
const GROWTH: [(&str, f64); 2] = [("flac", 1.0), ("ogg", 6.0)];

/// What errors call a sound that is no file; what is told of it names its row.
const IN_A_ROW: &str = "the sound";

/// Where the sound of a unit is.
#[derive(Debug)]
pub enum Sound {
    File(PathBuf),
    /// A file's content, encoded, in a row of a larger file that the recipe knows how to read.
    Row {
        /// The larger file.
        file: Arc<Path>,
        /// The row in it, from 0.
        row: u64,
        /// Size of the sound as it is there.
        bytes: u64,
        /// What its first bytes say; `None` where they say nothing.
        format: Option<Format>,
    },
    /// Stretches of files in silence, each at its own place.
    Joined {
        /// By place.
        pieces: Vec<Piece>,
        /// Length of the whole, at the layout's rate.
        samples: u64,
    },
}

/// A stretch of a file in a larger sound, in samples at the layout's rate. It ends with the file, or where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub file: PathBuf,
    /// Samples of the file before the stretch.
    pub skip: u64,
    /// Samples of the whole before it.
    pub at: u64,
}

/// Reads the sounds that lie in larger files.
///
/// There is one reader for all workers. It is asked for rows in the order of the layout, though not for each: what
/// is done already is left out.
pub trait RowReader: Send {
    /// The bytes of the sound at `row` of `file`, as they are.
    ///
    /// # Errors
    /// The larger file can no longer be read. A sound that cannot be decoded is none.
    fn read(&mut self, file: &Path, row: u64) -> Result<Vec<u8>, PrepareError>;
}

impl Sound {
    /// Bytes of flac that it makes when it is taken whole, about.
    pub(super) fn flac_bytes(&self) -> u64 {
        let (bytes, ending) = match self {
            Self::File(path) => {
                let bytes = fs::metadata(path).map_or(0, |facts| facts.len());
                (bytes, path.extension().and_then(|ending| ending.to_str()).unwrap_or_default())
            }
            Self::Row { bytes, format, .. } => (*bytes, format.map_or("", Format::ending)),
            Self::Joined { samples, .. } => (2 * samples, ""),
        };
        let growth = GROWTH.iter().find(|(known, _)| ending == *known);
        (bytes as f64 * growth.map_or(FLAC_SHARE, |(_, growth)| *growth)) as u64
    }
}

/// A recording in hand, encoded.
pub(super) enum Source<'a> {
    File(&'a Path),
    Bytes(Vec<u8>),
    Joined { pieces: &'a [Piece], samples: u64 },
}

/// A recording in hand, mono at the layout's rate.
pub(super) struct Decoded {
    pub sound: Vec<f32>,
    /// What the headers of the file say that it is all of; `None` where it is made of several.
    pub facts: Option<Facts>,
    pub resampled: bool,
}

impl Source<'_> {
    /// What its headers say, and its samples, mono at `rate_hz`.
    pub fn decode(&self, rate_hz: u32) -> Result<Decoded, AudioError> {
        let (facts, sound) = match self {
            Self::File(path) => (audio::facts(path)?, audio::read(path, rate_hz)?),
            Self::Bytes(bytes) => {
                let facts = audio::facts_bytes(IN_A_ROW, bytes)?;
                (facts, audio::read_bytes(IN_A_ROW, bytes.clone(), rate_hz)?)
            }
            Self::Joined { pieces, samples } => return joined(pieces, *samples, rate_hz),
        };
        Ok(Decoded { sound, resampled: facts.rate_hz != rate_hz, facts: Some(facts) })
    }

    /// Writes it to `path` as it is.
    ///
    /// # Errors
    /// Writing failed, or it is no file to begin with.
    pub fn copy(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::File(file) => fs::copy(file, path).map(|_| ()),
            Self::Bytes(bytes) => fs::write(path, bytes),
            Self::Joined { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Silence with the pieces in it.
fn joined(pieces: &[Piece], samples: u64, rate_hz: u32) -> Result<Decoded, AudioError> {
    let mut whole = Decoded { sound: vec![0.0; samples as usize], facts: None, resampled: false };
    let ends = pieces.iter().skip(1).map(|next| next.at).chain([samples]);
    for (piece, end) in pieces.iter().zip(ends) {
        whole.resampled |= audio::facts(&piece.file)?.rate_hz != rate_hz;
        let sound = audio::read(&piece.file, rate_hz)?;
        let stretch = sound.get(piece.skip as usize..).unwrap_or_default();
        if let Some(place) = whole.sound.get_mut(piece.at as usize..end as usize) {
            let count = stretch.len().min(place.len());
            place[..count].copy_from_slice(&stretch[..count]);
        }
    }
    Ok(whole)
}
