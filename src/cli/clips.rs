//! A folder of clips: those of `runner generate -o DIR`, or anybody's.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::failure::{self, Failure, make_folder};
use crate::audio;
use crate::record::folder::write_whole;

/// Files that hold sound, by how their names end.
const SOUND: [&str; 4] = ["wav", "flac", "ogg", "sph"];

/// What `runner generate` writes beside its clips.
const LIST: &str = "clips.json";

/// The part of [`LIST`] that is read here.
#[derive(Deserialize)]
struct List {
    clips: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    file: String,
    nats: Option<f64>,
}

/// A clip, and how unlikely it was to the model that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    pub file: String,
    /// Mean negative log-likelihood of a sample, where it is known.
    pub nats: Option<f64>,
}

/// Writes every clip [samples] under its number, with a row that says more of it than its file and its length, and the list, which says `about` of
/// them all; where the clips are.
///
/// # Errors
/// The file system refused.
pub fn write_clips<'a>(
    folder: &Path,
    rate_hz: u32,
    clips: impl Iterator<Item = (&'a [f32], Json)>,
    about: Json,
) -> Result<Vec<PathBuf>, Failure> {
    make_folder(folder)?;
    let (mut rows, mut files) = (Vec::new(), Vec::new());
    for (number, (waveform, more)) in clips.enumerate() {
        let file = format!("{number:04}.wav");
        let path = folder.join(&file);
        write_whole(&path, &audio::wav_bytes(waveform, rate_hz))?;
        let mut row = json!({"file": file, "samples": waveform.len()});
        extend(&mut row, more);
        rows.push(row);
        files.push(path);
    }
    let mut all = json!({"runner": env!("CARGO_PKG_VERSION"), "rate_hz": rate_hz});
    extend(&mut all, about);
    extend(&mut all, json!({"clips": rows}));
    write_whole(&folder.join(LIST), format!("{all:#}\n").as_bytes())?;
    Ok(files)
}

/// Puts what the second has into the first.
pub(super) fn extend(object: &mut Json, more: Json) {
    if let (Json::Object(object), Json::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// The sound files that lie in `folder`, by name; with what the list there says of them, if there is one.
///
/// # Errors
/// There is no such folder, no sound in it, or its list cannot be read.
pub fn clips_in(folder: &Path) -> Result<Vec<Clip>, Failure> {
    let unread = |path: &Path, error: std::io::Error| Failure::unread(path.display(), &error);
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(|error| unread(folder, error))? {
        let path = entry.map_err(|error| unread(folder, error))?.path();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let sound = extension.is_some_and(|extension| SOUND.contains(&extension.as_str()));
        if let (true, true, Some(name)) = (sound, path.is_file(), path.file_name()) {
            files.push(name.to_string_lossy().into_owned());
        }
    }
    if files.is_empty() {
        let message = format!("`{}` has no sound in it", folder.display());
        return Err(Failure::new(failure::MISSING, message).help(
            "name a folder with wav, flac, ogg or sph files, as `runner generate RUN -n 100 -o DIR` writes",
        ));
    }
    files.sort();
    let listed = listed(&folder.join(LIST))?;
    let nats = |file: &str| listed.iter().find(|listed| listed.file == file).and_then(|listed| listed.nats);
    Ok(files.into_iter().map(|file| Clip { nats: nats(&file), file }).collect())
}

/// What the list says, or nothing where there is none.
fn listed(path: &PathBuf) -> Result<Vec<Listed>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let message = format!("cannot read `{}`: {error}", path.display());
            return Err(Failure::new(failure::IO, message));
        }
    };
    let list: List = serde_json::from_str(&text).map_err(|error| {
        Failure::new(failure::FAILED, format!("`{}` is no list of clips: {error}", path.display()))
            .help("`runner generate` writes it; without it clips are judged all the same, but for `--cut`")
    })?;
    Ok(list.clips)
}
