//! Which file holds an utterance's sound: the reference's rule, so that corpora prepared for it are found as
//! they lie.

use std::fs::{File, Metadata};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use zip::ZipArchive;
use zip::result::ZipError;

use super::CorpusError;

/// File name endings, in the order in which they are tried.
const ENDINGS: [&str; 4] = [".flac", ".wav", ".ogg", ""];

/// Open archives kept: a corpus may have thousands, a process may not hold that many files open.
const KEPT_ARCHIVES: usize = 16;

/// A clip of an archive may be as long as this, or so many times as long as it is packed: silence packs well, but not without end.
const MOST_MEMBER_BYTES: u64 = 64 << 20;
const MOST_PER_BYTE: u64 = 100;

/// Where an utterance's sound may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    Member { archive: PathBuf, member: String },
}

/// Where a sound lies, and what its file, or the archive that has it, was like when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's path, behind it the name in the archive where it is in one.
    pub place: String,
    /// Length, and when it was last written and changed: a file that is another has another stamp.
    pub stamp: String,
}

/// The sound of an utterance, found but not decoded.
pub(super) enum Found {
    File(PathBuf),
    Member { name: String, bytes: Vec<u8> },
}

/// Name without its last `_`-separated part: the folder (or archive) of an utterance; empty without any `_`.
pub(super) fn folder_of(name: &str) -> &str {
    name.rsplit_once('_').map_or("", |(folder, _)| folder)
}

/// All places for `name` with one `ending`, in the order of the rule.
pub(super) fn places(dir: &Path, name: &str, ending: &str) -> Vec<Place> {
    let folder = folder_of(name);
    let parts: Vec<&str> = name.split('_').collect();
    let mut places = places_in(dir, folder, name, ending);
    if let [_, second, _] = parts[..] {
        places.extend(places_in(&dir.join(folder), second, name, ending));
    }
    places.push(Place::File(dir.join(format!("{name}{ending}"))));
    places
}

/// An archive, a folder, and a folder of the first seven characters of the name's second part.
fn places_in(dir: &Path, folder: &str, name: &str, ending: &str) -> Vec<Place> {
    if folder.is_empty() {
        return Vec::new();
    }
    let file = format!("{name}{ending}");
    let second_part = name.split('_').nth(1).unwrap_or_default();
    let shelf: String = second_part.chars().take(7).collect();
    vec![
        Place::Member { archive: dir.join(format!("{folder}.zip")), member: file.clone() },
        Place::File(dir.join(folder).join(&file)),
        Place::File(dir.join(folder).join(shelf).join(file)),
    ]
}

/// Finds sounds, and keeps the archives last used open.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    archives: Mutex<Vec<(PathBuf, ZipArchive<BufReader<File>>)>>,
}

impl Lookup {
    /// The first place that exists. A file that exists and is broken is an error later, never a reason to
    /// look elsewhere.
    pub(super) fn find(&self, dir: &Path, name: &str) -> Result<Found, CorpusError> {
        for ending in ENDINGS {
            for place in places(dir, name, ending) {
                if let Some(found) = self.at(place)? {
                    return Ok(found);
                }
            }
        }
        let tried = places(dir, name, "").into_iter().map(|place| match place {
            Place::File(path) => format!("`{}`", path.display()),
            Place::Member { archive, .. } => format!("`{}`", archive.display()),
        });
        Err(CorpusError::NoAudio { name: name.to_owned(), tried: tried.collect() })
    }

    /// Where [`Lookup::find`] would find the sound, if there is any. Nothing of it is read.
    pub(super) fn source(&self, dir: &Path, name: &str) -> Result<Option<Source>, CorpusError> {
        for place in ENDINGS.iter().flat_map(|ending| places(dir, name, ending)) {
            let (path, member) = match &place {
                Place::File(path) => (path, None),
                Place::Member { archive, member } => (archive, Some(member)),
            };
            let Some(facts) = path.metadata().ok().filter(Metadata::is_file) else { continue };
            let inside = match member {
                Some(member) => {
                    self.with_archive(path, |archive| archive.index_for_name(member).is_some())?
                }
                None => true,
            };
            if inside {
                let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let behind = member.map_or_else(String::new, |member| format!("/{member}"));
                let place = format!("{}{behind}", whole.display());
                return Ok(Some(Source { place, stamp: stamp(&facts) }));
            }
        }
        Ok(None)
    }

    fn at(&self, place: Place) -> Result<Option<Found>, CorpusError> {
        match place {
            Place::File(path) => Ok(path.is_file().then_some(Found::File(path))),
            Place::Member { archive, .. } if !archive.is_file() => Ok(None),
            Place::Member { archive, member } => {
                let bytes = self.read_member(&archive, &member)?;
                let name = format!("{}/{member}", archive.display());
                Ok(bytes.map(|bytes| Found::Member { name, bytes }))
            }
        }
    }

    fn read_member(&self, path: &Path, member: &str) -> Result<Option<Vec<u8>>, CorpusError> {
        let bytes = self.with_archive(path, |archive| read(archive, member))?;
        bytes.map_err(|detail| CorpusError::Archive {
            path: path.to_owned(),
            detail: format!("member `{member}`: {detail}"),
        })
    }

    /// Does `work` with the archive at `path`, which stays open for the next time.
    fn with_archive<T>(
        &self,
        path: &Path,
        work: impl FnOnce(&mut ZipArchive<BufReader<File>>) -> T,
    ) -> Result<T, CorpusError> {
        // A panic while the lock was held leaves nothing half done that matters: reading starts from the
        // directory.
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = match archives.iter().position(|(known, _)| known == path) {
            Some(at) => archives.remove(at),
            None => (path.to_owned(), open(path)?),
        };
        let done = work(&mut entry.1);
        archives.insert(0, entry);
        archives.truncate(KEPT_ARCHIVES);
        Ok(done)
    }
}

/// Length and times of a file. Nobody can set back when it was last changed, as they can when it was last written.
#[cfg(unix)]
fn stamp(facts: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let written = format!("{}.{:09}", facts.mtime(), facts.mtime_nsec());
    format!("{} bytes, written {written}, changed {}.{:09}", facts.len(), facts.ctime(), facts.ctime_nsec())
}

/// Length and time of a file.
#[cfg(not(unix))]
fn stamp(facts: &Metadata) -> String {
    let since = facts.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{} bytes, written {since:?}", facts.len())
}

fn open(path: &Path) -> Result<ZipArchive<BufReader<File>>, CorpusError> {
    let file = File::open(path).map_err(|source| CorpusError::Io { path: path.to_owned(), source })?;
    ZipArchive::new(BufReader::new(file))
        .map_err(|error| CorpusError::Archive { path: path.to_owned(), detail: error.to_string() })
}

fn read(archive: &mut ZipArchive<BufReader<File>>, member: &str) -> Result<Option<Vec<u8>>, String> {
    let mut file = match archive.by_name(member) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let most = MOST_MEMBER_BYTES.max(file.compressed_size().saturating_mul(MOST_PER_BYTE));
    let mut bytes = Vec::new();
    file.by_ref().take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("it unpacks to more than the {most} bytes that one of its size may"));
    }
    Ok(Some(bytes))
}
