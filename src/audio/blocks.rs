//! A recording from its first sample to its last, a block at a time: hours of sound in the memory of seconds.
//!
//! For: what goes through long recordings once, as cutting them does. Not for: sound that is needed whole ([`read`](super::read)). NIST Sphere files
//! are decoded whole, all others as they are read. Start at [`Blocks::open`].

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::{AudioError, Facts, Format, Reason, flac, head, ogg, packets, sph, wav};

/// Frames of a wav or of a decoded sound that are handed over at once; packets of the other formats have their own lengths.
const BLOCK_FRAMES: usize = 1 << 16;

/// A recording on its way.
pub struct Blocks {
    name: String,
    /// What the header promises; 0 samples where it does not know.
    promised: Facts,
    /// Samples so far.
    found: u64,
    source: Source,
}

/// What is decoded next.
enum Source {
    Wav(Box<wav::Headed<BufReader<File>>>),
    Packets(packets::Opened),
    /// Already decoded.
    Whole(std::vec::IntoIter<f32>),
}

impl Blocks {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// As [`facts`](super::facts).
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        let name = path.display().to_string();
        Self::begin(path, name.clone()).map_err(|reason| AudioError::new(&name, reason))
    }

    /// Samples per second.
    pub fn rate_hz(&self) -> u32 {
        self.promised.rate_hz
    }

    /// The file's facts, with the samples that were found so far.
    pub fn facts(&self) -> Facts {
        Facts { samples: self.found, ..self.promised }
    }

    /// The next samples, channels averaged; `None` behind the last.
    ///
    /// # Errors
    /// As [`read`](super::read): what is wrong with a file's end is told when the end is reached.
    pub fn next_block(&mut self) -> Result<Option<Vec<f32>>, AudioError> {
        let found = self.found;
        let block = self.source.next().and_then(|block| match block {
            Some(block) => {
                let bad = block.iter().position(|x| !x.is_finite());
                bad.map_or(Ok(()), |at| Err(Reason::NotFinite { sample: found as usize + at }))?;
                Ok(Some(block))
            }
            None if found == 0 => Err(Reason::Empty),
            None if ![0, found].contains(&self.promised.samples) => {
                Err(packets::wrong_count(self.promised.samples, found as usize))
            }
            None => Ok(None),
        });
        let block = block.map_err(|reason| AudioError::new(&self.name, reason))?;
        self.found += block.as_ref().map_or(0, Vec::len) as u64;
        Ok(block)
    }

    fn begin(path: &Path, name: String) -> Result<Self, Reason> {
        let file = File::open(path)?;
        let mut reader = BufReader::new(file);
        let facts = head(&mut reader)?;
        reader.seek(SeekFrom::Start(0))?;
        let source = match facts.format {
            Format::Wav => Source::Wav(Box::new(wav::Reader::open(reader)?)),
            Format::Flac => packets(|| flac::open(reader.into_inner(), facts))?,
            Format::Ogg => packets(|| ogg::open(reader.into_inner()))?,
            Format::Sphere => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes)?;
                Source::Whole(sph::decode(&bytes)?.samples.into_iter())
            }
        };
        Ok(Blocks { name, promised: facts, found: 0, source })
    }
}

/// Decodes the file at `path` to its end and keeps nothing of it: its rate and how many samples it really has.
///
/// # Errors
/// As [`read`](super::read).
pub fn counted(path: &Path) -> Result<(u32, u64), AudioError> {
    let mut blocks = Blocks::open(path)?;
    while blocks.next_block()?.is_some() {}
    Ok((blocks.rate_hz(), blocks.found))
}

fn packets(open: impl FnOnce() -> Result<packets::Opened, Reason>) -> Result<Source, Reason> {
    packets::survived(open).map(Source::Packets)
}

impl Source {
    fn next(&mut self) -> Result<Option<Vec<f32>>, Reason> {
        let block = match self {
            Source::Wav(reader) => reader.frames(BLOCK_FRAMES)?,
            Source::Whole(samples) => samples.by_ref().take(BLOCK_FRAMES).collect(),
            Source::Packets((reader, decoder)) => packets::survived(|| {
                let mut block = Vec::new();
                // A packet may hold no sound.
                while block.is_empty() && packets::mix_next(&mut **reader, &mut **decoder, &mut block)? {}
                Ok(block)
            })?,
        };
        Ok(Some(block).filter(|block| !block.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{read_as_recorded, wav_bytes};

    fn all(path: &Path) -> Result<(u32, Vec<f32>), AudioError> {
        let mut blocks = Blocks::open(path)?;
        let mut samples = Vec::new();
        while let Some(block) = blocks.next_block()? {
            samples.extend(block);
        }
        Ok((blocks.rate_hz(), samples))
    }

    #[test]
    fn blocks_are_what_is_read_whole() {
        let dir = crate::checkout().join("src/audio/testdata");
        let mut formats = 0;
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if let Ok(whole) = read_as_recorded(&path) {
                assert_eq!(all(&path).unwrap(), whole, "{}", path.display());
                assert_eq!(counted(&path).unwrap(), (whole.0, whole.1.len() as u64));
                formats += 1;
            } else {
                assert!(all(&path).is_err(), "{}", path.display());
            }
        }
        assert!(formats > 5, "{formats}");
    }

    #[test]
    fn a_wav_of_several_blocks_is_whole_and_a_truncated_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.wav");
        let samples: Vec<f32> = (0..BLOCK_FRAMES * 2 + 77).map(|at| (at % 100) as f32 / 128.0).collect();
        let bytes = wav_bytes(&samples, 16_000);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(all(&path).unwrap(), (16_000, samples));
        std::fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
        let error = all(&path).unwrap_err();
        assert!(matches!(error.reason, Reason::Truncated { .. }), "{error}");
        // A length that a pipe could not know is settled by the file's own.
        let mut piped = bytes.clone();
        piped[40..44].fill(0xff);
        std::fs::write(&path, piped).unwrap();
        assert_eq!(counted(&path).unwrap(), (16_000, BLOCK_FRAMES as u64 * 2 + 77));
    }
}
