//! NIST Sphere (`.sph`): a text header, then samples of 8 to 32 bits in either byte order, or µ-law or A-law.
//!
//! The header is `NIST_1A`, its own size, and lines `key -type value` up to `end_head`. Compressed files
//! (shorten, wavpack, shortpack) are refused by name: NIST's own tools turn them into plain ones.

#[cfg(test)]
mod tests;

use std::io::{Read, Seek, SeekFrom};

use super::{Facts, Format, Reason, Sound};

/// Where the header says how long it is: after `NIST_1A\n`, eight characters with a line feed.
const SIZE_FIELD: std::ops::Range<usize> = 8..16;

/// Headers are 1024 bytes as a rule; a size beyond this is damage.
const LONGEST_HEADER_BYTES: usize = 1 << 20;

/// How one sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Pcm { bytes: usize, big_endian: bool },
    Ulaw,
    Alaw,
}

/// What a header says.
struct Header {
    /// Offset of the first sample.
    bytes: usize,
    rate_hz: u32,
    channels: u16,
    /// Samples of one channel.
    samples: u64,
    coding: Coding,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Sound, Reason> {
    let header = Header::read(&mut std::io::Cursor::new(bytes))?;
    let data = bytes.get(header.bytes..).unwrap_or_default();
    header.check(data.len() as u64)?;
    let frame_bytes = header.frame_bytes() as usize;
    // `check` has found that many bytes, so the length fits.
    let data = &data[..header.samples as usize * frame_bytes];
    let scale = 1.0 / f64::from(header.channels);
    let mix = |frame: &[u8]| -> f32 {
        let channels = frame.chunks_exact(header.coding.bytes());
        let sum: f64 = channels.map(|sample| header.coding.value(sample)).sum();
        (sum * scale) as f32
    };
    Ok(Sound { rate_hz: header.rate_hz, samples: data.chunks_exact(frame_bytes).map(mix).collect() })
}

pub(super) fn facts<R: Read + Seek>(reader: &mut R) -> Result<Facts, Reason> {
    let header = Header::read(reader)?;
    let file_bytes = reader.seek(SeekFrom::End(0))?;
    header.check(file_bytes.saturating_sub(header.bytes as u64))?;
    Ok(Facts {
        rate_hz: header.rate_hz,
        channels: header.channels,
        samples: header.samples,
        format: Format::Sphere,
    })
}

impl Header {
    fn read<R: Read>(reader: &mut R) -> Result<Self, Reason> {
        let mut text = vec![0; SIZE_FIELD.end];
        reader.read_exact(&mut text)?;
        let size = std::str::from_utf8(&text[SIZE_FIELD]).ok().and_then(|size| size.trim().parse().ok());
        let Some(bytes) = size.filter(|size| (SIZE_FIELD.end..=LONGEST_HEADER_BYTES).contains(size)) else {
            return Err(damaged("its header has no size"));
        };
        text.resize(bytes, 0);
        reader.read_exact(&mut text[SIZE_FIELD.end..])?;
        Self::parse(bytes, &String::from_utf8_lossy(&text))
    }

    fn parse(bytes: usize, text: &str) -> Result<Self, Reason> {
        let fields = Fields::of(text).ok_or_else(|| damaged("its header has no `end_head`"))?;
        if fields.text("channels_interleaved").is_some_and(|told| told.eq_ignore_ascii_case("false")) {
            return Err(Reason::Unsupported {
                what: "a Sphere file whose channels lie one after the other".to_owned(),
            });
        }
        let channels = fields.number("channel_count")?.unwrap_or(1);
        Ok(Self {
            bytes,
            rate_hz: fields.required("sample_rate")?,
            channels: u16::try_from(channels)
                .ok()
                .filter(|&channels| channels > 0)
                .ok_or_else(|| damaged(format!("it has {channels} channels")))?,
            samples: fields.required("sample_count")?,
            coding: coding(&fields)?,
        })
    }

    fn frame_bytes(&self) -> u64 {
        self.coding.bytes() as u64 * u64::from(self.channels)
    }

    /// Whether all samples promised are there.
    fn check(&self, available_bytes: u64) -> Result<(), Reason> {
        let promised = self.samples.checked_mul(self.frame_bytes());
        if promised.is_some_and(|promised| promised <= available_bytes) {
            return Ok(());
        }
        Err(Reason::Truncated {
            detail: format!(
                "its header promises {} samples, the file holds {}",
                self.samples,
                available_bytes / self.frame_bytes()
            ),
        })
    }
}

/// The lines of a header.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    /// `None` where the header does not end.
    fn of(text: &'a str) -> Option<Self> {
        let mut fields = Vec::new();
        for line in text.lines().skip(2).map(str::trim) {
            if line == "end_head" {
                return Some(Self(fields));
            }
            // `key -type value`; lines starting with `;` are comments.
            let mut parts = line.splitn(3, ' ');
            if let (Some(key), Some(_), Some(value)) = (parts.next(), parts.next(), parts.next()) {
                fields.push((key, value.trim()));
            }
        }
        None
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    /// A whole number; written as a real one now and then (`16000.000`).
    fn number(&self, key: &str) -> Result<Option<u64>, Reason> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let whole = text.split_once('.').map_or(text, |(whole, rest)| match rest.trim_matches('0') {
            "" => whole,
            _ => text,
        });
        match whole.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(damaged(format!("its header has `{key}` = `{text}`"))),
        }
    }

    fn required<N: TryFrom<u64>>(&self, key: &str) -> Result<N, Reason> {
        let number = self.number(key)?.ok_or_else(|| damaged(format!("its header has no `{key}`")))?;
        N::try_from(number).map_err(|_| damaged(format!("its header has `{key}` = `{number}`")))
    }
}

fn coding(fields: &Fields<'_>) -> Result<Coding, Reason> {
    let told = fields.text("sample_coding").unwrap_or("pcm");
    if let Some((_, compression)) = told.split_once(',') {
        let coding = compression.trim().trim_start_matches("embedded-").to_owned();
        return Err(Reason::Compressed { coding });
    }
    let bytes = fields.number("sample_n_bytes")?.unwrap_or(match told {
        "pcm" => 2,
        _ => 1,
    });
    match (told, bytes) {
        ("pcm" | "pcm-1", 1) => Ok(Coding::Pcm { bytes: 1, big_endian: false }),
        ("pcm" | "pcm-2", 2..=4) => {
            let bytes = bytes as usize;
            Ok(Coding::Pcm { bytes, big_endian: is_big_endian(fields, bytes)? })
        }
        ("ulaw" | "mu-law", 1) => Ok(Coding::Ulaw),
        ("alaw", 1) => Ok(Coding::Alaw),
        _ => Err(Reason::Unsupported {
            what: format!("`{told}` with {bytes} bytes a sample in a Sphere file"),
        }),
    }
}

/// `01` means that the least byte comes first, `10` that the greatest does; likewise `0123` and `3210`.
fn is_big_endian(fields: &Fields<'_>, bytes: usize) -> Result<bool, Reason> {
    let order =
        fields.text("sample_byte_format").ok_or_else(|| damaged("its header has no `sample_byte_format`"))?;
    let least_first: String = (0..bytes).map(|byte| byte.to_string()).collect();
    let greatest_first: String = least_first.chars().rev().collect();
    match order {
        _ if order == least_first => Ok(false),
        _ if order == greatest_first => Ok(true),
        _ => Err(Reason::Unsupported { what: format!("the byte order `{order}` of {bytes}-byte samples") }),
    }
}

impl Coding {
    fn bytes(self) -> usize {
        match self {
            Coding::Pcm { bytes, .. } => bytes,
            Coding::Ulaw | Coding::Alaw => 1,
        }
    }

    /// The sample in [-1, 1).
    fn value(self, sample: &[u8]) -> f64 {
        match self {
            Coding::Pcm { big_endian, .. } => {
                // Left-aligned in 32 bits, so that every width has the same full scale.
                let shift = |at: usize| 8 * (4 - sample.len() + at);
                let bytes: u32 = match big_endian {
                    true => sample.iter().rev().enumerate().map(|(at, &b)| u32::from(b) << shift(at)).sum(),
                    false => sample.iter().enumerate().map(|(at, &b)| u32::from(b) << shift(at)).sum(),
                };
                f64::from(bytes.cast_signed()) / 2f64.powi(31)
            }
            Coding::Ulaw => f64::from(ulaw(sample[0])) / 32768.0,
            Coding::Alaw => f64::from(alaw(sample[0])) / 32768.0,
        }
    }
}

/// ITU-T G.711 µ-law: all bits inverted; sign, three bits of exponent, four of mantissa, a bias of 33.
fn ulaw(byte: u8) -> i32 {
    let byte = !byte;
    let (exponent, mantissa) = (i32::from(byte >> 4 & 7), i32::from(byte & 15));
    let size = ((((mantissa << 1) + 33) << exponent) - 33) << 2;
    if byte & 0x80 == 0 { size } else { -size }
}

/// ITU-T G.711 A-law: even bits inverted; sign (set: positive), three bits of exponent, four of mantissa.
fn alaw(byte: u8) -> i32 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (i32::from(byte >> 4 & 7), i32::from(byte & 15));
    let size = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -size } else { size }
}

fn damaged(detail: impl Into<String>) -> Reason {
    Reason::Damaged { detail: detail.into() }
}
