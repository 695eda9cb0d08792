//! What a model hears of a clip, as far as it follows from the sound alone: what `data.feature_cache` keeps.
//!
//! Not for: keeping it (`data`), or what a model makes of it. Start at [`front_end`].

use kernels::OpError;

use super::{Coding, Speaking};
use crate::data::FrontEnd;
use crate::model::{FixedFront, fixed_values};
use crate::plan::{CodecLmPlan, CodecName, MelScaling, Plan, SpeechMelPlan};

/// The front end of a plan's model; `None`: it has none that does not learn.
///
/// # Errors
/// The device failed.
pub fn front_end(plan: &Plan) -> Result<Option<FrontEnd>, OpError> {
    if let (Some(tacomamba), Some(speaking)) = (plan.model.tacomamba(), Speaking::of(plan)) {
        let mel = speaking.mel().clone();
        let described = described(&tacomamba.mel);
        return Ok(Some(FrontEnd { described, run: Box::new(move |waveform| Ok(mel.run(waveform))) }));
    }
    if let (Some(codec_lm), Some(coding)) = (plan.model.codec_lm(), Coding::of(plan)) {
        let run = move |waveform: &[f32]| coding.features(waveform).map_err(|error| error.to_string());
        return Ok(Some(FrontEnd { described: codes_described(codec_lm), run: Box::new(run) }));
    }
    let Some(front) = FixedFront::of(&plan.model)? else { return Ok(None) };
    let described = front.described();
    let run = move |waveform: &[f32]| front.run(waveform).map_err(|error| error.to_string());
    Ok(Some(FrontEnd { described, run: Box::new(run) }))
}

/// How many values it makes of so many samples; `None`: there is none.
pub fn front_end_values(plan: &Plan, samples: usize) -> Option<usize> {
    match (plan.model.tacomamba(), plan.model.codec_lm()) {
        (Some(tacomamba), _) => Some(tacomamba.mel.frames(samples) * tacomamba.mel.bands),
        (_, Some(codec_lm)) => Some(codec_lm.frames(samples) * codec_lm.kept_levels()),
        (None, None) => fixed_values(&plan.model, samples),
    }
}

fn codes_described(plan: &CodecLmPlan) -> String {
    let (levels, hop_samples) = (plan.kept_levels(), plan.hop_samples);
    match plan.codec {
        CodecName::Cepstral => format!("codes of the cepstral codec: {levels} levels of 16 ms"),
        CodecName::Encodec => format!("codes of EnCodec: {levels} levels of {hop_samples} samples"),
        CodecName::Dac => format!("codes of DAC: {levels} levels of {hop_samples} samples"),
        CodecName::Nemo => format!("codes of NeMo's codec: {levels} levels of {hop_samples} samples"),
    }
}

/// Mean and scale are left out: they are taken off what was kept.
fn described(mel: &SpeechMelPlan) -> String {
    let SpeechMelPlan { n_fft, window_samples, hop_samples, bands, low_hz, high_hz, .. } = mel;
    let scaling = match mel.scaling {
        MelScaling::Log => "logarithms of magnitudes",
        MelScaling::Decibels => "decibels",
    };
    format!(
        "mel spectrogram for speech, {scaling}: transforms of {n_fft}, windows of {window_samples} samples every {hop_samples}, {bands} bands from {low_hz} to \
         {high_hz} Hz"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::under_ci;

    #[test]
    fn mels_are_as_many_as_foreseen_and_those_that_are_taught() {
        let plan = under_ci("tacomamba_ljspeech", &[]);
        let front = front_end(&plan).unwrap().unwrap();
        let speaking = Speaking::of(&plan).unwrap();
        for samples in [2_000, 16_000, 16_161] {
            let sound: Vec<f32> = (0..samples).map(|at| (at as f32 * 0.05).sin() * 0.3).collect();
            let made = (front.run)(&sound).unwrap();
            assert_eq!(Some(made.len()), front_end_values(&plan, samples), "{samples} samples");
            assert_eq!(speaking.seen(&made), speaking.frames(&sound));
        }
    }

    #[test]
    fn codes_are_as_many_as_foreseen() {
        let plan = under_ci("codec_lm", &["model.codec_lm.levels=2"]);
        let front = front_end(&plan).unwrap().unwrap();
        for samples in [1, 2_000, 16_000] {
            let made = (front.run)(&vec![0.1; samples]).unwrap();
            assert_eq!(Some(made.len()), front_end_values(&plan, samples), "{samples} samples");
        }
    }
}
