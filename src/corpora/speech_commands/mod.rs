//! Google's Speech Commands, v0.01 and v0.02: which of 30 or 35 words it is; and SC09, its ten digits.
//!
//! For: a folder of wav for each word and the two official lists into lists with the word as transcript and as label.
//! A clip that neither list names is for training; background noise is left out. `splits/` has the same clips as
//! tables `path,label`, which SaShiMi's programs read.
//! Not for: the task of twelve classes with silence, or its own test set. Start at [`SpeechCommands`].

mod counts;
mod official;
mod splits;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{
    Bad, Claims, Clip, Head, Layout, Line, List, PrepareError, Recipe, Sound, Unit, Vocabulary,
};
use super::{CorpusOption, LINK, MetaFormat, Published};
use official::Held;

const RATE_HZ: u32 = 16_000;

/// Parts, in the order of [`counts`].
const PARTS: [&str; 3] = ["train", "dev", "test"];

/// The words of SC09, each at its own number.
const DIGITS_IN_ORDER: [&str; 10] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

const GET: &str = "`runner data fetch speech-commands-v0.02` (or `-v0.01`) gets it; give the folder that holds `validation_list.txt`, \
`testing_list.txt` and a folder for each word";

const DIGITS: CorpusOption = CorpusOption::switch(
    "digits",
    "Only the ten digits, zero to nine: SC09. Their class numbers are what they say",
);

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "speech-commands",
    "Speech Commands: which of 35 words it is (30 in v0.01), by the official lists. SOURCE is the folder that holds a folder for each word",
    &[DIGITS, LINK],
    |asked| {
        let (digits, link) = (asked.has(&DIGITS), asked.has(&LINK));
        Box::new(SpeechCommands { source: asked.source.clone(), digits, link })
    },
);

/// A request to prepare Speech Commands.
#[derive(Debug, Clone)]
pub struct SpeechCommands {
    /// The folder with a folder for each word and the official lists.
    pub source: PathBuf,
    /// Only the digits.
    pub digits: bool,
    /// Link to the recordings instead of writing them as flac.
    pub link: bool,
}

impl Recipe for SpeechCommands {
    fn name(&self) -> &'static str {
        RECIPE.name
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({"digits": self.digits, "link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let (mut held, mut bad) = official::read(&self.source, |word| self.wants(word))?;
        let mut units = Vec::new();
        for folder in self.folders()? {
            let clips = self.clips(&folder)?;
            match clips.is_empty() || is_word(&folder) {
                true => units.extend(clips.iter().map(|clip| self.unit(&folder, clip, &mut held))),
                false => {
                    bad.push(Bad::file(folder, clips.len(), "its name is no word of letters and figures"))
                }
            }
        }
        if units.is_empty() && bad.is_empty() {
            return Err(self.missing("no folder of a word with `.wav` in it".to_owned()));
        }
        let absent = held.len();
        bad.extend(held.into_iter().map(|(path, held)| held.absent(&path)));
        self.over(units, bad, absent)
    }
}

impl SpeechCommands {
    fn missing(&self, detail: String) -> PrepareError {
        official::missing(&self.source, detail)
    }

    /// Whether clips of a folder of that name are asked for.
    fn wants(&self, folder: &str) -> bool {
        !self.digits || DIGITS_IN_ORDER.contains(&folder)
    }

    /// Folders of words, in the order of their names. One with `_` in its name holds noise.
    fn folders(&self) -> Result<BTreeSet<String>, PrepareError> {
        let entries = fs::read_dir(&self.source).map_err(|error| self.missing(error.to_string()))?;
        let names = entries.flatten().filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        Ok(names.filter(|name| !name.contains('_') && self.wants(name)).collect())
    }

    /// Names of the recordings in the folder of a word, in their order, without their ending.
    fn clips(&self, folder: &str) -> Result<BTreeSet<String>, PrepareError> {
        let dir = self.source.join(folder);
        let entries =
            fs::read_dir(&dir).map_err(|source| PrepareError::Io { doing: "read", path: dir, source })?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names.filter_map(|name| Some(name.strip_suffix(".wav")?.to_owned())).collect())
    }

    /// The recording, in the part of the list that holds it out; it is taken off that list.
    fn unit(&self, folder: &str, clip: &str, held: &mut official::HeldOut) -> Unit {
        let path = format!("{folder}/{clip}.wav");
        let held = held.remove(&path);
        let word = folder.to_lowercase();
        // Readers look for a clip in the folder called like its name up to the last `_`.
        let name = format!("{word}_{}", clip.replace('_', "-"));
        let line = held.map(|Held { list, line, .. }| Line { file: list.to_owned(), number: line });
        Unit {
            sound: Sound::File(self.source.join(&path)),
            named_by: line.as_ref().map(|line| format!("{}:{}", line.file, line.number)),
            clips: vec![Clip {
                place: format!("{word}/{name}"),
                name,
                part: held.map_or(0, |held| held.part),
                span: None,
                text: word.clone(),
                raw_text: None,
                labels: vec![word],
                line,
            }],
        }
    }

    fn over(&self, units: Vec<Unit>, bad: Vec<Bad>, absent: usize) -> Result<Layout, PrepareError> {
        let list = |part: usize| List {
            file: format!("meta.{}.txt", PARTS[part]),
            format: MetaFormat::NltLa,
            parts: vec![part],
            raw: false,
            language: "en",
        };
        let classes = self.classes(&units);
        let nearest = Some(counts::nearest(&units, &classes));
        Ok(Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            extra: splits::tables(&units, self.digits)?,
            units,
            parts: PARTS.to_vec(),
            lists: (0..PARTS.len()).map(list).collect(),
            heads: vec![Head { name: "word".to_owned(), classes }],
            vocabulary: Vocabulary::OfTexts,
            bad,
            left_out: Vec::new(),
            claims: Claims { absent, nearest, caveat: None },
        })
    }

    /// The digits in their own order, or the words that are there in the alphabet's.
    fn classes(&self, units: &[Unit]) -> Vec<String> {
        if self.digits {
            return DIGITS_IN_ORDER.map(str::to_owned).to_vec();
        }
        let words: BTreeSet<&String> =
            units.iter().flat_map(|unit| &unit.clips).flat_map(|clip| &clip.labels).collect();
        words.into_iter().cloned().collect()
    }
}

/// Whether a list can have it as a label, and a file as a name.
fn is_word(folder: &str) -> bool {
    !folder.is_empty() && folder.chars().all(char::is_alphanumeric)
}
