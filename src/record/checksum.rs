//! Checksums of a folder's files, in the format of the `sha256sum` program.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Component, Path};

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

/// Compares the files of `dir` with its checksums, which must list `required` and every other file that is there, and end with their
/// last line whole.
///
/// # Errors
/// A file is missing, not listed, differs, or cannot be read: the error names it.
pub(super) fn verify(dir: &Path, required: &str) -> Result<(), RecordError> {
    let sums_path = dir.join(FILE);
    let sums = fs::read_to_string(&sums_path).map_err(|error| missing(&sums_path, error))?;
    let unfit = |why: String| Err(RecordError::damaged(&sums_path, why));
    let mut listed = BTreeSet::new();
    for line in sums.lines() {
        match line.split_once("  ") {
            Some((sum, name)) if is_sum(sum) && is_name(name) => _ = listed.insert((name, sum)),
            _ => return unfit(format!("`{line}` is not a checksum and a name")),
        }
    }
    let lists = |name: &str| listed.iter().any(|(other, _)| *other == name);
    if !lists(required) {
        return unfit(format!("it does not list {required}"));
    }
    if !sums.ends_with('\n') {
        return unfit("its last line is cut off".into());
    }
    if let Some(other) = names(dir)?.into_iter().find(|name| name != FILE && !lists(name)) {
        return unfit(format!("it does not list {other}"));
    }
    for (name, want) in listed {
        let path = dir.join(name);
        let found = sum_of(&path).map_err(|error| missing(&path, error))?;
        if found != want {
            return Err(RecordError::damaged(&path, "its SHA-256 is not the one it was saved with"));
        }
    }
    Ok(())
}

/// 256 bits as hexadecimal digits.
fn is_sum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A file beside the list: nothing else is its business.
fn is_name(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(name)), None) if name == text)
}

/// Files and folders of `dir`; hidden ones are of file systems and their keepers, never of a checkpoint.
fn names(dir: &Path) -> Result<Vec<String>, RecordError> {
    let entries = fs::read_dir(dir).map_err(RecordError::io("list", dir))?;
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names =
        entries.map(name).collect::<io::Result<Vec<_>>>().map_err(RecordError::io("list", dir))?;
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    Ok(names)
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
