//! The work of `runner data transcribe`: speaker by speaker, file by file, on all cores within each.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Talk;
use super::arguments::{Part, TranscribeArguments};
use super::coding::short_enough;
use super::failure::{self, Failure, make_folder};
use super::prepare::counted;
use super::run::on_signals;
use crate::audio;
use crate::codec::dataset::{Speaker, speakers_of};
use crate::model::weights;
use crate::record::folder::write_whole;
use crate::record::{Count, Tally, units};
use crate::train::Stop;
use crate::transcribe::{Book, RATE_HZ, TranscribeError, Transcript, Whisper};

/// What transcripts of a speaker's files are called.
const FILE: &str = "whisper.json";
/// How long transcripts are kept in memory alone.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Writes down what every file says that has no transcript yet.
pub fn transcribe(arguments: &TranscribeArguments, talk: Talk) -> Result<u8, Failure> {
    let stop = on_signals()?;
    let shelves = shelves(arguments)?;
    let all: usize = shelves.iter().map(|shelf| shelf.all).sum();
    let wanted: usize = shelves.iter().map(|shelf| shelf.files.len()).sum();
    if all > wanted {
        talk.say(format_args!("done before: {}", counted(all - wanted, "file", "files")));
    }
    if wanted == 0 {
        return Ok(0);
    }
    kernels::threads::start(arguments.threads.map_or(0, Into::into));
    let whisper = open(&arguments.model_name)?;
    let language = match arguments.language.as_str() {
        "auto" => None,
        name => Some(whisper.language(name)?),
    };
    let mut work = Work::begin(&whisper, language, arguments.max_duration, stop, talk);
    work.tally.begin(shelves.iter().map(Shelf::secs).sum::<f64>() as u64, 0);
    for shelf in shelves {
        let ended = work.speaker(shelf)?;
        if !ended {
            break;
        }
    }
    work.end()
}

/// The model of that name.
fn open(name: &str) -> Result<Whisper, Failure> {
    let folder = weights::locate(name).map_err(|looked| {
        let message = format!("there are no weights in `{}`", looked.display());
        Failure::new(failure::MISSING, message)
            .help("`runner data fetch --model whisper-large-v3` brings the published ones")
    })?;
    Ok(Whisper::read(&folder)?)
}

/// A speaker's files that want a transcript, and where these belong.
struct Shelf {
    path: PathBuf,
    book: Book,
    files: Vec<PathBuf>,
    /// How many there are with those that have one.
    all: usize,
}

impl Shelf {
    fn open(speaker: Speaker, arguments: &TranscribeArguments) -> Result<Self, Failure> {
        let path = arguments.to.join(&speaker.group).join(&speaker.name).join(FILE);
        let book = Book::read(&path)?;
        let (mut files, all) = (speaker.files.clone(), speaker.files.len());
        files.retain(|file| arguments.again || !book.has(&name(file)));
        Ok(Shelf { path, book, files, all })
    }

    /// Seconds of sound by the files' headers.
    fn secs(&self) -> f64 {
        self.files.iter().map(|file| secs(file)).sum()
    }

    fn save(&self) -> Result<(), Failure> {
        if let Some(folder) = self.path.parent() {
            make_folder(folder)?;
        }
        Ok(write_whole(&self.path, &self.book.bytes())?)
    }
}

/// The speakers of this part, in order.
fn shelves(arguments: &TranscribeArguments) -> Result<Vec<Shelf>, Failure> {
    let from = &arguments.from;
    let speakers =
        speakers_of(from, audio::is_sound).map_err(|error| Failure::unread(from.display(), &error))?;
    if speakers.is_empty() {
        let message = format!("there is no sound in `{}`", from.display());
        return Err(Failure::new(failure::MISSING, message)
            .help("sound files lie in it as `GROUP/SPEAKER/NAME.wav`, or as flac, ogg or sph"));
    }
    let Part { index, of } = arguments.part;
    let speakers = speakers.into_iter().skip(index).step_by(of);
    speakers.map(|speaker| Shelf::open(speaker, arguments)).collect()
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How long a file is by its header; nothing where it cannot be read.
fn secs(file: &Path) -> f64 {
    audio::facts(file).map_or(0.0, |facts| facts.samples as f64 / f64::from(facts.rate_hz))
}

/// What is done, and how it went.
struct Work<'a> {
    whisper: &'a Whisper,
    language: Option<&'static str>,
    /// Longer files are passed over.
    max_secs: f64,
    stop: Stop,
    talk: Talk,
    tally: Tally,
    begun: Instant,
    done: usize,
    bad: usize,
    code: u8,
    /// Seconds of sound that are done.
    secs: f64,
    /// The same with those of files that could not be used.
    passed_secs: f64,
}

impl<'a> Work<'a> {
    fn begin(
        whisper: &'a Whisper,
        language: Option<&'static str>,
        max_secs: f64,
        stop: Stop,
        talk: Talk,
    ) -> Self {
        let (tally, begun) = (talk.tally(Count::sound), Instant::now());
        let (done, bad, code, secs, passed_secs) = (0, 0, 0, 0.0, 0.0);
        Work { whisper, language, max_secs, stop, talk, tally, begun, done, bad, code, secs, passed_secs }
    }

    /// Transcribes a speaker's files. Returns whether to go on.
    ///
    /// # Errors
    /// Writing failed, which it would for the next speaker, too.
    fn speaker(&mut self, mut shelf: Shelf) -> Result<bool, Failure> {
        let (mut saved, mut unsaved) = (Instant::now(), false);
        let mut goes_on = true;
        for file in std::mem::take(&mut shelf.files) {
            match self.file(&file) {
                Ok(transcript) => {
                    self.ended(&file, &shelf.path, &transcript);
                    shelf.book.add(&name(&file), &transcript);
                    unsaved = true;
                }
                Err(None) => {
                    goes_on = false;
                    break;
                }
                Err(Some(failure)) => {
                    self.bad += 1;
                    self.code = self.code.max(failure.code);
                    self.tally.beside(|| _ = failure.report(false));
                }
            }
            self.passed_secs += secs(&file);
            self.tally.at(self.passed_secs as u64);
            if unsaved && saved.elapsed() >= SAVE_EVERY {
                shelf.save()?;
                (saved, unsaved) = (Instant::now(), false);
            }
        }
        if unsaved {
            shelf.save()?;
        }
        Ok(goes_on)
    }

    /// The transcript of a file. Without one it cannot be used; or, where nothing is said of that, somebody asked to stop.
    fn file(&mut self, file: &Path) -> Result<Transcript, Option<Failure>> {
        if self.stop.requested() {
            return Err(None);
        }
        let unusable = |error: &dyn std::fmt::Display| {
            let code = if file.exists() { failure::FAILED } else { failure::MISSING };
            Some(Failure::new(code, error.to_string()))
        };
        short_enough(file, self.max_secs).map_err(Some)?;
        let (rate_hz, samples) = audio::read_as_recorded(file).map_err(|error| unusable(&error))?;
        let samples =
            audio::resample_by_sinc(&samples, rate_hz, RATE_HZ).map_err(|error| unusable(&error))?;
        let (tally, stop, passed) = (&mut self.tally, &self.stop, self.passed_secs);
        let goes_on = &mut |secs: f64| {
            tally.at((passed + secs) as u64);
            !stop.requested()
        };
        match self.whisper.transcribe(&samples, self.language, goes_on) {
            Ok(transcript) => Ok(transcript),
            Err(TranscribeError::Stopped) => Err(None),
            Err(error) => Err(unusable(&format_args!("cannot transcribe `{}`: {error}", file.display()))),
        }
    }

    fn ended(&mut self, file: &Path, to: &Path, transcript: &Transcript) {
        self.done += 1;
        self.secs += transcript.secs;
        if self.talk.json {
            let (language, text) = (transcript.language, &transcript.text);
            let told =
                json!({"from": file, "to": to, "secs": transcript.secs, "language": language, "text": text});
            println!("{told}");
        }
    }

    /// Says what came of it.
    fn end(mut self) -> Result<u8, Failure> {
        self.tally.finish();
        let took = self.begun.elapsed().as_secs_f64();
        if self.done > 0 {
            self.talk.say(format_args!(
                "transcripts of {}: {} of sound in {}, {:.1} times as fast as it is heard, on {} threads",
                counted(self.done, "file", "files"),
                units::duration(self.secs),
                units::duration(took),
                self.secs / took.max(1e-9),
                kernels::threads::count()
            ));
        }
        if self.bad > 0 {
            self.talk
                .say(format_args!("left out: {}, which cannot be used", counted(self.bad, "file", "files")));
        }
        if self.stop.requested() {
            self.talk.say("interrupted; the same command goes on with the next file");
            return Ok(failure::INTERRUPTED);
        }
        Ok(self.code)
    }
}

impl From<TranscribeError> for Failure {
    fn from(error: TranscribeError) -> Self {
        match error {
            TranscribeError::Weights(error) => error.into(),
            TranscribeError::Stopped => Failure::stopped(),
            TranscribeError::Language { ref known, .. } => Failure::new(failure::REQUEST, error.to_string())
                .help(format!("it knows {}; or let it detect: `--language auto`", known.join(", "))),
            TranscribeError::Book { .. } => Failure::new(failure::FAILED, error.to_string())
                .help("move it away to have its transcripts made again"),
            error => Failure::new(failure::FAILED, error.to_string()),
        }
    }
}
