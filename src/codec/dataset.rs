//! A folder of files of codes, a folder for each group of speakers and in it one for each speaker; and what is known of a speaker's utterances
//! as one JSON file, which programs that choose among them read instead.
//!
//! The order of the ids in it is that of the files' names: lists of similar utterances count by it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::artifact::{Artifact, ArtifactError, Form};
use crate::text::g2p::without_language_tags;

/// A speaker's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The folder above.
    pub group: String,
    /// Its own folder.
    pub name: String,
    /// Its files, in the order of their names.
    pub files: Vec<PathBuf>,
}

/// What came of a speaker's files.
#[derive(Debug, Default)]
pub struct Told {
    /// What is known of each utterance, by its id: the file's name without its ending.
    pub utterances: Map<String, Json>,
    /// Files that could not be read.
    pub bad: Vec<ArtifactError>,
    /// Seconds of all that could.
    pub secs: f64,
}

/// The speakers below `folder` and their files of codes, in order. What is no file of codes is passed over.
///
/// # Errors
/// A folder cannot be read.
pub fn speakers(folder: &Path) -> io::Result<Vec<Speaker>> {
    speakers_of(folder, |path| Form::of(path).is_some())
}

/// The speakers below `folder` and their files that are `wanted`, in order.
///
/// # Errors
/// A folder cannot be read.
pub fn speakers_of(folder: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<Speaker>> {
    let mut speakers = Vec::new();
    for group in folders(folder)? {
        for speaker in folders(&group)? {
            let mut files: Vec<PathBuf> =
                entries(&speaker)?.into_iter().filter(|path| path.is_file() && wanted(path)).collect();
            files.sort();
            if !files.is_empty() {
                speakers.push(Speaker { group: name(&group), name: name(&speaker), files });
            }
        }
    }
    Ok(speakers)
}

/// Reads a speaker's files. `before` is what was told of it last: where the ids are still the same, what other programs have put beside them
/// stays.
pub fn told(speaker: &Speaker, before: Option<&Map<String, Json>>) -> Told {
    let mut told = Told::default();
    for file in &speaker.files {
        match Artifact::read(file) {
            Ok(artifact) => {
                told.secs += artifact.secs();
                let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                told.utterances.insert(id, utterance(&artifact));
            }
            Err(error) => told.bad.push(error),
        }
    }
    if let Some(before) = before.filter(|before| before.keys().eq(told.utterances.keys())) {
        for (now, then) in told.utterances.values_mut().zip(before.values()) {
            if let Some(similar) = then.get("similar") {
                now["similar"] = similar.clone();
            }
        }
    }
    told
}

/// What is known of one utterance.
fn utterance(artifact: &Artifact) -> Json {
    let metadata = &artifact.metadata;
    let mut known = json!({"duration": artifact.secs()});
    if let Some(text) = &metadata.text {
        known["text"] = text.as_str().into();
    }
    if let Some(phonemes) = &metadata.phonemes {
        known["phonemes"] = without_language_tags(phonemes).into();
    }
    if let Some(language) = &metadata.language {
        known["language"] = language.as_str().into();
    }
    known
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
