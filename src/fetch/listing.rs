//! What there is to fetch, and what of it is here.

use std::path::PathBuf;

use serde::Serialize;

use super::catalogue::{Catalogue, Entry, Kind};
use super::done::Records;
use super::request::Home;

/// An entry of the catalogue, and how it stands on this disk.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    pub name: String,
    /// `corpus` or `model`.
    pub kind: &'static str,
    pub about: String,
    pub licence: String,
    pub page: String,
    /// Where it goes; nowhere known for a model of the hub where there is no home folder.
    pub folder: Option<PathBuf>,
    /// Length of the files that are fetched unless subsets are named, as far as it is known.
    pub bytes: u64,
    /// Whether some of it is hearsay.
    pub roughly: bool,
    /// Whether the length of some files, settings apart, is not known.
    pub more: bool,
    pub subsets: Vec<String>,
    /// How many files are here, of how many that are fetched unless subsets are named.
    pub here: usize,
    pub files: usize,
    /// How to get what no program may fetch.
    pub walled: Option<String>,
    /// How a model is named in an experiment.
    pub hub: Option<String>,
}

/// Every entry, corpora first.
pub fn listing(catalogue: &Catalogue) -> Vec<Listed> {
    let kinds = [(Kind::Corpus, "corpus"), (Kind::Model, "model")];
    kinds
        .into_iter()
        .flat_map(|(kind, word)| catalogue.of(kind).iter().map(move |entry| listed(entry, word)))
        .collect()
}

fn listed(entry: &Entry, kind: &'static str) -> Listed {
    let usual: Vec<_> = entry.files.iter().filter(|file| !file.extra && !file.optional).collect();
    let home = Home::of(entry, None).ok();
    let here = |file: &&&super::catalogue::Source| match &home {
        Some(Home::Folder(folder)) => Records::of(folder).find(file).is_some(),
        Some(Home::Cache(cache)) => cache.find(entry, file).is_some(),
        None => false,
    };
    let by_hand = entry.by_hand(None).is_some();
    Listed {
        name: entry.name.clone(),
        kind,
        about: entry.about.clone(),
        licence: entry.licence.clone(),
        page: entry.page.clone(),
        folder: match &home {
            Some(Home::Folder(folder)) => Some(folder.clone()),
            Some(Home::Cache(cache)) => Some(cache.folder(entry)),
            None => None,
        },
        bytes: usual.iter().filter_map(|file| file.size()).sum(),
        roughly: usual.iter().any(|file| file.bytes.is_none() && file.roughly_bytes.is_some()),
        more: usual.iter().any(|file| file.size().is_none() && !file.is_small()),
        subsets: if entry.has_parts() { entry.subsets() } else { Vec::new() },
        here: if by_hand { 1 } else { usual.iter().filter(here).count() },
        files: usual.len().max(usize::from(entry.walled.is_some())),
        walled: entry.walled.clone(),
        hub: entry.hub.clone(),
    }
}
