//! RIFF wav: integer samples of 8, 16, 24 and 32 bits and 32-bit floats, and writing 16-bit clips.
//!
//! hound decodes. Before it sees the bytes we find the data chunk ourselves, because a wav written to a pipe
//! (espeak-ng, sox, ffmpeg) carries a placeholder length, which hound would take for a truncated file.

use std::fs::File;
use std::io::{BufWriter, Chain, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::{AudioError, Facts, Format, Pcm16, Reason, Sound};

/// Lengths from here on are placeholders of writers that could not seek back (0x7ffff000 … 0xffffffff).
const PLACEHOLDER_BYTES: u32 = 0x7fff_0000;

/// Bytes of a clip that may stand in front of its samples; more is no header but a damaged length.
const HEADER_LIMIT_BYTES: u64 = 64 << 20;

/// Chunks that may stand in front of the samples; recorders write a handful.
const MOST_CHUNKS: usize = 4096;

/// What writing a clip did to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Samples written.
    pub samples: u64,
    /// Samples outside full scale, cut to it.
    pub clipped: u64,
}

pub(super) fn decode(mut bytes: Vec<u8>) -> Result<Sound, Reason> {
    let data = find_data(&mut Cursor::new(&bytes))?;
    data.check()?;
    data.settle_length(&mut bytes);
    let reader = hound::WavReader::new(Cursor::new(bytes)).map_err(reason)?;
    let spec = reader.spec();
    let samples = match spec.sample_format {
        hound::SampleFormat::Float => mix(reader.into_samples::<f32>(), spec.channels, 1.0)?,
        hound::SampleFormat::Int => mix(reader.into_samples::<i32>(), spec.channels, scale_of(spec))?,
    };
    Ok(Sound { rate_hz: spec.sample_rate, samples })
}

pub(super) fn facts<R: Read + Seek>(reader: &mut R) -> Result<Facts, Reason> {
    let reader = hound::WavReader::new(Cursor::new(header(reader)?)).map_err(reason)?;
    let spec = reader.spec();
    let (samples, format) = (u64::from(reader.duration()), Format::Wav);
    Ok(Facts { rate_hz: spec.sample_rate, channels: spec.channels, samples, format })
}

/// Everything in front of the samples, with their true length; the reader stands behind it.
fn header<R: Read + Seek>(reader: &mut R) -> Result<Vec<u8>, Reason> {
    let data = find_data(reader)?;
    data.check()?;
    if data.starts_at > HEADER_LIMIT_BYTES {
        return Err(Reason::Damaged { detail: format!("its samples start only at byte {}", data.starts_at) });
    }
    reader.seek(SeekFrom::Start(0))?;
    let mut header = Vec::new();
    reader.take(data.starts_at).read_to_end(&mut header)?;
    data.settle_length(&mut header);
    Ok(header)
}

/// A file behind its header.
pub(super) type Headed<R> = Reader<Chain<Cursor<Vec<u8>>, R>>;

/// A file whose samples are read as they are asked for.
pub(super) struct Reader<R> {
    samples: Samples<R>,
    channels: u16,
}

enum Samples<R> {
    Float(hound::WavIntoSamples<R, f32>),
    /// With what makes a sample at full scale 1.
    Int(hound::WavIntoSamples<R, i32>, f64),
}

impl<R: Read + Seek> Headed<R> {
    pub fn open(mut reader: R) -> Result<Self, Reason> {
        let header = header(&mut reader)?;
        let reader = hound::WavReader::new(Cursor::new(header).chain(reader)).map_err(reason)?;
        let spec = reader.spec();
        let samples = match spec.sample_format {
            hound::SampleFormat::Float => Samples::Float(reader.into_samples()),
            hound::SampleFormat::Int => Samples::Int(reader.into_samples(), scale_of(spec)),
        };
        Ok(Reader { samples, channels: spec.channels })
    }
}

impl<R: Read> Reader<R> {
    /// So many frames at most, channels averaged; none behind the last.
    pub fn frames(&mut self, count: usize) -> Result<Vec<f32>, Reason> {
        let (channels, count) = (self.channels, count * usize::from(self.channels));
        match &mut self.samples {
            Samples::Float(samples) => mix(samples.by_ref().take(count), channels, 1.0),
            Samples::Int(samples, scale) => mix(samples.by_ref().take(count), channels, *scale),
        }
    }
}

/// What integer samples are multiplied with.
fn scale_of(spec: hound::WavSpec) -> f64 {
    1.0 / 2f64.powi(i32::from(spec.bits_per_sample) - 1)
}

/// Writes mono `samples` as 16-bit wav: `round(x * 32768)`, cut to full scale.
///
/// Samples that came from a 16-bit file of the same rate are written back exactly.
pub fn write_wav(path: &Path, samples: &[f32], rate_hz: u32) -> Result<Written, AudioError> {
    let create = || -> Result<Written, hound::Error> {
        write_samples(BufWriter::new(File::create(path)?), samples, rate_hz)
    };
    create().map_err(|error| AudioError::new(&path.display().to_string(), reason(error)))
}

/// The bytes of the file that [`write_wav`] writes.
pub fn wav_bytes(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    // Memory refuses nothing.
    _ = write_samples(&mut bytes, samples, rate_hz);
    bytes.into_inner()
}

/// The head of a 16-bit mono wav whose length nobody knows yet: what a pipe is given. Samples follow as [`pcm16_bytes`].
pub fn wav_stream_header(rate_hz: u32) -> Vec<u8> {
    let mut head = Vec::with_capacity(44);
    head.extend(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0");
    head.extend(rate_hz.to_le_bytes());
    head.extend((2 * rate_hz).to_le_bytes());
    head.extend(b"\x02\0\x10\0data\xff\xff\xff\xff");
    head
}

/// Samples as a wav holds them: `round(x * 32768)`, cut to full scale.
pub fn pcm16_bytes(samples: &[f32]) -> Vec<u8> {
    Pcm16::of(samples).samples().iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn write_samples(to: impl Write + Seek, samples: &[f32], rate_hz: u32) -> Result<Written, hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let pcm = Pcm16::of(samples);
    let mut writer = hound::WavWriter::new(to, spec)?;
    for &sample in pcm.samples() {
        writer.write_sample(sample)?;
    }
    writer.finalize()?;
    Ok(Written { samples: samples.len() as u64, clipped: pcm.clipped() })
}

/// Where the samples lie in a file.
struct DataChunk {
    /// Offset of the first sample byte; the four bytes before it are the length.
    starts_at: u64,
    claimed_bytes: u32,
    /// Bytes from `starts_at` to the end of the file.
    available_bytes: u64,
    /// Bytes of one sample of every channel.
    frame_bytes: u64,
}

impl DataChunk {
    fn is_streamed(&self) -> bool {
        self.claimed_bytes >= PLACEHOLDER_BYTES && u64::from(self.claimed_bytes) > self.available_bytes
    }

    fn check(&self) -> Result<(), Reason> {
        if self.is_streamed() || u64::from(self.claimed_bytes) <= self.available_bytes {
            return Ok(());
        }
        Err(Reason::Truncated {
            detail: format!(
                "its header promises {} bytes of samples, the file holds {}",
                self.claimed_bytes, self.available_bytes
            ),
        })
    }

    /// Writes the true length over a placeholder, in whole frames.
    fn settle_length(&self, bytes: &mut [u8]) {
        if !self.is_streamed() || self.frame_bytes == 0 {
            return;
        }
        let whole = self.available_bytes - self.available_bytes % self.frame_bytes;
        let at = self.starts_at as usize;
        if let Some(field) = bytes.get_mut(at - 4..at) {
            // `is_streamed` says that the length is below a u32, so the cast is exact.
            field.copy_from_slice(&(whole as u32).to_le_bytes());
        }
    }
}

/// Walks the RIFF chunks to the data chunk.
fn find_data<R: Read + Seek>(reader: &mut R) -> Result<DataChunk, Reason> {
    let file_bytes = reader.seek(SeekFrom::End(0))?;
    let mut at = 12;
    let mut frame_bytes = 0;
    for _ in 0..MOST_CHUNKS {
        reader.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        let claimed_bytes = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        match &head[..4] {
            b"data" => {
                return Ok(DataChunk {
                    starts_at: at + 8,
                    claimed_bytes,
                    available_bytes: file_bytes - (at + 8),
                    frame_bytes,
                });
            }
            b"fmt " => frame_bytes = frame_bytes_of(reader)?,
            _ => {}
        }
        // Chunks are padded to even lengths.
        at += 8 + u64::from(claimed_bytes) + u64::from(claimed_bytes % 2);
    }
    Err(Reason::Damaged { detail: format!("its first {MOST_CHUNKS} chunks hold no samples") })
}

/// Reads `block_align`, the bytes of one sample of every channel, from the format chunk under the cursor.
fn frame_bytes_of<R: Read>(reader: &mut R) -> Result<u64, Reason> {
    let mut body = [0; 16];
    reader.read_exact(&mut body)?;
    Ok(u64::from(u16::from_le_bytes([body[12], body[13]])))
}

/// Averages interleaved channels and scales to [-1, 1).
fn mix<S: Into<f64>>(
    samples: impl Iterator<Item = Result<S, hound::Error>>,
    channels: u16,
    scale: f64,
) -> Result<Vec<f32>, Reason> {
    let mut out = Vec::new();
    let scale = scale / f64::from(channels);
    let mut sum = 0.0;
    let mut taken = 0;
    for sample in samples {
        sum += sample.map_err(reason)?.into();
        taken += 1;
        if taken == channels {
            out.push((sum * scale) as f32);
            (sum, taken) = (0.0, 0);
        }
    }
    Ok(out)
}

fn reason(error: hound::Error) -> Reason {
    match error {
        hound::Error::IoError(source) => source.into(),
        hound::Error::Unsupported => {
            Reason::Unsupported { what: "this wav coding (compressed, or more than 32 bits)".to_owned() }
        }
        hound::Error::FormatError(detail) => Reason::Damaged { detail: detail.to_owned() },
        other => Reason::Damaged { detail: other.to_string() },
    }
}
