//! Zip archives.

use std::io::{Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::Out;
use crate::fetch::error::FetchError;

/// Longest target of a link: that of the system.
const LONGEST_PATH: u64 = 4096;

/// Writes all members of a zip archive.
///
/// # Errors
/// As [`super::unpack`].
pub(super) fn unzip(out: &mut Out<'_, '_>, input: impl Read + Seek) -> Result<(), FetchError> {
    let mut archive = ZipArchive::new(input).map_err(|error| out.broken(error.to_string()))?;
    for index in 0..archive.len() {
        out.entry()?;
        let mut member = archive.by_index(index).map_err(|error| out.broken(error.to_string()))?;
        let name = member.name().map_err(|error| out.broken(error.to_string()))?.into_owned();
        let path = Path::new(&name);
        if member.is_dir() {
            out.folder(path)?;
        } else if member.is_symlink() {
            let mut to = String::new();
            let read = member.by_ref().take(LONGEST_PATH).read_to_string(&mut to);
            read.map_err(|error| out.broken(format!("`{name}`: {error}")))?;
            out.link(path, Path::new(&to))?;
        } else {
            let bytes = member.size();
            out.file(path, bytes, &mut member)?;
        }
    }
    Ok(())
}
