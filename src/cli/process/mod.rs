//! `runner data process`: recordings with transcripts become files of codes, a folder for each speaker.
//!
//! What there is to do is planned first (`codec::process`), then workers ([`crew`]) take recording after recording ([`coder`]). What is there is not made again,
//! so the same command goes on where it was stopped.

mod coder;
mod crew;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use super::Talk;
use super::arguments::{ProcessArguments, SliceChoice};
use super::coding::open;
use super::failure::{self, Failure, make_folder};
use super::prepare::counted;
use super::run::on_signals;
use crate::codec::Codec;
use crate::codec::artifact::{Artifact, SAFE};
use crate::codec::process::{
    Asked, Lists, Missing, NOISE, Passed, Recording, Slicing, SpeakerFolder, plan, read_transcripts,
    speaker_folders,
};
use crate::record::folder::{read_json, write_json};
use crate::record::units;
use crate::text::g2p::{G2p, Kept, Language, Text};
use crate::train::Stop;
use coder::Outcome;
use crew::Crew;

/// Speakers with transcripts.
const DATASET: &str = "dataset.json";
/// What was not there.
const MISSING: &str = "missing.json";
/// Held by the process that writes these two.
const LOCK: &str = ".lists.lock";

/// What every worker has to know.
pub(super) struct Coding {
    /// Longer utterances are passed over.
    max_secs: f64,
    /// Whether somebody asked to stop.
    stop: Stop,
}

/// Makes the files that are missing.
pub fn process(arguments: &ProcessArguments, talk: Talk) -> Result<u8, Failure> {
    let coding = Coding { max_secs: arguments.max_duration, stop: on_signals()? };
    let speakers = speakers(arguments)?;
    let codec =
        || open(arguments.codec.backend().encoder(), arguments.codec.weights.as_deref(), arguments.bandwidth);
    let first = codec()?;
    let found = Found::of(arguments, &speakers, &*first)?;
    for refused in &found.refused {
        talk.say(refused);
    }
    make_folder(&found.to)?;
    found.keep_lists()?;
    let backend = arguments.g2p.backend(&arguments.espeak);
    if found.recordings.iter().flat_map(|recording| &recording.pieces).any(|piece| piece.text.is_some()) {
        // What cannot read one word reads none: better said now than of each recording.
        let word = Text { text: "a", language: Some(Language::English) };
        G2p::new(backend.clone(), Kept::default()).read(&[word])?;
    }
    let began = Instant::now();
    let crew = Crew::of(arguments, found.recordings.len());
    if !found.recordings.is_empty() {
        talk.say(crew.told());
    }
    let outcomes = crew.code(&found.recordings, first, &codec, backend, &coding, talk)?;
    found.tell(outcomes, began.elapsed().as_secs_f64(), &coding, talk)
}

/// The speakers of this process.
fn speakers(arguments: &ProcessArguments) -> Result<Vec<SpeakerFolder>, Failure> {
    let roots = [&arguments.from, &arguments.transcripts];
    if let Some((root, error)) =
        roots.into_iter().find_map(|root| Some((root, std::fs::read_dir(root).err()?)))
    {
        return Err(Failure::unread(root.display(), &error));
    }
    let unread = |error| Failure::unread(arguments.from.display(), &error);
    let all = speaker_folders(&roots.map(PathBuf::as_path)).map_err(unread)?;
    let wanted =
        |speaker: &SpeakerFolder| arguments.speaker.as_ref().is_none_or(|name| *name == speaker.name);
    let all: Vec<SpeakerFolder> = all.into_iter().filter(wanted).collect();
    if all.is_empty() {
        let message = format!("there are no speakers in `{}`", arguments.from.display());
        return Err(Failure::new(failure::MISSING, message)
            .help("sound lies in it as `GROUP/SPEAKER/FILE`, and `--speaker` names a SPEAKER"));
    }
    let part = arguments.part;
    Ok(all.into_iter().skip(part.index).step_by(part.of).collect())
}

/// What there is to do, and what was found out on the way.
struct Found {
    /// The folder of codes.
    to: PathBuf,
    recordings: Vec<Recording>,
    passed: Passed,
    /// Speakers passed over: with too few recordings, or done before.
    passed_speakers: usize,
    /// The speakers that were looked at, as `GROUP/SPEAKER`.
    seen: BTreeSet<String>,
    lists: Lists,
    refused: Vec<String>,
}

impl Found {
    fn of(
        arguments: &ProcessArguments,
        speakers: &[SpeakerFolder],
        codec: &(dyn Codec + Sync),
    ) -> Result<Self, Failure> {
        let kind = codec.kind();
        let to = arguments.to.join(format!("{}KHz-{kind}", codec.rate_hz() / 1000));
        let asked = Asked {
            to: to.clone(),
            ending: if arguments.safetensors { SAFE } else { kind.ending() },
            slicing: match arguments.slice {
                SliceChoice::Auto => Slicing::Auto,
                SliceChoice::True => Slicing::Always,
                SliceChoice::False => Slicing::Never,
            },
            min_utterances: arguments.min_utterances,
            strict_languages: arguments.strict_languages,
        };
        let mut found = Found {
            to,
            recordings: Vec::new(),
            passed: Passed::default(),
            passed_speakers: 0,
            seen: BTreeSet::new(),
            lists: Lists::default(),
            refused: Vec::new(),
        };
        let is_done = |path: &Path| path.exists() && (!arguments.verify_audio || is_well(path, codec));
        for speaker in speakers {
            if arguments.skip_existing_folders && asked.to.join(&speaker.group).join(&speaker.name).is_dir() {
                found.passed_speakers += 1;
                continue;
            }
            found.speaker(speaker, arguments, &asked, &is_done)?;
        }
        Ok(found)
    }

    fn speaker(
        &mut self,
        speaker: &SpeakerFolder,
        arguments: &ProcessArguments,
        asked: &Asked,
        is_done: &dyn Fn(&Path) -> bool,
    ) -> Result<(), Failure> {
        let within = |root: &Path| root.join(&speaker.group).join(&speaker.name);
        let (path, audio) = (speaker.path(), within(&arguments.from));
        self.seen.insert(path.clone());
        let transcripts = match speaker.name.as_str() {
            NOISE => None,
            _ => match read_transcripts(&within(&arguments.transcripts).join(&arguments.transcript_name)) {
                Ok(transcripts) => Some(transcripts),
                Err(error) => {
                    self.refused.extend((!error.is_missing()).then(|| error.to_string()));
                    self.lists.missing.transcription.insert(path);
                    return Ok(());
                }
            },
        };
        let planned = plan(speaker, &audio, transcripts.as_ref(), asked, is_done)
            .map_err(|error| Failure::unread(audio.display(), &error))?;
        self.recordings.extend(planned.recordings);
        self.passed.there += planned.passed.there;
        self.passed.empty += planned.passed.empty;
        self.passed_speakers += usize::from(planned.passed.few);
        self.lists.missing.audio.extend(planned.missing.iter().map(|name| format!("{path}/{name}")));
        self.refused.extend(planned.refused);
        if !planned.passed.few {
            self.lists.speakers.insert(path);
        }
        Ok(())
    }

    /// Brings the lists together with what other processes have written.
    fn keep_lists(&self) -> Result<(), Failure> {
        let lock = self.to.join(LOCK);
        let held = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _held = held.map_err(|error| {
            Failure::new(failure::IO, format!("cannot lock `{}`: {error}", lock.display()))
        })?;
        let (dataset, missing) = (self.to.join(DATASET), self.to.join(MISSING));
        let before = Lists {
            speakers: read_json(&dataset)?.unwrap_or_default(),
            missing: read_json::<Missing>(&missing)?.unwrap_or_default(),
        };
        let now = before.with(&self.seen, self.lists.clone());
        write_json(&dataset, &now.speakers)?;
        Ok(write_json(&missing, &now.missing)?)
    }

    /// Says what came of it.
    fn tell(
        &self,
        outcomes: Vec<(usize, Outcome)>,
        took: f64,
        coding: &Coding,
        talk: Talk,
    ) -> Result<u8, Failure> {
        let (mut sum, seen) = (Outcome::default(), outcomes.len());
        for (_, outcome) in outcomes {
            sum.made += outcome.made;
            sum.secs += outcome.secs;
            sum.long += outcome.long;
            sum.bad.extend(outcome.bad);
            sum.failure = sum.failure.or(outcome.failure);
        }
        let missing = &self.lists.missing;
        let bad = sum.bad.len() + self.refused.len();
        if talk.json {
            talk.data(&json!({
                "dir": self.to, "speakers": self.lists.speakers.len(), "made": sum.made, "secs": sum.secs,
                "there": self.passed.there, "without_text": self.passed.empty, "too_long": sum.long,
                "speakers_passed_over": self.passed_speakers, "bad": bad, "missing": missing,
            }));
        }
        let utterances = |count| counted(count, "utterance", "utterances");
        talk.say(format_args!(
            "`{}` has codes of {} more: {} of sound in {}, {:.1} times as fast as it is heard",
            self.to.display(),
            utterances(sum.made),
            units::duration(sum.secs),
            units::duration(took),
            sum.secs / took.max(1e-9),
        ));
        for (count, what) in [
            (self.passed.there, "were there"),
            (self.passed.empty, "without a text"),
            (sum.long, "longer than `--max-duration`"),
        ] {
            if count > 0 {
                talk.say(format_args!("{} {what}", utterances(count)));
            }
        }
        if self.passed_speakers > 0 {
            talk.say(format_args!("{} passed over", counted(self.passed_speakers, "speaker", "speakers")));
        }
        if let Some(failure) = sum.failure {
            return Err(failure);
        }
        if coding.stop.requested() {
            let message = format!("stopped on request behind {seen} of {} recordings", self.recordings.len());
            return Err(Failure::new(failure::INTERRUPTED, message).help("the same command goes on"));
        }
        let absent = missing.transcription.len() + missing.audio.len();
        if absent > 0 {
            let (speakers, files) = (missing.transcription.len(), missing.audio.len());
            talk.say(format_args!(
                "missing: transcripts of {}, {}; `{}` names them",
                counted(speakers, "speaker", "speakers"),
                counted(files, "recording", "recordings"),
                self.to.join(MISSING).display()
            ));
        }
        if bad > 0 {
            talk.say(format_args!("left out: {}, which cannot be used", utterances(bad)));
        }
        Ok(if bad + absent > 0 { failure::FAILED } else { 0 })
    }
}

/// Whether a file of codes is whole, and holds as many frames as its recording needs.
fn is_well(path: &Path, codec: &(dyn Codec + Sync)) -> bool {
    Artifact::read(path).is_ok_and(|artifact| {
        let metadata = &artifact.metadata;
        let samples = u128::from(metadata.original_length) * u128::from(codec.rate_hz());
        let frames =
            samples.div_ceil(u128::from(metadata.sample_rate.max(1))).div_ceil(codec.hop_samples() as u128);
        !artifact.codes.are_zero() && artifact.codes.frames() as u128 == frames
    })
}
