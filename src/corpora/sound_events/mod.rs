//! ESC-50 and UrbanSound8K: which of 50 or 10 sounds it is, by cross-validation over the official folds.
//!
//! For: the table of clips that either corpus comes with, and its recordings, into lists for every fold over one set of sounds. What
//! tells the two apart is a [`Form`]; reading its table is `table`, joining UrbanSound8K's clips to scenes of a minute `streams`.
//! Not for: AudioSet, whose clips have several labels (`labelled`).
//! Start at [`SoundEvents`].

mod esc50;
mod streams;
mod table;
mod urban8k;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{
    Bad, Claims, Clip, Head, Layout, Line, List, PrepareError, PublishedCounts, Recipe, Sound, Unit,
    Vocabulary,
};
use super::{CorpusOption, LINK, MetaFormat, Published};
use streams::Found;

const RATE_HZ: u32 = 16_000;

/// Folds, each a part; a corpus has the first few of them.
const FOLDS: [&str; 10] =
    ["fold1", "fold2", "fold3", "fold4", "fold5", "fold6", "fold7", "fold8", "fold9", "fold10"];

const CAVEAT: &str = "`meta.dev.foldN.txt` and `meta.test.foldN.txt` are the same clips, those of fold N, as in the published recipe: what is \
chosen by them is not tested on sounds unseen";

const STREAMS_CAVEAT: &str = "each stream is a minute of clips of one fold, joined in the order that seed 1 gives; the published streams were \
joined without a seed, so theirs are others. `meta.dev.foldN.txt` and `meta.test.foldN.txt` are the same streams, those of fold N, as in the \
published recipe";

const STREAMS: CorpusOption = CorpusOption::switch(
    "streams",
    "Join the clips of each fold to streams of a minute with a class for every second, for models of scenes that change",
);

/// What one of these corpora looks like.
#[derive(Debug)]
struct Form {
    verb: &'static str,
    corpus: &'static str,
    /// The table of clips, below the source.
    table: &'static str,
    columns: Columns,
    /// Where the recording of that fold and file name is, below the source.
    recording: fn(fold: &str, file: &str) -> String,
    /// Class names, in the order of their official numbers.
    classes: &'static [&'static str],
    /// Clips of each fold, as published.
    fold_sizes: &'static [usize],
    /// Where it can be had, and which folder is to be given.
    get: &'static str,
}

/// Names of the columns of its table that are read.
#[derive(Debug)]
struct Columns {
    file: &'static str,
    fold: &'static str,
    number: &'static str,
    class: &'static str,
}

/// The verb for ESC-50.
pub(super) const ESC50: Published = Published::new(
    esc50::FORM.verb,
    "ESC-50: which of 50 sounds of the surroundings it is, with lists for each of the five official folds. SOURCE is the folder that holds \
     `meta/esc50.csv` and `audio`",
    &[LINK],
    |asked| {
        let (source, link) = (asked.source.clone(), asked.has(&LINK));
        Box::new(SoundEvents { form: &esc50::FORM, source, link, streams: None })
    },
);

/// The verb for UrbanSound8K.
pub(super) const URBAN8K: Published = Published::new(
    urban8k::FORM.verb,
    "UrbanSound8K: which of 10 sounds of a city it is, clip by clip or second by second, with lists for each of the ten official folds. SOURCE \
     is the folder that holds `metadata/UrbanSound8K.csv` and `audio`",
    &[STREAMS, LINK],
    |asked| {
        let (source, link) = (asked.source.clone(), asked.has(&LINK));
        Box::new(SoundEvents { form: &urban8k::FORM, source, link, streams: Some(asked.has(&STREAMS)) })
    },
);

/// A request to prepare one of them.
#[derive(Debug, Clone)]
struct SoundEvents {
    form: &'static Form,
    /// The folder with the table and the recordings.
    source: PathBuf,
    /// Link to the recordings that can be used as they are instead of writing them as flac.
    link: bool,
    /// Join clips to streams of a minute; `None` where that is no question.
    streams: Option<bool>,
}

impl Recipe for SoundEvents {
    fn name(&self) -> &'static str {
        self.form.verb
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        match self.streams {
            None => json!({"link": self.link}),
            Some(streams) => json!({"link": self.link, "streams": streams}),
        }
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let (rows, mut bad) = table::read(self.form, &self.source)?;
        let (mut found, mut absent) = (Vec::new(), 0);
        for row in rows {
            let path = (self.form.recording)(FOLDS[row.fold], &format!("{}.wav", row.stem));
            let audio = self.source.join(&path);
            if audio.is_file() {
                found.push(Found { row, path, audio });
            } else {
                absent += 1;
                bad.push(Bad::line(self.form.table, row.line, format!("there is no `{path}`")));
            }
        }
        let units = match self.joins() {
            true => streams::units(&found, RATE_HZ, &mut bad),
            false => found.into_iter().map(|found| self.unit(found)).collect(),
        };
        Ok(self.over(units, bad, absent))
    }
}

impl SoundEvents {
    fn joins(&self) -> bool {
        self.streams == Some(true)
    }

    /// The clip of a row.
    fn unit(&self, Found { row, audio, .. }: Found) -> Unit {
        let fold = FOLDS[row.fold];
        // Readers look for a clip in the folder called like its name up to the last `_`.
        let name = format!("{fold}_{}", row.stem.replace('_', "-"));
        let line = Line { file: self.form.table.to_owned(), number: row.line };
        Unit {
            sound: Sound::File(audio),
            named_by: Some(format!("{}:{}", line.file, line.number)),
            clips: vec![Clip {
                place: format!("{fold}/{name}"),
                name,
                part: row.fold,
                span: None,
                text: String::new(),
                raw_text: None,
                labels: vec![row.class.to_owned()],
                line: Some(line),
            }],
        }
    }

    fn over(&self, units: Vec<Unit>, bad: Vec<Bad>, absent: usize) -> Layout {
        let form = self.form;
        let folds = form.fold_sizes.len();
        // Nobody has published how many streams there are.
        let clips =
            || PublishedCounts { corpus: form.corpus.to_owned(), utterances: form.fold_sizes.to_vec() };
        Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            units,
            parts: FOLDS[..folds].to_vec(),
            lists: (0..folds).flat_map(|held_out| lists(held_out, folds)).collect(),
            heads: vec![Head {
                name: "sound".to_owned(),
                classes: form.classes.iter().map(|&class| class.to_owned()).collect(),
            }],
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad,
            left_out: Vec::new(),
            claims: Claims {
                absent,
                nearest: (!self.joins()).then(clips),
                caveat: Some(if self.joins() { STREAMS_CAVEAT } else { CAVEAT }.to_owned()),
            },
        }
    }
}

/// The lists of the experiment that holds out one fold of so many.
fn lists(held_out: usize, folds: usize) -> [List; 3] {
    let list = |kind: &str, parts: Vec<usize>| List {
        file: format!("meta.{kind}.{}.txt", FOLDS[held_out]),
        format: MetaFormat::NltLa,
        parts,
        raw: false,
        language: "und",
    };
    let others = (0..folds).filter(|&fold| fold != held_out).collect();
    [list("train", others), list("dev", vec![held_out]), list("test", vec![held_out])]
}
