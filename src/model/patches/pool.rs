//! What heads stand on: which tokens, and how they become one vector.
//!
//! Heads of a whole clip stand on the mean of its patches, or on its class tokens; those of seconds on a mean for each; SUPERB's on all bands of a moment side
//! by side, projected, then their mean over time. Start at [`PatchNet::classify`].

use kernels::embedding::embedding;
use kernels::padding::mean_pool;
use kernels::{Array, Backend, OpError};

use super::PatchNet;
use crate::nn::{Linear, Pass};
use crate::plan::{PatchTask, PatchesPlan};

/// What heads stand on [B, width], where that is one vector, and their scores [B, classes]: by head, or by second.
type Classified<D> = (Option<Array<D>>, Vec<Array<D>>);

impl PatchNet {
    /// What the heads make of the last state [B, tokens + P, width] of clips with so many `samples`.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub(super) fn classify<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        last: &Array<D>,
        samples: &[usize],
    ) -> Result<Classified<D>, OpError> {
        if let Some(scene) = self.plan.scene {
            let mut of_second = |second| {
                let pooled = mean_of(pass, last, &self.plan.of_second(scene, second))?;
                self.scores(pass, &pooled)
            };
            let scores = (0..scene.seconds).map(&mut of_second).collect::<Result<Vec<_>, OpError>>()?;
            return Ok((None, scores.into_iter().flatten().collect()));
        }
        let pooled = match &self.projector {
            Some(projector) => self.project(pass, projector, last, samples)?,
            None => mean_of(pass, last, &pooled_tokens(&self.plan))?,
        };
        let scores = self.scores(pass, &pooled)?;
        Ok((Some(pooled), scores))
    }

    /// The scores [B, classes] of each head for one vector a clip.
    fn scores<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        pooled: &Array<D>,
    ) -> Result<Vec<Array<D>>, OpError> {
        let normed = match &self.head_norm {
            Some(norm) => pass.within("mlp_head.0", |pass| norm.forward(pass, pooled))?,
            None => pooled.clone(),
        };
        let heads = self.heads.iter().enumerate();
        heads
            .map(|(index, head)| {
                pass.within(format_args!("mlp_head.{}", index + 1), |pass| head.forward(pass, &normed))
            })
            .collect()
    }

    /// All bands of each moment side by side, projected, and their mean over the moments that have sound.
    fn project<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        projector: &Linear,
        last: &Array<D>,
        samples: &[usize],
    ) -> Result<Array<D>, OpError> {
        let plan = &self.plan;
        let ([bands, moments], batch) = (plan.grid(), samples.len());
        let by_moment = (0..moments).flat_map(|moment| (0..bands).map(move |band| band * moments + moment));
        let order: Vec<usize> = by_moment.collect();
        let x = patches(pass, plan, last, &vec![order; batch])?;
        let x = x.reshaped([batch, moments, bands * plan.width])?;
        let x = pass.within("projector", |pass| projector.forward(pass, &x))?;
        let hop = plan.stride[1] * plan.features.rate_hz as usize / 100;
        let heard: Vec<usize> =
            samples.iter().map(|samples| samples.div_ceil(hop).clamp(1, moments)).collect();
        mean_pool(pass.tape, &x, &heard)
    }
}

/// The `chosen` patches of each clip, by their index, out of all tokens [B, tokens + P, width]; equally many of each.
///
/// # Errors
/// The shapes do not fit, or the device failed.
pub(super) fn patches<D: Backend>(
    pass: &mut Pass<'_, D>,
    plan: &PatchesPlan,
    x: &Array<D>,
    chosen: &[Vec<usize>],
) -> Result<Array<D>, OpError> {
    let (count, at) = plan.tokens();
    let place = |patch: &usize| if *patch < at { *patch } else { *patch + count };
    let places = |patches: &Vec<usize>| patches.iter().map(place).collect();
    gather(pass, x, &chosen.iter().map(places).collect::<Vec<_>>())
}

/// The tokens that a clip's vector is the mean of.
fn pooled_tokens(plan: &PatchesPlan) -> Vec<usize> {
    let (count, at) = plan.tokens();
    match plan.task == PatchTask::FtCls {
        true => (at..at + count).collect(),
        false => (0..at).chain(at + count..count + plan.patches()).collect(),
    }
}

/// The mean [B, width] of the same tokens of each sequence of `x` [B, T, width].
fn mean_of<D: Backend>(pass: &mut Pass<'_, D>, x: &Array<D>, tokens: &[usize]) -> Result<Array<D>, OpError> {
    let batch = x.shape().dims()[0];
    let chosen = gather(pass, x, &vec![tokens.to_vec(); batch])?;
    mean_pool(pass.tape, &chosen, &vec![tokens.len(); batch])
}

/// The tokens of each sequence of `x` [B, T, width] at these places, equally many of each.
fn gather<D: Backend>(
    pass: &mut Pass<'_, D>,
    x: &Array<D>,
    places: &[Vec<usize>],
) -> Result<Array<D>, OpError> {
    let [batch, time, width] = x.dims("patches", "x")?;
    let of_row = |(row, places): (usize, &Vec<usize>)| -> Vec<u32> {
        places.iter().map(|place| (row * time + place) as u32).collect()
    };
    let codes: Vec<u32> = places.iter().enumerate().flat_map(of_row).collect();
    let table = x.reshaped([batch * time, width])?;
    embedding(pass.tape, &table, &codes, [batch, codes.len().checked_div(batch).unwrap_or(0)])
}
