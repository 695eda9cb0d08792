//! Folders and free space.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::FetchError;
use crate::record::host::free_bytes;

/// Left free on a disk, so that others can go on writing.
const RESERVE_BYTES: u64 = 64 << 20;

/// What may still be written where `folder` is, or will be; `None` where the system does not tell.
pub(super) fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|dir| dir.is_dir());
    // A relative path ends in an empty ancestor, which means the working directory.
    let there = there.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    free_bytes(there).map(|free| free.saturating_sub(RESERVE_BYTES))
}

/// # Errors
/// There is less than `needed` bytes of room.
pub(super) fn room(folder: &Path, needed: u64, what: &'static str) -> Result<(), FetchError> {
    match free(folder) {
        Some(free) if free < needed => {
            Err(FetchError::NoRoom { folder: folder.to_owned(), free, needed, what })
        }
        _ => Ok(()),
    }
}

/// Makes a folder and those around it.
///
/// # Errors
/// The disk refuses.
pub(super) fn make(folder: &Path) -> Result<(), FetchError> {
    fs::create_dir_all(folder).map_err(|error| FetchError::io("make", folder, error))
}

/// Removes a folder with all that is in it, if it is there.
///
/// # Errors
/// The disk refuses.
pub(super) fn remove(folder: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FetchError::io("remove", folder, error))
        }
        _ => Ok(()),
    }
}

/// Moves all that is in `from` into `to`: what is new as a whole, folders that are in both file by file. Returns the names at the top.
///
/// # Errors
/// A file of `to` is where `from` has a folder, or the other way round; or the disk refuses.
pub(super) fn merge(from: &Path, to: &Path) -> Result<Vec<PathBuf>, FetchError> {
    make(to)?;
    let unread = |error| FetchError::io("read", from, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(from).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let is_folder = entry.file_type().map_err(unread)?.is_dir();
        match target.symlink_metadata() {
            Ok(there) if there.is_dir() && is_folder => {
                merge(&source, &target)?;
            }
            Ok(there) if there.is_dir() || is_folder => return Err(FetchError::InTheWay { path: target }),
            _ => fs::rename(&source, &target).map_err(|error| FetchError::io("rename", &source, error))?,
        }
        names.push(entry.file_name().into());
    }
    names.sort();
    Ok(names)
}
