//! What two folders of runs have to agree in, and what may lie in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protobuf::Message;
use tensorboard_proto::event::Event;

/// Views and results that have the same bytes, however often a run was interrupted.
const SAME: [&str; 5] = ["metrics.jsonl", "metrics.json", "preds.jsonl", "confusion.csv", "scenes.svg"];
/// Of a checkpoint. Its state.json counts the bytes of timings.jsonl, which holds clock values.
const SAME_OF_CHECKPOINTS: [&str; 2] = ["model.safetensors", "optimizer.safetensors"];

/// The runs in a folder, by name.
pub fn runs(dir: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.join("run.json").is_file()).map(|path| (name(&path), path)).collect()
}

/// In what the runs in `dir` are not those in `whole`. A run that others go on from at an early step need not come to its end itself.
pub fn differences(whole: &Path, dir: &Path) -> Vec<String> {
    let (mut whole, there) = (runs(whole), runs(dir));
    let is_enough = |run: &Path| {
        let read = |name: &str| fs::read_to_string(run.join(name)).unwrap_or_default();
        read("run.json").contains("\"role\": \"parent\"") && !read("status.json").contains("\"finished\"")
    };
    let enough: Vec<String> =
        there.iter().filter(|(_, run)| is_enough(run)).map(|(name, _)| name.clone()).collect();
    let there: BTreeMap<String, PathBuf> =
        there.into_iter().filter(|(name, _)| !enough.contains(name)).collect();
    whole.retain(|name, _| !enough.contains(name));
    if !whole.keys().eq(there.keys()) {
        return vec![format!("runs are {:?}, not {:?}", there.keys(), whole.keys())];
    }
    whole
        .iter()
        .flat_map(|(name, run)| {
            between(run, &there[name]).into_iter().map(move |what| format!("{name}: {what}"))
        })
        .collect()
}

/// In what one run is not the other.
pub fn between(whole: &Path, run: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut files: Vec<PathBuf> = SAME.iter().map(PathBuf::from).collect();
    let (steps, there) = (checkpoints(whole), checkpoints(run));
    // One that was saved at an interruption may be among the newest that stay.
    if steps.iter().any(|step| !there.contains(step)) {
        found.push(format!("checkpoints are {there:?}, not {steps:?}"));
    }
    files.extend(steps.iter().flat_map(|step| {
        SAME_OF_CHECKPOINTS.iter().map(move |file| Path::new("checkpoints").join(step).join(file))
    }));
    for file in files {
        if fs::read(whole.join(&file)).ok() != fs::read(run.join(&file)).ok() {
            found.push(format!("{} differs", file.display()));
        }
    }
    for pointer in ["best", "latest"] {
        let target = |run: &Path| fs::read_link(run.join("checkpoints").join(pointer)).ok();
        if target(whole) != target(run) {
            found.push(format!("{pointer} is {:?}, not {:?}", target(run), target(whole)));
        }
    }
    match (scalars(whole), scalars(run)) {
        (Ok(one), Ok(other)) if one == other => {}
        (Ok(one), Ok(other)) => {
            found.push(format!("TensorBoard has {} values, not {}", other.len(), one.len()))
        }
        (one, other) => found.extend([one.err(), other.err()].into_iter().flatten()),
    }
    found.extend(leftovers(run));
    found
}

fn checkpoints(run: &Path) -> Vec<String> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| name(&entry.path())).collect();
    // One that was damaged is kept beside, for whoever wants to know why.
    names.retain(|name| name.starts_with("step-") && !name.ends_with(".damaged"));
    names.sort();
    names
}

/// Files that a killed process left half-written and no later one removed.
fn leftovers(run: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for dir in [run.to_owned(), run.join("checkpoints")] {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = name(&entry.path());
            if name.starts_with('.') && name != ".lock" {
                found.push(format!("{name} is left over"));
            }
        }
    }
    found
}

/// What TensorBoard would draw, in the order of the file, but for times.
fn scalars(run: &Path) -> Result<Vec<(i64, String, u32)>, String> {
    let mut files: Vec<PathBuf> = fs::read_dir(run)
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| name(path).contains("tfevents"))
        .collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let bytes = fs::read(&file).map_err(|error| error.to_string())?;
        let mut rest = bytes.as_slice();
        while let Some((length, behind)) = rest.split_first_chunk::<8>() {
            let length = u64::from_le_bytes(*length) as usize;
            let data = behind.get(4..4 + length).ok_or(format!("{} ends in a record", file.display()))?;
            let event: Event = Event::parse_from_bytes(data).map_err(|error| error.to_string())?;
            for value in event.get_summary().get_value().iter().filter(|value| value.has_simple_value()) {
                if !value.get_tag().starts_with("time/") {
                    found.push((
                        event.get_step(),
                        value.get_tag().to_owned(),
                        value.get_simple_value().to_bits(),
                    ));
                }
            }
            rest = behind.get(4 + length + 4..).unwrap_or_default();
        }
    }
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
