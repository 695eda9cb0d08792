//! The files over the clips: lists, vocabulary, class names, what was bad, and the summary.

use std::fs;
use std::path::Path;

use super::bad::{self, BAD_FILES};
use super::summary::{PREPARED, Summary};
use super::work::Made;
use super::{Clip, Layout, List, MetaFormat, PrepareError, Vocabulary};
use crate::text::vocabulary_of;

/// Writes them into `dir`.
pub(super) fn write(
    dir: &Path,
    layout: &Layout,
    made: &[Made],
    summary: &Summary,
) -> Result<(), PrepareError> {
    for list in &layout.lists {
        let text = list_text(list, layout, made);
        if !text.is_empty() {
            put(dir, &list.file, &text)?;
        }
    }
    put(dir, "vocab.json", &vocabulary(layout))?;
    if !layout.heads.is_empty() {
        put(dir, "categories.json", &categories(layout))?;
    }
    for (file, text) in &layout.extra {
        put(dir, file, text)?;
    }
    put(dir, BAD_FILES, &bad::table(layout.bad.iter().chain(made.iter().flat_map(|made| &made.bad))))?;
    let json = serde_json::to_string_pretty(summary).map_err(Into::into);
    let json = json.map_err(PrepareError::io("write", &dir.join(PREPARED)))?;
    put(dir, PREPARED, &(json + "\n"))
}

/// The clips of `part` that were written, with their lengths in samples.
pub(super) fn clips_of<'a>(
    layout: &'a Layout,
    made: &'a [Made],
    part: usize,
) -> impl Iterator<Item = (&'a Clip, u64)> {
    let written = layout.units.iter().zip(made).flat_map(|(unit, made)| unit.clips.iter().zip(&made.samples));
    written
        .filter_map(move |(clip, samples)| Some((clip, (*samples)?)))
        .filter(move |(clip, _)| clip.part == part)
}

/// The text of the `vocab.json`.
pub(super) fn vocabulary(layout: &Layout) -> String {
    match &layout.vocabulary {
        Vocabulary::Fixed(text) => text.clone(),
        Vocabulary::OfTexts => {
            let clips = layout.units.iter().flat_map(|unit| &unit.clips);
            let texts: Vec<String> = clips.map(|clip| clip.text.replace("[UNK]", "")).collect();
            vocabulary_of(texts.iter().map(String::as_str))
        }
    }
}

fn list_text(list: &List, layout: &Layout, made: &[Made]) -> String {
    let mut text = String::new();
    for &part in &list.parts {
        for (clip, samples) in clips_of(layout, made, part) {
            let said = match &clip.raw_text {
                Some(raw) if list.raw => raw,
                _ => &clip.text,
            };
            text += &format!("{}|{samples}|{}", clip.name, field(said));
            if list.format == MetaFormat::NltLa {
                text += &format!("|{}|{}", clip.labels.join(","), list.language);
            }
            text.push('\n');
        }
    }
    text
}

/// A text as a field can hold it. A bar stands for a space in the vocabulary as well.
fn field(text: &str) -> String {
    text.replace(['|', '\n', '\r'], " ")
}

/// Per head an object from name to class.
fn categories(layout: &Layout) -> String {
    let heads = layout.heads.iter().map(|head| {
        let classes =
            head.classes.iter().zip(0..).map(|(name, class): (_, usize)| (name.clone(), class.into()));
        serde_json::Value::Object(classes.collect())
    });
    format!("{:#}\n", serde_json::Value::Array(heads.collect()))
}

fn put(dir: &Path, file: &str, text: &str) -> Result<(), PrepareError> {
    let path = dir.join(file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(PrepareError::io("make the folder", folder))?;
    }
    fs::write(&path, text).map_err(PrepareError::io("write", &path))
}
