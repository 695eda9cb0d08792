//! Tar archives, read from front to back.

use std::cell::Cell;
use std::io::{self, Read};

use tar::{Archive, EntryType};

use super::Out;
use crate::fetch::error::FetchError;

/// What may stand between two files: padding, headers, names that are too long for a header. The reader of archives takes such a name whole
/// into memory, however long it says it is.
const MOST_BETWEEN: u64 = 1 << 20;

/// Input of which only so much is read between two files.
struct Between<'a, R> {
    input: R,
    /// Bytes that may still be read; `None` inside of a file, which is counted where it is written.
    left: &'a Cell<Option<u64>>,
}

impl<R: Read> Read for Between<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.left.get() else { return self.input.read(buffer) };
        if left == 0 {
            return Err(io::Error::other("more than a mebibyte stands between two of its files"));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.input.read(&mut buffer[..most])?;
        self.left.set(Some(left - count as u64));
        Ok(count)
    }
}

/// Writes all members of a tar archive.
///
/// # Errors
/// As [`super::unpack`].
pub(super) fn untar(out: &mut Out<'_, '_>, input: impl Read) -> Result<(), FetchError> {
    let left = Cell::new(Some(MOST_BETWEEN));
    let mut archive = Archive::new(Between { input, left: &left });
    let entries = archive.entries().map_err(|error| out.broken(error.to_string()))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| out.broken(error.to_string()))?;
        out.entry()?;
        let path = entry.path().map_err(|error| out.broken(error.to_string()))?.into_owned();
        let to = entry.link_name().map_err(|error| out.broken(error.to_string()))?;
        let to = to.map(std::borrow::Cow::into_owned).unwrap_or_default();
        match entry.header().entry_type() {
            EntryType::Directory => out.folder(&path)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let bytes = entry.size();
                left.set(None);
                out.file(&path, bytes, &mut entry)?;
            }
            EntryType::Symlink => out.link(&path, &to)?,
            EntryType::Link => out.hard_link(&path, &to)?,
            // Remarks about the archive as a whole.
            EntryType::XGlobalHeader => {}
            _ => return Err(out.refuse(format!("`{}` is neither file, folder nor link", path.display()))),
        }
        left.set(Some(MOST_BETWEEN));
    }
    Ok(())
}
