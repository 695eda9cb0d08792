//! One recording: decoded once, its clips written.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::feed::Job;
use super::sound::{Decoded, Source};
use super::{Bad, Clip, Layout, Outcome, PrepareError, Sound, Unit};
use crate::audio::{self, AudioError, Facts, Format, Pcm16};

/// What came of one recording; a line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Made {
    /// Index into [`Layout::units`].
    pub unit: usize,
    /// For each clip its samples, or nothing where it was skipped.
    pub samples: Vec<Option<u64>>,
    /// The file's ending where it is not `flac`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<String>,
    pub resampled: bool,
    pub clipped: u64,
    pub bad: Vec<Bad>,
}

impl Made {
    /// Whether all of it is on disk. A file of which nothing could be used is looked at again: it may have
    /// been mended.
    pub(super) fn is_there(&self, unit: &Unit, dir: &Path) -> bool {
        self.samples.len() == unit.clips.len()
            && self.samples.iter().any(Option::is_some)
            && unit.clips.iter().zip(&self.samples).filter(|(_, samples)| samples.is_some()).all(
                |(clip, _)| {
                    let ending = self.linked.as_deref().unwrap_or("flac");
                    fs::metadata(dir.join(format!("{}.{ending}", clip.place)))
                        .is_ok_and(|facts| facts.len() > 0)
                },
            )
    }
}

/// Where a worker writes.
pub(super) struct Bench<'a> {
    pub layout: &'a Layout,
    /// The folder under construction.
    pub dir: &'a Path,
    /// A file of this worker's own.
    pub scratch: &'a Path,
    pub stop: &'a AtomicBool,
}

/// How the recording of a whole clip gets into the prepared folder.
enum Way<'a> {
    Copy,
    Link(&'a Path, &'static str),
    Encode,
}

impl Bench<'_> {
    /// Makes the clips of a unit; `None` where it was told to stop.
    ///
    /// # Errors
    /// Writing failed. What is wrong with the source is no error but a [`Bad`].
    pub(super) fn make(&self, job: &Job<'_>) -> Result<Option<Made>, PrepareError> {
        let unit = &self.layout.units[job.unit];
        let mut made = Made {
            unit: job.unit,
            samples: vec![None; unit.clips.len()],
            linked: None,
            resampled: false,
            clipped: 0,
            bad: Vec::new(),
        };
        let Decoded { sound, facts, resampled } = match job.source.decode(self.layout.rate_hz) {
            Ok(decoded) => decoded,
            Err(error) => {
                made.bad.push(self.unusable(unit, &error));
                return Ok(Some(made));
            }
        };
        made.resampled = resampled;
        for (index, clip) in unit.clips.iter().enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let Some(samples) = self.stretch(clip, &sound, &mut made.bad) else { continue };
            match self.way(clip, facts.as_ref(), &job.source) {
                Way::Copy => self.copy(&job.source, clip)?,
                Way::Link(path, ending) => {
                    self.link(path, clip, ending)?;
                    made.linked = Some(ending.to_owned());
                }
                Way::Encode => made.clipped += self.encode(clip, samples)?,
            }
            made.samples[index] = Some(samples.len() as u64);
        }
        Ok(Some(made))
    }

    fn unusable(&self, unit: &Unit, error: &AudioError) -> Bad {
        let mut reason = error.reason.to_string();
        if let Some(help) = error.help() {
            reason += &format!("; {help}");
        }
        if let Some(line) = &unit.named_by {
            reason += &format!(" (named in `{line}`)");
        }
        let (file, line) = match &unit.sound {
            Sound::File(path) => (path.as_path(), None),
            Sound::Row { file, row, .. } => (&**file, Some(*row)),
            Sound::Joined { .. } => (Path::new(&error.name), None),
        };
        Bad { line, ..Bad::file(self.layout.shown(file), unit.clips.len(), reason) }
    }

    /// The clip's part of the recording, as far as there is any.
    fn stretch<'s>(&self, clip: &Clip, sound: &'s [f32], bad: &mut Vec<Bad>) -> Option<&'s [f32]> {
        let Some(span) = clip.span else { return Some(sound) };
        let length = sound.len() as u64;
        let secs = |samples: u64| samples as f64 / f64::from(self.layout.rate_hz);
        if span.start >= length {
            let reason = format!(
                "it starts at {:.2} s, the recording ends at {:.2} s",
                secs(span.start),
                secs(length)
            );
            bad.push(clip.bad(reason, Outcome::Skipped { utterances: 1 }));
            return None;
        }
        if span.end > length {
            let reason =
                format!("it ends at {:.2} s, the recording at {:.2} s", secs(span.end), secs(length));
            bad.push(clip.bad(reason, Outcome::Cut));
        }
        Some(&sound[span.start as usize..span.end.min(length) as usize])
    }

    fn way<'s>(&self, clip: &Clip, facts: Option<&Facts>, source: &Source<'s>) -> Way<'s> {
        let fits = |facts: &&Facts| facts.channels == 1 && facts.rate_hz == self.layout.rate_hz;
        let Some(facts) = facts.filter(fits).filter(|_| clip.span.is_none()) else { return Way::Encode };
        match (source, facts.format) {
            (Source::File(path), Format::Flac | Format::Wav | Format::Ogg) if self.layout.link => {
                Way::Link(path, facts.format.ending())
            }
            (_, Format::Flac) => Way::Copy,
            _ => Way::Encode,
        }
    }

    fn copy(&self, source: &Source<'_>, clip: &Clip) -> Result<(), PrepareError> {
        source.copy(self.scratch).map_err(PrepareError::io("write", self.scratch))?;
        self.move_in(clip, "flac")
    }

    /// An absolute link: a relative one would dangle as soon as the folder is renamed.
    fn link(&self, path: &Path, clip: &Clip, ending: &str) -> Result<(), PrepareError> {
        let target = fs::canonicalize(path).map_err(PrepareError::io("find", path))?;
        match fs::remove_file(self.scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(PrepareError::io("remove", self.scratch)(error));
            }
            _ => {}
        }
        std::os::unix::fs::symlink(target, self.scratch).map_err(PrepareError::io("link", self.scratch))?;
        self.move_in(clip, ending)
    }

    /// Writes the samples; says how many were beyond full scale.
    fn encode(&self, clip: &Clip, samples: &[f32]) -> Result<u64, PrepareError> {
        let pcm = Pcm16::of(samples);
        let place = self.dir.join(format!("{}.flac", clip.place));
        // A clip is moved in when it is whole, so one from before a kill stays.
        if audio::facts(&place).is_ok_and(|facts| facts.samples == samples.len() as u64) {
            return Ok(pcm.clipped());
        }
        let failed = |detail: String| PrepareError::Write { detail };
        pcm.write_flac(self.scratch, self.layout.rate_hz).map_err(|error| failed(error.to_string()))?;
        let written = audio::facts(self.scratch).map_err(|error| failed(error.to_string()))?.samples;
        if written != samples.len() as u64 {
            return Err(failed(format!(
                "`{}` has {written} samples instead of {}",
                clip.name,
                samples.len()
            )));
        }
        self.move_in(clip, "flac")?;
        Ok(pcm.clipped())
    }

    fn move_in(&self, clip: &Clip, ending: &str) -> Result<(), PrepareError> {
        let place = self.dir.join(format!("{}.{ending}", clip.place));
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(PrepareError::io("make the folder", folder))?;
        }
        fs::rename(self.scratch, &place).map_err(PrepareError::io("write", &place))
    }
}
