//! Tar archives, read from front to back.

use std::io::Read;

use tar::{Archive, EntryType};

use super::Out;
use crate::fetch::error::FetchError;

/// Writes all members of a tar archive.
///
/// # Errors
/// As [`super::unpack`].
pub(super) fn untar(out: &mut Out<'_, '_>, input: impl Read) -> Result<(), FetchError> {
    let mut archive = Archive::new(input);
    let entries = archive.entries().map_err(|error| out.broken(error.to_string()))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| out.broken(error.to_string()))?;
        let path = entry.path().map_err(|error| out.broken(error.to_string()))?.into_owned();
        let to = entry.link_name().map_err(|error| out.broken(error.to_string()))?;
        let to = to.map(std::borrow::Cow::into_owned).unwrap_or_default();
        match entry.header().entry_type() {
            EntryType::Directory => out.folder(&path)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let bytes = entry.size();
                out.file(&path, bytes, &mut entry)?;
            }
            EntryType::Symlink => out.link(&path, &to)?,
            EntryType::Link => out.hard_link(&path, &to)?,
            // Remarks about the archive as a whole.
            EntryType::XGlobalHeader => {}
            _ => return Err(out.refuse(format!("`{}` is neither file, folder nor link", path.display()))),
        }
    }
    Ok(())
}
