//! `runner data encode` and `runner data decode`: sound as codes of a neural codec, and back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use super::Talk;
use super::arguments::{DecodeArguments, EncodeArguments};
use super::failure::{self, Failure, make_folder};
use super::prepare::counted;
use crate::audio;
use crate::codec::artifact::{Artifact, ArtifactError, SAFE};
use crate::codec::{self, Backend, Codec, CodecError, recording};
use crate::record::folder::write_whole;
use crate::record::{Count, Tally, units};

/// Makes codes of sound files.
pub fn encode(arguments: &EncodeArguments, talk: Talk) -> Result<u8, Failure> {
    let backend = arguments.codec.backend().encoder();
    let codec = open(backend, arguments.codec.weights.as_deref(), arguments.bandwidth)?;
    let ending = if arguments.safetensors { SAFE } else { codec.kind().ending() };
    let mut work = Work::begin(&arguments.files, &arguments.to, ending, arguments.again, talk)?;
    while let Some((from, to)) = work.next() {
        let made = short_enough(&from, arguments.max_duration)
            .and_then(|()| encoded(codec.as_ref(), &from))
            .and_then(|(artifact, secs)| Ok((artifact.bytes_for(&to)?, secs)))
            .and_then(|(bytes, secs)| Ok((write_whole(&to, &bytes)?, secs)));
        work.ended(&from, &to, made.map(|((), secs)| secs))?;
    }
    work.end("codes")
}

/// Makes sound of files of codes.
pub fn decode(arguments: &DecodeArguments, talk: Talk) -> Result<u8, Failure> {
    let codec = open(arguments.codec.backend(), arguments.codec.weights.as_deref(), None)?;
    let mut work = Work::begin(&arguments.files, &arguments.to, "wav", arguments.again, talk)?;
    let mut clipped = 0;
    while let Some((from, to)) = work.next() {
        let made = decoded(codec.as_ref(), &from, arguments.levels).and_then(|(rate_hz, samples)| {
            clipped += samples.iter().filter(|sample| sample.abs() > 1.0).count() as u64;
            write_whole(&to, &audio::wav_bytes(&samples, rate_hz))?;
            Ok(samples.len() as f64 / f64::from(rate_hz))
        });
        work.ended(&from, &to, made)?;
    }
    if clipped > 0 {
        talk.say(format_args!("{} samples beyond full scale, cut to it", units::count(clipped)));
    }
    work.end("sound")
}

/// The codec of that name.
pub(super) fn open(
    backend: Backend,
    weights: Option<&str>,
    bandwidth_kbps: Option<f64>,
) -> Result<Box<dyn Codec + Sync>, Failure> {
    kernels::threads::start(0);
    Ok(codec::open(backend, weights, bandwidth_kbps.into())?)
}

/// Refuses a recording that lasts longer than may be in memory, by its header.
pub(super) fn short_enough(from: &Path, max_secs: f64) -> Result<(), Failure> {
    let facts = audio::facts(from).map_err(|error| unusable(from, error))?;
    let secs = facts.samples as f64 / f64::from(facts.rate_hz);
    if secs <= max_secs {
        return Ok(());
    }
    let message = format!(
        "`{}` lasts {}, longer than the {} of `--max-duration`",
        from.display(),
        units::duration(secs),
        units::duration(max_secs)
    );
    Err(Failure::new(failure::FAILED, message))
}

/// The codes of a sound file, and the seconds that it lasts.
fn encoded(codec: &dyn Codec, from: &Path) -> Result<(Artifact, f64), Failure> {
    let (rate_hz, samples) = audio::read_as_recorded(from).map_err(|error| unusable(from, error))?;
    let artifact = recording::encode(codec, rate_hz, &samples).map_err(|error| about(from, error))?;
    Ok((artifact, samples.len() as f64 / f64::from(rate_hz)))
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> Failure {
    let code = if path.exists() { failure::FAILED } else { failure::MISSING };
    Failure::new(code, error.to_string())
}

/// A codec's error about one file.
fn about(path: &Path, error: CodecError) -> Failure {
    Failure::new(failure::FAILED, format!("cannot use `{}`: {error}", path.display()))
}

/// The rate of a file of codes and its sound, as long as the recording was.
fn decoded(codec: &dyn Codec, from: &Path, levels: Option<usize>) -> Result<(u32, Vec<f32>), Failure> {
    let artifact = Artifact::read(from)?;
    recording::decode(codec, &artifact, levels).map_err(|error| match error {
        CodecError::OtherCodec { codes, codec } => {
            let (path, codec) = (from.display(), codec.title());
            let message = format!("`{path}` has codes of {codes}, which {codec} cannot decode");
            Failure::new(failure::FAILED, message)
        }
        error => about(from, error),
    })
}

/// Many files one after the other: those that are done are passed over, those that cannot be used are named and counted.
struct Work {
    pairs: Vec<(PathBuf, PathBuf)>,
    at: usize,
    before: usize,
    bad: usize,
    code: u8,
    secs: f64,
    begun: Instant,
    talk: Talk,
    tally: Tally,
}

impl Work {
    fn begin(files: &[PathBuf], to: &Path, ending: &str, again: bool, talk: Talk) -> Result<Self, Failure> {
        make_folder(to)?;
        let mut pairs: Vec<(PathBuf, PathBuf)> = Vec::new();
        let mut taken: HashMap<PathBuf, &PathBuf> = HashMap::new();
        for from in files {
            let mut name = from.file_stem().unwrap_or_default().to_owned();
            name.push(".");
            name.push(ending);
            let to = to.join(name);
            if let Some(other) = taken.insert(to.clone(), from) {
                let (from, other, to) = (from.display(), other.display(), to.display());
                return Err(Failure::new(
                    failure::REQUEST,
                    format!("`{other}` and `{from}` would both be `{to}`"),
                ));
            }
            pairs.push((from.clone(), to));
        }
        let all = pairs.len();
        pairs.retain(|(_, to)| again || !to.exists());
        let mut tally = talk.tally(Count::files);
        tally.begin(all as u64, (all - pairs.len()) as u64);
        let before = all - pairs.len();
        Ok(Work { pairs, at: 0, before, bad: 0, code: 0, secs: 0.0, begun: Instant::now(), talk, tally })
    }

    fn next(&mut self) -> Option<(PathBuf, PathBuf)> {
        let next = self.pairs.get(self.at).cloned();
        self.at += 1;
        next
    }

    /// Notes how a file ended: with seconds of sound, or not.
    ///
    /// # Errors
    /// Writing failed, which it would for the next file, too.
    fn ended(&mut self, from: &Path, to: &Path, made: Result<f64, Failure>) -> Result<(), Failure> {
        match made {
            Ok(secs) => {
                self.secs += secs;
                if self.talk.json {
                    println!("{}", json!({"path": from, "to": to, "secs": secs}));
                }
            }
            Err(failure) if failure.code == failure::IO => return Err(failure),
            Err(failure) => {
                self.bad += 1;
                self.code = self.code.max(failure.code);
                _ = failure.report(false);
            }
        }
        self.tally.at((self.before + self.at) as u64);
        Ok(())
    }

    /// Says what came of it.
    fn end(mut self, made: &str) -> Result<u8, Failure> {
        self.tally.finish();
        let (secs, took) = (self.secs, self.begun.elapsed().as_secs_f64());
        let done = self.pairs.len() - self.bad;
        if self.before > 0 {
            self.talk.say(format_args!("done before: {}", counted(self.before, "file", "files")));
        }
        if done > 0 {
            self.talk.say(format_args!(
                "{made} of {}: {} of sound in {}, {:.1} times as fast as it is heard, on {} threads",
                counted(done, "file", "files"),
                units::duration(secs),
                units::duration(took),
                secs / took.max(1e-9),
                kernels::threads::count()
            ));
        }
        if self.bad > 0 {
            self.talk
                .say(format_args!("left out: {}, which cannot be used", counted(self.bad, "file", "files")));
        }
        Ok(self.code)
    }
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        let code = if error.is_missing() { failure::MISSING } else { failure::FAILED };
        Failure::new(code, error.to_string())
    }
}

impl From<CodecError> for Failure {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Weights(error) => error.into(),
            CodecError::Missing { fetch, .. } => Failure::new(failure::MISSING, error.to_string())
                .help(format!("`runner data fetch --model {fetch}` brings the published ones")),
            CodecError::Bandwidth { .. } | CodecError::OneBandwidth => {
                Failure::new(failure::REQUEST, error.to_string())
            }
            CodecError::Weightless => {
                Failure::new(failure::REQUEST, error.to_string()).help("leave `--weights` out")
            }
            error => Failure::new(failure::FAILED, error.to_string()),
        }
    }
}
