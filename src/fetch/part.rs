//! `FILE.part`: what has arrived of a file, and in `FILE.part.json` of which version of it.
//!
//! A process may end at any moment: the description is written before the first byte, and bytes are only ever appended.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::FetchError;

/// Which version of a file a part is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// The address that was asked.
    pub url: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub total_bytes: Option<u64>,
}

impl Version {
    /// What `If-Range` takes: a strong tag, or a date.
    pub(super) fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

/// The place of a part.
#[derive(Debug)]
pub(super) struct Part {
    pub path: PathBuf,
    version_path: PathBuf,
}

impl Part {
    /// The part of `file`.
    pub(super) fn of(file: &Path) -> Self {
        let with = |ending: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Part { path: with(".part"), version_path: with(".part.json") }
    }

    /// How much is here, and of which version; `None` where nothing is that could be gone on from.
    pub(super) fn here(&self) -> Option<(u64, Version)> {
        let bytes = fs::metadata(&self.path).ok()?.len();
        let version = serde_json::from_slice(&fs::read(&self.version_path).ok()?).ok()?;
        (bytes > 0).then_some((bytes, version))
    }

    /// An empty part of this version.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn begin(&self, version: &Version) -> Result<File, FetchError> {
        self.discard()?;
        let text = serde_json::to_vec_pretty(version).unwrap_or_default();
        fs::write(&self.version_path, text)
            .map_err(|error| FetchError::io("write", &self.version_path, error))?;
        self.append()
    }

    /// The part, to be gone on with.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn append(&self) -> Result<File, FetchError> {
        let opened = OpenOptions::new().create(true).append(true).open(&self.path);
        opened.map_err(|error| FetchError::io("write", &self.path, error))
    }

    /// Throws the part away.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn discard(&self) -> Result<(), FetchError> {
        for path in [&self.path, &self.version_path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(FetchError::io("remove", path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The part is whole and verified: gives it its name.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn finish(&self, file: &Path) -> Result<(), FetchError> {
        let synced = File::open(&self.path).and_then(|part| part.sync_all());
        synced
            .and_then(|()| fs::rename(&self.path, file))
            .map_err(|error| FetchError::io("rename", &self.path, error))?;
        self.discard()
    }
}
