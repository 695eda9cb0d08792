//! The prepared format: a folder with `meta.*.txt` lists, the audio they name, and (elsewhere read) a
//! vocabulary and class names.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::lookup::{Found, Lookup, Source};
use super::meta::{self, LineProblem, MetaFormat};
use super::{Categories, CorpusError, CorpusFacts};
use crate::audio;

/// One line of a meta file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utterance {
    /// Names the audio file and the predictions.
    pub name: String,
    /// Length at the corpus's rate (16 kHz for all speech corpora).
    pub samples: usize,
    /// The transcript as written.
    pub text: String,
    /// One class name per classifier head; empty in the format `nlt`.
    pub labels: Vec<String>,
    /// Line of the meta file, counted from 1.
    pub line: usize,
}

/// One list of a prepared corpus: utterances, and their sound on demand.
#[derive(Debug)]
pub struct Corpus {
    dir: PathBuf,
    meta_path: PathBuf,
    utterances: Vec<Utterance>,
    digest: String,
    lookup: Lookup,
}

impl Corpus {
    /// Reads the list `meta` (a file inside `dir`, or an absolute path) of the corpus at `dir`. No audio is
    /// touched.
    ///
    /// # Errors
    /// `dir` or the list is missing ([`CorpusError::is_missing`]), lines are wrong (all of them are named),
    /// or there is none.
    pub fn open(dir: &Path, meta: &str, format: MetaFormat) -> Result<Self, CorpusError> {
        let meta_path = dir.join(meta);
        if !dir.is_dir() {
            return Err(CorpusError::Missing { dir: dir.to_owned() });
        }
        let bytes = std::fs::read(&meta_path).map_err(|source| CorpusError::read(&meta_path, source))?;
        let utterances = meta::parse(&bytes, format).map_err(|problems| wrong_lines(&meta_path, problems))?;
        if utterances.is_empty() {
            return Err(CorpusError::Empty { path: meta_path });
        }
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { dir: dir.to_owned(), meta_path, utterances, digest, lookup: Lookup::default() })
    }

    /// The utterances, in the order of the file.
    pub fn utterances(&self) -> &[Utterance] {
        &self.utterances
    }

    /// The list's path.
    pub fn meta_path(&self) -> &Path {
        &self.meta_path
    }

    /// SHA-256 of the list, in hexadecimal: names and lengths are in it, so it stands for the data in a run's
    /// record.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Totals, from the lengths in the list.
    pub fn facts(&self) -> CorpusFacts {
        CorpusFacts::of(self.utterances.iter().map(|utterance| utterance.samples))
    }

    /// Checks that every utterance has one label per head, and counts those with an unknown class.
    pub fn check_labels(&self, categories: &Categories) -> Result<usize, CorpusError> {
        let heads = categories.sizes().len();
        let problems: Vec<LineProblem> = self
            .utterances
            .iter()
            .filter(|utterance| utterance.labels.len() != heads)
            .map(|utterance| LineProblem::labels(utterance.line, utterance.labels.len(), heads))
            .collect();
        if !problems.is_empty() {
            return Err(wrong_lines(&self.meta_path, problems));
        }
        Ok(self.utterances.iter().filter(|utterance| categories.classes(&utterance.labels).is_none()).count())
    }

    /// Names of the utterances for which there is no sound, in the order of the list.
    ///
    /// # Errors
    /// An archive cannot be read.
    pub fn without_sound(&self) -> Result<Vec<String>, CorpusError> {
        let mut missing = Vec::new();
        for utterance in &self.utterances {
            match self.lookup.find(&self.dir, &utterance.name) {
                Ok(_) => {}
                Err(CorpusError::NoAudio { .. }) => missing.push(utterance.name.clone()),
                Err(error) => return Err(error),
            }
        }
        Ok(missing)
    }

    /// Where the sound of `utterance` lies and the state of its file; `None` where there is no such file. Nothing of it is read.
    ///
    /// # Errors
    /// An archive cannot be read.
    pub fn source(&self, utterance: &Utterance) -> Result<Option<Source>, CorpusError> {
        self.lookup.source(&self.dir, &utterance.name)
    }

    /// The sound of `utterance`, mono at `rate_hz`.
    ///
    /// # Errors
    /// There is no audio for it, it cannot be decoded, or its length is not the listed one.
    pub fn load(&self, utterance: &Utterance, rate_hz: u32) -> Result<Vec<f32>, CorpusError> {
        let (audio, samples) = match self.lookup.find(&self.dir, &utterance.name)? {
            Found::File(path) => (path.display().to_string(), audio::read(&path, rate_hz)?),
            Found::Member { name, bytes } => {
                let samples = audio::read_bytes(&name, bytes, rate_hz)?;
                (name, samples)
            }
        };
        if samples.len() == utterance.samples {
            return Ok(samples);
        }
        Err(CorpusError::Length {
            meta: self.meta_path.clone(),
            line: utterance.line,
            listed: utterance.samples,
            audio,
            found: samples.len(),
            rate_hz,
        })
    }
}

fn wrong_lines(path: &Path, problems: Vec<LineProblem>) -> CorpusError {
    let (problems, more) = meta::listed(problems);
    CorpusError::Meta { path: path.to_owned(), problems, more }
}
