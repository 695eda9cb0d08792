//! Features that follow from a waveform alone: what some models hear before anything in them learns or is drawn by chance. They can be kept.
//!
//! Not for: keeping them (`data`), masks and noise on them, which come behind. Start at [`FixedFront::of`].

use kernels::OpError;
use kernels::threads::Pool;

use super::patches::front::Front;
use crate::nn::{LogMel, LogMelSizes};
use crate::plan::{Body, LogMelPlan, ModelPlan, PatchesPlan};

/// The front end of a model whose features follow from a waveform alone.
pub struct FixedFront {
    kind: Kind,
    /// Loading runs beside training, whose thread may be the only one that kernels have and waits for what is loaded.
    pool: Pool,
}

enum Kind {
    Filterbank(Front),
    LogMel(LogMel, LogMelPlan),
}

impl FixedFront {
    /// The front end of a model, where it is of that kind.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn of(plan: &ModelPlan) -> Result<Option<Self>, OpError> {
        let kind = match &plan.body {
            Body::Patches(plan) => Kind::Filterbank(Front::new(plan)),
            Body::Keyword(plan) => Kind::LogMel(log_mel(plan.front), plan.front),
            Body::Speaker(plan) => Kind::LogMel(log_mel(plan.front), plan.front),
            Body::Wav2vec2(_)
            | Body::Sashimi(_)
            | Body::Diffwave(_)
            | Body::Tacomamba(_)
            | Body::CodecLm(_) => return Ok(None),
        };
        Ok(Some(FixedFront { kind, pool: Pool::new(1)? }))
    }

    /// What it was told.
    pub fn described(&self) -> String {
        match &self.kind {
            Kind::Filterbank(front) => front.described(),
            Kind::LogMel(_, LogMelPlan { mel_bands, window_samples, hop_samples, .. }) => {
                format!("log-mel energies: {mel_bands} bands of {window_samples} samples every {hop_samples}")
            }
        }
    }

    /// The features of a waveform at the model's rate.
    ///
    /// # Errors
    /// There is no such front end, or the device failed.
    pub fn run(&self, waveform: &[f32]) -> Result<Vec<f32>, OpError> {
        self.pool.install(|| match &self.kind {
            Kind::Filterbank(front) => front.energies(waveform),
            Kind::LogMel(log_mel, _) => log_mel.alone(waveform),
        })
    }
}

/// How many values [`FixedFront::run`] makes of so many samples; `None`: the model has no such front end.
pub fn fixed_values(plan: &ModelPlan, samples: usize) -> Option<usize> {
    match &plan.body {
        Body::Patches(plan) => Some(patch_values(plan, samples)),
        Body::Keyword(plan) => Some(log_mel_values(plan.front, samples)),
        Body::Speaker(plan) => Some(log_mel_values(plan.front, samples)),
        Body::Wav2vec2(_) | Body::Sashimi(_) | Body::Diffwave(_) | Body::Tacomamba(_) | Body::CodecLm(_) => {
            None
        }
    }
}

/// The front end of these sizes.
pub(super) fn log_mel(plan: LogMelPlan) -> LogMel {
    let LogMelPlan { rate_hz, window_samples, hop_samples, mel_bands: bands } = plan;
    LogMel::new(LogMelSizes { rate_hz, window_samples, hop_samples, bands })
}

fn log_mel_values(plan: LogMelPlan, samples: usize) -> usize {
    samples.div_ceil(plan.hop_samples) * plan.mel_bands
}

fn patch_values(plan: &PatchesPlan, samples: usize) -> usize {
    Front::new(plan).frames(samples) * plan.features.bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::under_ci;

    #[test]
    fn the_values_that_are_foreseen_are_made() {
        for experiment in [
            "ssamba_speech_commands",
            "ssast_pretrain_tiny",
            "speech_commands_classifier",
            "speakers_librispeech",
        ] {
            let plan = under_ci(experiment, &[]).model;
            let front = FixedFront::of(&plan).unwrap().unwrap();
            for samples in [399, 400, 401, 16_000, 16_161, 300_000] {
                let made = front.run(&vec![0.25; samples]).unwrap();
                assert_eq!(Some(made.len()), fixed_values(&plan, samples), "{experiment}, {samples} samples");
            }
        }
        assert!(FixedFront::of(&under_ci("tedlium_direct", &[]).model).unwrap().is_none());
    }
}
