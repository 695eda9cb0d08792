//! Features of clips, kept on disk: what a model's front end made of a sound file that is the same still.
//!
//! For: corpora that take longer to decode and to resample than their features to read, over many epochs or many runs. Everything that decides about features is
//! in the name of a folder (what the front end is told, the rate, and what it makes of a fixed sound, so that another program or processor is
//! noticed, too); an entry says which file it is of and what that was like, and ends with a checksum. What does not fit is made anew, so a cache changes no
//! result, and may be deleted at any time. Several processes may use one at once: entries appear whole, by a rename. Not for: clips that are
//! mixed with others before they are heard ([`super::Loader`] decodes those), features in memory. Start at [`FeatureCache::open`].

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::DataError;
use crate::audio;
use crate::corpora::Source;
use crate::plan::DataPlan;

/// The first line of an entry, and part of what names its folder. Another number where decoding changes: what is done behind it is noticed by itself.
const FORMAT: &str = "runner features 1";

/// Bytes of an entry's checksum.
const SUM_BYTES: usize = 32;

/// The fixed sound: so many samples of noise at a rate that has to be resampled.
const PROBE_SAMPLES: u32 = 22_050;
const PROBE_RATE_HZ: u32 = 44_100;

/// An unfinished entry this old is of a process that is gone.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What a model hears of a clip, before anything that learns or is drawn by chance.
pub struct FrontEnd {
    /// All that it was told, in words.
    pub described: String,
    /// Features of a waveform at the model's rate, which is normalised where the model wants that.
    #[expect(clippy::type_complexity, reason = "it is written once")]
    pub run: Box<dyn Fn(&[f32]) -> Result<Vec<f32>, String> + Send + Sync>,
}

/// A folder of features that one front end made.
pub struct FeatureCache {
    dir: PathBuf,
    front_end: FrontEnd,
    /// False from the first entry on that could not be written.
    writes: AtomicBool,
    written: AtomicU64,
    notes: Mutex<Vec<String>>,
}

impl FeatureCache {
    /// The features in `dir` that `front_end` makes of the plan's sound; others may lie beside them.
    ///
    /// # Errors
    /// The folder cannot be made, or the front end cannot run.
    pub fn open(dir: &Path, plan: &DataPlan, front_end: FrontEnd) -> Result<Self, DataError> {
        let about = format!(
            "{FORMAT}\n{}\nrate: {} Hz\nwaveforms brought to mean 0 and variance 1: {}\na fixed sound becomes: {}\n",
            front_end.described,
            plan.sample_rate_hz,
            plan.normalise,
            hex(&digest_of_probe(plan, &front_end)?)
        );
        let dir = dir.join(&hex(&Sha256::digest(&about))[..16]);
        let cache = FeatureCache {
            dir,
            front_end,
            writes: AtomicBool::new(true),
            written: AtomicU64::new(0),
            notes: Mutex::default(),
        };
        let path = cache.dir.join("about.txt");
        let made = fs::create_dir_all(cache.unfinished()).and_then(|()| match path.is_file() {
            true => Ok(()),
            false => cache.write_whole(&path, about.as_bytes()),
        });
        made.map_err(|source| DataError::FeatureCache { dir: cache.dir.clone(), source })?;
        cache.sweep();
        Ok(cache)
    }

    /// False from the first features on that could not be written.
    pub fn still_writes(&self) -> bool {
        self.writes.load(Ordering::Relaxed)
    }

    /// What was to be said since it was asked last.
    pub fn notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The features of the clip of `samples` samples at `source`, if they are there and whole.
    pub fn find(&self, source: &Source, samples: usize) -> Option<Vec<f32>> {
        let path = self.path(source);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                self.note(format!("cannot read `{}`: {error}; its features are made anew", path.display()));
                return None;
            }
        };
        let Some(entry) = Entry::parse(&bytes) else {
            self.note(format!("`{}` is damaged; its features are made anew", path.display()));
            return None;
        };
        // Of a file that has been another, or of another list's length: no damage.
        (entry.head == head(source, samples)).then_some(entry.features)
    }

    /// What the front end makes of `waveform`.
    ///
    /// # Errors
    /// It cannot run.
    pub fn make(&self, waveform: &[f32]) -> Result<Vec<f32>, DataError> {
        (self.front_end.run)(waveform).map_err(DataError::Features)
    }

    /// Keeps the features of the clip of `samples` samples at `source`. Where that fails nothing is lost: it is noted, and not tried again.
    pub fn keep(&self, source: &Source, samples: usize, features: &[f32]) {
        if !self.still_writes() {
            return;
        }
        let path = self.path(source);
        let bytes = Entry::bytes(&head(source, samples), features);
        let shelf = path.parent().unwrap_or(&self.dir);
        let kept = fs::create_dir_all(shelf).and_then(|()| self.write_whole(&path, &bytes));
        if let Err(error) = kept
            && self.writes.swap(false, Ordering::Relaxed)
        {
            self.note(format!(
                "cannot write `{}`: {error}; from here on features are read from there, but no more are kept",
                path.display()
            ));
        }
    }

    /// Where the features of a file lie, on one of 256 shelves.
    fn path(&self, source: &Source) -> PathBuf {
        let name = hex(&Sha256::digest(&source.place));
        self.dir.join(&name[..2]).join(&name[2..32])
    }

    fn unfinished(&self) -> PathBuf {
        self.dir.join("unfinished")
    }

    /// Writes beside the entries and renames: readers see all of it or nothing.
    fn write_whole(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.unfinished().join(format!("{}-{number}", std::process::id()));
        let written = fs::File::create(&unfinished)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            // What could not be written may not be there at all.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Takes away what processes left unfinished that ended in the midst of it.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.unfinished()) else { return };
        for entry in entries.flatten() {
            let written = entry.metadata().and_then(|facts| facts.modified()).ok();
            let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                // Another process may have been quicker.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// What an entry holds.
struct Entry {
    /// Which clip it is of, and what its file was like.
    head: String,
    features: Vec<f32>,
}

/// `place`, `stamp` and length of a clip, a line each.
fn head(source: &Source, samples: usize) -> String {
    let place = source.place.replace('\n', " ");
    format!("{FORMAT}\n{place}\n{}\n{samples} samples\n", source.stamp)
}

/// Lines of the head.
const HEAD_LINES: usize = 4;

impl Entry {
    /// The head, the features as little-endian `f32`, and the SHA-256 of both.
    fn bytes(head: &str, features: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(head.len() + 4 * features.len() + SUM_BYTES);
        bytes.extend_from_slice(head.as_bytes());
        features.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// `None`: these are not the bytes that were written.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (said, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
        if Sha256::digest(said)[..] != *sum {
            return None;
        }
        let lines = said.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let (end, _) = lines.take(HEAD_LINES).last()?;
        let (head, values) = said.split_at(end + 1);
        let value = |bytes: &[u8]| bytes.try_into().map_or(f32::NAN, f32::from_le_bytes);
        let features = values.chunks_exact(4).map(value).collect();
        Some(Entry { head: String::from_utf8(head.to_vec()).ok()?, features })
    }
}

/// What resampling and the front end make of noise that is always the same.
fn digest_of_probe(plan: &DataPlan, front_end: &FrontEnd) -> Result<Vec<u8>, DataError> {
    let noise = (0..PROBE_SAMPLES).scan(1u32, |state, _| {
        // Numerical Recipes' generator.
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    });
    let refused = |reason: String| DataError::Features(reason);
    let mut sound = audio::resample(noise.collect(), PROBE_RATE_HZ, plan.sample_rate_hz)
        .map_err(|reason| refused(reason.to_string()))?;
    if plan.normalise {
        audio::normalise(&mut sound);
    }
    let features = (front_end.run)(&sound).map_err(refused)?;
    let bytes: Vec<u8> = features.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(Sha256::digest(bytes).to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::under_ci;

    /// Squares of samples: features that are told from the sound.
    fn squares(described: &str) -> FrontEnd {
        let run = |waveform: &[f32]| Ok(waveform.iter().map(|x| x * x).collect());
        FrontEnd { described: described.to_owned(), run: Box::new(run) }
    }

    fn opened(dir: &Path, front_end: FrontEnd) -> FeatureCache {
        let plan = under_ci("speech_commands_classifier", &[]);
        FeatureCache::open(dir, &plan.data, front_end).unwrap()
    }

    fn source(stamp: &str) -> Source {
        Source { place: "/data/a.flac".into(), stamp: stamp.into() }
    }

    #[test]
    fn what_is_kept_is_found_by_the_same_front_end_of_the_same_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = opened(dir.path(), squares("squares"));
        let features = [1.5, f32::MIN_POSITIVE, -0.0];
        cache.keep(&source("1"), 7, &features);
        let again = opened(dir.path(), squares("squares"));
        assert_eq!(again.find(&source("1"), 7), Some(features.to_vec()));
        assert_eq!(again.find(&source("2"), 7), None);
        assert_eq!(again.find(&source("1"), 8), None);
        let other = Source { place: "/data/b.flac".into(), ..source("1") };
        assert_eq!(again.find(&other, 7), None);
        assert_eq!(opened(dir.path(), squares("squares of 80 bands")).find(&source("1"), 7), None);
        // The same words, but it computes otherwise.
        let cubes = FrontEnd {
            run: Box::new(|waveform| Ok(waveform.iter().map(|x| x * x * x).collect())),
            ..squares("squares")
        };
        assert_eq!(opened(dir.path(), cubes).find(&source("1"), 7), None);
        assert_eq!(again.notes(), Vec::<String>::new());
    }

    /// Every byte of an entry, flipped or cut off.
    #[test]
    fn a_damaged_entry_is_noticed_whatever_is_wrong_with_it() {
        let bytes = Entry::bytes(&head(&source("1"), 7), &[1.5, 2.5]);
        assert!(Entry::parse(&bytes).is_some_and(|entry| entry.features == [1.5, 2.5]));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert!(Entry::parse(&flipped).is_none(), "byte {at}");
            assert!(Entry::parse(&bytes[..at]).is_none(), "cut at {at}");
        }
        // Whole by its sum, and of nothing that was ever written.
        let sum = Sha256::digest(b"runner");
        assert!(Entry::parse(&[&b"runner"[..], &sum].concat()).is_none());
    }

    #[test]
    fn a_damaged_entry_is_said_and_replaced_and_an_unfinished_one_goes() {
        let dir = tempfile::tempdir().unwrap();
        let cache = opened(dir.path(), squares("squares"));
        cache.keep(&source("1"), 7, &[1.0]);
        let path = cache.path(&source("1"));
        fs::write(&path, b"runner features 1\n").unwrap();
        assert_eq!(cache.find(&source("1"), 7), None);
        assert_eq!(cache.notes(), [format!("`{}` is damaged; its features are made anew", path.display())]);
        cache.keep(&source("1"), 7, &[1.0]);
        assert_eq!(cache.find(&source("1"), 7), Some(vec![1.0]));
        let left = cache.unfinished().join("1-0");
        let file = fs::File::create(&left).unwrap();
        file.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
        opened(dir.path(), squares("squares"));
        assert!(!left.exists());
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_said_once_and_still_read() {
        let dir = tempfile::tempdir().unwrap();
        let cache = opened(dir.path(), squares("squares"));
        cache.keep(&source("1"), 7, &[1.0]);
        fs::remove_dir_all(cache.unfinished()).unwrap();
        let other = Source { place: "/data/b.flac".into(), ..source("1") };
        cache.keep(&other, 7, &[2.0]);
        cache.keep(&other, 7, &[2.0]);
        let notes = cache.notes();
        assert!(notes.len() == 1 && notes[0].contains("no more are kept"), "{notes:?}");
        assert_eq!(cache.find(&source("1"), 7), Some(vec![1.0]));
        assert_eq!(cache.find(&other, 7), None);
    }
}
