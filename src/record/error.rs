//! What can go wrong with a run's folder.

use std::io;
use std::path::{Path, PathBuf};

use super::folder::Holder;

/// Why something could not be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// Another process works on this run.
    #[error("the run in `{}` is already running{}", dir.display(), by(holder.as_ref()))]
    AlreadyRunning { dir: PathBuf, holder: Option<Holder> },
    /// A file of ours is not what we wrote.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// A value has no JSON form.
    #[error("cannot write `{}` as JSON: {source}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
}

impl RecordError {
    /// What the reader may do about it, where there is something.
    pub fn help(&self) -> Option<String> {
        match self {
            RecordError::AlreadyRunning { holder, .. } => Some(match holder {
                Some(holder) => format!("wait for it, or stop process {} on {}", holder.pid, holder.host),
                None => "wait for it to end".into(),
            }),
            RecordError::Damaged { .. } => {
                Some("restore the file, or start over with `--fresh`, which moves the folder aside".into())
            }
            RecordError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space and give the same command again: the last checkpoint is whole".into())
            }
            RecordError::Io { .. } | RecordError::Json { .. } => None,
        }
    }

    /// For `map_err`: the file system refused to `action` `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| RecordError::Io { action, path, source }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        RecordError::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}

fn by(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { pid, host, job: Some(job), .. }) => format!(" (process {pid} on {host}, job {job})"),
        Some(Holder { pid, host, .. }) => format!(" (process {pid} on {host})"),
        None => String::new(),
    }
}
