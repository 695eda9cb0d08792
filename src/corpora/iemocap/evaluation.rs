//! The evaluations of a session: a file for each dialogue, and in it a line for each sentence.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::EMOTIONS;
use crate::corpora::prepare::{Bad, Line};

/// Where they are, below a session.
pub(super) const FOLDER: &str = "dialog/EmoEvaluation";

/// Emotions that are none of the four: frustrated, surprised, afraid, disgusted, another, and no agreement.
const LEFT_OUT: [&str; 6] = ["fru", "sur", "fea", "dis", "oth", "xxx"];

/// A sentence with one of the four emotions.
#[derive(Debug)]
pub(super) struct Rated {
    /// `Ses01F_impro01_F000`.
    pub name: String,
    /// `Ses01F_impro01`.
    pub dialogue: String,
    pub emotion: &'static str,
    pub line: Line,
}

/// The sentences of a session in the order of their dialogues and names, and the lines that cannot be used; `None` where there are no
/// evaluations.
pub(super) fn read(source: &Path, session: &str) -> Option<(Vec<Rated>, Vec<Bad>)> {
    let dir = source.join(session).join(FOLDER);
    let names = fs::read_dir(&dir).ok()?.flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".txt")?.to_owned()));
    // A hidden file is what an archiver left beside the others.
    let dialogues: BTreeSet<String> = names.filter(|name| !name.starts_with('.')).collect();
    let (mut rated, mut bad) = (Vec::new(), Vec::new());
    for dialogue in dialogues {
        let file = format!("{session}/{FOLDER}/{dialogue}.txt");
        match fs::read(source.join(&file)) {
            Ok(bytes) => add(&file, &dialogue, &bytes, &mut rated, &mut bad),
            Err(error) => bad.push(Bad::file(file, 0, format!("it cannot be read: {error}"))),
        }
    }
    Some((rated, bad))
}

/// The sentences of one dialogue.
pub(super) fn add(file: &str, dialogue: &str, bytes: &[u8], rated: &mut Vec<Rated>, bad: &mut Vec<Bad>) {
    let first = rated.len();
    for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        // Other lines are the header and what each rater said.
        if !line.starts_with(b"[") {
            continue;
        }
        match parse(line, dialogue) {
            Ok(None) => {}
            Ok(Some((name, emotion))) => {
                let line = Line { file: file.to_owned(), number };
                rated.push(Rated { name: name.to_owned(), dialogue: dialogue.to_owned(), emotion, line });
            }
            Err(why) => bad.push(Bad::line(file, number, why)),
        }
    }
    rated[first..].sort_by(|one, other| one.name.cmp(&other.name));
}

/// Name and emotion of `[6.2901 - 8.2357]⇥Ses01F_impro01_F000⇥neu⇥[2.5000, 2.5000, 2.5000]`; `None` where it is left out.
fn parse<'a>(line: &'a [u8], dialogue: &str) -> Result<Option<(&'a str, &'static str)>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?.trim();
    let fields: Vec<&str> = line.split('\t').filter(|field| !field.is_empty()).collect();
    let [_, name, emotion, ..] = fields[..] else {
        return Err("it is not a time, a name and an emotion parted by tabs".to_owned());
    };
    if LEFT_OUT.contains(&emotion) {
        return Ok(None);
    }
    let merged = if emotion == "exc" { "hap" } else { emotion };
    let known = EMOTIONS.into_iter().find(|&known| known == merged);
    let emotion = known.ok_or_else(|| format!("`{emotion}` is no emotion of IEMOCAP"))?;
    let turn = name.strip_prefix(dialogue).and_then(|rest| rest.strip_prefix('_'));
    match turn {
        Some(turn) if !turn.is_empty() && turn.chars().all(|letter| letter.is_ascii_alphanumeric()) => {
            Ok(Some((name, emotion)))
        }
        _ => Err(format!("`{name}` is no sentence of the dialogue `{dialogue}`")),
    }
}
