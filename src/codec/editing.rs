//! Codes cut, repeated, joined and mixed without their sound being made anew, but for mixing, which has no other way.
//!
//! Not for: reading and writing their files. Start at [`Edit`].

use rand::RngExt;

use super::artifact::{Artifact, Codes, Dac, Kind, Metadata};
use super::{Codec, CodecError};
use crate::seed::{Purpose, stream};

/// A frame of silence by EnCodec, as many levels as its published use has.
const SILENT_ENCODEC: [u16; 8] = [62, 424, 786, 673, 622, 986, 570, 948];
/// One by DAC of 44.1 kHz.
const SILENT_DAC: [u16; 9] = [568, 804, 10, 674, 364, 981, 568, 378, 731];

/// The longest that anything is made: a day.
const MOST_SECS: f64 = 86_400.0;

/// What is done to codes of one utterance. Lengths are in seconds; what is less than a frame is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edit {
    /// The first seconds, or, where they are negative, the last; the whole where it is no longer.
    Trim(f64),
    /// As many seconds from a place that a seed draws.
    TrimRandom(f64, u64),
    /// The utterance again and again, so many seconds of it.
    Repeat(f64),
    /// With so many seconds of silence around it, half of them in front.
    Pad(f64),
}

/// Does `edit`. Text and phonemes are left out: they are those of the whole.
///
/// # Errors
/// Nothing would be left, or the codec's silence is not known.
pub fn edited(artifact: &Artifact, edit: Edit) -> Result<Artifact, CodecError> {
    let codes = &artifact.codes;
    let frames = |secs: f64| frames_of(artifact, secs);
    if let Edit::Repeat(secs) | Edit::Pad(secs) = edit {
        check_secs(secs)?;
    }
    let made = match edit {
        Edit::Trim(secs) if secs < 0.0 => {
            codes.part(codes.frames().saturating_sub(frames(-secs))..codes.frames())
        }
        Edit::Trim(secs) => codes.part(0..frames(secs).min(codes.frames())),
        Edit::TrimRandom(secs, seed) => {
            let taken = frames(secs).min(codes.frames());
            let last = codes.frames() - taken;
            let first = stream(seed, Purpose::Cut, codes.frames() as u64, 0).random_range(0..=last);
            codes.part(first..first + taken)
        }
        Edit::Repeat(secs) => repeated(codes, frames(secs)),
        Edit::Pad(secs) => {
            let (kind, levels, around) = (artifact.kind, codes.levels(), frames(secs));
            let (front, back) =
                (silence(kind, levels, around / 2)?, silence(kind, levels, around.div_ceil(2))?);
            joined(&[&front, codes, &back])?
        }
    };
    if made.frames() == 0 {
        return Err(nothing());
    }
    with_codes(artifact, made)
}

/// Utterances one after the other, `between` between any two.
///
/// # Errors
/// There are none, or they are of several codecs or of different levels.
pub fn concatenated(utterances: &[Artifact], between: Option<&Artifact>) -> Result<Artifact, CodecError> {
    let first = utterances.first().ok_or(CodecError::Empty)?;
    if let Some(other) = utterances.iter().chain(between).find(|other| other.kind != first.kind) {
        return Err(CodecError::Codes(format!("codes of {} and of {} do not join", first.kind, other.kind)));
    }
    let mut parts: Vec<&Codes> = Vec::new();
    for utterance in utterances {
        parts.extend(between.filter(|_| !parts.is_empty()).map(|between| &between.codes));
        parts.push(&utterance.codes);
    }
    with_codes(first, joined(&parts)?)
}

/// The mean of the utterances' sounds, silence behind those that are shorter, each as loud as `scale` makes it; as codes again.
///
/// # Errors
/// There are none, they are of another codec, or coding failed.
pub fn mixed(codec: &dyn Codec, utterances: &[Artifact], scale: f32) -> Result<Artifact, CodecError> {
    let first = utterances.first().ok_or(CodecError::Empty)?;
    let mut sum: Vec<f32> = Vec::new();
    for utterance in utterances {
        if utterance.kind != codec.kind() {
            return Err(CodecError::OtherCodec { codes: utterance.kind, codec: codec.kind() });
        }
        let sound = codec.decode(&utterance.codes)?;
        sum.resize(sum.len().max(sound.len()), 0.0);
        sum.iter_mut().zip(&sound).for_each(|(sum, sample)| *sum += sample);
    }
    let share = scale / utterances.len() as f32;
    sum.iter_mut().for_each(|sum| *sum *= share);
    let codes = codec.encode(&sum)?;
    let metadata = Metadata {
        original_length: sum.len() as u64,
        sample_rate: codec.rate_hz(),
        language: first.metadata.language.clone(),
        ..Metadata::default()
    };
    Ok(Artifact { kind: codec.kind(), codes, metadata })
}

/// So many seconds of silence in codes of as many levels as the published models are used with.
///
/// # Errors
/// The codec's silence is not known, or it is less than a frame.
pub fn silent(kind: Kind, secs: f64) -> Result<Artifact, CodecError> {
    check_secs(secs)?;
    let frames = (secs * kind.frames_per_sec() + 1e-9).max(0.0).floor() as usize;
    if frames == 0 {
        return Err(nothing());
    }
    let codes = silence(kind, silent_frame(kind)?.len(), frames)?;
    let metadata = Metadata {
        original_length: (frames * kind.hop_samples()) as u64,
        sample_rate: kind.rate_hz(),
        ..Metadata::default()
    };
    Ok(Artifact { kind, codes, metadata })
}

fn check_secs(secs: f64) -> Result<(), CodecError> {
    if (0.0..=MOST_SECS).contains(&secs) {
        return Ok(());
    }
    Err(CodecError::Codes(format!("{secs} seconds are no length from 0 to {MOST_SECS}")))
}

fn nothing() -> CodecError {
    CodecError::Codes("nothing would be left: it is less than a frame".into())
}

fn silent_frame(kind: Kind) -> Result<&'static [u16], CodecError> {
    match kind {
        Kind::Encodec => Ok(&SILENT_ENCODEC),
        Kind::Dac => Ok(&SILENT_DAC),
        Kind::Nemo | Kind::Cepstral => {
            Err(CodecError::Codes(format!("which codes are silence is not known of {}", kind.title())))
        }
    }
}

fn silence(kind: Kind, levels: usize, frames: usize) -> Result<Codes, CodecError> {
    let frame = silent_frame(kind)?;
    if levels > frame.len() {
        let known = frame.len();
        let message =
            format!("which codes are silence is known of {known} levels, these codes have {levels}");
        return Err(CodecError::Codes(message));
    }
    let values = frame[..levels].iter().flat_map(|&code| std::iter::repeat_n(code, frames)).collect();
    Ok(Codes::new(levels, frames, values))
}

fn repeated(codes: &Codes, frames: usize) -> Codes {
    let level = |level: usize| codes.level(level).iter().copied().cycle().take(frames);
    Codes::new(codes.levels(), frames, (0..codes.levels()).flat_map(level).collect())
}

fn joined(parts: &[&Codes]) -> Result<Codes, CodecError> {
    let levels = parts.first().map_or(0, |codes| codes.levels());
    if let Some(other) = parts.iter().find(|codes| codes.levels() != levels) {
        let message = format!("codes of {levels} levels and of {} do not join", other.levels());
        return Err(CodecError::Codes(message));
    }
    let row = |level: usize| parts.iter().flat_map(move |codes| codes.level(level)).copied();
    let frames = parts.iter().map(|codes| codes.frames()).sum();
    Ok(Codes::new(levels, frames, (0..levels).flat_map(row).collect()))
}

/// Whole frames in so many seconds.
fn frames_of(artifact: &Artifact, secs: f64) -> usize {
    let per_sec = artifact.codes.frames() as f64 / artifact.secs();
    (secs * per_sec + 1e-9).max(0.0).floor() as usize
}

/// An utterance like another, with other codes.
fn with_codes(like: &Artifact, codes: Codes) -> Result<Artifact, CodecError> {
    let Metadata { sample_rate, language, dac, .. } = &like.metadata;
    let notes = |notes: &Dac| match notes.padding {
        true => Ok(Dac { chunk_length: codes.frames() as u64, ..notes.clone() }),
        false => Err(CodecError::Codes(
            "it was coded in windows that overlap, which can neither be cut nor joined".into(),
        )),
    };
    let dac = dac.as_ref().map(notes).transpose()?;
    let secs = codes.frames() as f64 * like.secs() / like.codes.frames() as f64;
    let metadata = Metadata {
        original_length: (secs * f64::from(*sample_rate)).round() as u64,
        sample_rate: *sample_rate,
        language: language.clone(),
        dac,
        ..Metadata::default()
    };
    Ok(Artifact { kind: like.kind, codes, metadata })
}

#[cfg(test)]
mod tests {
    use super::{Edit, concatenated, edited, silent};
    use crate::codec::artifact::{Artifact, Codes, Dac, Kind, Metadata};

    /// 150 frames, two seconds, of two levels: 0, 1, … and 500, 501, …
    fn counted() -> Artifact {
        let values = (0..150).chain(500..650).collect();
        let metadata = Metadata { original_length: 88_200, sample_rate: 44_100, ..Metadata::default() };
        Artifact { kind: Kind::Encodec, codes: Codes::new(2, 150, values), metadata }
    }

    fn frames(edit: Edit) -> Vec<u16> {
        let made = edited(&counted(), edit).unwrap();
        let (low, high) = (made.codes.level(0), made.codes.level(1));
        if !matches!(edit, Edit::Pad(_)) {
            assert!(low.iter().zip(high).all(|(low, high)| low + 500 == *high));
        }
        assert_eq!(made.metadata.original_length, (low.len() * 44_100 / 75) as u64);
        low.to_vec()
    }

    #[test]
    fn first_last_and_any_seconds() {
        assert_eq!(frames(Edit::Trim(0.5)), (0..37).collect::<Vec<u16>>());
        assert_eq!(frames(Edit::Trim(-0.2)), (135..150).collect::<Vec<u16>>());
        // More than there are: all of them, not the tail.
        for secs in [3.0, -3.0, 100.0] {
            assert_eq!(frames(Edit::Trim(secs)), (0..150).collect::<Vec<u16>>());
        }
        let drawn = |seed| frames(Edit::TrimRandom(1.0, seed));
        assert_eq!(drawn(3), drawn(3));
        let starts: std::collections::BTreeSet<u16> = (0..40).map(|seed| drawn(seed)[0]).collect();
        assert!(starts.len() > 20 && starts.iter().all(|&start| start <= 75), "{starts:?}");
        assert_eq!(frames(Edit::TrimRandom(5.0, 1)).len(), 150);
        assert!(edited(&counted(), Edit::Trim(0.01)).is_err());
    }

    #[test]
    fn again_and_with_silence_around() {
        let twice: Vec<u16> = (0..150).chain(0..75).collect();
        assert_eq!(frames(Edit::Repeat(3.0)), twice);
        assert_eq!(frames(Edit::Repeat(0.2)), (0..15).collect::<Vec<u16>>());
        for secs in [-1.0, f64::NAN, f64::INFINITY] {
            let refused = edited(&counted(), Edit::Repeat(secs)).unwrap_err().to_string();
            assert!(refused.ends_with("seconds are no length from 0 to 86400"), "{refused}");
        }
        let padded = frames(Edit::Pad(1.0));
        assert_eq!(padded.len(), 225);
        assert!(padded[..37].iter().chain(&padded[187..]).all(|&code| code == 62));
        assert_eq!(padded[37..187], (0..150).collect::<Vec<u16>>());
    }

    #[test]
    fn joined_with_something_between() {
        let (a, pause) = (counted(), edited(&silent(Kind::Encodec, 0.4).unwrap(), Edit::Trim(0.4)).unwrap());
        assert_eq!(pause.codes.levels(), 8);
        let coarse = Artifact { codes: pause.codes.coarsest(2), ..pause.clone() };
        let made = concatenated(&[a.clone(), a.clone(), a.clone()], Some(&coarse)).unwrap();
        assert_eq!(made.codes.frames(), 3 * 150 + 2 * 30);
        assert_eq!(made.codes.level(1)[150..180], [424; 30]);
        assert_eq!(made.metadata.original_length, 510 * 588);
        let refused = concatenated(&[a.clone(), pause], None).unwrap_err().to_string();
        assert_eq!(refused, "codes of 2 levels and of 8 do not join");
        let refused = concatenated(&[a, silent(Kind::Dac, 1.0).unwrap()], None).unwrap_err().to_string();
        assert_eq!(refused, "codes of encodec and of dac do not join");
        assert!(silent(Kind::Nemo, 1.0).is_err());
    }

    #[test]
    fn notes_of_dac_are_kept_where_they_still_hold() {
        let notes = Dac { input_db: -20.0, chunk_length: 86, channels: 1, padding: true };
        let whole = Artifact {
            metadata: Metadata { dac: Some(notes.clone()), ..silent(Kind::Dac, 1.0).unwrap().metadata },
            ..silent(Kind::Dac, 1.0).unwrap()
        };
        let made = edited(&whole, Edit::Trim(0.5)).unwrap();
        assert_eq!(
            made.metadata.dac,
            Some(Dac { chunk_length: made.codes.frames() as u64, ..notes.clone() })
        );
        let windows = Artifact {
            metadata: Metadata { dac: Some(Dac { padding: false, ..notes }), ..whole.metadata.clone() },
            ..whole
        };
        assert!(edited(&windows, Edit::Trim(0.5)).unwrap_err().to_string().contains("windows"));
    }
}
