//! What an utterance is called, and where its clip goes.

use std::path::{Component, Path};

use super::lookup;

/// Endings that are no part of a name.
const ENDINGS: [&str; 4] = [".wav", ".flac", ".ogg", ".sph"];

/// The parts of a relative path joined by `_`, without its ending and without what a meta file cannot hold;
/// `None` where nothing is left.
pub(super) fn name_of(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    let joined = parts.join("_");
    let stem = ENDINGS.iter().find_map(|ending| joined.strip_suffix(ending)).unwrap_or(&joined);
    let unusable = |c: char| c.is_whitespace() || c.is_control() || c == '|';
    // A leading dot would hide the file, or leave the folder.
    let name = stem.trim_start_matches('.').replace(unusable, "-");
    (!name.is_empty()).then_some(name)
}

/// Where the clip of that name goes below the prepared folder, without ending: the first folder that readers
/// look into.
pub(super) fn place_of(name: &str) -> String {
    match lookup::folder_of(name) {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}
