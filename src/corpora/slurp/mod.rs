//! SLURP: recordings of home-assistant commands, real and synthetic, with a scenario and an action each.
//!
//! For: the public download (metadata as JSON lines, two folders of flac files) into lists with two labels, class
//! names, and the vocabulary that the published experiments ask for and nobody publishes. Ids are the reference's:
//! one count over train, dev, test and the synthetic sentences, in the order of the metadata.
//! Not for: the sentences' annotated slots.

mod metadata;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{
    Bad, Claims, Clip, Head, Layout, Line, List, PrepareError, Recipe, Sound, Unit, Vocabulary,
};
use super::{CorpusOption, LINK, MetaFormat, Published};

const RATE_HZ: u32 = 16_000;

const LANGUAGE: &str = "en";

/// Parts in the order in which ids are counted, with the metadata of each.
const PARTS: [(&str, &str); 4] = [
    ("train", "train.jsonl"),
    ("dev", "devel.jsonl"),
    ("test", "test.jsonl"),
    ("synthetic", "train_synthetic.jsonl"),
];

/// Index of the synthetic sentences in [`PARTS`].
const SYNTHETIC: usize = 3;

/// Digits of an id that name the folder of a synthetic recording.
const SHELF_DIGITS: usize = 7;

const GET: &str = "SLURP's metadata (CC BY 4.0) is at https://github.com/pswietojanski/slurp, its recordings (6 GB, CC BY-NC 4.0) at \
https://zenodo.org/record/4274930: clone, run `scripts/download_audio.sh` in it, and give that folder; \
`--real`, `--synthetic` and `--metadata` name folders that lie elsewhere";

const REAL_DIR: CorpusOption = CorpusOption::path(
    "real",
    "DIR",
    "Folder of real recordings [default: audio/slurp_real or slurp_real in SOURCE]",
);

const SYNTHETIC_DIR: CorpusOption = CorpusOption::path(
    "synthetic",
    "DIR",
    "Folder of synthetic recordings [default: audio/slurp_synth or slurp_synth in SOURCE]",
);

const METADATA_DIR: CorpusOption = CorpusOption::path(
    "metadata",
    "DIR",
    "Folder of train.jsonl and its like [default: dataset/slurp in SOURCE]",
);

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "slurp",
    "SLURP: real and synthetic commands with a scenario and an action. SOURCE is the clone of its repository, with the audio",
    &[REAL_DIR, SYNTHETIC_DIR, METADATA_DIR, LINK],
    |asked| {
        Box::new(Slurp {
            source: asked.source.clone(),
            real: asked.path(&REAL_DIR),
            synthetic: asked.path(&SYNTHETIC_DIR),
            metadata: asked.path(&METADATA_DIR),
            link: asked.has(&LINK),
        })
    },
);

/// A request to prepare SLURP.
#[derive(Debug, Clone)]
pub struct Slurp {
    /// The clone of SLURP's repository with its audio.
    pub source: PathBuf,
    /// The folder of real recordings, where it is not below the source.
    pub real: Option<PathBuf>,
    /// The folder of synthetic recordings, likewise.
    pub synthetic: Option<PathBuf>,
    /// The folder of the JSON lines, likewise.
    pub metadata: Option<PathBuf>,
    /// Link to the recordings instead of copying them.
    pub link: bool,
}

impl Recipe for Slurp {
    fn name(&self) -> &'static str {
        RECIPE.name
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({"real": self.real, "synthetic": self.synthetic, "metadata": self.metadata, "link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let find = |told: &Option<PathBuf>, usual: &[&str], what| self.find(told.as_deref(), usual, what);
        let metadata = find(&self.metadata, &["dataset/slurp", "slurp/dataset/slurp", "."], "metadata")?;
        let real = find(&self.real, &["audio/slurp_real", "slurp_real"], "real recordings")?;
        let synthetic = find(&self.synthetic, &["audio/slurp_synth", "slurp_synth"], "synthetic recordings")?;
        let mut reading = Reading::new(&self.source, self.link);
        for (part, (_, file)) in PARTS.iter().enumerate() {
            let path = metadata.join(file);
            let bytes = fs::read(&path)
                .map_err(|error| self.missing(format!("cannot read `{}`: {error}", path.display())))?;
            let audio = if part == SYNTHETIC { &synthetic } else { &real };
            reading.add(part, &path, &bytes, audio);
        }
        Ok(reading.finish())
    }
}

impl Slurp {
    /// The folder that was named, or the first usual one that is there.
    fn find(&self, told: Option<&Path>, usual: &[&str], what: &str) -> Result<PathBuf, PrepareError> {
        let tried: Vec<PathBuf> = match told {
            Some(told) => vec![told.to_owned()],
            None => usual.iter().map(|place| self.source.join(place)).collect(),
        };
        // Metadata may lie in the source itself, which is there whatever is in it.
        let there = |dir: &&PathBuf| dir.is_dir() && (what != "metadata" || dir.join(PARTS[0].1).is_file());
        tried.iter().find(there).cloned().ok_or_else(|| {
            let shown: Vec<String> = tried.iter().map(|dir| format!("`{}`", dir.display())).collect();
            self.missing(format!("no {what} in {}", shown.join(" or ")))
        })
    }

    fn missing(&self, detail: String) -> PrepareError {
        PrepareError::SourceMissing { corpus: "SLURP", source_dir: self.source.clone(), detail, get: GET }
    }
}

/// The layout as it grows, line by line.
struct Reading {
    layout: Layout,
    /// Id of each recording seen, by file name, in the order of the ids.
    ids: Vec<(String, String)>,
    seen: HashMap<String, usize>,
    /// Ids of the real recordings.
    real: usize,
    scenarios: BTreeSet<String>,
    actions: BTreeSet<String>,
}

impl Reading {
    fn new(root: &Path, link: bool) -> Self {
        let layout = Layout {
            root: root.to_owned(),
            rate_hz: RATE_HZ,
            link,
            units: Vec::new(),
            parts: PARTS.map(|(part, _)| part).to_vec(),
            lists: lists(),
            heads: Vec::new(),
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims::default(),
        };
        let (ids, seen) = (Vec::new(), HashMap::new());
        Self { layout, ids, seen, real: 0, scenarios: BTreeSet::new(), actions: BTreeSet::new() }
    }

    fn add(&mut self, part: usize, path: &Path, bytes: &[u8], audio: &Path) {
        let file = self.layout.shown(path);
        for (number, sentence) in metadata::parse(bytes) {
            let sentence = match sentence {
                Ok(sentence) => sentence,
                Err(why) => {
                    self.layout.bad.push(Bad::line(&file, number, why));
                    continue;
                }
            };
            if part != SYNTHETIC {
                self.scenarios.insert(sentence.scenario.clone());
                self.actions.insert(sentence.action.clone());
            }
            for recording in &sentence.recordings {
                if self.seen.contains_key(&recording.file) {
                    continue;
                }
                let number_of_id = self.ids.len();
                let id = format!("{LANGUAGE}_{number_of_id:010}");
                self.seen.insert(recording.file.clone(), number_of_id);
                self.ids.push((recording.file.clone(), id.clone()));
                self.layout.units.push(Unit {
                    sound: Sound::File(audio.join(&recording.file)),
                    named_by: Some(format!("{file}:{number}")),
                    clips: vec![Clip {
                        place: place(part, &id),
                        name: id,
                        part,
                        span: None,
                        text: sentence.sentence.clone(),
                        raw_text: None,
                        labels: vec![sentence.scenario.clone(), sentence.action.clone()],
                        line: Some(Line { file: file.clone(), number }),
                    }],
                });
            }
        }
        if part != SYNTHETIC {
            self.real = self.ids.len();
        }
    }

    fn finish(mut self) -> Layout {
        let head = |name: &str, classes: BTreeSet<String>| Head {
            name: name.to_owned(),
            classes: classes.into_iter().collect(),
        };
        self.layout.heads = vec![head("scenario", self.scenarios), head("action", self.actions)];
        let ids = |known: &[(String, String)]| {
            let entries = known.iter().map(|(file, id)| (file.clone(), id.clone().into()));
            format!("{:#}\n", serde_json::Value::Object(entries.collect()))
        };
        self.layout.extra = vec![
            (format!("{LANGUAGE}.audio_files.json"), ids(&self.ids[..self.real])),
            (format!("{LANGUAGE}.audio_files.syn.json"), ids(&self.ids)),
        ];
        self.layout
    }
}

/// Real recordings lie in one folder, synthetic ones in folders of a thousand.
fn place(part: usize, id: &str) -> String {
    let digits = id.split_once('_').map_or(id, |(_, digits)| digits);
    match part {
        SYNTHETIC => format!("{LANGUAGE}/{}/{id}", &digits[..SHELF_DIGITS.min(digits.len())]),
        _ => format!("{LANGUAGE}/{id}"),
    }
}

/// A list for each real part, and one of the real training sentences followed by the synthetic ones.
fn lists() -> Vec<List> {
    let list = |name: &str, parts: Vec<usize>| List {
        file: format!("meta.{name}.txt"),
        format: MetaFormat::NltLa,
        parts,
        raw: false,
        language: LANGUAGE,
    };
    vec![
        list("train", vec![0]),
        list("dev", vec![1]),
        list("test", vec![2]),
        list("train.syn", vec![0, SYNTHETIC]),
    ]
}
