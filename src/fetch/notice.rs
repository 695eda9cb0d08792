//! What is told while something is fetched, and in which words.

use std::fmt;

use super::digest::Sum;
use crate::record::units::{bytes, duration};

/// Something happened on the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A file is asked for; `have` bytes of it are here from an earlier try.
    Begun { file: String, bytes: Option<u64>, have: u64 },
    /// So much of the file is here; not said in words.
    At { bytes: u64, total: Option<u64> },
    /// The part that is here is read again, to go on from it.
    Rereading { file: String, bytes: u64 },
    /// It did not work and is tried again.
    Again { why: String, wait_secs: f64, left: u32 },
    /// The part that was here is thrown away.
    StartsOver { why: String },
    /// Another address is tried.
    Elsewhere { why: String, url: String },
    /// An optional file does not exist.
    NotThere { file: String },
    /// The file is here, whole. `sum` is what it was compared with, if there was anything.
    Verified { file: String, bytes: u64, sum: Option<String>, by_the_server: bool },
    /// Archive members are written; `bytes` of them so far.
    Unpacking { file: String, bytes: u64 },
    /// The archive is unpacked.
    Unpacked { file: String, files: u64, bytes: u64 },
    /// Files are compared with what they were.
    Checking { file: String, bytes: u64 },
    /// Something else worth a line.
    Note(String),
}

impl Notice {
    /// That a file is whole.
    pub(super) fn verified(file: &str, bytes: u64, sum: Option<&Sum>, by_the_server: bool) -> Self {
        Notice::Verified {
            file: file.to_owned(),
            bytes,
            sum: sum.map(|sum| sum.kind().to_owned()),
            by_the_server,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Begun { file, bytes: None, have: 0 } => write!(f, "{file}: the length is not known"),
            Notice::Begun { file, bytes: Some(total), have: 0 } => write!(f, "{file}: {}", bytes(*total)),
            Notice::Begun { file, bytes: None, have } => {
                write!(f, "{file}: going on after the {} that are here", bytes(*have))
            }
            Notice::Begun { file, bytes: Some(total), have } => {
                write!(f, "{file}: going on after the {} of {} that are here", bytes(*have), bytes(*total))
            }
            Notice::At { bytes: done, total: Some(total) } => {
                write!(f, "{} of {}", bytes(*done), bytes(*total))
            }
            Notice::At { bytes: done, total: None } => write!(f, "{}", bytes(*done)),
            Notice::Rereading { file, bytes: have } => {
                write!(f, "{file}: reading the {} that are here", bytes(*have))
            }
            Notice::Again { why, wait_secs, left } => {
                write!(f, "{why}; trying again in {} ({left} more)", duration(*wait_secs))
            }
            Notice::StartsOver { why } => write!(f, "{why}; starting over"),
            Notice::Elsewhere { why, url } => write!(f, "{why}; trying {url}"),
            Notice::NotThere { file } => {
                write!(f, "{file}: the publisher has none, and it can be done without")
            }
            Notice::Verified { file, bytes: length, sum: None, .. } => write!(
                f,
                "{file}: {}, verified by length and format only: no checksum is published",
                bytes(*length)
            ),
            Notice::Verified { file, bytes: length, sum: Some(sum), by_the_server } => {
                let whose = if *by_the_server { "that the server states" } else { "of the catalogue" };
                write!(f, "{file}: {}, verified by the {sum} {whose}", bytes(*length))
            }
            Notice::Unpacking { file, bytes: done } => write!(f, "unpacking {file}: {}", bytes(*done)),
            Notice::Unpacked { file, files, bytes: total } => {
                write!(f, "{file}: unpacked {files} files, {}", bytes(*total))
            }
            Notice::Checking { file, bytes: total } => write!(f, "comparing {file}, {}", bytes(*total)),
            Notice::Note(said) => f.write_str(said),
        }
    }
}
