//! Clips joined to streams of a minute, with a class for every second.
//!
//! As published, the clips of a fold are shuffled, each filled up with silence to whole seconds that all have its class, and put one after the
//! other; every minute of that is a stream, the last one filled up with silence that goes on with the last class. A clip may lie in two
//! streams. Here the shuffle has a seed.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::FOLDS;
use super::table::Row;
use crate::audio;
use crate::corpora::prepare::{Bad, Clip, Piece, Sound, Unit};

/// Seconds of a stream.
const STREAM_SECS: usize = 60;

/// Gives the order of the clips.
const SEED: u64 = 1;

/// A row whose recording is there.
#[derive(Debug)]
pub(super) struct Found {
    pub row: Row,
    /// The recording, as seen from the source.
    pub path: String,
    pub audio: PathBuf,
}

/// A clip in the seconds of its fold.
struct Placed<'a> {
    found: &'a Found,
    start_secs: usize,
    end_secs: usize,
}

/// The streams of every fold; clips whose headers say no length go to `bad`.
pub(super) fn units(found: &[Found], rate_hz: u32, bad: &mut Vec<Bad>) -> Vec<Unit> {
    let mut units = Vec::new();
    for fold in 0..FOLDS.len() {
        let mut clips: Vec<&Found> = found.iter().filter(|clip| clip.row.fold == fold).collect();
        clips.sort_by_cached_key(|clip| (rank(fold, &clip.row.stem), clip.row.line));
        let clips = placed(&clips, bad);
        let secs = clips.last().map_or(0, |clip| clip.end_secs);
        units.extend((0..secs.div_ceil(STREAM_SECS)).map(|number| stream(fold, number, &clips, rate_hz)));
    }
    units
}

/// Where the seed puts a clip among those of its fold.
fn rank(fold: usize, stem: &str) -> [u8; 32] {
    Sha256::digest(format!("{SEED} {} {stem}", FOLDS[fold])).into()
}

/// The clips one after the other, each in whole seconds.
fn placed<'a>(clips: &[&'a Found], bad: &mut Vec<Bad>) -> Vec<Placed<'a>> {
    let (mut placed, mut start_secs) = (Vec::new(), 0);
    for &found in clips {
        match audio::facts(&found.audio) {
            Ok(facts) => {
                let secs = facts.samples.div_ceil(u64::from(facts.rate_hz)) as usize;
                placed.push(Placed { found, start_secs, end_secs: start_secs + secs });
                start_secs += secs;
            }
            Err(error) => {
                let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
                bad.push(Bad::file(found.path.clone(), 1, format!("{}{help}", error.reason)));
            }
        }
    }
    placed
}

/// The minute `number` of a fold.
fn stream(fold: usize, number: usize, clips: &[Placed<'_>], rate_hz: u32) -> Unit {
    let (start, end) = (number * STREAM_SECS, (number + 1) * STREAM_SECS);
    let samples = |secs: usize| secs as u64 * u64::from(rate_hz);
    let (mut pieces, mut labels) = (Vec::new(), Vec::new());
    for clip in clips.iter().filter(|clip| clip.start_secs < end && start < clip.end_secs) {
        let (from, to) = (clip.start_secs.max(start), clip.end_secs.min(end));
        let (skip, at) = (samples(from - clip.start_secs), samples(from - start));
        pieces.push(Piece { file: clip.found.audio.clone(), skip, at });
        labels.extend((from..to).map(|_| clip.found.row.class.to_owned()));
    }
    let last = labels.last().cloned().unwrap_or_default();
    labels.resize(STREAM_SECS, last);
    let name = format!("{}_{number:04}", FOLDS[fold]);
    Unit {
        sound: Sound::Joined { pieces, samples: samples(STREAM_SECS) },
        named_by: Some(name.clone()),
        clips: vec![Clip {
            place: format!("{}/{name}", FOLDS[fold]),
            name,
            part: fold,
            span: None,
            text: String::new(),
            raw_text: None,
            labels,
            line: None,
        }],
    }
}
