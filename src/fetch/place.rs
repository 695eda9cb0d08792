//! A file of an entry, from its publisher to its place in a plain folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::{Entry, Source};
use super::done::{Done, Records};
use super::download::{Wanted, Way, download};
use super::error::FetchError;
use super::judge::{Got, accept};
use super::tree;
use super::unpack::{Member, unpack};

/// Brings a file into `folder`, unpacked if it is an archive, and notes it.
///
/// # Errors
/// It cannot be had, is not what it should be, or the disk refuses.
pub(super) fn place(
    way: &mut Way<'_>,
    entry: &Entry,
    source: &Source,
    folder: &Path,
) -> Result<Done, FetchError> {
    let file = folder.join(&source.name);
    tree::make(file.parent().unwrap_or(folder))?;
    let urls = entry.urls(source, &entry.revision);
    let wanted =
        Wanted { name: &source.name, urls: &urls, file: &file, bytes: source.bytes, sum: source.sum() };
    // Somebody may have put it there by hand.
    let got = if file.is_file() { accept(way, &wanted)? } else { download(way, &wanted)? };
    let (tops, members) = match source.unpack {
        Some(_) => unpacked(way, source, folder, &file)?,
        None => {
            let member =
                Member { path: PathBuf::from(&source.name), bytes: got.bytes, sha256: got.sha256.clone() };
            (vec![PathBuf::from(&source.name)], vec![member])
        }
    };
    let done = noted(source, got, tops, members.len() as u64);
    Records::of(folder).note(&done, &members)?;
    if source.unpack.is_some() && !way.manners.keep_archive {
        fs::remove_file(&file).map_err(|error| FetchError::io("remove", &file, error))?;
    }
    Ok(done)
}

fn noted(source: &Source, got: Got, tops: Vec<PathBuf>, files: u64) -> Done {
    Done {
        file: source.name.clone(),
        bytes: got.bytes,
        sha256: got.sha256,
        compared: got.sum.map(|sum| sum.value().to_owned()),
        tops,
        files,
    }
}

/// Unpacks beside the folder's content and moves it in when all of it is there.
fn unpacked(
    way: &mut Way<'_>,
    source: &Source,
    folder: &Path,
    file: &Path,
) -> Result<(Vec<PathBuf>, Vec<Member>), FetchError> {
    let Some(format) = source.unpack else { return Ok(Default::default()) };
    let staging = Records::of(folder).staging(&source.name);
    tree::remove(&staging)?;
    let most_bytes = source.unpacked_bytes;
    let placed = unpack(way, file, format, &staging, most_bytes)
        .and_then(|members| Ok((tree::merge(&staging, folder)?, members)));
    let removed = tree::remove(&staging);
    let placed = placed?;
    removed?;
    Ok(placed)
}
