//! How a folder knows what was fetched into it: `.fetch/FILE.json` says that a file is there and whole, `.fetch/FILE.sha256` lists what it
//! became, in the format of the `sha256sum` program.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalogue::Source;
use super::digest::{Sum, sum_like};
use super::download::Way;
use super::error::FetchError;
use super::notice::Notice;
use super::tree;
use super::unpack::Member;

/// The folder of these records, in the folder of a corpus or model.
pub(super) const RECORDS: &str = ".fetch";

/// A file that was fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Done {
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
    /// The checksum it was compared with; none was known where it is absent.
    pub compared: Option<String>,
    /// What it became: names at the top of the folder.
    pub tops: Vec<PathBuf>,
    pub files: u64,
}

/// The records of a folder.
pub(super) struct Records {
    folder: PathBuf,
}

impl Records {
    pub(super) fn of(folder: &Path) -> Self {
        Records { folder: folder.to_owned() }
    }

    /// A place for what is on its way into the folder.
    pub(super) fn staging(&self, file: &str) -> PathBuf {
        self.path(file, ".unpacking")
    }

    fn path(&self, file: &str, ending: &str) -> PathBuf {
        self.folder.join(RECORDS).join(format!("{}{ending}", file.replace('/', "--")))
    }

    /// The record of a file, if it is there and still the catalogue's version.
    pub(super) fn find(&self, source: &Source) -> Option<Done> {
        let text = fs::read(self.path(&source.name, ".json")).ok()?;
        let done: Done = serde_json::from_slice(&text).ok()?;
        let same = match (source.sum(), &done.compared) {
            (Some(Sum::Sha256(sum)), _) => done.sha256.eq_ignore_ascii_case(&sum),
            (Some(sum), Some(compared)) => sum.value().eq_ignore_ascii_case(compared),
            _ => true,
        };
        let there = done.tops.iter().all(|top| self.folder.join(top).symlink_metadata().is_ok());
        (same && there).then_some(done)
    }

    /// Notes that a file is there. The list is written first, and the record appears by renaming.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn note(&self, done: &Done, members: &[Member]) -> Result<(), FetchError> {
        let list: String =
            members.iter().map(|member| format!("{}  {}\n", member.sha256, member.path.display())).collect();
        self.write(&self.path(&done.file, ".sha256"), list.as_bytes())?;
        let text = serde_json::to_vec_pretty(done).unwrap_or_default();
        self.write(&self.path(&done.file, ".json"), &text)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
        let fresh = path.with_extension("new");
        let written = fs::write(&fresh, bytes).and_then(|()| fs::rename(&fresh, path));
        written.map_err(|error| FetchError::io("write", path, error))
    }

    /// Compares what a file became with the list. Returns what is wrong, a phrase for each.
    ///
    /// # Errors
    /// The list cannot be read, or the user asked to stop.
    pub(super) fn compare(&self, way: &mut Way<'_>, done: &Done) -> Result<Vec<String>, FetchError> {
        let path = self.path(&done.file, ".sha256");
        let list = fs::read_to_string(&path).map_err(|error| FetchError::io("read", &path, error))?;
        (way.tell)(&Notice::Checking { file: done.file.clone(), bytes: done.bytes });
        let mut wrong = Vec::new();
        for (sum, name) in list.lines().filter_map(|line| line.split_once("  ")) {
            way.go_on()?;
            let wanted = Sum::Sha256(sum.to_owned());
            match sum_like(&wanted, &self.folder.join(name)) {
                Ok(found) if found == wanted => {}
                Ok(_) => wrong.push(format!("`{name}` has changed")),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    wrong.push(format!("`{name}` is missing"));
                }
                Err(error) => wrong.push(format!("`{name}` cannot be read ({error})")),
            }
        }
        Ok(wrong)
    }

    /// Keeps others from fetching into the folder as long as what is returned lives.
    ///
    /// # Errors
    /// Another process does.
    pub(super) fn lock(&self) -> Result<File, FetchError> {
        let records = self.folder.join(RECORDS);
        tree::make(&records)?;
        let path = records.join("lock");
        let lock = File::create(&path).map_err(|error| FetchError::io("write", &path, error))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(FetchError::Busy { folder: self.folder.clone() }),
            // Some network disks know no locks: then two fetches at once are the user's care.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(lock),
        }
    }
}
