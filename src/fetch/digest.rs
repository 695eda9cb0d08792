//! Checksums, computed while bytes pass.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A checksum that a file must have, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sum {
    Sha256(String),
    /// SHA-1 of `blob LENGTH\0` and the bytes: what git, and the hub for small files, call them by.
    GitBlob(String),
    Md5(String),
}

impl Sum {
    /// What kind it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Sum::Sha256(_) => "SHA-256",
            Sum::GitBlob(_) => "git SHA-1",
            Sum::Md5(_) => "MD5",
        }
    }

    pub(super) fn value(&self) -> &str {
        match self {
            Sum::Sha256(value) | Sum::GitBlob(value) | Sum::Md5(value) => value,
        }
    }

    /// The sum that a server's `ETag` is where it has the form of one.
    pub(super) fn from_etag(etag: &str) -> Option<Self> {
        let value = etag.trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        let hexadecimal = value.chars().all(|c| c.is_ascii_hexdigit());
        match value.len() {
            64 if hexadecimal => Some(Sum::Sha256(value)),
            40 if hexadecimal => Some(Sum::GitBlob(value)),
            _ => None,
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.value())
    }
}

/// Sums up what passes: SHA-256 for our own records, and MD5 where that is what is known.
#[derive(Default)]
pub(super) struct Digest {
    sha256: Sha256,
    md5: Option<Md5>,
}

impl Digest {
    /// Sums for comparison with `wanted`.
    pub(super) fn for_sum(wanted: Option<&Sum>) -> Self {
        Digest { sha256: Sha256::new(), md5: matches!(wanted, Some(Sum::Md5(_))).then(Md5::new) }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// The SHA-256 and, where it was asked for, the MD5.
    pub(super) fn finish(self) -> (String, Option<String>) {
        (hex(&self.sha256.finalize()), self.md5.map(|md5| hex(&md5.finalize())))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hands the bytes of a file to `take`, piece by piece.
///
/// # Errors
/// The file cannot be read, or `take` refuses.
pub(super) fn pieces(path: &Path, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(&buffer[..count])?,
        }
    }
}

/// The sum of a file of the kind that `wanted` is.
///
/// # Errors
/// The file cannot be read.
pub(super) fn sum_like(wanted: &Sum, path: &Path) -> io::Result<Sum> {
    match wanted {
        Sum::GitBlob(_) => {
            let mut sha1 = Sha1::new();
            sha1.update(format!("blob {}\0", path.metadata()?.len()).as_bytes());
            pieces(path, |bytes| {
                sha1.update(bytes);
                Ok(())
            })?;
            Ok(Sum::GitBlob(hex(&sha1.finalize())))
        }
        Sum::Sha256(_) | Sum::Md5(_) => {
            let mut digest = Digest::for_sum(Some(wanted));
            pieces(path, |bytes| {
                digest.update(bytes);
                Ok(())
            })?;
            let (sha256, md5) = digest.finish();
            Ok(md5.map_or(Sum::Sha256(sha256), Sum::Md5))
        }
    }
}
