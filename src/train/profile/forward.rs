//! What a clip costs on its way forward: seconds, and memory.
//!
//! A model of patches alone, freshly drawn and at rest, on patches of noise: what makes spectrograms is left out, as is what stands on the layers. Not
//! for: updates (`measure`), and several models in one process, whose peak is one.

use std::time::Instant;

use kernels::{Array, Backend, Tape};

use super::{Extent, peak_bytes};
use crate::model::{Model, Network};
use crate::nn::Pass;
use crate::plan::{Body, PatchesPlan, Plan, Pretrained};
use crate::train::TrainError;

/// What passes forward took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forward {
    /// Seconds a clip, the median of all passes.
    pub secs_per_clip: f64,
    /// The peak of the process, or of the GPU's memory, beyond what it had before there was a model; `None` where the system does not tell.
    pub peak_bytes: Option<u64>,
}

/// Measures `extent.steps` passes of the plan's model, each over as many clips as a batch has, after `extent.warmup` others.
///
/// # Errors
/// The device failed.
pub fn forward<D: Backend>(
    device: &D,
    plan: &Plan,
    patches: &PatchesPlan,
    extent: Extent,
) -> Result<Forward, TrainError> {
    let before = peak_bytes(device);
    let mut drawn = plan.model.clone();
    drawn.pretrained = Pretrained::Random { seed: plan.run.seed };
    let model = Model::draw(device, &drawn, plan.run.seed)?;
    let Network::Patches(network) = &model.network else {
        unreachable!("a plan of patches is a network of them")
    };
    let shape = [plan.data.batch_size, patches.patches(), patches.patch_len()];
    let input = Array::from_vec(device, noise(shape.iter().product()), shape)?;
    let mut secs = Vec::new();
    for at in 0..extent.warmup + extent.steps {
        let started = Instant::now();
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&model.params, &mut tape);
        std::hint::black_box(network.last(&mut pass, &input)?.download()?);
        if at >= extent.warmup {
            secs.push(started.elapsed().as_secs_f64());
        }
    }
    secs.sort_by(f64::total_cmp);
    let peak_bytes = peak_bytes(device).zip(before).map(|(peak, before)| peak.saturating_sub(before));
    Ok(Forward { secs_per_clip: secs[secs.len() / 2] / plan.data.batch_size as f64, peak_bytes })
}

/// The model's patches, where it is one of patches.
pub fn patches(plan: &Plan) -> Option<&PatchesPlan> {
    match &plan.model.body {
        Body::Patches(patches) => Some(patches),
        _ => None,
    }
}

/// The same numbers everywhere, between −1 and 1.
fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * 7_919) % 2_003) as f32 / 1_001.0 - 1.0).collect()
}
