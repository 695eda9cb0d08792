//! An index of a folder of runs: the content of all their small files in one, so that a thousand runs are read at once.
//!
//! It is a copy, never a source. Each entry knows the size, times and number of the two files that it was read from; one that does not fit
//! them is read afresh, an index that is damaged is as good as none, and one that cannot be written is not missed. So it heals itself,
//! whatever happens to runs or to it. It is replaced by a rename: of two processes that write it, the last one stays. Start at
//! [`Index::open`].

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::load::Run;
use crate::record::folder::read_json;
use crate::record::{Folder, Identity, RecordError, Status};

/// Hidden beside the runs.
pub(super) const NAME: &str = ".index";
/// The first words of the file; another layout has another number.
const LAYOUT: &str = "runner index 1";
/// A file changed so recently may change again without a trace in its times, so it is not yet remembered.
const SETTLED: Duration = Duration::from_secs(2);

/// What is remembered of a folder of runs.
pub(super) struct Index {
    runs_dir: PathBuf,
    entries: HashMap<String, Entry>,
    /// Differs from the file.
    changed: bool,
}

/// What is remembered of a run: a line of the file.
struct Entry {
    mark: Mark,
    /// [`Content`] as JSON, read only when it is asked for.
    content: Vec<u8>,
}

/// Which run, and which state of its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mark {
    /// Name of its folder.
    run: String,
    identity_file: Fingerprint,
    status_file: Option<Fingerprint>,
}

/// What the files say.
#[derive(Serialize, Deserialize)]
struct Content {
    identity: Identity,
    /// As it is written: whether a process still works on the run is asked anew.
    status: Option<Status>,
}

/// What tells a file from a later one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Fingerprint {
    bytes: u64,
    /// Since 1970; the times of content and, on Unix, of the entry in the folder.
    modified_nanos: u64,
    changed_nanos: u64,
    /// The file's number, on Unix.
    number: u64,
}

impl Index {
    /// The index of a folder of runs; empty where there is none, or none that is whole.
    pub fn open(runs_dir: &Path) -> Self {
        let entries = fs::read(runs_dir.join(NAME)).ok().and_then(|bytes| parse(&bytes)).unwrap_or_default();
        Index { runs_dir: runs_dir.to_owned(), entries, changed: false }
    }

    /// The run in the folder `name`, or `None` where there is none. What is remembered is taken as long as the files are the same.
    ///
    /// # Errors
    /// Its run.json or status.json is damaged or cannot be read.
    pub fn run(&mut self, name: &str) -> Result<Option<Run>, RecordError> {
        let dir = self.runs_dir.join(name);
        let folder = Folder::at(&dir);
        let content = match self.mark(name, &folder)? {
            Some(mark) => match self.remembered(&mark) {
                Some(content) => Some(content),
                None => self.read(&folder, mark)?,
            },
            None => None,
        };
        if content.is_none() {
            self.changed |= self.entries.remove(name).is_some();
        }
        Ok(content.map(|Content { identity, status }| Run {
            status: status.map(|status| status.now(&folder)),
            dir,
            identity,
        }))
    }

    /// The state of a run's files now; `None` where it is no run.
    fn mark(&self, name: &str, folder: &Folder) -> Result<Option<Mark>, RecordError> {
        let Some(identity_file) = Fingerprint::of(&folder.run_json())? else { return Ok(None) };
        let status_file = Fingerprint::of(&folder.status_json())?;
        Ok(Some(Mark { run: name.to_owned(), identity_file, status_file }))
    }

    fn remembered(&self, mark: &Mark) -> Option<Content> {
        let entry = self.entries.get(&mark.run).filter(|entry| entry.mark == *mark)?;
        serde_json::from_slice(&entry.content).ok()
    }

    /// Reads a run's files, and remembers what they say unless they are still in motion.
    fn read(&mut self, folder: &Folder, mark: Mark) -> Result<Option<Content>, RecordError> {
        self.changed |= self.entries.remove(&mark.run).is_some();
        let Some(identity) = Identity::read(folder)? else { return Ok(None) };
        let content = Content { identity, status: read_json(&folder.status_json())? };
        let settled =
            [Some(mark.identity_file), mark.status_file].into_iter().flatten().all(Fingerprint::has_settled);
        if settled && let Ok(json) = serde_json::to_vec(&content) {
            self.entries.insert(mark.run.clone(), Entry { mark, content: json });
            self.changed = true;
        }
        Ok(Some(content))
    }

    /// Forgets all runs but these.
    pub fn keep_only(&mut self, names: &[String]) {
        let before = self.entries.len();
        self.entries.retain(|name, _| names.binary_search(name).is_ok());
        self.changed |= self.entries.len() != before;
    }

    /// Writes the file, if anything has changed. A folder that takes no file goes without.
    pub fn save(self) {
        if self.changed && write(&self.runs_dir.join(NAME), &self.entries).is_err() {
            // The next reader looks into the runs again: slower, not wrong.
        }
    }
}

impl Fingerprint {
    /// The file's own, or `None` where it is not there.
    fn of(path: &Path) -> Result<Option<Self>, RecordError> {
        match fs::metadata(path) {
            Ok(facts) => Ok(Some(Fingerprint::new(&facts))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RecordError::Io { action: "read", path: path.to_owned(), source }),
        }
    }

    fn new(facts: &Metadata) -> Self {
        let modified_nanos = facts.modified().map_or(0, nanos);
        #[cfg(unix)]
        let (changed_nanos, number) = {
            use std::os::unix::fs::MetadataExt;
            (facts.ctime() as u64 * 1_000_000_000 + facts.ctime_nsec() as u64, facts.ino())
        };
        #[cfg(not(unix))]
        let (changed_nanos, number) = (modified_nanos, 0);
        Fingerprint { bytes: facts.len(), modified_nanos, changed_nanos, number }
    }

    fn has_settled(self) -> bool {
        let newest = self.modified_nanos.max(self.changed_nanos);
        newest + SETTLED.as_nanos() as u64 <= nanos(SystemTime::now())
    }
}

fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// The entries, if the text is what [`write`] wrote: the digest in its first line is that of all others.
fn parse(bytes: &[u8]) -> Option<HashMap<String, Entry>> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let (head, body) = (&bytes[..end], &bytes[end + 1..]);
    if head != header(body).as_bytes() {
        return None;
    }
    let lines = body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Entry::parse(line).map(|entry| (entry.mark.run.clone(), entry))).collect()
}

impl Entry {
    /// Mark and content with a tab between them, which JSON has only inside of texts and there as `\t`.
    fn parse(line: &[u8]) -> Option<Self> {
        let tab = line.iter().position(|&byte| byte == b'\t')?;
        let mark = serde_json::from_slice(&line[..tab]).ok()?;
        Some(Entry { mark, content: line[tab + 1..].to_vec() })
    }

    fn line(&self) -> io::Result<Vec<u8>> {
        Ok([serde_json::to_vec(&self.mark)?.as_slice(), b"\t", &self.content, b"\n"].concat())
    }
}

fn header(body: &[u8]) -> String {
    let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{LAYOUT} {digest}")
}

/// Not brought onto the disk before the rename, unlike what runs keep: a torn one is noticed, and worth nothing.
fn write(path: &Path, entries: &HashMap<String, Entry>) -> io::Result<()> {
    let mut entries: Vec<&Entry> = entries.values().collect();
    entries.sort_unstable_by_key(|entry| &entry.mark.run);
    let body = entries.into_iter().map(Entry::line).collect::<io::Result<Vec<_>>>()?.concat();
    let temporary = path.with_file_name(format!("{NAME}.tmp-{}", std::process::id()));
    let whole = [header(&body).as_bytes(), b"\n", &body].concat();
    let placed = fs::write(&temporary, whole).and_then(|()| fs::rename(&temporary, path));
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed
}
