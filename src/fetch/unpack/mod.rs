//! Archives into a folder, and into nothing outside it.
//!
//! For: tar (plain, gzip, bzip2) and zip as publishers make them. Refused are paths that leave the folder, links that point out of it,
//! devices, and archives that hold more than the disk or than an archive of speech can. What is written is summed up on the way.
//! Not for: putting the result in its place (`place`). Start at [`unpack`].

mod form;
mod tape;
mod zipped;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::digest::hex;
use super::download::Way;
use super::error::FetchError;
use super::http::Http;
use super::notice::Notice;
use super::request::Manners;
use super::tree;

pub(super) use form::format_fault;

/// Nothing that people speak, and no checkpoint, shrinks to less than this share of itself.
const MOST_PER_BYTE: u64 = 100;
/// Files and folders that an archive may hold besides one for so many of its bytes: names take room too.
const MOST_ENTRIES: u64 = 10_000;
const BYTES_PER_ENTRY: u64 = 16;

/// How an archive is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Format {
    #[serde(rename = "tar")]
    Tar,
    #[serde(rename = "tar.gz")]
    TarGz,
    #[serde(rename = "tar.bz2")]
    TarBz2,
    #[serde(rename = "zip")]
    Zip,
}

/// A file that came out of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Below the folder.
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

/// Unpacks `archive` into `folder`, which is made and must be empty. `most_bytes` is what it may come to, where that is known.
///
/// # Errors
/// The archive is broken or not safe, there is no room, the disk refuses, or the user asked to stop. The folder may then hold anything.
pub(super) fn unpack(
    way: &mut Way<'_>,
    archive: &Path,
    format: Format,
    folder: &Path,
    most_bytes: Option<u64>,
) -> Result<Vec<Member>, FetchError> {
    tree::make(folder)?;
    let open = || File::open(archive).map_err(|error| FetchError::io("read", archive, error));
    let packed_bytes = open()?.metadata().map_err(|error| FetchError::io("read", archive, error))?.len();
    let free = tree::free(folder).unwrap_or(u64::MAX);
    let most = most_bytes.unwrap_or_else(|| packed_bytes.saturating_mul(MOST_PER_BYTE).max(1 << 20));
    let mut out = Out {
        way,
        archive,
        folder,
        most,
        free,
        bytes: 0,
        entries: MOST_ENTRIES + packed_bytes / BYTES_PER_ENTRY,
        members: BTreeMap::new(),
        links: BTreeMap::new(),
    };
    let input = BufReader::with_capacity(1 << 18, open()?);
    match format {
        Format::Tar => tape::untar(&mut out, input)?,
        Format::TarGz => tape::untar(&mut out, flate2::bufread::MultiGzDecoder::new(input))?,
        Format::TarBz2 => tape::untar(&mut out, bzip2::bufread::MultiBzDecoder::new(input))?,
        Format::Zip => zipped::unzip(&mut out, input)?,
    }
    out.finish()
}

/// Unpacks an archive that lies here already into `folder`, which is made and must be empty; returns how many files it held. For who has an
/// archive from elsewhere, and for trying the unpacker on archives that mean harm.
///
/// # Errors
/// The archive is broken or not safe, there is no room, or the disk refuses.
pub fn unpack_file(archive: &Path, format: Format, folder: &Path) -> Result<usize, FetchError> {
    let (http, manners, stop) = (Http::new(None), Manners::default(), AtomicBool::new(false));
    let mut way = Way { http: &http, manners: &manners, stop: &stop, tell: &mut |_| {} };
    unpack(&mut way, archive, format, folder, None).map(|members| members.len())
}

/// What is being written.
struct Out<'a, 'b> {
    way: &'a mut Way<'b>,
    archive: &'a Path,
    folder: &'a Path,
    /// Bytes it may come to.
    most: u64,
    /// Bytes that there is room for.
    free: u64,
    bytes: u64,
    /// Entries that there may still be.
    entries: u64,
    members: BTreeMap<PathBuf, Member>,
    /// Made last, so that nothing is ever written through a link: where to, by where.
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Out<'_, '_> {
    fn broken(&self, detail: impl Into<String>) -> FetchError {
        FetchError::Archive { path: self.archive.to_owned(), detail: detail.into() }
    }

    fn refuse(&self, detail: impl Into<String>) -> FetchError {
        FetchError::Unsafe { path: self.archive.to_owned(), detail: detail.into() }
    }

    /// Takes note of one entry more, of whatever kind.
    fn entry(&mut self) -> Result<(), FetchError> {
        self.entries = self
            .entries
            .checked_sub(1)
            .ok_or_else(|| self.refuse("it holds more files than one of its size can"))?;
        Ok(())
    }

    /// A member's path below the folder.
    fn inside(&self, path: &Path) -> Result<PathBuf, FetchError> {
        let mut inside = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => inside.push(name),
                Component::CurDir => {}
                _ => return Err(self.refuse(format!("`{}` leads out of its folder", path.display()))),
            }
        }
        Ok(inside)
    }

    /// Whether so many bytes more are within bounds.
    fn reckon(&self, more: u64) -> Result<(), FetchError> {
        let needed = self.bytes.saturating_add(more);
        if needed > self.most {
            return Err(self.refuse(format!("it holds more than the {} bytes it may", self.most)));
        }
        if needed > self.free {
            let folder = self.folder.to_owned();
            return Err(FetchError::NoRoom { folder, free: self.free, needed, what: "to unpack" });
        }
        Ok(())
    }

    fn folder(&self, path: &Path) -> Result<(), FetchError> {
        let path = self.folder.join(self.inside(path)?);
        tree::make(&path)
    }

    /// Writes a member of `announced` bytes; more than that is an error.
    fn file(&mut self, path: &Path, announced: u64, from: &mut dyn Read) -> Result<(), FetchError> {
        let inside = self.inside(path)?;
        if inside.as_os_str().is_empty() {
            return Err(self.refuse(format!("`{}` is no name of a file", path.display())));
        }
        self.reckon(announced)?;
        let target = self.folder.join(&inside);
        tree::make(target.parent().unwrap_or(self.folder))?;
        // Of two members with one name the later counts.
        self.links.remove(&inside);
        let mut file = File::create(&target).map_err(|error| FetchError::io("write", &target, error))?;
        let (mut sum, mut bytes) = (Sha256::new(), 0_u64);
        let mut buffer = vec![0; 1 << 17];
        loop {
            self.way.go_on()?;
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Err(self.broken(format!("`{}`: {error}", path.display()))),
            };
            bytes += count as u64;
            if bytes > announced {
                return Err(self.refuse(format!("`{}` is longer than it says", path.display())));
            }
            sum.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(|error| FetchError::io("write", &target, error))?;
        }
        if bytes < announced {
            let said = format!("`{}` has {bytes} of {announced} bytes", path.display());
            return Err(self.broken(said));
        }
        self.bytes += bytes;
        let member = Member { path: inside.clone(), bytes, sha256: hex(&sum.finalize()) };
        self.members.insert(inside, member);
        let file = self.archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (self.way.tell)(&Notice::Unpacking { file, bytes: self.bytes });
        Ok(())
    }

    /// Takes note of a symbolic link.
    fn link(&mut self, path: &Path, to: &Path) -> Result<(), FetchError> {
        let inside = self.inside(path)?;
        let mut depth = inside.components().count().saturating_sub(1);
        let mut down = false;
        for part in to.components() {
            match part {
                Component::Normal(_) => down = true,
                Component::CurDir => {}
                // Upwards only at the beginning: after a name, which may itself be a link, `..` could lead anywhere.
                Component::ParentDir if !down && depth > 0 => depth -= 1,
                _ => {
                    let (from, to) = (path.display(), to.display());
                    return Err(self.refuse(format!("the link `{from}` leads to `{to}`, out of its folder")));
                }
            }
        }
        self.links.insert(inside, to.to_owned());
        Ok(())
    }

    /// A second name of a member.
    fn hard_link(&mut self, path: &Path, to: &Path) -> Result<(), FetchError> {
        let original = self.folder.join(self.inside(to)?);
        if original == self.folder.join(self.inside(path)?) {
            return Ok(());
        }
        if !original.is_file() {
            let (from, to) = (path.display(), to.display());
            return Err(self.broken(format!("`{from}` is a second name of `{to}`, which is not there")));
        }
        let bytes = original.metadata().map_err(|error| FetchError::io("read", &original, error))?.len();
        let mut file = File::open(&original).map_err(|error| FetchError::io("read", &original, error))?;
        self.file(path, bytes, &mut file)
    }

    /// Makes the links.
    fn finish(self) -> Result<Vec<Member>, FetchError> {
        for (path, to) in &self.links {
            // Behind another link it would lie elsewhere than its path says, and lead elsewhere than was looked at.
            if let Some(other) = path.ancestors().skip(1).find(|above| self.links.contains_key(*above)) {
                let (path, other) = (path.display(), other.display());
                return Err(self.refuse(format!("the link `{path}` lies behind the link `{other}`")));
            }
            let link = self.folder.join(path);
            tree::make(link.parent().unwrap_or(self.folder))?;
            if let Err(error) = symlink(to, &link)
                && error.kind() != ErrorKind::AlreadyExists
            {
                return Err(FetchError::io("make the link", &link, error));
            }
        }
        if self.members.is_empty() {
            return Err(self.broken("it is empty"));
        }
        let file = self.archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (self.way.tell)(&Notice::Unpacked { file, files: self.members.len() as u64, bytes: self.bytes });
        Ok(self.members.into_values().collect())
    }
}

#[cfg(unix)]
fn symlink(to: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

/// Without links: a copy of what is meant.
#[cfg(not(unix))]
fn symlink(to: &Path, link: &Path) -> io::Result<()> {
    std::fs::copy(link.parent().unwrap_or(Path::new(".")).join(to), link).map(|_| ())
}
