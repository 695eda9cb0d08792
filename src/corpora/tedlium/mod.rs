//! TED-LIUM, release 3, with its legacy splits: talks as NIST Sphere files, segments in STM files.
//!
//! For: `legacy/{train,dev,test}/{sph,stm}` into clips, lists and the vocabulary of the published experiments. Names
//! and lengths are the reference's; a clip that a recording is too short for is cut and reported instead of
//! being listed with a length it has not.
//! Not for: spelling out numbers and the like (`text::tedlium`).

mod stm;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{
    Bad, Claims, Clip, Layout, Line, List, PrepareError, Recipe, Sound, Span, Unit, Vocabulary,
};
use super::{MetaFormat, Published};
use crate::text::tedlium::normalise;

const RATE_HZ: u32 = 16_000;

const SPLITS: [&str; 3] = ["train", "dev", "test"];

const GET: &str = "TED-LIUM 3 is at https://www.openslr.org/51/ (TEDLIUM_release-3.tgz, some 50 GB, CC BY-NC-ND 3.0): unpack it and \
give the folder `TEDLIUM_release-3`, or the `legacy` in it";

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "tedlium",
    "TED-LIUM 3: talks (NIST Sphere) and segments (STM) of its legacy splits. SOURCE is the release's folder",
    &[],
    |asked| Box::new(Tedlium { source: asked.source.clone() }),
);

/// A request to prepare TED-LIUM.
#[derive(Debug, Clone)]
pub struct Tedlium {
    /// The release's folder, or `legacy` in it.
    pub source: PathBuf,
}

impl Recipe for Tedlium {
    fn name(&self) -> &'static str {
        RECIPE.name
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let inner = self.source.join("legacy");
        let root = if inner.is_dir() { inner } else { self.source.clone() };
        let mut layout = Layout {
            root: root.clone(),
            rate_hz: RATE_HZ,
            link: false,
            units: Vec::new(),
            parts: SPLITS.to_vec(),
            lists: lists(),
            heads: Vec::new(),
            vocabulary: Vocabulary::Fixed(vocabulary()),
            extra: Vec::new(),
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims::default(),
        };
        for (part, split) in SPLITS.iter().enumerate() {
            for talk in talks(&root.join(split)).map_err(|detail| self.missing(detail))? {
                add_talk(&mut layout, part, split, &talk);
            }
        }
        Ok(layout)
    }
}

impl Tedlium {
    fn missing(&self, detail: String) -> PrepareError {
        PrepareError::SourceMissing { corpus: "TED-LIUM", source_dir: self.source.clone(), detail, get: GET }
    }
}

/// For each split the text that models learn, and the words as TED-LIUM has them, to score as it is scored
/// officially.
fn lists() -> Vec<List> {
    let list = |part: usize, raw: bool| List {
        file: format!("meta.{}{}.txt", SPLITS[part], if raw { ".raw" } else { "" }),
        format: MetaFormat::Nlt,
        parts: vec![part],
        raw,
        language: "en",
    };
    (0..SPLITS.len()).flat_map(|part| [list(part, false), list(part, true)]).collect()
}

/// The vocabulary of the published experiments: `[PAD]`, a to z, `'`, `|`, `[UNK]`.
fn vocabulary() -> String {
    let letters = ('a'..='z').chain(['\'', '|']).map(String::from);
    let tokens = std::iter::once("[PAD]".to_owned()).chain(letters).chain(["[UNK]".to_owned()]);
    let lines: Vec<String> = tokens.enumerate().map(|(id, token)| format!("  \"{token}\": {id}")).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// The names of a split's talks: of its STM files, and of recordings that have none.
fn talks(dir: &Path) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for kind in ["stm", "sph"] {
        let folder = dir.join(kind);
        let entries =
            fs::read_dir(&folder).map_err(|error| format!("cannot read `{}`: {error}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|ending| ending == kind)
                && let Some(name) = path.file_stem().and_then(|name| name.to_str())
            {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn add_talk(layout: &mut Layout, part: usize, split: &str, talk: &str) {
    let folder = layout.root.join(split);
    let (list, audio) =
        (folder.join("stm").join(format!("{talk}.stm")), folder.join("sph").join(format!("{talk}.sph")));
    let bytes = match fs::read(&list) {
        Ok(bytes) => bytes,
        Err(error) => {
            let reason = format!("there are no segments for it, `{}`: {error}", layout.shown(&list));
            layout.bad.push(Bad::file(layout.shown(&audio), 0, reason));
            return;
        }
    };
    let file = layout.shown(&list);
    let (segments, problems) = stm::parse(&bytes, talk, RATE_HZ);
    layout.bad.extend(problems.into_iter().map(|(line, why)| Bad::line(&file, line, why)));
    let clips: Vec<Clip> = segments
        .into_iter()
        .map(|segment| {
            let name = format!("{talk}_{:08}", segment.index);
            Clip {
                place: format!("{talk}/{name}"),
                name,
                part,
                span: Some(Span { start: segment.start, end: segment.end }),
                text: normalise(segment.text),
                raw_text: Some(segment.text.to_owned()),
                labels: Vec::new(),
                line: Some(Line { file: file.clone(), number: segment.index as u64 + 1 }),
            }
        })
        .collect();
    if !clips.is_empty() {
        layout.units.push(Unit { sound: Sound::File(audio), named_by: None, clips });
    }
}
