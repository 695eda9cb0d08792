//! The containers we read.

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
