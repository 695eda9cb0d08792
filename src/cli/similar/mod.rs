//! `runner data similar`: which utterances are alike, as lists in the metadata of their speakers.

mod features;
mod listener;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kernels::threads::{Pool, count_for, for_each};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::Talk;
use super::arguments::{Normalisation, SimilarArguments};
use super::failure::{self, Failure, make_folder};
use super::prepare::counted;
use super::run::on_signals;
use super::side_by_side::Pieces;
use crate::codec::similar::{Normalise, Similar, Vectors, Wanted, recording_of};
use crate::record::folder::{write_json, write_whole};
use crate::record::units;
use features::Features;

/// The key of the lists in metadata.
const SIMILAR: &str = "similar";

/// Finds out who is similar.
pub fn similar(arguments: &SimilarArguments, talk: Talk) -> Result<u8, Failure> {
    let stop = on_signals()?;
    let (speakers, mut bad) = speakers(&arguments.metadata, arguments.speaker.as_deref())?;
    bad.iter().for_each(|bad| talk.say(bad));
    let all = speakers.len();
    let again = arguments.again || arguments.out.is_some();
    let speakers: Vec<Speaker> = speakers.into_iter().filter(|one| again || !one.is_done()).collect();
    let work = Work { features: Features::open(arguments, talk)?, arguments };
    let threads = count_for(arguments.threads.map_or(0, Into::into));
    let ended = || stop.requested();
    let heard = |one: &Compared| one.bad.iter().for_each(|bad| talk.say(bad));
    let pieces = Pieces::new(speakers.len(), talk, &ended, &heard);
    let workers = threads.min(speakers.len()).max(1);
    let failed: Mutex<Option<Failure>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| match Pool::new((threads / workers).max(1)) {
                Ok(pool) => pieces.work(|at| pool.install(|| work.compared(&speakers[at]))),
                Err(error) => {
                    let failure = Failure::new(failure::FAILED, error.to_string());
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                }
            });
        }
    });
    let compared = pieces.finish();
    if let Some(failure) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(failure);
    }
    let mut found = Vec::new();
    for (at, mut one) in compared {
        if let Some(failure) = one.failure.take() {
            return Err(failure);
        }
        bad.append(&mut one.bad);
        found.push((&speakers[at], one));
    }
    if stop.requested() {
        let message = format!("stopped on request behind {} of {} speakers", found.len(), speakers.len());
        return Err(Failure::new(failure::INTERRUPTED, message).help("the same command goes on"));
    }
    if arguments.across.is_some() {
        let pool = Pool::new(threads)?;
        pool.install(|| across(&mut found, arguments, talk))?;
    }
    if let Some(out) = &arguments.out {
        write_out(out, &found)?;
    }
    tell(&found, all, &bad, arguments, talk)
}

/// A speaker's metadata.
struct Speaker {
    file: PathBuf,
    group: String,
    name: String,
    utterances: Map<String, Json>,
}

impl Speaker {
    /// Whether every utterance has its list.
    fn is_done(&self) -> bool {
        self.utterances.values().all(|utterance| utterance.get(SIMILAR).is_some())
    }

    /// `GROUP/SPEAKER/ID` of its utterances, in order.
    fn paths(&self) -> impl Iterator<Item = String> {
        self.utterances.keys().map(|id| format!("{}/{}/{id}", self.group, self.name))
    }
}

/// The metadata below a folder, in order, and what there is that is none.
fn speakers(root: &Path, wanted: Option<&str>) -> Result<(Vec<Speaker>, Vec<String>), Failure> {
    let unread = |error| Failure::unread(root.display(), &error);
    let (mut speakers, mut bad) = (Vec::new(), Vec::new());
    for group in entries(root).map_err(unread)?.into_iter().filter(|path| path.is_dir()) {
        for file in entries(&group).map_err(unread)? {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let is_metadata = file.extension().is_some_and(|ending| ending == "json") && file.is_file();
            if !is_metadata || wanted.is_some_and(|wanted| wanted != name) {
                continue;
            }
            let group = group.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match utterances(&file) {
                Ok(utterances) => speakers.push(Speaker { file, group, name, utterances }),
                Err(why) => bad.push(format!("cannot use the metadata in `{}`: {why}", file.display())),
            }
        }
    }
    if speakers.is_empty() && bad.is_empty() {
        let message = format!("there are no metadata in `{}`", root.display());
        return Err(Failure::new(failure::MISSING, message)
            .help("`runner data metadata` writes them, as `GROUP/SPEAKER.json`"));
    }
    Ok((speakers, bad))
}

/// The utterances that a file tells of; why it tells of none.
fn utterances(file: &Path) -> Result<Map<String, Json>, String> {
    let text = fs::read(file).map_err(|error| error.to_string())?;
    let utterances: Map<String, Json> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    match utterances.iter().find(|(_, utterance)| !utterance.is_object()) {
        Some((id, _)) => Err(format!("its `{id}` is no utterance")),
        None => Ok(utterances),
    }
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// What is done with each speaker.
struct Work<'a> {
    features: Features,
    arguments: &'a SimilarArguments,
}

/// What came of a speaker.
#[derive(Default)]
struct Compared {
    /// A vector for each utterance, before anything is taken off.
    vectors: Vec<Option<Vec<f32>>>,
    /// For each utterance the most similar, by their places.
    found: Vec<Vec<Named>>,
    /// What could not be used, in sentences.
    bad: Vec<String>,
    /// What would go wrong with every speaker.
    failure: Option<Failure>,
}

/// One of the most similar utterances: its place, its path and how similar it is.
#[derive(Serialize)]
struct Named(usize, String, f32);

impl Work<'_> {
    /// Compares the utterances of a speaker, and writes their lists.
    fn compared(&self, speaker: &Speaker) -> Compared {
        let mut compared = self.vectors(speaker);
        if self.arguments.across.is_some() {
            return compared;
        }
        let paths: Vec<String> = speaker.paths().collect();
        let ids: Vec<&String> = speaker.utterances.keys().collect();
        let may = |one: usize, other: usize| {
            self.arguments.same_recording || recording_of(ids[one]) != recording_of(ids[other])
        };
        match nearest(&compared.vectors, self.arguments, &may) {
            Ok(found) => compared.found = named(found, &paths),
            Err(failure) => return Compared { failure: Some(failure), ..compared },
        }
        let mut utterances = speaker.utterances.clone();
        for (utterance, found) in utterances.values_mut().zip(&compared.found) {
            utterance[SIMILAR] = found.iter().map(|one| one.0).collect::<Vec<usize>>().into();
        }
        let text = format!("{:#}\n", Json::Object(utterances));
        compared.failure = write_whole(&speaker.file, text.as_bytes()).err().map(Failure::from);
        compared
    }

    /// The features of a speaker's utterances.
    fn vectors(&self, speaker: &Speaker) -> Compared {
        let files = match self.features.files(&speaker.group, &speaker.name) {
            Ok(files) => files,
            Err(error) => {
                let bad =
                    vec![format!("cannot read the folder of `{}/{}`: {error}", speaker.group, speaker.name)];
                let vectors = vec![None; speaker.utterances.len()];
                return Compared { vectors, bad, ..Compared::default() };
            }
        };
        let mut made: Vec<Option<Result<Vec<f32>, String>>> =
            speaker.utterances.keys().map(|_| None).collect();
        let asked = speaker.utterances.iter().zip(speaker.paths()).zip(&mut made).collect();
        for_each(asked, |(((id, known), path), made): (((&String, &Json), String), &mut Option<_>)| {
            let none = || Err(format!("there is nothing to compare `{path}` by"));
            *made =
                Some(files.get(id).map_or_else(none, |file| self.features.of(file, known["text"].as_str())));
        });
        let mut compared = Compared::default();
        // Codes of other levels than the first ones' cannot be compared with them.
        let mut width = None;
        for (made, path) in made.into_iter().flatten().zip(speaker.paths()) {
            let made = made.and_then(|vector| match *width.get_or_insert(vector.len()) {
                width if width == vector.len() => Ok(vector),
                _ => Err(format!("`{path}` has codes of other levels than the utterances before it")),
            });
            match made {
                Ok(vector) => compared.vectors.push(Some(vector)),
                Err(why) => {
                    compared.vectors.push(None);
                    compared.bad.push(why);
                }
            }
        }
        compared
    }
}

/// The most similar of vectors that are compared with each other.
fn nearest(
    vectors: &[Option<Vec<f32>>],
    arguments: &SimilarArguments,
    may: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<Vec<Vec<Similar>>, Failure> {
    let unusable = |why| Failure::new(failure::FAILED, format!("cannot compare utterances: {why}"));
    let mut vectors = Vectors::new(vectors.to_vec()).map_err(unusable)?;
    vectors.normalise(match arguments.normalise {
        Normalisation::None => Normalise::None,
        Normalisation::Mean => Normalise::Mean,
        Normalisation::MeanVariance => Normalise::MeanVariance,
    });
    let wanted = Wanted { top: arguments.top_k, above: arguments.min_score };
    Ok(vectors.nearest(wanted, may)?)
}

/// The same with the paths of utterances.
fn named(found: Vec<Vec<Similar>>, paths: &[String]) -> Vec<Vec<Named>> {
    let name = |one: Similar| Named(one.index, paths[one.index].clone(), one.score);
    found.into_iter().map(|found| found.into_iter().map(name).collect()).collect()
}

/// Compares the utterances of all speakers with each other, and says whether the most similar ones are of the same.
fn across(
    found: &mut [(&Speaker, Compared)],
    arguments: &SimilarArguments,
    talk: Talk,
) -> Result<(), Failure> {
    let vectors: Vec<_> = found.iter().flat_map(|(_, one)| one.vectors.iter().cloned()).collect();
    let paths: Vec<String> = found.iter().flat_map(|(speaker, _)| speaker.paths()).collect();
    let of: Vec<usize> = found
        .iter()
        .enumerate()
        .flat_map(|(at, (speaker, _))| speaker.utterances.keys().map(move |_| at))
        .collect();
    let may = |one: usize, other: usize| {
        arguments.same_recording || recording_of(&paths[one]) != recording_of(&paths[other])
    };
    let nearest = nearest(&vectors, arguments, &may)?;
    let right = nearest
        .iter()
        .enumerate()
        .filter(|(at, found)| found.first().is_some_and(|first| of[first.index] == of[*at]));
    let (right, all) = (right.count(), vectors.iter().flatten().count());
    if talk.json {
        talk.data(
            &json!({"utterances": all, "same_speaker": right, "accuracy": right as f64 / all.max(1) as f64}),
        );
    }
    talk.say(format_args!(
        "the most similar utterance is of the same speaker for {} of {} ({})",
        units::count(right as u64),
        units::count(all as u64),
        units::percent(right as f64 / all.max(1) as f64)
    ));
    let mut named = named(nearest, &paths).into_iter();
    for (speaker, one) in found {
        one.found = named.by_ref().take(speaker.utterances.len()).collect();
    }
    Ok(())
}

/// An object with its entries in order.
struct InOrder<'a, T>(Vec<(String, &'a T)>);

impl<T: Serialize> Serialize for InOrder<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, value)| (path, value)))
    }
}

/// Writes who is similar to whom, and by which vectors.
fn write_out(out: &Path, found: &[(&Speaker, Compared)]) -> Result<(), Failure> {
    make_folder(out)?;
    let similar = found.iter().flat_map(|(speaker, one)| speaker.paths().zip(&one.found)).collect();
    write_json(&out.join("similarities.json"), &InOrder(similar))?;
    let vectors = found.iter().flat_map(|(speaker, one)| speaker.paths().zip(&one.vectors));
    let vectors = vectors.filter_map(|(path, vector)| Some((path, vector.as_ref()?))).collect();
    Ok(write_json(&out.join("embeddings.json"), &InOrder(vectors))?)
}

/// Says what came of it.
fn tell(
    found: &[(&Speaker, Compared)],
    all: usize,
    bad: &[String],
    arguments: &SimilarArguments,
    talk: Talk,
) -> Result<u8, Failure> {
    let utterances: usize = found.iter().map(|(speaker, _)| speaker.utterances.len()).sum();
    let alone = found.iter().flat_map(|(_, one)| &one.found).filter(|found| found.is_empty()).count();
    if talk.json && arguments.across.is_none() {
        talk.data(&json!({
            "dir": arguments.metadata, "speakers": found.len(), "there": all - found.len(),
            "utterances": utterances, "similar_to_none": alone, "bad": bad.len(),
        }));
    }
    talk.say(format_args!(
        "compared {} of {}; {} similar to none",
        counted(utterances, "utterance", "utterances"),
        counted(found.len(), "speaker", "speakers"),
        units::count(alone as u64)
    ));
    if all > found.len() {
        talk.say(format_args!("done before: {}", counted(all - found.len(), "speaker", "speakers")));
    }
    if bad.is_empty() {
        return Ok(0);
    }
    talk.say(format_args!(
        "left out: {}, which cannot be used",
        counted(bad.len(), "utterance", "utterances")
    ));
    Ok(failure::FAILED)
}
