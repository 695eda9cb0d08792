//! AudioSet, and other corpora in the lists that its programs read: any number of classes for each clip.
//!
//! For: JSON lists `{"data": [{"wav": path, "labels": "id,id"}]}` and a table `index,mid,display_name` into lists of one head, whose classes have
//! the table's numbers. Clips are looked for where the lists say and then by name, since published lists hold the paths of other machines; those
//! that are not there are counted and named. Reading the table is `classes`, reading a list `entries`, finding a recording `find`, naming a clip
//! `clips`.
//! Not for: AudioSet's own CSV of segments, or getting clips from YouTube.
//! Start at [`Labelled`].

mod classes;
mod clips;
mod entries;
mod find;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{Claims, Head, Layout, List, PrepareError, PublishedCounts, Recipe, Vocabulary};
use super::{CorpusOption, LINK, MetaFormat, Published};
use classes::Classes;
use clips::{Clips, Read};
use find::Finder;

const RATE_HZ: u32 = 16_000;

/// Parts, in the order of [`Form::lists`].
const PARTS: [&str; 3] = ["train", "dev", "test"];

const OPTIONS: &[CorpusOption] = &[TRAIN, DEV, TEST, CLASSES, AUDIO, LINK];
const TRAIN: CorpusOption = CorpusOption::path(PARTS[0], "FILE", "List of the clips to train on");
const DEV: CorpusOption =
    CorpusOption::path(PARTS[1], "FILE", "List of the clips to choose checkpoints with, where there is one");
const TEST: CorpusOption = CorpusOption::path(PARTS[2], "FILE", "List of the clips to evaluate on");
const CLASSES: CorpusOption =
    CorpusOption::path("classes", "FILE", "Table of the classes: `index,mid,display_name`");
const AUDIO: CorpusOption = CorpusOption::path(
    "audio",
    "DIR",
    "Folder to look for the clips in, at any depth, where they do not lie in SOURCE",
);

/// What one of these corpora is called, and its lists.
#[derive(Debug)]
struct Form {
    verb: &'static str,
    corpus: &'static str,
    /// Names of the lists in the source, by part; none where only an option can name one.
    lists: [Option<&'static str>; 3],
    /// Parts without which there is no corpus.
    needed: [bool; 3],
    /// Clips of each part in the lists of those names, and who says so.
    counts: Option<(&'static str, [usize; 3])>,
    get: &'static str,
}

const AUDIOSET_FORM: Form = Form {
    verb: "audioset",
    corpus: "AudioSet",
    lists: [Some("bal_train_data.json"), None, Some("eval_modified_labeled_with_data_key.json")],
    needed: [true, false, true],
    counts: Some(("AudioSet-20k in SSAMBA's lists", [18_477, 0, 17_083])),
    get: "its clips come from YouTube, by tools of others; SSAMBA's code has the lists in `src/finetune/audioset`, research.google.com/audioset the \
table `class_labels_indices.csv`; put them beside the clips, or name them with `--train`, `--test` and `--classes`",
};

const LABELLED_JSON_FORM: Form = Form {
    verb: "labelled-json",
    corpus: "corpus in lists of JSON",
    lists: [Some("train.json"), Some("dev.json"), Some("test.json")],
    needed: [true, false, false],
    counts: None,
    get: "give the folder that holds `train.json`, `class_labels_indices.csv` and the clips, or name the lists with `--train`, `--dev` and `--test`, \
the table with `--classes` and the clips' folder with `--audio`",
};

/// The table's name in the source.
const TABLE: &str = "class_labels_indices.csv";

/// The verb for AudioSet.
pub(super) const AUDIOSET: Published = Published::new(
    AUDIOSET_FORM.verb,
    "AudioSet: which of 527 sounds are in ten seconds, any number of them. SOURCE is the folder that holds the lists `bal_train_data.json` and \
     `eval_modified_labeled_with_data_key.json`, the table `class_labels_indices.csv`, and the clips at any depth",
    OPTIONS,
    |asked| Box::new(Labelled::of(&AUDIOSET_FORM, asked)),
);

/// The verb for other corpora in such lists.
pub(super) const LABELLED_JSON: Published = Published::new(
    LABELLED_JSON_FORM.verb,
    "Any corpus in lists as AudioSet's programs read them, such as those that SSAMBA's scripts make of ESC-50 and Speech Commands: \
     `{\"data\": [{\"wav\": path, \"labels\": \"id,id\"}]}`. SOURCE is the folder that holds `train.json`, `dev.json`, `test.json` and \
     `class_labels_indices.csv`, and the clips at any depth",
    OPTIONS,
    |asked| Box::new(Labelled::of(&LABELLED_JSON_FORM, asked)),
);

/// A request to prepare one of them.
#[derive(Debug, Clone)]
struct Labelled {
    form: &'static Form,
    /// The folder with the lists and the clips.
    source: PathBuf,
    /// Lists elsewhere, by part.
    lists: [Option<PathBuf>; 3],
    /// The table of classes elsewhere.
    classes: Option<PathBuf>,
    /// A folder of clips elsewhere.
    audio: Option<PathBuf>,
    /// Link to the recordings that can be used as they are instead of writing them as flac.
    link: bool,
}

impl Recipe for Labelled {
    fn name(&self) -> &'static str {
        self.form.verb
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        let [train, dev, test] = &self.lists;
        json!({
            "train": train, "dev": dev, "test": test,
            "classes": self.classes, "audio": self.audio, "link": self.link,
        })
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let table = self.classes.clone().unwrap_or_else(|| self.source.join(TABLE));
        let lists = self.lists()?;
        let classes = Classes::read(&table, || self.missing(&table))?;
        let mut read = BTreeMap::new();
        for (part, path) in lists {
            read.insert(part, (self.shown(&path), entries::read(&path)?));
        }
        self.over(&classes, &read)
    }
}

impl Labelled {
    fn of(form: &'static Form, asked: &super::Asked) -> Self {
        Self {
            form,
            source: asked.source.clone(),
            lists: [asked.path(&TRAIN), asked.path(&DEV), asked.path(&TEST)],
            classes: asked.path(&CLASSES),
            audio: asked.path(&AUDIO),
            link: asked.has(&LINK),
        }
    }

    /// A path as messages show it.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.source).unwrap_or(path).display().to_string()
    }

    fn missing(&self, file: &Path) -> PrepareError {
        let detail = match file.strip_prefix(&self.source) {
            Ok(file) => format!("no `{}` in it", file.display()),
            Err(_) => format!("no file `{}`", file.display()),
        };
        let (corpus, source_dir) = (self.form.corpus, self.source.clone());
        PrepareError::SourceMissing { corpus, source_dir, detail, get: self.form.get }
    }

    /// The lists that are there, by part.
    ///
    /// # Errors
    /// One that was asked for or is needed is not.
    fn lists(&self) -> Result<BTreeMap<usize, PathBuf>, PrepareError> {
        let mut lists = BTreeMap::new();
        for (part, asked) in self.lists.iter().enumerate() {
            let usual = self.form.lists[part].map(|name| self.source.join(name));
            let Some(path) = asked.clone().or(usual) else { continue };
            match path.is_file() {
                true => _ = lists.insert(part, path),
                false if asked.is_some() || self.form.needed[part] => return Err(self.missing(&path)),
                false => {}
            }
        }
        Ok(lists)
    }

    fn over(&self, classes: &Classes, lists: &BTreeMap<usize, Read>) -> Result<Layout, PrepareError> {
        let folders = [Some(&self.source), self.audio.as_ref()].into_iter().flatten();
        let clips = Clips::gather(lists, classes, Finder::new(folders))?;
        let parts: Vec<usize> = lists.keys().copied().collect();
        let list = |(at, &part): (usize, &usize)| List {
            file: format!("meta.{}.txt", PARTS[part]),
            format: MetaFormat::NltLa,
            parts: vec![at],
            raw: false,
            language: "und",
        };
        Ok(Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            units: clips.units,
            parts: parts.iter().map(|&part| PARTS[part]).collect(),
            lists: parts.iter().enumerate().map(list).collect(),
            heads: vec![Head { name: "sound".to_owned(), classes: classes.names().to_vec() }],
            vocabulary: Vocabulary::OfTexts,
            extra: vec![(TABLE.to_owned(), classes.table().to_owned())],
            bad: clips.bad,
            left_out: Vec::new(),
            claims: Claims { absent: clips.absent, nearest: self.nearest(&parts), caveat: None },
        })
    }

    /// The published counts, where the lists are called like those that were counted.
    fn nearest(&self, parts: &[usize]) -> Option<PublishedCounts> {
        let (corpus, counts) = self.form.counts?;
        let renamed = |(part, list): (usize, &Option<PathBuf>)| {
            list.as_ref().is_some_and(|list| list.file_name() != self.form.lists[part].map(AsRef::as_ref))
        };
        let theirs = !self.lists.iter().enumerate().any(renamed);
        let utterances = parts.iter().map(|&part| counts[part]).collect();
        theirs.then(|| PublishedCounts { corpus: corpus.to_owned(), utterances })
    }
}
