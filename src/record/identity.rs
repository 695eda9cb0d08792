//! run.json: what a run is, from what and where. Written when it starts, completed when it ends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock;
use super::error::RecordError;
use super::folder::{Folder, read_json, write_json};
use super::host::{self, Host};

/// The format of run folders that this program writes.
pub const FORMAT: u32 = 1;

/// Everything that identifies a run. Fields that an older program did not write are empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Layout of the folder, [`FORMAT`].
    pub format: u32,
    pub name: String,
    /// Eight hexadecimal digits: what the run means.
    pub id: String,
    /// `teacher`, `student`, `source` …
    pub role: String,
    /// What the run is filed under.
    pub project: String,
    /// The experiment file and profile it was asked with.
    pub experiment: String,
    pub profile: Option<String>,
    /// Ids of the runs it builds on, by role.
    pub needs: BTreeMap<String, String>,
    /// The run and step it continues, as `<folder>@<step>`.
    pub parent: Option<String>,
    /// Random seeds by name.
    pub seeds: BTreeMap<String, u64>,
    /// Digests of the data by part.
    pub data: BTreeMap<String, String>,
    /// Leaves of the resolved configuration by dotted key, so that tables need not read config.toml.
    pub config: BTreeMap<String, Value>,
    pub params: u64,
    pub device: String,
    pub threads: usize,
    /// Arithmetic asked for and used, `f32` or `bf16 → f32`.
    pub precision: String,
    pub version: String,
    /// Commit of the repository it was started in.
    pub git_sha: Option<String>,
    pub host: Host,
    /// The command line that started it.
    pub argv: Vec<String>,
    /// UTC.
    pub started: String,
    /// UTC; `None` while it is not finished.
    pub finished: Option<String>,
}

impl Identity {
    /// An identity with what machine, program and clock tell filled in; the rest is the caller's.
    pub fn here_and_now() -> Self {
        Identity {
            format: FORMAT,
            version: host::VERSION.into(),
            git_sha: std::env::current_dir().ok().and_then(|dir| host::git_sha(&dir)),
            host: Host::this(),
            argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
            started: clock::now_utc(),
            ..Identity::default()
        }
    }

    /// The run's own, or `None` where it never started.
    ///
    /// # Errors
    /// run.json is damaged or cannot be read.
    pub fn read(folder: &Folder) -> Result<Option<Self>, RecordError> {
        read_json(&folder.run_json())
    }

    /// Writes run.json.
    ///
    /// # Errors
    /// The file system refused.
    pub fn write(&self, folder: &Folder) -> Result<(), RecordError> {
        write_json(&folder.run_json(), self)
    }

    /// Notes in run.json that the run ended now.
    ///
    /// # Errors
    /// run.json is damaged or missing, or the file system refused.
    pub fn finish(folder: &Folder) -> Result<(), RecordError> {
        let path = folder.run_json();
        let identity =
            Identity::read(folder)?.ok_or_else(|| RecordError::damaged(&path, "the file is missing"))?;
        Identity { finished: Some(clock::now_utc()), ..identity }.write(folder)
    }
}
