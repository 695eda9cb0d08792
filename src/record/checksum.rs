//! Checksums of a folder's files, in the format of the `sha256sum` program.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::checkpoint::WriteFile;
use super::error::RecordError;

/// The file that lists the others: `<sha256>  <name>` a line.
pub(super) const FILE: &str = "SHA256SUMS";

/// A file on disk.
pub(super) struct Written {
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sum: String,
}

/// Writes a file and brings it onto the disk.
///
/// # Errors
/// The closure or the file system refused.
pub(super) fn write_summed(path: &Path, write: WriteFile<'_>) -> io::Result<Written> {
    let mut to =
        Summing { to: BufWriter::with_capacity(1 << 20, File::create(path)?), sum: Sha256::new(), bytes: 0 };
    write(&mut to)?;
    to.flush()?;
    to.to.get_ref().sync_all()?;
    Ok(Written { bytes: to.bytes, sum: hex(to.sum) })
}

/// Adds up what passes through.
struct Summing {
    to: BufWriter<File>,
    sum: Sha256,
    bytes: u64,
}

impl Write for Summing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.to.write(buffer)?;
        self.sum.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares the files of `dir` with its checksums, which must list `required`.
///
/// # Errors
/// A file is missing, differs, or cannot be read: the error names it.
pub(super) fn verify(dir: &Path, required: &str) -> Result<(), RecordError> {
    let sums_path = dir.join(FILE);
    let sums = fs::read_to_string(&sums_path).map_err(|error| missing(&sums_path, error))?;
    if !sums.lines().any(|line| line.ends_with(&format!("  {required}"))) {
        return Err(RecordError::damaged(&sums_path, format!("it does not list {required}")));
    }
    for line in sums.lines() {
        let Some((want, name)) = line.split_once("  ") else {
            return Err(RecordError::damaged(&sums_path, format!("`{line}` is not a checksum and a name")));
        };
        let path = dir.join(name);
        let found = sum_of(&path).map_err(|error| missing(&path, error))?;
        if found != want {
            return Err(RecordError::damaged(&path, "its SHA-256 is not the one it was saved with"));
        }
    }
    Ok(())
}

fn missing(path: &Path, error: io::Error) -> RecordError {
    match error.kind() {
        io::ErrorKind::NotFound => RecordError::damaged(path, "the file is missing"),
        io::ErrorKind::InvalidData => RecordError::damaged(path, "it is not text"),
        _ => RecordError::Io { action: "read", path: path.to_owned(), source: error },
    }
}

fn sum_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(sum)),
            count => sum.update(&buffer[..count]),
        }
    }
}
