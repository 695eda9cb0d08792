//! `runner data prepare`: a corpus as it is published becomes a folder that experiments name in `data.dir`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kernels::threads::count_for;
use serde_json::json;

use super::arguments::{Keep, OwnVerb, Places, PrepareVerb, PublishedArguments};
use super::bars::bars;
use super::failure::{self, Failure};
use super::signals::at_first_signal;
use super::{Talk, dataset};
use crate::corpora::{
    self, Asked, BAD_FILES, How, LENGTH_BINS_SECS, PrepareError, Prepared, PublishedCounts, Recipe,
    SplitSummary, Summary, TableRequest, Watch,
};
use crate::record::host::free_bytes;
use crate::record::{Count, Tally, units};

/// Classes that a picture shows; more are counted.
const SHOWN_CLASSES: usize = 8;

/// Prepares what the verb names.
pub fn prepare(verb: &PrepareVerb, talk: Talk) -> Result<u8, Failure> {
    match verb {
        PrepareVerb::Published(asked) => run(&*published(asked), &asked.places, talk),
        PrepareVerb::Own(OwnVerb::Dataset(arguments)) => dataset::prepare(arguments, talk),
        PrepareVerb::Own(OwnVerb::Table { places, audio, rate_hz, keep_case, keep: Keep { link } }) => {
            let request = TableRequest {
                table: absolute(&places.from),
                audio_dir: absolute(audio),
                rate_hz: *rate_hz,
                lowercase: !keep_case,
                link: *link,
            };
            run(&request, places, talk)
        }
    }
}

/// The request for a published corpus.
fn published(arguments: &PublishedArguments) -> Box<dyn Recipe> {
    let PublishedArguments { corpus, places, paths, switches } = arguments;
    let paths = paths.iter().map(|(name, path)| (*name, absolute(path))).collect();
    (corpus.recipe)(&Asked { source: absolute(&places.from), paths, switches: switches.clone() })
}

/// The same place whatever the working directory and the links on the way: it is part of what is asked for.
pub(super) fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Makes the folder, and says how far it is and what came of it.
pub(super) fn run(recipe: &dyn Recipe, places: &Places, talk: Talk) -> Result<u8, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    at_first_signal(move || asked.store(true, Ordering::Relaxed))?;
    let threads = count_for(places.threads.map_or(0, Into::into));
    // The folder is not there yet; the first one above it that is tells how much room there is.
    let there = absolute(&places.to).ancestors().find(|dir| dir.is_dir()).map(Path::to_owned);
    let how = How { threads, stop: &stop, free_bytes: there.as_deref().and_then(free_bytes) };
    let mut shown = Shown { talk, tally: talk.tally(Count::files) };
    let prepared = corpora::prepare(recipe, &places.to, &how, &mut shown);
    shown.tally.finish();
    let prepared = prepared?;
    let (summary, before) = match &prepared {
        Prepared::Now(summary) => (summary, false),
        Prepared::Before(summary) => (summary, true),
    };
    tell(summary, before, &places.to, talk)?;
    Ok(0)
}

/// Tells how far it is.
struct Shown {
    talk: Talk,
    tally: Tally,
}

impl Watch for Shown {
    fn left_out(&mut self, split: &str) {
        self.talk.say(format_args!("the split `{split}` is left out; `--split {split}=NAME` takes it"));
    }

    fn begin(&mut self, files: usize, done: usize, bytes: u64) {
        let all = units::count(files as u64);
        let room = units::bytes(bytes);
        match done {
            0 => self.talk.say(format_args!("{all} files, about {room} to write")),
            _ => self.talk.say(format_args!(
                "{} of {all} files are done, about {room} to write",
                units::count(done as u64)
            )),
        }
        self.tally.begin(files as u64, done as u64);
    }

    fn file(&mut self, done: usize) {
        self.tally.at(done as u64);
    }
}

/// Says what there is: data on standard output, what was left out and what to do next as talk.
fn tell(summary: &Summary, before: bool, to: &Path, talk: Talk) -> Result<(), Failure> {
    if talk.json {
        let mut data = serde_json::to_value(summary)
            .map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?;
        data["dir"] = json!(to);
        data["already"] = json!(before);
        talk.data(&data);
    } else {
        print!("{}", picture(summary));
    }
    let dir = to.display();
    let did = if before { "was already prepared" } else { "is prepared" };
    let (utterances, time) =
        (counted(summary.utterances(), "utterance", "utterances"), hours(summary.secs()));
    talk.say(format_args!("`{dir}` {did}: {utterances}, {time}"));
    if summary.skipped > 0 {
        talk.say(format_args!(
            "skipped: {} with {}, listed in `{dir}/{BAD_FILES}`",
            counted(summary.skipped, "bad file or line", "bad files or lines"),
            counted(summary.skipped_utterances, "utterance", "utterances")
        ));
    }
    for note in notes(summary) {
        talk.say(note);
    }
    if let Some(nearest) = &summary.claims.nearest {
        talk.say(beside(nearest, summary));
    }
    if let Some(caveat) = &summary.claims.caveat {
        talk.say(caveat);
    }
    talk.say(next(summary, to));
    Ok(())
}

/// What was done to recordings on the way.
fn notes(summary: &Summary) -> impl Iterator<Item = String> {
    let encoded = match summary.options["link"] == true {
        true => summary.utterances() - summary.linked_files,
        false => 0,
    };
    let rate = summary.rate_hz;
    [
        (
            summary.claims.absent,
            "recording",
            "named in the lists of the source, but not there; listed with the bad ones".to_owned(),
        ),
        (summary.cut_utterances, "utterance", "cut at the end of the recording, listed there too".to_owned()),
        (summary.resampled_files, "recording", format!("resampled to {rate} Hz")),
        (summary.linked_files, "recording", "linked, so the source has to stay where it is".to_owned()),
        (encoded, "recording", "written as flac, since it cannot be linked as it is".to_owned()),
        (summary.clipped_samples as usize, "sample", "beyond full scale, cut to it".to_owned()),
    ]
    .into_iter()
    .filter(|(number, _, _)| *number > 0)
    .map(|(number, one, what)| format!("{}: {what}", counted(number, one, &format!("{one}s"))))
}

/// `1 file`, `2,351 files`.
pub(super) fn counted(number: usize, one: &str, more: &str) -> String {
    format!("{} {}", units::count(number as u64), if number == 1 { one } else { more })
}

/// Whether it is the published corpus that it comes nearest to, as far as counts can say.
fn beside(published: &PublishedCounts, summary: &Summary) -> String {
    let corpus = &published.corpus;
    let numbers = |each: &[usize]| {
        let counts = summary.splits.iter().zip(each);
        let each: Vec<String> =
            counts.map(|(split, &count)| format!("{} {}", split.name, units::count(count as u64))).collect();
        each.join(", ")
    };
    let found: Vec<usize> = summary.splits.iter().map(|split| split.utterances).collect();
    let wanted = numbers(&published.utterances);
    match found == published.utterances {
        true => format!("these are the published counts of {corpus}: {wanted}"),
        false => format!(
            "these are not the published counts of {corpus}, which come nearest: {wanted}; here: {}",
            numbers(&found)
        ),
    }
}

fn next(summary: &Summary, to: &Path) -> String {
    let mut settings = vec![format!("`data.dir` to `{}`", to.display())];
    if summary.vocab_size > 0 {
        settings.push(format!("`asr_vocab_size` to {} or more", summary.vocab_size));
    }
    if !summary.classes.is_empty() {
        settings.push(format!(
            "`num_targets` to {:?} (in `[model.wav2vec2]`: `classifier_num_targets`)",
            summary.classes
        ));
    }
    if summary.any_number {
        settings.extend(["`classifier_loss` to `binary`", "`select` to `dev/mAP`"].map(str::to_owned));
    }
    format!("set {}", settings.join(", "))
}

/// Hours, counts and classes of every split.
fn picture(summary: &Summary) -> String {
    summary.splits.iter().filter(|split| split.utterances > 0).map(picture_of).collect()
}

fn picture_of(split: &SplitSummary) -> String {
    let mut text = format!(
        "{}: {}, {}, {:.2} to {:.2} s each\n  length\n",
        split.name,
        counted(split.utterances, "utterance", "utterances"),
        hours(split.secs),
        split.shortest_secs,
        split.longest_secs
    );
    let lengths: Vec<(String, u64)> =
        split.lengths.iter().enumerate().map(|(bin, &number)| (bin_name(bin), number as u64)).collect();
    let first = lengths.iter().position(|(_, number)| *number > 0).unwrap_or_default();
    let last = lengths.iter().rposition(|(_, number)| *number > 0).unwrap_or_default();
    text += &bars(&lengths[first..=last], "    ");
    for head in &split.labels {
        text += &format!("  {}, {}\n", head.head, counted(head.classes.len(), "class", "classes"));
        let shown = head.classes.iter().take(SHOWN_CLASSES);
        let rows: Vec<(String, u64)> =
            shown.map(|label| (label.class.clone(), label.utterances as u64)).collect();
        text += &bars(&rows, "    ");
        let more = head.classes.len().saturating_sub(SHOWN_CLASSES);
        if more > 0 {
            text += &format!("    and {} more\n", units::count(more as u64));
        }
    }
    text
}

/// `12 min 03 s`, and from an hour on `452.8 h`, as corpora are measured.
fn hours(secs: f64) -> String {
    if secs < 3600.0 { units::duration(secs) } else { format!("{:.1} h", secs / 3600.0) }
}

/// `under 1 s`, `1 to 2 s`, `from 20 s`.
fn bin_name(bin: usize) -> String {
    match (bin.checked_sub(1).and_then(|below| LENGTH_BINS_SECS.get(below)), LENGTH_BINS_SECS.get(bin)) {
        (None, Some(upper)) => format!("under {upper} s"),
        (Some(lower), Some(upper)) => format!("{lower} to {upper} s"),
        (lower, None) => format!("from {} s", lower.copied().unwrap_or_default()),
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        let code = match &error {
            PrepareError::SourceMissing { .. } => failure::MISSING,
            PrepareError::Table(table) if table.is_missing() => failure::MISSING,
            #[cfg(feature = "datasets")]
            PrepareError::Dataset(dataset) if dataset.is_missing() => failure::MISSING,
            PrepareError::Taken { .. } | PrepareError::Busy(_) | PrepareError::NoRoom { .. } => {
                failure::RUNNING
            }
            PrepareError::Io { .. } | PrepareError::Write { .. } => failure::IO,
            PrepareError::Stopped { .. } => failure::INTERRUPTED,
            PrepareError::Source { .. }
            | PrepareError::Table(_)
            | PrepareError::Vocabulary(_)
            | PrepareError::NothingUsable { .. } => failure::FAILED,
            #[cfg(feature = "datasets")]
            PrepareError::Dataset(_) => failure::FAILED,
        };
        let failure = Failure::new(code, error.to_string());
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}
