//! Which files hold a data set, and which split each belongs to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::DatasetError;
use crate::corpora::Split;

const ENDINGS: [&str; 2] = ["arrow", "parquet"];

/// How files begin that the library keeps beside a data set: results of `map` and `filter`, and half-written ones.
const BYPRODUCTS: [&str; 3] = ["cache-", "tmp", "."];

/// Levels of folders searched for shards, to say where they are.
const SEARCHED_LEVELS: usize = 5;

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    pub path: PathBuf,
    /// The data set's name of the split.
    pub split: String,
}

/// The files of a data set.
#[derive(Debug)]
pub(super) struct Files {
    /// In the order of the rows, split by split.
    pub shards: Vec<Shard>,
    /// What `dataset_info.json` says.
    pub info: Option<Value>,
    /// The row counts in `info` are those of the shards; a saved data set keeps those of the one it was made from.
    pub counted: bool,
}

impl Files {
    fn splits(&self) -> Vec<String> {
        let mut names: Vec<String> = self.shards.iter().map(|shard| shard.split.clone()).collect();
        names.dedup();
        names
    }
}

/// Finds the shards of the data set at `dir`.
pub(super) fn find(dir: &Path) -> Result<Files, DatasetError> {
    if !dir.is_dir() {
        return Err(DatasetError::Missing(dir.to_owned()));
    }
    if let Some(saved) = json(&dir.join("dataset_dict.json"))? {
        let names = saved["splits"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let shards: Vec<Shard> =
            names.map(|name| saved_split(&dir.join(name), name)).collect::<Result<Vec<_>, _>>()?.concat();
        let first = shards.first().and_then(|shard| shard.path.parent()).unwrap_or(dir);
        return Ok(Files { info: json(&first.join("dataset_info.json"))?, shards, counted: false });
    }
    if let Some(state) = json(&dir.join("state.json"))? {
        let shards = saved_split(dir, state["_split"].as_str().unwrap_or("train"))?;
        return Ok(Files { info: json(&dir.join("dataset_info.json"))?, shards, counted: false });
    }
    let shards = loose_shards(dir)?;
    Ok(Files { shards, info: json(&dir.join("dataset_info.json"))?, counted: true })
}

/// The shards that are wanted, each with what its split becomes, and the splits that are not.
#[expect(clippy::type_complexity, reason = "a pair of lists, used once")]
pub(super) fn chosen<'a>(
    files: &'a Files,
    wanted: &[(String, Split)],
) -> Result<(Vec<(&'a Shard, Split)>, Vec<String>), DatasetError> {
    let have = files.splits();
    if let Some((name, _)) = wanted.iter().find(|(name, _)| !have.contains(name)) {
        return Err(DatasetError::NoSplit { wanted: format!("`{name}`"), have });
    }
    let becomes = |name: &str| match wanted {
        [] => name.parse().ok(),
        _ => wanted.iter().find(|(wanted, _)| wanted == name).map(|(_, split)| *split),
    };
    let (taken, left_out): (Vec<&String>, Vec<&String>) =
        have.iter().partition(|name| becomes(name).is_some());
    if taken.is_empty() {
        return Err(DatasetError::NoSplit {
            wanted: "named `train`, `validation` or `test`".to_owned(),
            have,
        });
    }
    let shards = files.shards.iter().filter_map(|shard| Some((shard, becomes(&shard.split)?))).collect();
    Ok((shards, left_out.into_iter().cloned().collect()))
}

/// A file of JSON, if it is there.
fn json(path: &Path) -> Result<Option<Value>, DatasetError> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).map_err(|error| DatasetError::unreadable(path, error))?;
    serde_json::from_str(&text).map(Some).map_err(|error| DatasetError::unreadable(path, error))
}

/// The shards of one split of a `save_to_disk` folder, in the order of its `state.json`.
fn saved_split(dir: &Path, split: &str) -> Result<Vec<Shard>, DatasetError> {
    let path = dir.join("state.json");
    let state = json(&path)?.ok_or_else(|| DatasetError::unreadable(&path, "it is missing"))?;
    if state["_indices_files"].as_array().is_some_and(|files| !files.is_empty()) {
        return Err(DatasetError::unreadable(
            &path,
            "its rows are chosen by an index file; call `flatten_indices()` before saving",
        ));
    }
    let files =
        state["_data_files"].as_array().into_iter().flatten().filter_map(|file| file["filename"].as_str());
    files
        .map(|file| match dir.join(file) {
            path if path.is_file() => Ok(Shard { path, split: split.to_owned() }),
            path => Err(DatasetError::ShardMissing(path)),
        })
        .collect()
}

/// Shards in the folder itself, in its folder `data`, or in folders named after splits.
fn loose_shards(dir: &Path) -> Result<Vec<Shard>, DatasetError> {
    for place in [dir.to_owned(), dir.join("data")] {
        let shards = shards_in(&place, None)?;
        if !shards.is_empty() {
            return Ok(shards);
        }
    }
    let mut shards = Vec::new();
    for folder in folders_in(dir)? {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.parse::<Split>().is_ok() {
            shards.extend(shards_in(&folder, Some(&name))?);
        }
    }
    if shards.is_empty() {
        let mut elsewhere = Vec::new();
        search(dir, SEARCHED_LEVELS, &mut elsewhere);
        return Err(DatasetError::NoShards { dir: dir.to_owned(), elsewhere });
    }
    Ok(shards)
}

/// The shards in a folder, by name; their split is `split`, or else part of their names.
fn shards_in(dir: &Path, split: Option<&str>) -> Result<Vec<Shard>, DatasetError> {
    let mut shards = Vec::new();
    let mut series = BTreeSet::new();
    for path in files_in(dir)? {
        let ending =
            path.extension().and_then(|ending| ending.to_str()).filter(|ending| ENDINGS.contains(ending));
        let (Some(ending), Some(stem)) = (ending, path.file_stem().and_then(|stem| stem.to_str())) else {
            continue;
        };
        if BYPRODUCTS.iter().any(|head| stem.starts_with(head)) {
            continue;
        }
        let numbered = Numbered::of(stem);
        if let Some(Numbered { head, count, tail: "" }) = numbered {
            series.extend((0..count).map(|at| dir.join(format!("{head}-{at:05}-of-{count:05}.{ending}"))));
        }
        let head = numbered.map_or(stem, |numbered| numbered.head);
        let of_name = head.rsplit_once('-').map_or(head, |(_, split)| split);
        shards.push(Shard { split: split.unwrap_or(of_name).to_owned(), path });
    }
    if let Some(absent) = series.into_iter().find(|path| !path.is_file()) {
        return Err(DatasetError::ShardMissing(absent));
    }
    shards.sort_by(|a, b| (&a.split, &a.path).cmp(&(&b.split, &b.path)));
    Ok(shards)
}

/// `train-00000-of-00002`, perhaps with `-` and a hash after it.
#[derive(Debug, Clone, Copy)]
struct Numbered<'a> {
    head: &'a str,
    count: usize,
    tail: &'a str,
}

impl<'a> Numbered<'a> {
    fn of(stem: &'a str) -> Option<Self> {
        let (left, right) = stem.rsplit_once("-of-")?;
        let (head, at) = left.rsplit_once('-')?;
        let (count, tail) = right.split_once('-').unwrap_or((right, ""));
        at.parse::<usize>().ok()?;
        Some(Self { head, count: count.parse().ok().filter(|&count| count <= 100_000)?, tail })
    }
}

fn search(dir: &Path, levels: usize, found: &mut Vec<PathBuf>) {
    if levels == 0 {
        return;
    }
    // What cannot be read is not searched: this is for a help only.
    for folder in folders_in(dir).unwrap_or_default() {
        let saved = ["state.json", "dataset_dict.json"].iter().any(|file| folder.join(file).is_file());
        match saved || shards_in(&folder, None).is_ok_and(|shards| !shards.is_empty()) {
            true => found.push(folder),
            false => search(&folder, levels - 1, found),
        }
    }
}

fn folders_in(dir: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    entries(dir, Path::is_dir)
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    if dir.is_dir() { entries(dir, Path::is_file) } else { Ok(Vec::new()) }
}

/// What is in a folder, by name.
fn entries(dir: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<PathBuf>, DatasetError> {
    let unreadable = |error| DatasetError::unreadable(dir, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.retain(|path| wanted(path));
    paths.sort();
    Ok(paths)
}
