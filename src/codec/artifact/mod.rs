//! Codes of one utterance with what is known of it, as a file.
//!
//! The published containers `.enc`, `.dac` and `.nem` (EnCodec, DAC, NeMo's codec) are numpy files of one pickled dictionary: read without
//! running anything ([`read`](mod@read)), written so that numpy reads them ([`write`](mod@write)). Ours is a safetensors file with the codes as
//! `codes` and the rest as metadata ([`safe`]). Not for: making codes. Start at [`Artifact`].

mod error;
mod header;
mod kind;
mod read;
mod safe;
#[cfg(test)]
mod tests;
mod write;

use std::ops::Range;
use std::path::Path;

pub use error::{ArtifactError, Fault};
pub use kind::Kind;

/// The ending of our own container.
pub const SAFE: &str = "safetensors";

/// The longest file read: a day of codes.
const MOST_BYTES: u64 = 1 << 30;

/// Codes: for each level a row, for each frame a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    levels: usize,
    frames: usize,
    values: Vec<u16>,
}

impl Codes {
    /// From [levels, frames] row by row.
    ///
    /// # Panics
    /// There are more or fewer values than that.
    pub fn new(levels: usize, frames: usize, values: Vec<u16>) -> Self {
        assert_eq!(levels * frames, values.len(), "codes have {levels} levels of {frames} frames");
        Codes { levels, frames, values }
    }

    /// Levels of quantisation.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// Frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The codes of one level.
    pub fn level(&self, level: usize) -> &[u16] {
        &self.values[level * self.frames..][..self.frames]
    }

    /// The codes of the coarsest levels, frame by frame.
    ///
    /// # Panics
    /// There are fewer levels.
    pub fn by_frames(&self, levels: usize) -> impl Iterator<Item = u16> {
        (0..self.frames).flat_map(move |at| (0..levels).map(move |level| self.level(level)[at]))
    }

    /// All of them, level by level.
    pub fn values(&self) -> &[u16] {
        &self.values
    }

    /// The codes of some of the frames.
    ///
    /// # Panics
    /// There are fewer frames.
    pub fn part(&self, frames: Range<usize>) -> Codes {
        let values = (0..self.levels).flat_map(|level| &self.level(level)[frames.clone()]).copied().collect();
        Codes { levels: self.levels, frames: frames.len(), values }
    }

    /// The codes of the coarsest levels, of all where there are no more.
    pub fn coarsest(&self, levels: usize) -> Codes {
        let levels = levels.min(self.levels);
        Codes { levels, frames: self.frames, values: self.values[..levels * self.frames].to_vec() }
    }

    /// Whether every code is 0: what encoders leave whose numbers went wrong.
    pub fn are_zero(&self) -> bool {
        self.values.iter().all(|&code| code == 0)
    }
}

/// What is known of an utterance besides its codes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata {
    /// Samples of the recording, before it was resampled.
    pub original_length: u64,
    /// Samples per second of the recording; the codec's rate is another matter.
    pub sample_rate: u32,
    /// What is said, where that is known.
    pub text: Option<String>,
    /// The same in IPA.
    pub phonemes: Option<String>,
    /// The tag of its language, such as `en`, or `auto`.
    pub language: Option<String>,
    /// What DAC needs to make the sound as loud as it was.
    pub dac: Option<Dac>,
}

/// What DAC notes of a recording.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dac {
    /// Loudness of the recording, in LUFS.
    pub input_db: f32,
    /// Frames of each piece that is decoded on its own.
    pub chunk_length: u64,
    /// Channels.
    pub channels: u64,
    /// Whether convolutions were padded.
    pub padding: bool,
}

/// An utterance in codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    /// Whose codes they are.
    pub kind: Kind,
    /// The codes.
    pub codes: Codes,
    /// What is known besides.
    pub metadata: Metadata,
}

impl Artifact {
    /// Reads a file; its ending says of which codec.
    ///
    /// # Errors
    /// It cannot be read, is no such file, is damaged, or holds codes that the codec does not have.
    pub fn read(path: &Path) -> Result<Self, ArtifactError> {
        let fault = |fault| ArtifactError { path: path.to_owned(), fault };
        let form = Form::of(path).ok_or_else(|| fault(Fault::Ending))?;
        let length = std::fs::metadata(path).map_err(|source| fault(Fault::Io(source)))?.len();
        if length > MOST_BYTES {
            return Err(fault(Fault::Size(length)));
        }
        let bytes = std::fs::read(path).map_err(|source| fault(Fault::Io(source)))?;
        Self::parse(form, &bytes).map_err(fault)
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// As [`Artifact::read`].
    pub fn parse(form: Form, bytes: &[u8]) -> Result<Self, Fault> {
        let artifact = match form {
            Form::Numpy(kind) => read::parse(kind, bytes)?,
            Form::Safe => safe::parse(bytes)?,
        };
        artifact.checked()
    }

    /// The bytes of the file at `path`, whose ending says the form.
    ///
    /// # Errors
    /// The ending is of another codec, or of none.
    pub fn bytes_for(&self, path: &Path) -> Result<Vec<u8>, ArtifactError> {
        let fault = |fault| ArtifactError { path: path.to_owned(), fault };
        match Form::of(path).ok_or_else(|| fault(Fault::Ending))? {
            Form::Numpy(kind) if kind != self.kind => {
                Err(fault(Fault::OtherCodec { file: kind, codes: self.kind }))
            }
            form => Ok(self.bytes(form)),
        }
    }

    /// The file's bytes.
    pub fn bytes(&self, form: Form) -> Vec<u8> {
        match form {
            Form::Numpy(_) => write::bytes(self),
            Form::Safe => safe::bytes(self),
        }
    }

    /// Seconds that the codes last. DAC has models of other rates, of which codes do not tell: where the recording was of quite another length, its own.
    pub fn secs(&self) -> f64 {
        let Metadata { original_length, sample_rate, .. } = self.metadata;
        let frame_secs = 1.0 / self.kind.frames_per_sec();
        let secs = self.codes.frames as f64 * frame_secs;
        let recorded = original_length as f64 / f64::from(sample_rate.max(1));
        let other_rate = original_length > 0 && (recorded - secs).abs() > 2.0 * frame_secs;
        if self.kind == Kind::Dac && other_rate { recorded } else { secs }
    }

    /// The artifact, if its codes are such as its codec makes.
    fn checked(self) -> Result<Self, Fault> {
        let Codes { levels, frames, .. } = self.codes;
        if levels == 0 || frames == 0 || levels > self.kind.most_levels() {
            return Err(Fault::Shape { codec: self.kind, levels, frames });
        }
        match self.codes.values.iter().find(|&&code| code > self.kind.largest_code()) {
            Some(&code) => Err(Fault::Code { codec: self.kind, code }),
            None => Ok(self),
        }
    }
}

/// Which container a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A numpy file with codes of this codec.
    Numpy(Kind),
    /// A safetensors file of ours, which says itself whose codes it has.
    Safe,
}

impl Form {
    /// The form that a path's ending stands for.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        match ending {
            SAFE => Some(Form::Safe),
            _ => Kind::ALL.into_iter().find(|kind| kind.ending() == ending).map(Form::Numpy),
        }
    }
}
