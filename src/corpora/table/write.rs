//! Writing a prepared corpus: into a folder beside the wanted one, which is renamed when it is complete.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Split, TableError, TableSummary};
use crate::audio;
use crate::corpora::{CorpusFacts, lookup};
use crate::text::{CtcTokenizer, vocabulary_of};

/// The language field of `nltLa`, which is read by nobody: undetermined.
const LANGUAGE: &str = "und";

/// Refuses an output folder that holds anything.
pub(in crate::corpora) fn check_free(out: &Path) -> Result<(), TableError> {
    let is_free = match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if is_free { Ok(()) } else { Err(TableError::OutputExists(out.to_owned())) }
}

/// An utterance of a corpus to be, without its sound.
#[derive(Debug, Clone, Copy)]
pub(in crate::corpora) struct Listed<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub labels: &'a [String],
    /// Utterances of no split are in no list.
    pub split: Option<Split>,
}

/// What to write, and where to.
pub(in crate::corpora) struct Writing<'a> {
    pub out: &'a Path,
    pub rate_hz: u32,
    pub rows: &'a [Listed<'a>],
    /// Class names of every head, in the order of their numbers.
    pub classes: Vec<Vec<String>>,
}

/// Writes a corpus; `sound` is asked for the samples of every row, in their order.
pub(in crate::corpora) fn write<E: From<TableError>>(
    plan: &Writing,
    sound: &mut dyn FnMut(usize) -> Result<Vec<f32>, E>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<TableSummary, E> {
    let rows = plan.rows;
    let staging = Staging::beside(plan.out)?;
    let mut lengths = Vec::with_capacity(rows.len());
    let mut clipped_samples = 0;
    for (done, row) in rows.iter().enumerate() {
        progress(done, rows.len());
        let written = write_clip(&staging.dir, row, &sound(done)?, plan.rate_hz)?;
        lengths.push(written.samples as usize);
        clipped_samples += written.clipped;
    }
    progress(rows.len(), rows.len());
    write_lists(&staging.dir, rows, &lengths)?;
    let vocab_size = write_vocabulary(&staging.dir, rows)?;
    write_categories(&staging.dir, &plan.classes)?;
    staging.publish(plan.out)?;
    let classes = plan.classes.iter().map(Vec::len).collect();
    Ok(TableSummary { splits: facts(rows, &lengths), vocab_size, classes, clipped_samples })
}

/// Per head, the names that occur, sorted.
pub(super) fn classes_of(rows: &[Listed]) -> Vec<Vec<String>> {
    let heads = rows.first().map_or(0, |row| row.labels.len());
    let names =
        |head: usize| -> BTreeSet<&str> { rows.iter().map(|row| row.labels[head].as_str()).collect() };
    (0..heads).map(|head| names(head).into_iter().map(str::to_owned).collect()).collect()
}

fn write_clip(dir: &Path, row: &Listed, samples: &[f32], rate_hz: u32) -> Result<audio::Written, TableError> {
    let folder = dir.join(lookup::folder_of(row.name));
    fs::create_dir_all(&folder).map_err(TableError::io("make the folder", &folder))?;
    let path = folder.join(format!("{}.wav", row.name));
    audio::write_wav(&path, samples, rate_hz).map_err(TableError::Write)
}

fn write_lists(dir: &Path, rows: &[Listed], lengths: &[usize]) -> Result<(), TableError> {
    for split in Split::ALL {
        let (mut nlt, mut nlt_la) = (String::new(), String::new());
        for (row, samples) in rows.iter().zip(lengths).filter(|(row, _)| row.split == Some(split)) {
            let fields = format!("{}|{samples}|{}", row.name, row.text);
            // Writing to a string cannot fail.
            let _ = writeln!(nlt, "{fields}");
            let _ = writeln!(nlt_la, "{fields}|{}|{LANGUAGE}", row.labels.join(","));
        }
        if nlt.is_empty() {
            continue;
        }
        write_file(&dir.join(format!("meta.{split}.txt")), &nlt)?;
        if has_labels(rows) {
            write_file(&dir.join(format!("meta.{split}.nltLa.txt")), &nlt_la)?;
        }
    }
    Ok(())
}

/// Writes `vocab.json`, and says how many outputs it asks for.
fn write_vocabulary(dir: &Path, rows: &[Listed]) -> Result<usize, TableError> {
    let path = dir.join("vocab.json");
    let texts: Vec<String> = rows.iter().map(|row| row.text.replace("[UNK]", "")).collect();
    let json = vocabulary_of(texts.iter().map(String::as_str));
    let tokenizer = CtcTokenizer::from_json(&path, &json)?;
    write_file(&path, &json)?;
    Ok(tokenizer.size())
}

/// Writes `categories.json`, where there are heads.
fn write_categories(dir: &Path, classes: &[Vec<String>]) -> Result<(), TableError> {
    if classes.is_empty() {
        return Ok(());
    }
    let objects: Vec<serde_json::Value> = classes
        .iter()
        .map(|names| names.iter().zip(0..).map(|(name, class): (_, usize)| (name.clone(), class.into())))
        .map(|entries| serde_json::Value::Object(entries.collect()))
        .collect();
    write_file(&dir.join("categories.json"), &format!("{:#}\n", serde_json::Value::Array(objects)))
}

fn has_labels(rows: &[Listed]) -> bool {
    rows.first().is_some_and(|row| !row.labels.is_empty())
}

fn facts(rows: &[Listed], lengths: &[usize]) -> Vec<(Split, CorpusFacts)> {
    Split::ALL
        .into_iter()
        .map(|split| {
            let of_split = rows.iter().zip(lengths).filter(|(row, _)| row.split == Some(split));
            (split, CorpusFacts::of(of_split.map(|(_, &samples)| samples)))
        })
        .filter(|(_, facts)| facts.utterances > 0)
        .collect()
}

fn write_file(path: &Path, text: &str) -> Result<(), TableError> {
    fs::write(path, text).map_err(TableError::io("write", path))
}

/// A folder under construction; it is removed unless it is published.
struct Staging {
    dir: PathBuf,
}

impl Staging {
    fn beside(out: &Path) -> Result<Self, TableError> {
        // Through components, so that a trailing slash does not put the folder inside the other.
        let mut dir = out.components().collect::<PathBuf>().into_os_string();
        dir.push(format!(".partial-{}", std::process::id()));
        let dir = PathBuf::from(dir);
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(TableError::io("make the folder", parent))?;
        }
        fs::create_dir(&dir).map_err(TableError::io("make the folder", &dir))?;
        Ok(Self { dir })
    }

    fn publish(self, out: &Path) -> Result<(), TableError> {
        if out.is_dir() {
            // Only an empty folder can be removed so; anything put there meanwhile is safe.
            fs::remove_dir(out).map_err(TableError::io("replace the empty folder", out))?;
        }
        fs::rename(&self.dir, out).map_err(TableError::io("make the folder", out))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After publishing there is nothing at this path any more; otherwise the first error matters, not
        // this one.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
