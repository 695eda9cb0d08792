//! What there is to do for a speaker: which recordings, which utterances of them, under which names.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Segment, Transcript, Transcripts};
use crate::text::g2p::Language;

/// A speaker of this name is none: what lies in the folder is noise, which has no transcripts.
pub const NOISE: &str = "Noise";
/// Groups of books: a recording is a chapter.
const BOOKS: [&str; 2] = ["Audiobooks", "LibriVox"];

/// Whether recordings are cut into their segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slicing {
    /// Where a speaker has one recording alone, and in groups of books.
    Auto,
    /// Wherever there are segments.
    Always,
    /// Nowhere.
    Never,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The folder of codes, below which `GROUP/SPEAKER/` lies.
    pub to: PathBuf,
    /// How the names of files end.
    pub ending: &'static str,
    /// Whether recordings are cut.
    pub slicing: Slicing,
    /// Speakers with fewer recordings are passed over.
    pub min_utterances: usize,
    /// Texts in a language that phonemes are not made of are read in the one that they look like, instead of being refused.
    pub strict_languages: bool,
}

/// A folder of sound, a speaker's or of noise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpeakerFolder {
    /// The folder above.
    pub group: String,
    /// Its own name.
    pub name: String,
}

impl SpeakerFolder {
    /// `GROUP/SPEAKER`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }
}

/// An utterance that is to become a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The file.
    pub to: PathBuf,
    /// What is said; nothing in noise.
    pub text: Option<String>,
    /// In which language; `None`: it is detected.
    pub language: Option<Language>,
    /// From where to where in the recording, in seconds; `None`: the whole of it. Without an end as far as it goes.
    pub span: Option<(f64, Option<f64>)>,
}

/// A recording, and the utterances in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The file.
    pub from: PathBuf,
    /// What becomes of it.
    pub pieces: Vec<Piece>,
}

/// What was passed over, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passed {
    /// Utterances whose file is there already.
    pub there: usize,
    /// Utterances without a text.
    pub empty: usize,
    /// Whether the speaker has too few recordings.
    pub few: bool,
}

/// What there is to do for a speaker.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Planned {
    /// Recordings with something to do, in the order of their names.
    pub recordings: Vec<Recording>,
    /// What was passed over.
    pub passed: Passed,
    /// Names of recordings that transcripts are about and that are not there.
    pub missing: Vec<String>,
    /// What cannot be done, in sentences.
    pub refused: Vec<String>,
}

/// The speakers below folders of sound and of transcripts, in order: those of either, so that sound without transcripts is noticed, and the other
/// way round.
///
/// # Errors
/// A folder cannot be read.
pub fn speaker_folders(roots: &[&Path]) -> io::Result<BTreeSet<SpeakerFolder>> {
    let mut speakers = BTreeSet::new();
    for root in roots {
        for group in folders(root)? {
            for name in folders(&root.join(&group))? {
                speakers.insert(SpeakerFolder { group: group.clone(), name });
            }
        }
    }
    Ok(speakers)
}

/// Plans a speaker whose sound lies in `audio`; `is_done` says whether a file is there already and well. Without transcripts all that lies there
/// is noise.
///
/// # Errors
/// The folder of noise cannot be read.
pub fn plan(
    speaker: &SpeakerFolder,
    audio: &Path,
    transcripts: Option<&Transcripts>,
    asked: &Asked,
    is_done: &dyn Fn(&Path) -> bool,
) -> io::Result<Planned> {
    let folder = asked.to.join(&speaker.group).join(&speaker.name);
    let mut planner =
        Planner { folder, audio, asked, is_done, taken: HashSet::new(), planned: Planned::default() };
    let Some(transcripts) = transcripts else {
        // Noise that only transcripts have a folder for is none.
        for name in if audio.is_dir() { files(audio)? } else { Vec::new() } {
            planner.whole(&name, None, None);
        }
        return Ok(planner.planned);
    };
    if transcripts.len() < asked.min_utterances {
        planner.planned.passed.few = true;
        return Ok(planner.planned);
    }
    let sliced = match asked.slicing {
        Slicing::Always => true,
        Slicing::Never => false,
        Slicing::Auto => transcripts.len() == 1 || BOOKS.contains(&speaker.group.as_str()),
    };
    for (name, transcript) in transcripts {
        match planner.language(transcript) {
            Err(refused) => planner.planned.refused.push(format!("`{}/{name}`: {refused}", speaker.path())),
            Ok(language) if sliced && !transcript.segments.is_empty() => {
                planner.slices(name, &transcript.segments, language);
            }
            Ok(language) => planner.whole(name, Some(&transcript.text), language),
        }
    }
    Ok(planner.planned)
}

/// A speaker's plan on its way.
struct Planner<'a> {
    folder: PathBuf,
    audio: &'a Path,
    asked: &'a Asked,
    is_done: &'a dyn Fn(&Path) -> bool,
    /// Files that something will be, or is.
    taken: HashSet<PathBuf>,
    planned: Planned,
}

impl Planner<'_> {
    /// The language of a transcript: English where none is named, `None` where it is to be detected.
    fn language(&self, transcript: &Transcript) -> Result<Option<Language>, String> {
        match transcript.language.as_deref() {
            None | Some("") => Ok(Some(Language::English)),
            Some("auto") => Ok(None),
            Some(name) => match Language::of(name) {
                Some(language) => Ok(Some(language)),
                None if self.asked.strict_languages => Ok(None),
                None => Err(format!("no phonemes are made of `{name}`")),
            },
        }
    }

    /// A recording as one utterance.
    fn whole(&mut self, name: &str, text: Option<&str>, language: Option<Language>) {
        let from = self.audio.join(name);
        let is_said = text.is_none_or(|text| !text.trim().is_empty());
        if is_said && !from.is_file() {
            self.planned.missing.push(name.to_owned());
            return;
        }
        let piece = self.piece(stem(name), text, language, None, name);
        self.planned.recordings.extend(piece.map(|piece| Recording { from, pieces: vec![piece] }));
    }

    /// A recording as its segments, cut here or before.
    fn slices(&mut self, name: &str, segments: &[Segment], language: Option<Language>) {
        let from = self.audio.join(name);
        let numbered = |at: usize| format!("{}_{at:05}", stem(name));
        if from.is_file() {
            let mut pieces = Vec::new();
            for (at, segment) in segments.iter().enumerate() {
                let span = Some((segment.start.unwrap_or(0.0), segment.end));
                pieces.extend(self.piece(&numbered(at), Some(&segment.text), language, span, name));
            }
            if !pieces.is_empty() {
                self.planned.recordings.push(Recording { from, pieces });
            }
            return;
        }
        let ending = Path::new(name).extension().unwrap_or_default().to_string_lossy();
        let cut = |at: usize| format!("{}.{ending}", numbered(at));
        if !(0..segments.len()).any(|at| self.audio.join(cut(at)).is_file()) {
            self.planned.missing.push(name.to_owned());
            return;
        }
        for (at, segment) in segments.iter().enumerate() {
            self.whole(&cut(at), Some(&segment.text), language);
        }
    }

    /// An utterance of the recording `name`, unless there is nothing to do.
    fn piece(
        &mut self,
        stem: &str,
        text: Option<&str>,
        language: Option<Language>,
        span: Option<(f64, Option<f64>)>,
        name: &str,
    ) -> Option<Piece> {
        let to = self.folder.join(format!("{stem}.{}", self.asked.ending));
        if text.is_some_and(|text| text.trim().is_empty()) {
            self.planned.passed.empty += 1;
            return None;
        }
        if !self.taken.insert(to.clone()) {
            let refused = format!("`{name}` would be `{}`, as another recording is", to.display());
            self.planned.refused.push(refused);
            return None;
        }
        if (self.is_done)(&to) {
            self.planned.passed.there += 1;
            return None;
        }
        Some(Piece { to, text: text.map(|text| text.trim().to_owned()), language, span })
    }
}

/// A file's name without its last ending.
fn stem(name: &str) -> &str {
    match name.rfind('.') {
        Some(at @ 1..) => &name[..at],
        _ => name,
    }
}

fn folders(folder: &Path) -> io::Result<Vec<String>> {
    names(folder, |path| path.is_dir())
}

fn files(folder: &Path) -> io::Result<Vec<String>> {
    names(folder, |path| path.is_file() && path.extension().is_none_or(|ending| ending != "json"))
}

/// Names in a folder, in order; hidden ones are left out.
fn names(folder: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') && wanted(&path) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
