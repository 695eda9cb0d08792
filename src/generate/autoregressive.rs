//! Sound sample by sample.

use std::ops::ControlFlow;
use std::sync::Arc;

use kernels::Backend;

use super::{GenerateError, Made, Progress, Request};
use crate::model::Model;
use crate::model::sashimi::stream::{self, StepWeights, StreamError};
use crate::plan::SashimiPlan;
use crate::task::levels;

/// Draws every sample from what the model says of it after those before. Steps are taken by the processor, wherever the weights are.
pub(super) fn generate<D: Backend>(
    model: &Model<D>,
    plan: &SashimiPlan,
    request: &Request,
    watch: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Vec<Made>, GenerateError> {
    let derived = |done, of| _ = watch(Progress::Deriving { done, of });
    let weights = Arc::new(StepWeights::of(plan, &model.params, &derived)?);
    let levels = levels(plan);
    let prompt: Vec<u32> = std::iter::once(weights.silence()).chain(levels.encode(&request.prompt)).collect();
    let asked = stream::Request {
        clips: request.clips,
        samples: request.samples,
        prompt: &prompt,
        sampling: request.sampling,
        threads: request.threads,
    };
    let of = request.clips * (prompt.len() - 1 + request.samples);
    let made = stream::generate(&weights, &asked, &|done| watch(Progress::Making { done, of }));
    let clips = made.map_err(|error| match error {
        StreamError::Stopped => GenerateError::Stopped,
        error => error.into(),
    })?;
    let clip = |clip: stream::Clip| Made {
        waveform: prompt[1..].iter().chain(&clip.codes).map(|&code| levels.decode(code)).collect(),
        mean_log_likelihood: Some(clip.log_likelihood / clip.codes.len().max(1) as f64),
    };
    Ok(clips.into_iter().map(clip).collect())
}
