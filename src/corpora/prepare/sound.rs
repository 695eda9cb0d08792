//! Where the sound of a unit is: a file of its own, or a row of a larger file.

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
        };
        let growth = GROWTH.iter().find(|(known, _)| ending == *known);
        (bytes as f64 * growth.map_or(FLAC_SHARE, |(_, growth)| *growth)) as u64
    }
}

/// A recording in hand, encoded.
pub(super) enum Source<'a> {
    File(&'a Path),
    Bytes(Vec<u8>),
}

impl Source<'_> {
    /// What its headers say, and its samples, mono at `rate_hz`.
    pub fn decode(&self, rate_hz: u32) -> Result<(Facts, Vec<f32>), AudioError> {
        match self {
            Self::File(path) => Ok((audio::facts(path)?, audio::read(path, rate_hz)?)),
            Self::Bytes(bytes) => {
                let facts = audio::facts_bytes(IN_A_ROW, bytes)?;
                Ok((facts, audio::read_bytes(IN_A_ROW, bytes.clone(), rate_hz)?))
            }
        }
    }

    /// Writes it to `path` as it is.
    pub fn copy(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::File(file) => fs::copy(file, path).map(|_| ()),
            Self::Bytes(bytes) => fs::write(path, bytes),
        }
    }
}
