//! Recordings of any rate as files of codes, and back: what stands around a codec's two directions.
//!
//! Not for: reading sound files (`audio`), writing files of codes ([`artifact`](super::artifact)).

use super::artifact::{Artifact, Metadata};
use super::{Codec, CodecError};
use crate::audio::{gain, loudness_lufs, resample_by_sinc};

/// The codes of a mono recording, with what has to be known to make it as it was.
///
/// # Errors
/// It has no samples or a rate that no recording has, has become codes that are all 0, or an op failed.
pub fn encode(codec: &dyn Codec, rate_hz: u32, samples: &[f32]) -> Result<Artifact, CodecError> {
    let resampled = resample_by_sinc(samples, rate_hz, codec.rate_hz())?;
    let (sound, dac) = codec.levelled(resampled);
    let codes = codec.encode(&sound)?;
    if codes.are_zero() {
        return Err(CodecError::Zero);
    }
    let original_length = samples.len() as u64;
    let metadata = Metadata { original_length, sample_rate: rate_hz, dac, ..Metadata::default() };
    Ok(Artifact { kind: codec.kind(), codes, metadata })
}

/// The rate of the recording that codes stand for, and its samples, as many as it had; of the coarsest `levels` alone where they are given.
///
/// It is at the codec's rate, unless a file notes how loud the recording was: then it is as loud, and at the recording's own.
///
/// # Errors
/// They are codes of another codec, there are more levels than codebooks, a code is beyond them, or an op failed.
pub fn decode(
    codec: &dyn Codec,
    artifact: &Artifact,
    levels: Option<usize>,
) -> Result<(u32, Vec<f32>), CodecError> {
    if artifact.kind != codec.kind() {
        return Err(CodecError::OtherCodec { codes: artifact.kind, codec: codec.kind() });
    }
    let coarsest = levels.map(|levels| artifact.codes.coarsest(levels));
    let codes = coarsest.as_ref().unwrap_or(&artifact.codes);
    let metadata = &artifact.metadata;
    let own_hz = codec.rate_hz();
    let (rate_hz, mut samples) = match &metadata.dac {
        None => (own_hz, codec.decode(codes)?),
        Some(notes) => {
            let mut samples = codec.decode_noted(codes, notes)?;
            let decoded_lufs = loudness_lufs(&samples, own_hz);
            gain(&mut samples, f64::from(notes.input_db) - decoded_lufs);
            (metadata.sample_rate, resample_by_sinc(&samples, own_hz, metadata.sample_rate)?)
        }
    };
    let length = u128::from(metadata.original_length) * u128::from(rate_hz);
    let recorded = length.div_ceil(u128::from(metadata.sample_rate.max(1)));
    if let Ok(recorded @ 1..) = usize::try_from(recorded) {
        samples.truncate(recorded);
    }
    Ok((rate_hz, samples))
}
