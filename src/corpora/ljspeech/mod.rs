//! LJSpeech 1.1: one voice reads for a day, for speech synthesis.
//!
//! For: `metadata.csv` (identifier, text, text with numbers written out) and `wavs/IDENTIFIER.wav` into lists of 12,500, 100 and 500 utterances.
//! Texts keep their capitals and their punctuation: a model that speaks wants them. Not for: the lists of others, which are drawn otherwise and
//! have the same sizes. Start at [`Ljspeech`].

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{
    Bad, Claims, Clip, Layout, Line, List, PrepareError, PublishedCounts, Recipe, Sound, Unit, Vocabulary,
};
use super::{LINK, MetaFormat, Published, drawn};

const RATE_HZ: u32 = 22_050;

/// Parts, in the order of the lists.
const PARTS: [&str; 3] = ["train", "dev", "test"];

/// Utterances of dev and test in the usual lists, of all there are.
const HELD_OUT: [usize; 2] = [100, 500];
const ALL: usize = 13_100;

/// The folder that the archive unpacks to.
const UNPACKED: &str = "LJSpeech-1.1";

const LIST: &str = "metadata.csv";

const GET: &str = "`runner data fetch ljspeech` gets it; give the folder that holds `metadata.csv` and `wavs`, or `LJSpeech-1.1` with them in it";

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "ljspeech",
    "LJSpeech 1.1: one voice with its texts, at 22,050 Hz. SOURCE is the folder that holds `metadata.csv` and `wavs`, or `LJSpeech-1.1` with \
     them in it",
    &[LINK],
    |asked| Box::new(Ljspeech { source: asked.source.clone(), link: asked.has(&LINK) }),
);

/// A request to prepare LJSpeech.
#[derive(Debug, Clone)]
pub struct Ljspeech {
    /// The folder with `metadata.csv`, or the one with `LJSpeech-1.1` in it.
    pub source: PathBuf,
    /// Link to the recordings instead of writing them as flac.
    pub link: bool,
}

impl Recipe for Ljspeech {
    fn name(&self) -> &'static str {
        RECIPE.name
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({"link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let unpacked = self.source.join(UNPACKED);
        let root = if unpacked.is_dir() { unpacked } else { self.source.clone() };
        let path = root.join(LIST);
        let bytes = fs::read(&path).map_err(|_| PrepareError::SourceMissing {
            corpus: "LJSpeech",
            source_dir: self.source.clone(),
            detail: format!("no `{LIST}` in it"),
            get: GET,
        })?;
        let mut layout = self.empty_layout();
        let file = layout.shown(&path);
        let mut there = recordings(&root.join("wavs"));
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match Entry::parse(line) {
                Ok(entry) if there.remove(&entry.id) => entries.push((entry, number)),
                Ok(entry) => {
                    layout.claims.absent += 1;
                    let why = format!("there is no `wavs/{}.wav`", entry.id);
                    layout.bad.push(Bad::line(&file, number, why));
                }
                Err(why) => layout.bad.push(Bad::line(&file, number, why)),
            }
        }
        for id in there {
            let recording = layout.shown(&root.join("wavs").join(format!("{id}.wav")));
            layout.bad.push(Bad::file(recording, 1, format!("`{file}` has no line with what is said in it")));
        }
        let held_out = held_out(entries.iter().map(|(entry, _)| entry.id.as_str()));
        for (entry, number) in entries {
            let part = held_out.iter().position(|ids| ids.contains(&entry.id)).map_or(0, |part| part + 1);
            layout.units.push(entry.unit(&root, part, Line { file: file.clone(), number }));
        }
        Ok(layout)
    }
}

impl Ljspeech {
    fn empty_layout(&self) -> Layout {
        let list = |part: usize| List {
            file: format!("meta.{}.txt", PARTS[part]),
            format: MetaFormat::Nlt,
            parts: vec![part],
            raw: false,
            language: "en",
        };
        let [dev, test] = HELD_OUT;
        Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            units: Vec::new(),
            parts: PARTS.to_vec(),
            lists: (0..PARTS.len()).map(list).collect(),
            heads: Vec::new(),
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims {
                absent: 0,
                nearest: Some(PublishedCounts {
                    corpus: "LJSpeech".to_owned(),
                    utterances: vec![ALL - dev - test, dev, test],
                }),
                caveat: Some(
                    "which utterances are held out is drawn here: published lists of these sizes have others"
                        .to_owned(),
                ),
            },
        }
    }
}

/// A line: `LJ001-0001|Printing, in the only sense|Printing, in the only sense`.
struct Entry {
    id: String,
    text: String,
}

impl Entry {
    /// Quotes are ordinary characters; the last field is the text with numbers written out.
    fn parse(line: &[u8]) -> Result<Self, String> {
        let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        let fields: Vec<&str> = line.trim_end_matches('\r').split('|').collect();
        let [id, _, text] = fields[..] else {
            return Err(format!(
                "wanted an identifier and two texts parted by `|`, found {} fields",
                fields.len()
            ));
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if id.is_empty() || !id.chars().all(plain) {
            return Err(format!("`{id}` is no identifier such as `LJ001-0001`"));
        }
        if text.trim().is_empty() {
            return Err(format!("`{id}` has no text"));
        }
        Ok(Entry { id: id.to_owned(), text: text.trim().to_owned() })
    }

    fn unit(&self, root: &Path, part: usize, line: Line) -> Unit {
        // Readers look for a clip in the folder called like its name up to the last `_`.
        let name = self.id.replace('-', "_");
        let folder = name.rsplit_once('_').map_or(name.as_str(), |(folder, _)| folder);
        Unit {
            sound: Sound::File(root.join("wavs").join(format!("{}.wav", self.id))),
            named_by: Some(format!("{}:{}", line.file, line.number)),
            clips: vec![Clip {
                place: format!("{folder}/{name}"),
                name: name.clone(),
                part,
                span: None,
                text: self.text.clone(),
                raw_text: None,
                labels: Vec::new(),
                line: Some(line),
            }],
        }
    }
}

/// Names of the recordings, without their ending.
fn recordings(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    // A hidden file is what an archiver leaves beside a recording.
    let names = names.filter(|name| !name.starts_with('.'));
    names.filter_map(|name| Some(name.strip_suffix(".wav")?.to_owned())).collect()
}

/// Which identifiers are in dev, and which in test: those whose names draw the least numbers. Of an excerpt
/// they are as large a share as of the whole, one at least where there are three.
fn held_out<'a>(ids: impl Iterator<Item = &'a str>) -> [BTreeSet<String>; 2] {
    let mut order: Vec<(u64, &str)> = ids.map(|id| (drawn::number(id), id)).collect();
    order.sort_unstable();
    let [dev, test] = HELD_OUT.map(|count| match order.len() {
        0..3 => 0,
        all => (count * all).div_ceil(ALL).min(all / 3).max(1),
    });
    let named = |part: &[(u64, &str)]| part.iter().map(|(_, id)| (*id).to_owned()).collect();
    [named(&order[..dev]), named(&order[dev..dev + test])]
}
