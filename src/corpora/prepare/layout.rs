//! What is to be made: source files, the clips of each, and the lists over them.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use super::{Bad, Claims, FLAC_SHARE, MetaFormat, Outcome, Sound};

/// A corpus, looked at and not yet made.
#[derive(Debug)]
pub struct Layout {
    /// The folder that paths in messages start from.
    pub root: PathBuf,
    /// Samples per second of every clip.
    pub rate_hz: u32,
    /// Leave recordings that can be used as they are where they lie, and link to them.
    pub link: bool,
    /// Recordings, in the order of the lists.
    pub units: Vec<Unit>,
    /// Names of the parts that clips belong to (`train`, …).
    pub parts: Vec<&'static str>,
    pub lists: Vec<List>,
    /// The classifier heads; empty without labels.
    pub heads: Vec<Head>,
    pub vocabulary: Vocabulary,
    /// Further files: place below the prepared folder, and text.
    pub extra: Vec<(String, String)>,
    /// What is already known to be unusable.
    pub bad: Vec<Bad>,
    /// Splits of the source that nothing is made of, because nobody asked for them.
    pub left_out: Vec<String>,
    /// What the source says of itself.
    pub claims: Claims,
}

/// One recording.
#[derive(Debug)]
pub struct Unit {
    pub sound: Sound,
    /// Who named it, for messages: `train.jsonl:12`.
    pub named_by: Option<String>,
    /// What is cut from it; a unit whose clip has no span has that clip alone.
    pub clips: Vec<Clip>,
}

/// One utterance to be.
#[derive(Debug)]
pub struct Clip {
    /// Its name in the lists.
    pub name: String,
    /// Where it goes, below the prepared folder, without ending.
    pub place: String,
    /// Index into [`Layout::parts`].
    pub part: usize,
    /// The stretch of the recording, or all of it.
    pub span: Option<Span>,
    /// The text in the usual lists.
    pub text: String,
    /// The text as the corpus has it, for lists that want that.
    pub raw_text: Option<String>,
    /// A class for each head; of a single head as many as there are, for the whole clip or second by second.
    pub labels: Vec<String>,
    /// The line that asks for it, for messages.
    pub line: Option<Line>,
}

impl Clip {
    /// Something is wrong with it.
    pub(super) fn bad(&self, reason: String, outcome: Outcome) -> Bad {
        let (file, line) = match &self.line {
            Some(line) => (line.file.clone(), Some(line.number)),
            None => (self.name.clone(), None),
        };
        Bad { file, line, reason, outcome }
    }
}

/// A line of a source file, from 1; a row of one that has no lines, from 0.
#[derive(Debug)]
pub struct Line {
    pub file: String,
    pub number: u64,
}

/// A stretch of a recording, in samples at the layout's rate; `end` is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: u64,
    pub end: u64,
}

/// A `meta.*.txt` to write.
#[derive(Debug)]
pub struct List {
    pub file: String,
    pub format: MetaFormat,
    /// The parts in it, one after the other.
    pub parts: Vec<usize>,
    /// Takes [`Clip::raw_text`].
    pub raw: bool,
    /// The fifth field of `nltLa`.
    pub language: &'static str,
}

/// A classifier head.
#[derive(Debug)]
pub struct Head {
    /// What it tells apart: `scenario`.
    pub name: String,
    /// Class names, in the order of their numbers.
    pub classes: Vec<String>,
}

/// Which characters the CTC head knows.
#[derive(Debug)]
pub enum Vocabulary {
    /// The text of this `vocab.json`.
    Fixed(String),
    /// All characters of the transcripts.
    OfTexts,
}

/// Whether a path that lists of others have a part in stays below the folder it is joined to.
fn is_below(place: &str) -> bool {
    !place.is_empty() && Path::new(place).components().all(|part| matches!(part, Component::Normal(_)))
}

impl Layout {
    /// A path as messages show it: below the root where it lies there.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Takes out clips whose name an earlier one has, or that a list cannot hold, and says so.
    pub(super) fn leave_out_unusable_names(&mut self) {
        let mut seen = HashSet::new();
        let bad = &mut self.bad;
        for unit in &mut self.units {
            unit.clips.retain(|clip| {
                let reason = if clip.name.contains(['|', '\t', '\n', '\r']) {
                    format!("`{}` is no name that a list can hold", clip.name)
                } else if !is_below(&clip.place) {
                    format!("`{}` would lie outside of the prepared folder", clip.place)
                } else if !seen.insert(clip.name.clone()) {
                    format!("there is another utterance called `{}`", clip.name)
                } else {
                    return true;
                };
                bad.push(clip.bad(reason, Outcome::Skipped { utterances: 1 }));
                false
            });
        }
        self.units.retain(|unit| !unit.clips.is_empty());
    }

    /// Bytes that the clips of `unit` will take, about.
    pub(super) fn expected_bytes(&self, unit: &Unit) -> u64 {
        let spans = unit.clips.iter().filter_map(|clip| clip.span);
        let samples: u64 = spans.map(|span| span.end.saturating_sub(span.start)).sum();
        let cut = samples as f64 * 2.0 * FLAC_SHARE;
        let whole = match unit.clips.iter().all(|clip| clip.span.is_some()) || self.link {
            true => 0,
            false => unit.sound.flac_bytes(),
        };
        cut as u64 + whole
    }
}
