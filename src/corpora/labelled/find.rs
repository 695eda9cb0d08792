//! Where a recording lies that a list names: at its path, or under its name anywhere in the folders given.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::corpora::prepare::PrepareError;

/// Endings of recordings that are read. One may have been made into another since the list was written.
const ENDINGS: [&str; 4] = ["flac", "wav", "ogg", "sph"];

/// Why there is no recording for a path.
#[derive(Debug)]
pub(super) enum Lost {
    Absent,
    /// So many are as near as each other.
    Several(usize),
}

/// Finds recordings. The folders are walked once, and only if a path alone does not lead to one.
#[derive(Debug)]
pub(super) struct Finder {
    folders: Vec<PathBuf>,
    /// Recordings by their name without ending.
    by_name: Option<HashMap<String, Vec<PathBuf>>>,
}

impl Finder {
    /// Looks in these folders, the first of them first.
    pub fn new<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> Self {
        Self { folders: folders.cloned().collect(), by_name: None }
    }

    /// The recording that a list has at `wav`; inside, why there is none. Its name alone is enough unless it must lie in a folder of the listed
    /// name (`with_folder`); of several that are called so it is the one with the most of the listed folders above it.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn find(&mut self, wav: &str, with_folder: bool) -> Result<Result<PathBuf, Lost>, PrepareError> {
        // An absolute path replaces the folder it is joined to.
        if let Some(path) = self.folders.iter().map(|folder| folder.join(wav)).find(|path| path.is_file()) {
            return Ok(Ok(path));
        }
        let by_name = match self.by_name.take() {
            Some(by_name) => by_name,
            None => walk(&self.folders)?,
        };
        let by_name = self.by_name.insert(by_name);
        let named = key(wav).and_then(|(_, stem)| by_name.get(stem)).map_or(&[][..], Vec::as_slice);
        let shared = |path: &Path| shared_folders(Path::new(wav), path);
        let most = named.iter().map(|path| shared(path)).max();
        let most = most.filter(|&most| most > 0 || !with_folder);
        let nearest: Vec<&PathBuf> = named.iter().filter(|path| Some(shared(path)) == most).collect();
        Ok(match nearest[..] {
            [] => Err(Lost::Absent),
            [path] => Ok(path.clone()),
            _ => Err(Lost::Several(nearest.len())),
        })
    }
}

/// The name of the folder that a listed path lies in, and its file's name without the ending; `None` where it names no file.
pub(super) fn key(wav: &str) -> Option<(&str, &str)> {
    let path = Path::new(wav);
    let name = path.file_name()?.to_str()?;
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if is_ending(ending) && !stem.is_empty() => stem,
        _ => name,
    };
    Some((path.parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default(), stem))
}

fn is_ending(ending: &str) -> bool {
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Folders right above both that are called the same.
fn shared_folders(one: &Path, other: &Path) -> usize {
    let above = |path: &Path| -> Vec<PathBuf> {
        path.ancestors().skip(1).filter_map(|folder| folder.file_name().map(PathBuf::from)).collect()
    };
    above(one).iter().zip(&above(other)).take_while(|(one, other)| one == other).count()
}

/// All recordings below the folders. Links to folders are not followed.
fn walk(folders: &[PathBuf]) -> Result<HashMap<String, Vec<PathBuf>>, PrepareError> {
    let mut by_name: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let mut folders = folders.to_vec();
    while let Some(dir) = folders.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(source) => return Err(PrepareError::Io { doing: "read", path: dir, source }),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().and_then(OsStr::to_str).is_some_and(is_ending)
                && let Some((_, stem)) = path.to_str().and_then(key)
            {
                let known = by_name.entry(stem.to_owned()).or_default();
                // `--audio` may lie below SOURCE.
                if !known.contains(&path) {
                    known.push(path);
                }
            }
        }
    }
    Ok(by_name)
}
