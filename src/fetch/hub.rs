//! The cache of Hugging Face's library, laid out as that library does: `models--ORG--NAME/{blobs,snapshots,refs}`.
//!
//! Blobs are named by the checksum that the hub states, snapshots by commit, and files of a snapshot are links to blobs. What another
//! program fetched is recognised, and what is fetched here is found by `[model.wav2vec2] pretrained = "ORG/NAME"` and by that library.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::{Entry, Source};
use super::digest::{Sum, sum_like};
use super::done::{Done, RECORDS, Records};
use super::download::{Wanted, Way, download};
use super::error::FetchError;
use super::fetched::{FetchedFile, FileState};
use super::notice::Notice;
use super::tree;

/// The place of one model in the cache.
pub(super) struct Cache {
    repository: PathBuf,
}

impl Cache {
    /// The place of the model `ORG/NAME`.
    ///
    /// # Errors
    /// The environment names no folder.
    pub(super) fn of(hub: &str) -> Result<Self, FetchError> {
        let from =
            |variable: &str, tail: &str| std::env::var_os(variable).map(|dir| PathBuf::from(dir).join(tail));
        let root = from("HF_HUB_CACHE", "")
            .or_else(|| from("HF_HOME", "hub"))
            .or_else(|| from("HOME", ".cache/huggingface/hub"))
            .ok_or(FetchError::NoCache)?;
        Ok(Cache { repository: root.join(format!("models--{}", hub.replace('/', "--"))) })
    }

    /// The folder of the snapshot that is there, or of the model.
    pub(super) fn folder(&self, entry: &Entry) -> PathBuf {
        self.commit(entry).map_or_else(|| self.repository.clone(), |commit| self.snapshot(&commit))
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.repository.join("snapshots").join(commit)
    }

    /// The commit that an entry means here.
    fn commit(&self, entry: &Entry) -> Option<String> {
        if is_commit(&entry.revision) {
            return self.snapshot(&entry.revision).is_dir().then(|| entry.revision.clone());
        }
        let text = fs::read_to_string(self.repository.join("refs").join(&entry.revision)).ok()?;
        Some(text.trim().to_owned())
    }

    /// A file of the entry, if it is there.
    pub(super) fn find(&self, entry: &Entry, source: &Source) -> Option<PathBuf> {
        let file = self.snapshot(&self.commit(entry)?).join(&source.name);
        file.is_file().then_some(file)
    }

    /// Fetches what is not there yet.
    ///
    /// # Errors
    /// As [`download`]; or the hub does not say which commit it sends.
    pub(super) fn fetch(
        &self,
        way: &mut Way<'_>,
        entry: &Entry,
        sources: &[&Source],
    ) -> Result<Vec<FetchedFile>, FetchError> {
        if sources.iter().all(|source| source.optional || self.find(entry, source).is_some()) {
            let there =
                sources.iter().filter_map(|source| self.find(entry, source).map(|file| (source, file)));
            return Ok(there
                .map(|(source, file)| self.there(source, &file, FileState::AlreadyThere))
                .collect());
        }
        let needed = sources.iter().filter(|source| self.find(entry, source).is_none());
        tree::room(&self.repository, needed.filter_map(|source| source.size()).sum(), "for all of it")?;
        let _lock = Records::of(&self.repository).lock()?;
        let mut files = Vec::new();
        let mut commit = is_commit(&entry.revision).then(|| entry.revision.clone());
        for source in sources {
            if let Some(file) = self.find(entry, source) {
                files.push(self.there(source, &file, FileState::AlreadyThere));
                continue;
            }
            match self.take(way, entry, source, &mut commit) {
                Err(FetchError::Refused { status: 404, .. }) if source.optional => {
                    (way.tell)(&Notice::NotThere { file: source.name.clone() });
                    files.push(FetchedFile::not_published(source));
                }
                taken => files.push(FetchedFile::new(taken?, FileState::Fetched)),
            }
        }
        if let Some(commit) = commit {
            self.refer(way, entry, &commit)?;
        }
        Ok(files)
    }

    /// Fetches one file; all after the first are of the first one's commit.
    fn take(
        &self,
        way: &mut Way<'_>,
        entry: &Entry,
        source: &Source,
        commit: &mut Option<String>,
    ) -> Result<Done, FetchError> {
        let incoming = self.repository.join(RECORDS).join(source.name.replace('/', "--"));
        let urls = entry.urls(source, commit.as_deref().unwrap_or(&entry.revision));
        let wanted = Wanted {
            name: &source.name,
            urls: &urls,
            file: &incoming,
            bytes: source.bytes,
            sum: source.sum(),
        };
        let got = download(way, &wanted)?;
        // What a server says becomes the name of a folder, so it has to look like a commit.
        let of = match (commit.clone(), &got.commit) {
            (Some(commit), _) => commit,
            (None, Some(commit)) if is_commit(commit) => commit.clone(),
            (None, _) => {
                return Err(FetchError::NoCommit { url: urls.first().cloned().unwrap_or_default() });
            }
        };
        let name = got.stated.as_ref().map_or(&got.sha256, |sum| match sum {
            Sum::Sha256(value) | Sum::GitBlob(value) | Sum::Md5(value) => value,
        });
        self.lay(&incoming, name, &of, &source.name)?;
        *commit = Some(of);
        Ok(Done {
            file: source.name.clone(),
            bytes: got.bytes,
            sha256: got.sha256,
            compared: got.sum.map(|sum| sum.value().to_owned()),
            tops: Vec::new(),
            files: 1,
        })
    }

    /// Moves a file among the blobs, and links it into its snapshot.
    fn lay(&self, incoming: &Path, blob: &str, commit: &str, name: &str) -> Result<(), FetchError> {
        let blobs = self.repository.join("blobs");
        tree::make(&blobs)?;
        let target = blobs.join(blob);
        fs::rename(incoming, &target).map_err(|error| FetchError::io("rename", incoming, error))?;
        let link = self.snapshot(commit).join(name);
        tree::make(link.parent().unwrap_or(&self.repository))?;
        let up = "../".repeat(2 + name.matches('/').count());
        let fresh = link.with_file_name(format!(".{blob}"));
        // As the library: a link where the disk has links, else the file itself.
        symlink(Path::new(&format!("{up}blobs/{blob}")), &fresh)
            .or_else(|_| fs::copy(&target, &fresh).map(|_| ()))
            .and_then(|()| fs::rename(&fresh, &link))
            .map_err(|error| FetchError::io("make the link", &link, error))
    }

    /// Lets `main` mean this commit, unless it means another one already.
    fn refer(&self, way: &mut Way<'_>, entry: &Entry, commit: &str) -> Result<(), FetchError> {
        let refs = self.repository.join("refs");
        tree::make(&refs)?;
        let name = if is_commit(&entry.revision) { "main" } else { entry.revision.as_str() };
        let path = refs.join(name);
        let now = fs::read_to_string(&path).unwrap_or_default();
        if is_commit(&entry.revision) && !now.is_empty() && now.trim() != commit {
            let hub = entry.hub.as_deref().unwrap_or_default();
            (way.tell)(&Notice::Note(format!(
                "`{hub}` goes on meaning commit {} here; this one is at {}",
                now.trim(),
                self.snapshot(commit).display()
            )));
            return Ok(());
        }
        let fresh = refs.join(".main.new");
        let written = fs::write(&fresh, commit).and_then(|()| fs::rename(&fresh, &path));
        written.map_err(|error| FetchError::io("write", &path, error))
    }

    /// Compares the files that are there with the checksums they are named by.
    ///
    /// # Errors
    /// None is there, or one has changed.
    pub(super) fn compare(
        &self,
        way: &mut Way<'_>,
        entry: &Entry,
        sources: &[&Source],
    ) -> Result<Vec<FetchedFile>, FetchError> {
        let (mut files, mut wrong) = (Vec::new(), Vec::new());
        for source in sources {
            let Some(file) = self.find(entry, source) else { continue };
            way.go_on()?;
            let bytes = file.metadata().map_or(0, |facts| facts.len());
            (way.tell)(&Notice::Checking { file: source.name.clone(), bytes });
            let expected = blob_name(&file).and_then(|name| Sum::from_etag(&name)).or_else(|| source.sum());
            if let Some(expected) = expected {
                let found =
                    sum_like(&expected, &file).map_err(|error| FetchError::io("read", &file, error))?;
                if found != expected {
                    wrong.push(format!("`{}` has changed", source.name));
                }
            }
            files.push(self.there(source, &file, FileState::Compared));
        }
        let folder = self.folder(entry);
        match (files.is_empty(), wrong.is_empty()) {
            (true, _) => Err(FetchError::Absent { what: entry.name.clone(), folder }),
            (_, false) => Err(FetchError::Changed { folder, files: wrong }),
            _ => Ok(files),
        }
    }

    /// A file that is there, by the name of its blob.
    fn there(&self, source: &Source, file: &Path, state: FileState) -> FetchedFile {
        let blob = blob_name(file).filter(|name| Sum::from_etag(name).is_some());
        FetchedFile {
            name: source.name.clone(),
            state,
            bytes: file.metadata().map_or(0, |facts| facts.len()),
            sha256: blob.clone().filter(|name| name.len() == 64).unwrap_or_default(),
            compared: blob,
        }
    }
}

fn blob_name(file: &Path) -> Option<String> {
    Some(fs::read_link(file).ok()?.file_name()?.to_string_lossy().into_owned())
}

fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(unix)]
fn symlink(to: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
