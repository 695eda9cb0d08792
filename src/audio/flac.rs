//! FLAC: facts from the STREAMINFO block, samples through symphonia, 16-bit clips through flacenc.

use std::io::{Cursor, Read};

use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::config::Encoder;
use flacenc::error::Verify;
use flacenc::source::MemSource;
use symphonia::core::formats::FormatOptions;
use symphonia::core::io::MediaSource;
use symphonia::default::codecs::FlacDecoder;
use symphonia::default::formats::FlacReader;

use super::{Facts, Format, Reason, Sound, packets};

/// `fLaC`, a block header of 4 bytes, and the part of STREAMINFO up to the sample count.
const HEADER_BYTES: usize = 4 + 4 + 18;

pub(super) fn decode(bytes: Vec<u8>) -> Result<Sound, Reason> {
    let facts = facts(&mut bytes.as_slice())?;
    let file_bytes = bytes.len();
    let (mut reader, mut decoder) = open(Cursor::new(bytes), facts)?;
    let samples = packets::mix_all(&mut *reader, &mut *decoder, file_bytes)?;
    // A count of zero means that the encoder did not know it.
    if facts.samples != 0 && facts.samples != samples.len() as u64 {
        return Err(packets::wrong_count(facts.samples, samples.len()));
    }
    Ok(Sound { rate_hz: facts.rate_hz, samples })
}

/// What reads and decodes a file with such a header.
pub(super) fn open(source: impl MediaSource + 'static, facts: Facts) -> Result<packets::Opened, Reason> {
    let stream = packets::stream(source);
    let reader = FlacReader::try_new(stream, FormatOptions::default()).map_err(|error| {
        // With a count of zero, finding no frame is no damage.
        match facts.samples {
            0 => Reason::Empty,
            _ => packets::reason(error),
        }
    })?;
    let params = packets::codec_params(&reader)?;
    let decoder = FlacDecoder::try_new(&params, &Default::default()).map_err(packets::reason)?;
    Ok((Box::new(reader), Box::new(decoder)))
}

/// Reads STREAMINFO, which the format requires to be the first block. A sample count of zero means unknown.
pub(super) fn facts<R: Read>(reader: &mut R) -> Result<Facts, Reason> {
    let mut head = [0; HEADER_BYTES];
    reader.read_exact(&mut head)?;
    if head[4] & 0x7f != 0 {
        return Err(Reason::Damaged { detail: "its first block is not STREAMINFO".to_owned() });
    }
    // 20 bits rate, 3 bits channels - 1, 5 bits sample width - 1, 36 bits samples.
    let packed = head[18..26].iter().fold(0u64, |acc, &byte| acc << 8 | u64::from(byte));
    Ok(Facts {
        rate_hz: (packed >> 44) as u32,
        channels: (packed >> 41 & 7) as u16 + 1,
        samples: packed & ((1 << 36) - 1),
        format: Format::Flac,
    })
}

/// The bytes of a mono flac file with these samples; the same samples give the same bytes.
pub(super) fn encode(samples: &[i16], rate_hz: u32) -> Result<Vec<u8>, Reason> {
    let failed = |error: String| Reason::Unsupported { what: format!("writing flac: {error}") };
    let config = Encoder::default().into_verified().map_err(|(_, error)| failed(error.to_string()))?;
    let wide: Vec<i32> = samples.iter().map(|&sample| i32::from(sample)).collect();
    let source = MemSource::from_samples(&wide, 1, 16, rate_hz as usize);
    let mut stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size)
        .map_err(|error| failed(error.to_string()))?;
    // The encoder counts the last, shorter block as the smallest; the format leaves it out, and allows none below 16.
    let block = config.block_size;
    stream.stream_info_mut().set_block_sizes(block, block).map_err(|error| failed(error.to_string()))?;
    let mut sink = ByteSink::new();
    stream.write(&mut sink).map_err(|error| failed(error.to_string()))?;
    Ok(sink.into_inner())
}
