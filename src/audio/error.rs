//! Why a sound could not be read: one error that always names the file, and the reasons as data.

use std::io;

/// A file (or archive member) that could not be read or written, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot use audio `{name}`: {reason}")]
pub struct AudioError {
    /// The path, or `archive.zip/member`, as the user knows it.
    pub name: String,
    /// What went wrong.
    #[source]
    pub reason: Reason,
}

/// What went wrong with one file.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Nothing is at that path.
    #[error("there is no such file")]
    NotFound,
    /// The operating system refused.
    #[error("{0}")]
    Io(io::Error),
    /// The first bytes belong to no container that we read.
    #[error("it is not wav, flac, ogg or sph{}", looks_like.map(|what| format!(" (it looks like {what})")).unwrap_or_default())]
    UnknownFormat {
        /// The format its first bytes suggest, where we know it.
        looks_like: Option<&'static str>,
    },
    /// The container is ours, what it holds is not.
    #[error("{what} is not supported")]
    Unsupported {
        /// The coding or layout found.
        what: String,
    },
    /// A NIST Sphere file whose samples are packed by a program of its time.
    #[error("its samples are compressed with `{coding}`, which is not read here")]
    Compressed {
        /// `shorten-v2.00`, for example.
        coding: String,
    },
    /// The file ends before its header says so.
    #[error("it is truncated: {detail}")]
    Truncated {
        /// What was promised and what was found.
        detail: String,
    },
    /// The bytes break the rules of their format.
    #[error("it is damaged: {detail}")]
    Damaged {
        /// What the decoder said.
        detail: String,
    },
    /// There is not a single sample in it.
    #[error("it holds no samples")]
    Empty,
    /// A float file holds NaN or an infinity.
    #[error("sample {sample} is not a finite number")]
    NotFinite {
        /// Index of the first such sample, after mixing down.
        sample: usize,
    },
    /// A sample rate that no recording has.
    #[error("a sample rate of {rate_hz} Hz is outside 1000 to 768000 Hz")]
    Rate {
        /// The rate found or asked for.
        rate_hz: u32,
    },
}

impl AudioError {
    /// Names the file a reason belongs to.
    pub(super) fn new(name: &str, reason: Reason) -> Self {
        Self { name: name.to_owned(), reason }
    }

    /// What the user can do about it, where we know.
    pub fn help(&self) -> Option<&'static str> {
        match self.reason {
            Reason::UnknownFormat { looks_like: Some(_) } | Reason::Unsupported { .. } => {
                Some("convert it first, for example with `sox IN -b 16 OUT.wav`")
            }
            Reason::Compressed { .. } => {
                Some("unpack it first: `sph2pipe -p -f sph IN.sph OUT.sph`, where sox is not enough")
            }
            Reason::Truncated { .. } | Reason::Damaged { .. } => Some("copy or make the file again"),
            _ => None,
        }
    }
}

impl From<io::Error> for Reason {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::UnexpectedEof => {
                Self::Truncated { detail: "it ends inside its header".to_owned() }
            }
            _ => Self::Io(source),
        }
    }
}

/// How many leading bytes decide the format.
pub(super) const HEAD_BYTES: usize = 16;

/// Names common formats that we do not read, for the error message alone.
pub(super) fn looks_like(head: &[u8]) -> Option<&'static str> {
    let known: [(usize, &[u8], &str); 8] = [
        (0, b"ID3", "mp3, or a file with an ID3 tag"),
        (0, b"\xff\xfb", "mp3"),
        (0, b"RIFX", "big-endian wav"),
        (0, b"RF64", "RF64 wav"),
        (0, b"FORM", "aiff"),
        (0, b".snd", "au"),
        (4, b"ftyp", "mp4 or m4a"),
        (0, b"PK\x03\x04", "a zip archive"),
    ];
    known
        .iter()
        .find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
        .map(|(_, _, name)| *name)
}
