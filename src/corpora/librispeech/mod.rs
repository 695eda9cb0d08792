//! LibriSpeech: read English with its transcripts, by the official portions; and its five-hour excerpt, mini LibriSpeech.
//!
//! For: `PORTION/SPEAKER/CHAPTER/*.flac` with a `*.trans.txt` for each chapter into a list for each portion and one for all
//! that train, develop and test. Whoever pre-trains reads the same lists and leaves the text alone.
//! Not for: the recordings as LibriVox has them, or the language model's books. Start at [`Librispeech`].

mod chapter;
mod speakers;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{Claims, Layout, List, PrepareError, PublishedCounts, Recipe, Vocabulary};
use super::{CorpusOption, LINK, MetaFormat, Published};
use chapter::Chapter;

const RATE_HZ: u32 = 16_000;

/// What portions are for, as lists are called.
const KINDS: [&str; 3] = ["train", "dev", "test"];

/// The folder that the archives unpack to.
const UNPACKED: &str = "LibriSpeech";

const GET: &str = "`runner data fetch librispeech --subset train-clean-100,dev-clean,test-clean` gets some of it (`mini-librispeech` is the \
smallest); give the folder that holds `train-clean-100` and the like, or `LibriSpeech` with them in it";

/// A portion, and its utterances as published.
struct Portion {
    name: &'static str,
    utterances: usize,
}

/// All portions, in the order of the parts. What stands before the first `-` is its kind.
const PORTIONS: [Portion; 9] = [
    Portion { name: "train-clean-5", utterances: 1_519 },
    Portion { name: "train-clean-100", utterances: 28_539 },
    Portion { name: "train-clean-360", utterances: 104_014 },
    Portion { name: "train-other-500", utterances: 148_688 },
    Portion { name: "dev-clean-2", utterances: 1_089 },
    Portion { name: "dev-clean", utterances: 2_703 },
    Portion { name: "dev-other", utterances: 2_864 },
    Portion { name: "test-clean", utterances: 2_620 },
    Portion { name: "test-other", utterances: 2_939 },
];

const SPEAKERS: CorpusOption = CorpusOption::switch(
    "speakers",
    "Lists by speaker: those of the portions that train are classes, some recordings of each held out; `meta.voices.txt` has these and all that the \
     other speakers say",
);

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "librispeech",
    "LibriSpeech, whichever of its portions are there: transcripts in lower case, a list for each portion and one for all that train, \
     develop and test. SOURCE is the folder that holds `train-clean-100` and the like, or `LibriSpeech` with them in it",
    &[SPEAKERS, LINK],
    |asked| {
        let (speakers, link) = (asked.has(&SPEAKERS), asked.has(&LINK));
        Box::new(Librispeech { source: asked.source.clone(), speakers, link })
    },
);

/// A request to prepare LibriSpeech.
#[derive(Debug, Clone)]
pub struct Librispeech {
    /// The folder with the portions, or the one with `LibriSpeech` in it.
    pub source: PathBuf,
    /// Lists by speaker.
    pub speakers: bool,
    /// Link to the recordings instead of copying them.
    pub link: bool,
}

impl Recipe for Librispeech {
    fn name(&self) -> &'static str {
        RECIPE.name
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({"speakers": self.speakers, "link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let unpacked = self.source.join(UNPACKED);
        let root = if unpacked.is_dir() { unpacked } else { self.source.clone() };
        let there: Vec<&Portion> =
            PORTIONS.iter().filter(|portion| root.join(portion.name).is_dir()).collect();
        if there.is_empty() {
            let detail = "none of its portions in it, such as `train-clean-100`".to_owned();
            let source_dir = self.source.clone();
            return Err(PrepareError::SourceMissing { corpus: "LibriSpeech", source_dir, detail, get: GET });
        }
        let mut layout = self.over(&there);
        for (part, portion) in there.iter().enumerate() {
            let dir = root.join(portion.name);
            for speaker in folders(&dir)? {
                for chapter in folders(&dir.join(&speaker))? {
                    let dir = dir.join(&speaker).join(&chapter);
                    Chapter { part, speaker: &speaker, chapter: &chapter, dir }.add(&mut layout)?;
                }
            }
        }
        if self.speakers {
            speakers::tell_apart(&mut layout);
        }
        Ok(layout)
    }
}

impl Librispeech {
    /// The layout over those portions, without an utterance.
    fn over(&self, there: &[&Portion]) -> Layout {
        let list = |name: &str, parts: Vec<usize>| List {
            file: format!("meta.{name}.txt"),
            format: MetaFormat::Nlt,
            parts,
            raw: false,
            language: "en",
        };
        let of_kind = |kind: &str| {
            let parts = there.iter().enumerate().filter(|(_, portion)| portion.kind() == kind);
            list(kind, parts.map(|(part, _)| part).collect())
        };
        let of_portion = there.iter().enumerate().map(|(part, portion)| list(portion.name, vec![part]));
        let corpus = match there.iter().any(|portion| portion.is_mini()) {
            true => "mini LibriSpeech",
            false => "LibriSpeech",
        };
        let utterances = there.iter().map(|portion| portion.utterances).collect();
        Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            units: Vec::new(),
            parts: there.iter().map(|portion| portion.name).collect(),
            lists: KINDS.iter().map(|kind| of_kind(kind)).chain(of_portion).collect(),
            heads: Vec::new(),
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims {
                absent: 0,
                nearest: Some(PublishedCounts { corpus: corpus.to_owned(), utterances }),
                caveat: None,
            },
        }
    }
}

impl Portion {
    /// What it is for, as in [`KINDS`].
    fn kind(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(kind, _)| kind)
    }

    /// Whether it is of the excerpt.
    fn is_mini(&self) -> bool {
        matches!(self.name, "train-clean-5" | "dev-clean-2")
    }
}

/// Names of the folders in `dir` that are numbers, as speakers and chapters are, in their order.
fn folders(dir: &Path) -> Result<Vec<String>, PrepareError> {
    let entries = fs::read_dir(dir).map_err(|source| PrepareError::Io {
        doing: "read",
        path: dir.to_owned(),
        source,
    })?;
    let names = entries.flatten().filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name());
    let numbered: BTreeSet<(u64, String)> =
        names.filter_map(|name| Some((name.to_str()?.parse().ok()?, name.to_str()?.to_owned()))).collect();
    Ok(numbered.into_iter().map(|(_, name)| name).collect())
}
