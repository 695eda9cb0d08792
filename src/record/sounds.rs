//! sounds/: what a model sounded like at each evaluation, as wav files that are whole or not there.
//!
//! The files are the truth; TensorBoard's sounds and spectrograms are made from them, so that a resumed run can make them anew. What a
//! killed process made after the step that its run goes on from is removed: it will be made again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::error::RecordError;
use super::event::SoundsMade;
use super::folder::{Folder, write_whole};
use crate::audio;

/// One file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sound {
    pub step: u64,
    /// The clip's.
    pub number: usize,
    pub path: PathBuf,
}

/// Writes each clip, and returns where it is.
///
/// # Errors
/// The file system refused.
pub(super) fn write(folder: &Folder, made: &SoundsMade) -> Result<Vec<Sound>, RecordError> {
    let dir = folder.sounds();
    fs::create_dir_all(&dir).map_err(RecordError::io("make", &dir))?;
    let write = |(number, clip): (usize, &Vec<f32>)| {
        let path = folder.sound(made.step, number);
        write_whole(&path, &audio::wav_bytes(clip, made.rate_hz))?;
        Ok(Sound { step: made.step, number, path })
    };
    made.clips.iter().enumerate().map(write).collect()
}

/// Removes what was made after `last`, the last step that has a row, and returns the rest in order.
///
/// # Errors
/// The file system refused.
pub(super) fn cut_back(folder: &Folder, last: Option<u64>) -> Result<Vec<Sound>, RecordError> {
    let dir = folder.sounds();
    let (kept, gone): (Vec<Sound>, Vec<Sound>) =
        list(&dir)?.into_iter().partition(|sound| last.is_some_and(|last| sound.step <= last));
    for sound in gone {
        fs::remove_file(&sound.path).map_err(RecordError::io("remove", &sound.path))?;
    }
    Ok(kept)
}

/// All that a run's folder holds, by step, then clip.
///
/// # Errors
/// The file system refused.
pub fn made(folder: &Folder) -> Result<Vec<Sound>, RecordError> {
    list(&folder.sounds())
}

fn list(dir: &Path) -> Result<Vec<Sound>, RecordError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(RecordError::io("list", dir))?,
    };
    let mut sounds = Vec::new();
    for entry in entries {
        let path = entry.map_err(RecordError::io("list", dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What people put there stays, and is nobody's evaluation.
        if let Some((step, number)) = numbers(&name) {
            sounds.push(Sound { step, number, path });
        }
    }
    sounds.sort_unstable();
    Ok(sounds)
}

/// Step and clip of `step_00000100_0.wav`.
fn numbers(name: &str) -> Option<(u64, usize)> {
    let (step, number) = name.strip_prefix("step_")?.strip_suffix(".wav")?.split_once('_')?;
    Some((step.parse().ok()?, number.parse().ok()?))
}

impl Sound {
    /// The file's bytes, and when it was written in seconds since 1970. `None` where it cannot be read: the view goes without it.
    pub fn read(&self) -> Option<(Vec<u8>, f64)> {
        let written = fs::metadata(&self.path).and_then(|file| file.modified()).ok()?;
        let secs = written.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
        Some((fs::read(&self.path).ok()?, secs))
    }
}
