//! A list of clips: JSON of one object with the key `data`.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::corpora::prepare::PrepareError;

const HELP: &str = "a list is `{\"data\": [{\"wav\": path, \"labels\": \"id,id\"}]}`";

/// One entry of a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Entry {
    Clip {
        wav: String,
        labels: String,
    },
    /// Anything else: named, not fatal.
    Other(IgnoredAny),
}

/// What an entry asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Where the recording is, or was.
    pub wav: &'a str,
    /// Identities of its classes, parted by commas.
    pub labels: &'a str,
}

#[derive(Deserialize)]
struct Entries {
    data: Vec<Entry>,
}

impl Entry {
    /// What it asks for; an error says why it asks for nothing.
    pub fn wanted(&self) -> Result<Wanted<'_>, String> {
        match self {
            Self::Clip { wav, labels } => Ok(Wanted { wav, labels }),
            Self::Other(_) => Err("it has no `wav` and `labels` that are texts".to_owned()),
        }
    }
}

/// Every entry of the list at `path`, in its order.
///
/// # Errors
/// It cannot be read, or is no such list.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, PrepareError> {
    let bytes =
        fs::read(path).map_err(|source| PrepareError::Io { doing: "read", path: path.to_owned(), source })?;
    let list: Result<Entries, _> = serde_json::from_slice(&bytes);
    list.map(|list| list.data).map_err(|error| {
        let detail = format!("it is no list of clips: {error}");
        PrepareError::Source { path: path.to_owned(), detail, help: Some(HELP) }
    })
}
