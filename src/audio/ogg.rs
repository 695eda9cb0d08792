//! Ogg Vorbis: facts from the first and the last page, samples through symphonia.
//!
//! The last page's granule position is the exact length; the decoder makes a little more, which is cut. A
//! stream without its last page is truncated, however well the rest decodes. More than two channels are
//! refused: symphonia 0.6 decodes their coupling wrongly (measured against libvorbis), and a wrong sound is
//! worse than none.

use std::io::{Cursor, Read, Seek, SeekFrom};

use symphonia::core::formats::FormatOptions;
use symphonia::core::io::MediaSource;
use symphonia::default::codecs::VorbisDecoder;
use symphonia::default::formats::OggReader;

use super::{Facts, Format, Reason, Sound, packets};

/// The longest page: header of 27 bytes, 255 lacing values, 255 segments of 255 bytes.
const LONGEST_PAGE_BYTES: u64 = 27 + 255 + 255 * 255;

const END_OF_STREAM: u8 = 4;

pub(super) fn decode(bytes: Vec<u8>) -> Result<Sound, Reason> {
    let facts = facts(&mut Cursor::new(&bytes))?;
    if facts.samples == 0 {
        return Err(Reason::Empty);
    }
    let file_bytes = bytes.len();
    let (mut reader, mut decoder) = open(Cursor::new(bytes))?;
    let samples = packets::mix_all(&mut *reader, &mut *decoder, file_bytes)?;
    if facts.samples != samples.len() as u64 {
        return Err(packets::wrong_count(facts.samples, samples.len()));
    }
    Ok(Sound { rate_hz: facts.rate_hz, samples })
}

/// What reads and decodes a file.
pub(super) fn open(source: impl MediaSource + 'static) -> Result<packets::Opened, Reason> {
    let stream = packets::stream(source);
    let reader = OggReader::try_new(stream, FormatOptions::default()).map_err(packets::reason)?;
    let params = packets::codec_params(&reader)?;
    let decoder = VorbisDecoder::try_new(&params, &Default::default()).map_err(packets::reason)?;
    Ok((Box::new(reader), Box::new(decoder)))
}

pub(super) fn facts<R: Read + Seek>(reader: &mut R) -> Result<Facts, Reason> {
    let mut first = Vec::new();
    reader.by_ref().take(LONGEST_PAGE_BYTES).read_to_end(&mut first)?;
    let first = Page::parse(&first).ok_or_else(ends_early)?;
    let ident = identification(first.body)?;
    let serial = first.serial;
    let (rate_hz, channels) = (ident.rate_hz, ident.channels);

    let file_bytes = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(file_bytes.saturating_sub(LONGEST_PAGE_BYTES)))?;
    let mut tail = Vec::new();
    reader.read_to_end(&mut tail)?;
    let samples = end_granule(&tail, serial)?;
    Ok(Facts { rate_hz, channels, samples, format: Format::Ogg })
}

/// One Ogg page, complete.
struct Page<'a> {
    flags: u8,
    granule: i64,
    serial: u32,
    body: &'a [u8],
}

impl<'a> Page<'a> {
    /// The page that starts at the first byte, if all of it is there.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(b"OggS\0") {
            return None;
        }
        let lacing = usize::from(*bytes.get(26)?);
        let body_bytes: usize = bytes.get(27..27 + lacing)?.iter().map(|&n| usize::from(n)).sum();
        let body = bytes.get(27 + lacing..27 + lacing + body_bytes)?;
        Some(Self {
            flags: bytes[5],
            granule: i64::from_le_bytes(bytes[6..14].try_into().ok()?),
            serial: u32::from_le_bytes(bytes[14..18].try_into().ok()?),
            body,
        })
    }
}

struct Identification {
    rate_hz: u32,
    channels: u16,
}

fn identification(packet: &[u8]) -> Result<Identification, Reason> {
    match packet {
        // Packet type and name (7 bytes), version (4), channels (1), rate (4).
        [1, b'v', b'o', b'r', b'b', b'i', b's', rest @ ..] if rest.len() >= 9 => match rest[4] {
            channels @ 1..=2 => Ok(Identification {
                channels: u16::from(channels),
                rate_hz: u32::from_le_bytes([rest[5], rest[6], rest[7], rest[8]]),
            }),
            channels => Err(Reason::Unsupported { what: format!("vorbis with {channels} channels") }),
        },
        _ => Err(Reason::Unsupported { what: format!("{} in an ogg container", codec_name(packet)) }),
    }
}

fn codec_name(packet: &[u8]) -> &'static str {
    if packet.starts_with(b"OpusHead") {
        "opus"
    } else if packet.starts_with(b"\x7fFLAC") {
        "flac"
    } else if packet.starts_with(b"Speex") {
        "speex"
    } else {
        "a coding that is not vorbis"
    }
}

/// The position after the last sample, from the last page of the stream.
fn end_granule(tail: &[u8], serial: u32) -> Result<u64, Reason> {
    let last_start = tail.windows(5).rposition(|window| window == b"OggS\0").ok_or_else(ends_early)?;
    let page = Page::parse(&tail[last_start..]).ok_or_else(ends_early)?;
    if page.serial != serial {
        return Err(Reason::Unsupported { what: "more than one stream in an ogg file".to_owned() });
    }
    if page.flags & END_OF_STREAM == 0 {
        return Err(ends_early());
    }
    u64::try_from(page.granule)
        .map_err(|_| Reason::Damaged { detail: "its last page has no position".to_owned() })
}

fn ends_early() -> Reason {
    Reason::Truncated { detail: "it ends before the last page of its stream".to_owned() }
}
