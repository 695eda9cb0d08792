//! What was asked for, done: every file of an entry brought to its place, or compared with what it was.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::catalogue::{Entry, Source};
use super::done::Records;
use super::download::Way;
use super::error::FetchError;
use super::fetched::{Fetched, FetchedFile, FileState};
use super::http::{Http, Mirror};
use super::hub::Cache;
use super::notice::Notice;
use super::place::place;
use super::tree;

/// How patient and how tidy to be.
#[derive(Debug, Clone)]
pub struct Manners {
    /// How often a failing server is asked again before giving up.
    pub retries: u32,
    /// Wait before the first of them, in seconds; doubled each time.
    pub wait_secs: f64,
    /// Archives stay beside what they unpack to.
    pub keep_archive: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Manners { retries: 5, wait_secs: 2.0, keep_archive: false }
    }
}

/// An entry that somebody wants.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub entry: &'a Entry,
    /// Parts of it; none means all but the extra ones.
    pub subsets: Vec<String>,
    /// The folder it goes to, instead of its own.
    pub to: Option<PathBuf>,
    pub mirror: Option<Mirror>,
    pub manners: Manners,
}

/// Where an entry goes.
pub(super) enum Home {
    Folder(PathBuf),
    Cache(Cache),
}

impl Home {
    /// # Errors
    /// It is a model of the hub and there is no place for its cache.
    pub(super) fn of(entry: &Entry, to: Option<&PathBuf>) -> Result<Self, FetchError> {
        match (to.cloned().or_else(|| entry.folder.as_ref().map(PathBuf::from)), &entry.hub) {
            (Some(folder), _) => Ok(Home::Folder(folder)),
            (None, Some(hub)) => Ok(Home::Cache(Cache::of(hub)?)),
            (None, None) => Err(FetchError::NoCache),
        }
    }
}

impl Request<'_> {
    /// Fetches what is not there yet.
    ///
    /// # Errors
    /// As [`FetchError`] lists; what had arrived is kept for the next time.
    pub fn run(&self, stop: &AtomicBool, tell: &mut dyn FnMut(&Notice)) -> Result<Fetched, FetchError> {
        self.with_way(stop, tell, |request, way, sources| match request.home()? {
            Home::Folder(folder) => Ok((request.fill(way, sources, &folder)?, folder)),
            Home::Cache(cache) => {
                Ok((cache.fetch(way, request.entry, sources)?, cache.folder(request.entry)))
            }
        })
    }

    /// Compares what is there with what was fetched.
    ///
    /// # Errors
    /// It was not fetched, or has changed since.
    pub fn verify(&self, stop: &AtomicBool, tell: &mut dyn FnMut(&Notice)) -> Result<Fetched, FetchError> {
        self.with_way(stop, tell, |request, way, sources| match request.home()? {
            Home::Folder(folder) => Ok((request.compare(way, sources, &folder)?, folder)),
            Home::Cache(cache) => {
                Ok((cache.compare(way, request.entry, sources)?, cache.folder(request.entry)))
            }
        })
    }

    fn home(&self) -> Result<Home, FetchError> {
        Home::of(self.entry, self.to.as_ref())
    }

    fn with_way(
        &self,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&Notice),
        work: impl FnOnce(&Self, &mut Way<'_>, &[&Source]) -> Result<(Vec<FetchedFile>, PathBuf), FetchError>,
    ) -> Result<Fetched, FetchError> {
        if let Some(how) = &self.entry.walled {
            return self.walled(how);
        }
        let sources = self.entry.pick(&self.subsets)?;
        let http = Http::new(self.mirror.clone());
        let mut way = Way { http: &http, manners: &self.manners, stop, tell };
        let (files, folder) = work(self, &mut way, &sources)?;
        Ok(Fetched {
            name: self.entry.name.clone(),
            folder,
            licence: self.entry.licence.clone(),
            files,
            next: self.entry.next.clone(),
        })
    }

    /// What no program may fetch is there, or it is said how to get it.
    fn walled(&self, how: &str) -> Result<Fetched, FetchError> {
        let own = self.entry.folder.as_ref().map(PathBuf::from);
        let folder = self.to.clone().or(own).unwrap_or_default();
        if self.entry.by_hand(Some(&folder)).is_none() {
            return Err(FetchError::Walled { name: self.entry.name.clone(), how: how.to_owned(), folder });
        }
        Ok(Fetched {
            name: self.entry.name.clone(),
            folder,
            licence: self.entry.licence.clone(),
            files: Vec::new(),
            next: self.entry.next.clone(),
        })
    }

    fn fill(
        &self,
        way: &mut Way<'_>,
        sources: &[&Source],
        folder: &Path,
    ) -> Result<Vec<FetchedFile>, FetchError> {
        let records = Records::of(folder);
        let there = |source: &&Source| records.find(source).is_some();
        if sources.iter().all(|source| source.optional || there(source)) {
            let done = sources.iter().filter_map(|source| records.find(source));
            return Ok(done.map(|done| FetchedFile::new(done, FileState::AlreadyThere)).collect());
        }
        self.room(sources.iter().filter(|source| !there(source)), folder)?;
        let _lock = records.lock()?;
        let mut files = Vec::new();
        for source in sources {
            files.push(match records.find(source) {
                Some(done) => FetchedFile::new(done, FileState::AlreadyThere),
                None => match place(way, self.entry, source, folder) {
                    Err(FetchError::Refused { status: 404, .. }) if source.optional => {
                        (way.tell)(&Notice::NotThere { file: source.name.clone() });
                        FetchedFile::not_published(source)
                    }
                    placed => FetchedFile::new(placed?, FileState::Fetched),
                },
            });
        }
        Ok(files)
    }

    /// Whether everything will fit: what stays, and the largest archive on top.
    fn room<'s>(
        &self,
        missing: impl Iterator<Item = &'s &'s Source>,
        folder: &Path,
    ) -> Result<(), FetchError> {
        let (mut staying, mut passing) = (0_u64, 0_u64);
        for source in missing {
            let bytes = source.size().unwrap_or(0);
            let part = super::part::Part::of(&folder.join(&source.name)).here().map_or(0, |(bytes, _)| bytes);
            let coming = bytes.saturating_sub(part);
            if source.unpack.is_none() {
                staying += coming;
                continue;
            }
            // Sound is packed already: what an archive of it comes to is hardly less than the archive.
            staying += source.unpacked_bytes.unwrap_or(bytes);
            if self.manners.keep_archive {
                staying += coming;
            } else {
                passing = passing.max(coming);
            }
        }
        tree::room(folder, staying + passing, "for all of it")
    }

    fn compare(
        &self,
        way: &mut Way<'_>,
        sources: &[&Source],
        folder: &Path,
    ) -> Result<Vec<FetchedFile>, FetchError> {
        let records = Records::of(folder);
        let (mut files, mut wrong) = (Vec::new(), Vec::new());
        for source in sources {
            match records.find(source) {
                Some(done) => {
                    wrong.extend(records.compare(way, &done)?);
                    files.push(FetchedFile::new(done, FileState::Compared));
                }
                None if self.subsets.is_empty() => {}
                None => {
                    return Err(FetchError::Absent { what: source.name.clone(), folder: folder.to_owned() });
                }
            }
        }
        if files.is_empty() {
            return Err(FetchError::Absent { what: self.entry.name.clone(), folder: folder.to_owned() });
        }
        if wrong.is_empty() {
            Ok(files)
        } else {
            Err(FetchError::Changed { folder: folder.to_owned(), files: wrong })
        }
    }
}
