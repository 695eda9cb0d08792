//! The containers we read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Reason;
use super::error::looks_like;

/// The containers we read, told apart by their first bytes: file names lie, magic numbers seldom do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Wav,
    Flac,
    Ogg,
    /// NIST Sphere, usually called `.sph`.
    Sphere,
}

impl Format {
    /// The format of a file that begins with `head`, of which the first twelve bytes are enough; `None` where
    /// it is none of ours.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"RIFF") && head.get(8..12).is_none_or(|form| form == b"WAVE") {
            return Some(Self::Wav);
        }
        let known = [(&b"fLaC"[..], Self::Flac), (b"OggS", Self::Ogg), (b"NIST_1A", Self::Sphere)];
        known.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, format)| format)
    }

    /// How file names of the format end, without the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
            Self::Sphere => "sph",
        }
    }

    /// The format, or why there is none.
    pub(super) fn known(head: &[u8]) -> Result<Self, Reason> {
        if head.is_empty() {
            return Err(Reason::Empty);
        }
        Self::of(head).ok_or_else(|| Reason::UnknownFormat { looks_like: looks_like(head) })
    }
}

/// Whether the file is sound by its first bytes, or by a name that promises it, so that a broken file is not passed over.
pub fn is_sound(path: &Path) -> bool {
    let formats = [Format::Wav, Format::Flac, Format::Ogg, Format::Sphere];
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(12).read_to_end(&mut head));
    formats.iter().any(|format| format.ending() == ending) || read.is_ok() && Format::of(&head).is_some()
}
