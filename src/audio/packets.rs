//! The part of decoding that flac and Ogg Vorbis share: packets in, mono samples out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatReader;
use symphonia::core::io::{MediaSource, MediaSourceStream};

use super::Reason;

/// A reader of packets, and what decodes them.
pub(super) type Opened = (Box<dyn FormatReader>, Box<dyn AudioDecoder>);

pub(super) fn stream(source: impl MediaSource + 'static) -> MediaSourceStream<'static> {
    MediaSourceStream::new(Box::new(source), Default::default())
}

/// The parameters of the first audio track.
pub(super) fn codec_params(reader: &dyn FormatReader) -> Result<AudioCodecParameters, Reason> {
    reader
        .tracks()
        .iter()
        .find_map(|track| match &track.codec_params {
            Some(CodecParameters::Audio(params)) => Some(params.clone()),
            _ => None,
        })
        .ok_or_else(|| Reason::Damaged { detail: "it has no audio track".to_owned() })
}

/// The decoder's answer, and damage where it has none: it asserts of some files what only sound ones keep, and a panic would end all the work
/// that was under way.
pub(super) fn survived<T>(work: impl FnOnce() -> Result<T, Reason>) -> Result<T, Reason> {
    let gave_up = |_| Err(Reason::Damaged { detail: "its decoder cannot go on with it".to_owned() });
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(gave_up)
}

/// Samples that a file may unpack to, and how many for each of its bytes besides: silence packs to some three hundred samples a byte in
/// files that are meant to be heard, and to a dozen times that in files that are meant to fill a memory.
const MOST_SAMPLES: u64 = 1 << 22;
const MOST_PER_BYTE: u64 = 1000;

/// Decodes every packet of a file of `file_bytes` and averages the channels.
pub(super) fn mix_all(
    reader: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    file_bytes: usize,
) -> Result<Vec<f32>, Reason> {
    let most = MOST_SAMPLES + MOST_PER_BYTE * file_bytes as u64;
    let mut out = Vec::new();
    loop {
        if out.len() as u64 > most {
            let detail = format!("its {file_bytes} bytes unpack to more than {most} samples");
            return Err(Reason::Damaged { detail });
        }
        if !mix_next(reader, decoder, &mut out)? {
            return Ok(out);
        }
    }
}

/// Adds the samples of the next packet, channels averaged; false where there is none.
pub(super) fn mix_next(
    reader: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    out: &mut Vec<f32>,
) -> Result<bool, Reason> {
    match reader.next_packet() {
        Ok(Some(packet)) => mix(decoder.decode(&packet).map_err(reason)?, out).map(|()| true),
        Ok(None) => Ok(false),
        // Some readers report the end of the file as an early end; the caller compares the counts.
        Err(Error::IoError(source)) if source.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(reason(error)),
    }
}

fn mix(buffer: GenericAudioBufferRef<'_>, out: &mut Vec<f32>) -> Result<(), Reason> {
    match buffer {
        // The flac decoder left-aligns every width to 32 bits, so i / 2^31 is i_file / 2^(bits - 1).
        GenericAudioBufferRef::S32(buffer) => mix_planes(buffer, 2f64.powi(-31), out),
        GenericAudioBufferRef::F32(buffer) => mix_planes(buffer, 1.0, out),
        _ => {
            return Err(Reason::Unsupported { what: "this sample format".to_owned() });
        }
    }
    Ok(())
}

fn mix_planes<S>(buffer: &symphonia::core::audio::AudioBuffer<S>, scale: f64, out: &mut Vec<f32>)
where
    S: symphonia::core::audio::sample::Sample + Into<f64>,
{
    let planes: Vec<&[S]> = buffer.iter_planes().collect();
    let scale = scale / planes.len() as f64;
    out.extend((0..buffer.frames()).map(|frame| {
        let sum: f64 = planes.iter().map(|plane| plane[frame].into()).sum();
        (sum * scale) as f32
    }));
}

pub(super) fn wrong_count(promised: u64, found: usize) -> Reason {
    let detail = format!("its header promises {promised} samples, {found} could be decoded");
    if (found as u64) < promised { Reason::Truncated { detail } } else { Reason::Damaged { detail } }
}

pub(super) fn reason(error: Error) -> Reason {
    match error {
        Error::IoError(source) => source.into(),
        Error::Unsupported(what) => Reason::Unsupported { what: format!("`{what}`") },
        other => Reason::Damaged { detail: other.to_string() },
    }
}
