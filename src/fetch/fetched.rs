//! How an entry stands after a request: what scripts read as JSON.

use std::path::PathBuf;

use serde::Serialize;

use super::catalogue::Source;
use super::done::Done;

/// How a file stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    Fetched,
    AlreadyThere,
    Compared,
    /// The publisher has none, and it can be done without.
    NotPublished,
}

/// A file of a request.
#[derive(Debug, Clone, Serialize)]
pub struct FetchedFile {
    pub name: String,
    pub state: FileState,
    pub bytes: u64,
    /// SHA-256 of the file as it was fetched.
    pub sha256: String,
    /// The published checksum it was compared with.
    pub compared: Option<String>,
}

/// An entry that is there.
#[derive(Debug, Clone, Serialize)]
pub struct Fetched {
    pub name: String,
    pub folder: PathBuf,
    pub licence: String,
    pub files: Vec<FetchedFile>,
    pub next: Option<String>,
}

impl FetchedFile {
    pub(super) fn new(done: Done, state: FileState) -> Self {
        FetchedFile {
            name: done.file,
            state,
            bytes: done.bytes,
            sha256: done.sha256,
            compared: done.compared,
        }
    }

    pub(super) fn not_published(source: &Source) -> Self {
        FetchedFile {
            name: source.name.clone(),
            state: FileState::NotPublished,
            bytes: 0,
            sha256: String::new(),
            compared: None,
        }
    }
}
