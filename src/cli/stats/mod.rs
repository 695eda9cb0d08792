//! `runner data stats`: what there is in a folder of sound files: hours, voices, lengths, levels, clipping, silence, rates and languages.

mod picture;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kernels::threads::count_for;
use serde_json::{Value, json};

use super::Talk;
use super::arguments::StatsArguments;
use super::bars::bars;
use super::failure::{self, Failure};
use super::prepare::counted;
use super::run::on_signals;
use super::side_by_side::side_by_side;
use crate::audio::{AudioError, Measured, SILENCE_DB, is_sound, measure};
use crate::record::folder::write_whole;
use crate::record::units;

/// Upper bounds of the bins of lengths, in seconds; the last bin has none.
const LENGTHS_SECS: [f64; 7] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0];
/// The same of levels, in decibels below full scale.
const LEVELS_DB: [f64; 6] = [-60.0, -50.0, -40.0, -30.0, -20.0, -10.0];
/// Folders that are shown in text, and in a picture.
const SHOWN_FOLDERS: [usize; 2] = [12, 60];

/// A sound file.
struct File {
    /// The first folder it lies in.
    folder: String,
    measured: Measured,
}

/// Says what there is.
pub fn stats(arguments: &StatsArguments, talk: Talk) -> Result<u8, Failure> {
    let stop = on_signals()?;
    let dir = &arguments.dir;
    if let Some(file) = arguments.output.as_ref().filter(|file| file.extension() != Some("svg".as_ref())) {
        let message = format!("`{}` is no picture that can be drawn", file.display());
        return Err(Failure::new(failure::REQUEST, message).help("name a file that ends in `.svg`"));
    }
    let mut found = Found::default();
    found.walk(dir).map_err(|error| Failure::unread(dir.display(), &error))?;
    found.sounds.sort();
    if found.sounds.is_empty() {
        let message = format!("there is no sound file in `{}`", dir.display());
        return Err(Failure::new(failure::MISSING, message).help("wav, flac, ogg and sph files are read"));
    }
    let threads = count_for(arguments.threads.map_or(0, Into::into));
    let paths = &found.sounds;
    let results = side_by_side(paths.len(), threads, talk, &|| stop.requested(), |at| measure(&paths[at]));
    if stop.requested() {
        return Err(Failure::stopped());
    }
    let (mut files, mut bad) = (Vec::new(), Vec::new());
    for (at, result) in results {
        match result {
            Ok(measured) => files.push(File { folder: folder(dir, &paths[at]), measured }),
            Err(error) => bad.push(error),
        }
    }
    for error in &bad {
        talk.say(error);
    }
    if let Some(file) = &arguments.output {
        write_whole(file, drawing(dir, &files, &found.languages).as_bytes())?;
    }
    match talk.json {
        true => talk.data(&data(&files, &bad, &found.languages)),
        false => print!("{}", text(dir, &files, &found.languages)),
    }
    if bad.is_empty() {
        return Ok(0);
    }
    talk.say(format_args!("left out: {}, which cannot be read", counted(bad.len(), "file", "files")));
    Ok(failure::FAILED)
}

/// What lies in a folder.
#[derive(Default)]
struct Found {
    sounds: Vec<PathBuf>,
    /// Utterances by the language that metadata give them.
    languages: BTreeMap<String, u64>,
}

impl Found {
    /// Links to folders are not followed, so that there is an end.
    fn walk(&mut self, dir: &Path) -> std::io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let (entry, path) = entry.map(|entry| (entry.file_type(), entry.path()))?;
            match entry? {
                kind if kind.is_dir() => self.walk(&path)?,
                _ if path.extension().is_some_and(|ending| ending == "json") => self.listed(&path),
                _ if is_sound(&path) => self.sounds.push(path),
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts languages in a file of metadata: an object of utterances, each an object of its own. Other JSON files are none.
    fn listed(&mut self, path: &Path) {
        let Some(Value::Object(utterances)) =
            fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok())
        else {
            return;
        };
        for language in utterances.values().filter_map(|utterance| utterance["language"].as_str()) {
            *self.languages.entry(language.to_owned()).or_default() += 1;
        }
    }
}

/// The first folder below `dir` that a file lies in; `.` for `dir` itself.
fn folder(dir: &Path, path: &Path) -> String {
    let within = path.strip_prefix(dir).unwrap_or(path);
    let mut parts = within.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let first = parts.next();
    first.filter(|_| parts.next().is_some()).unwrap_or_else(|| ".".to_owned())
}

/// How many values lie in each bin; `named` says what a bin is called by its bounds.
fn bins(values: impl Iterator<Item = f64>, bounds: &[f64], unit: &str) -> Vec<(String, u64)> {
    let mut counts = vec![0; bounds.len() + 1];
    values.for_each(|value| counts[bounds.partition_point(|bound| *bound <= value)] += 1);
    let name = |at: usize| match (at.checked_sub(1).map(|below| bounds[below]), bounds.get(at)) {
        (None, Some(above)) => format!("below {above} {unit}"),
        (Some(below), Some(above)) => format!("{below} to {above} {unit}"),
        (Some(below), None) => format!("{below} {unit} and more"),
        (None, None) => unreachable!("there are bounds"),
    };
    counts.into_iter().enumerate().map(|(at, count)| (name(at), count)).collect()
}

/// How often each value is there, the most frequent first.
fn tallied(values: impl Iterator<Item = String>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The tables that people and programs are shown alike.
struct Tables {
    rates: Vec<(String, u64)>,
    channels: Vec<(String, u64)>,
    formats: Vec<(String, u64)>,
    lengths: Vec<(String, u64)>,
    levels: Vec<(String, u64)>,
    /// Seconds of each folder, the longest first.
    folders: Vec<(String, u64)>,
}

impl Tables {
    fn of(files: &[File]) -> Self {
        let facts = || files.iter().map(|file| file.measured.facts);
        let mut folders: BTreeMap<&str, f64> = BTreeMap::new();
        for file in files {
            *folders.entry(&file.folder).or_default() += file.measured.secs();
        }
        let mut folders: Vec<_> =
            folders.into_iter().map(|(name, secs)| (name.to_owned(), secs.round() as u64)).collect();
        folders.sort_by_key(|(_, secs)| std::cmp::Reverse(*secs));
        Tables {
            rates: tallied(facts().map(|facts| format!("{} Hz", units::count(facts.rate_hz.into())))),
            channels: tallied(facts().map(|facts| facts.channels.to_string())),
            formats: tallied(facts().map(|facts| facts.format.ending().to_owned())),
            lengths: bins(files.iter().map(|file| file.measured.secs()), &LENGTHS_SECS, "s"),
            levels: bins(files.iter().map(|file| file.measured.level_db()), &LEVELS_DB, "dB"),
            folders,
        }
    }
}

/// Sums over all files.
struct Sums {
    secs: f64,
    silent_secs: f64,
    clipped_samples: u64,
    clipped_files: usize,
}

impl Sums {
    fn of(files: &[File]) -> Self {
        let measured = || files.iter().map(|file| file.measured);
        Sums {
            secs: measured().map(|measured| measured.secs()).sum(),
            silent_secs: measured().map(|measured| measured.silent_secs).sum(),
            clipped_samples: measured().map(|measured| measured.clipped_samples).sum(),
            clipped_files: measured().filter(|measured| measured.clipped_samples > 0).count(),
        }
    }
}

/// How much there is of what.
fn title(dir: &Path, files: &[File], sums: &Sums, tables: &Tables) -> String {
    format!(
        "{}: {}, {}, in {}",
        dir.display(),
        counted(files.len(), "sound file", "sound files"),
        units::duration(sums.secs),
        counted(tables.folders.len(), "folder", "folders")
    )
}

/// The same as a picture.
fn drawing(dir: &Path, files: &[File], languages: &BTreeMap<String, u64>) -> String {
    let (sums, tables) = (Sums::of(files), Tables::of(files));
    let languages: Vec<_> = languages.iter().map(|(name, count)| (name.clone(), *count)).collect();
    let folders = &tables.folders[..tables.folders.len().min(SHOWN_FOLDERS[1])];
    let by_folder = match tables.folders.len() - folders.len() {
        0 => "seconds by folder".to_owned(),
        more => format!("seconds by folder, and {} more", units::count(more as u64)),
    };
    let panels = [
        ("files by length", &tables.lengths[..]),
        ("files by level, in decibels below full scale", &tables.levels),
        ("files by sample rate", &tables.rates),
        (&by_folder, folders),
        ("utterances by language", &languages),
    ];
    picture::svg(&title(dir, files, &sums, &tables), &panels)
}

fn text(dir: &Path, files: &[File], languages: &BTreeMap<String, u64>) -> String {
    let (sums, tables) = (Sums::of(files), Tables::of(files));
    let listed = |name: &str, rows: &[(String, u64)]| {
        let rows: Vec<String> =
            rows.iter().map(|(value, count)| format!("{value} ({})", units::count(*count))).collect();
        format!("{name:9} {}\n", rows.join(", "))
    };
    let mut text = title(dir, files, &sums, &tables) + "\n";
    text += &listed("rate", &tables.rates);
    text += &listed("channels", &tables.channels);
    text += &listed("format", &tables.formats);
    if !languages.is_empty() {
        let languages: Vec<_> = languages.iter().map(|(name, count)| (name.clone(), *count)).collect();
        text += &listed("language", &languages);
    }
    text += &format!(
        "clipping  {} at full scale in {}\nsilence   {:.1} % of the time: 20 ms more than {:.0} dB below full scale\n",
        counted(sums.clipped_samples as usize, "sample", "samples"),
        counted(sums.clipped_files, "file", "files"),
        100.0 * sums.silent_secs / sums.secs,
        -SILENCE_DB,
    );
    text += &format!("\nfiles by length\n{}", bars(&tables.lengths, "  "));
    text += &format!("\nfiles by level, in decibels below full scale\n{}", bars(&tables.levels, "  "));
    let (shown, rest) = tables.folders.split_at(tables.folders.len().min(SHOWN_FOLDERS[0]));
    text += &format!("\nseconds by folder\n{}", bars(shown, "  "));
    if !rest.is_empty() {
        text += &format!("  and {}\n", counted(rest.len(), "folder more", "folders more"));
    }
    text
}

fn data(files: &[File], bad: &[AudioError], languages: &BTreeMap<String, u64>) -> Value {
    let (sums, tables) = (Sums::of(files), Tables::of(files));
    let object = |rows: &[(String, u64)]| -> Value {
        Value::Object(rows.iter().map(|(name, count)| (name.clone(), (*count).into())).collect())
    };
    json!({
        "files": files.len(),
        "bad": bad.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "secs": sums.secs,
        "silent_secs": sums.silent_secs,
        "clipped_samples": sums.clipped_samples,
        "clipped_files": sums.clipped_files,
        "rates": object(&tables.rates),
        "channels": object(&tables.channels),
        "formats": object(&tables.formats),
        "lengths": object(&tables.lengths),
        "levels": object(&tables.levels),
        "folder_secs": object(&tables.folders),
        "languages": languages,
    })
}
