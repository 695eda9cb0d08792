//! Mamba layers on one stream, one by one or in pairs of opposite directions.
//!
//! With S = R + H, the stream behind a pair a, b is, for one that walks both ways,
//!
//! - `reference`: H = a(norm S) + b(norm S), R = 2 S: it doubles in every pair, and late layers weigh less and less;
//! - `sound`: half of both, so that the stream keeps its size.
//!
//! The second of a pair walks the sequence the other way round. Stochastic depth drops what a layer was handed, H, for a whole clip and for
//! each of a pair by itself; what passes is scaled up.

use std::sync::Arc;

use kernels::add::add;
use kernels::blend::blend;
use kernels::{Array, Backend, OpError};
use rand::RngExt;

use super::trunk::Keep;
use crate::nn::{Directions, LayerNorm, Mamba1Sizes, Pass, RmsNorm, Scope, VisionMamba};
use crate::plan::{Behaviour, BimambaType, MambaPlan, PatchesPlan};

const NORM_EPS: f32 = 1e-5;

/// Either norm, by the plan.
#[derive(Debug, Clone)]
enum Norm {
    Layer(LayerNorm),
    Rms(RmsNorm),
}

impl Norm {
    fn declare(scope: &mut Scope<'_>, width: usize, rms: bool) -> Self {
        match rms {
            true => Norm::Rms(RmsNorm::declare(scope, width, NORM_EPS)),
            false => Norm::Layer(LayerNorm::declare(scope, width, NORM_EPS)),
        }
    }

    fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        pass.within("norm", |pass| match self {
            Norm::Layer(norm) => norm.forward(pass, x),
            Norm::Rms(norm) => norm.forward(pass, x),
        })
    }
}

/// mixer(norm(x)).
#[derive(Debug, Clone)]
struct Layer {
    norm: Norm,
    mixer: VisionMamba,
}

impl Layer {
    fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let normed = self.norm.forward(pass, x)?;
        pass.within("mixer", |pass| self.mixer.forward(pass, &normed))
    }
}

/// What a layer hands on: the stream and by what it is still to be multiplied, and what is still to be added.
struct Carried<D: Backend> {
    residual: Array<D>,
    scale: f32,
    hidden: Option<Array<D>>,
}

/// All layers and the last norm.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    layers: Vec<Arc<Layer>>,
    norm: Norm,
    paired: bool,
    residual: Behaviour,
    norm_twice: bool,
    drop_path: f32,
}

impl Stream {
    /// Parameters `layers.{i}.*` and `norm_f.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &PatchesPlan, mamba: &MambaPlan) -> Self {
        let MambaPlan { inner, state, taps, rank, halved, paired, rms_norm, .. } = *mamba;
        let sizes = Mamba1Sizes { width: plan.width, inner, state, taps, rank, simple: false };
        let directions = match mamba.directions {
            BimambaType::None => Directions::Ahead,
            BimambaType::V1 => Directions::Scans,
            BimambaType::V2 => Directions::Both,
        };
        let layer = |index: usize| {
            let mut layers = scope.child("layers");
            let mut scope = layers.child(index);
            let mut mixer = scope.child("mixer");
            let mixer = VisionMamba::declare(&mut mixer, sizes, directions, halved, plan.layers);
            let mixer = if paired && index % 2 == 1 { mixer.reversed() } else { mixer };
            let norm = Norm::declare(&mut scope.child("norm"), plan.width, rms_norm);
            Arc::new(Layer { norm, mixer })
        };
        let layers = (0..plan.layers).map(layer).collect();
        Stream {
            layers,
            norm: Norm::declare(&mut scope.child("norm_f"), plan.width, rms_norm),
            paired,
            residual: mamba.residual,
            norm_twice: mamba.final_norm == Behaviour::Reference,
            drop_path: mamba.drop_path,
        }
    }

    /// The input, the stream behind each layer or pair, the last of it behind the norm; or that alone.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: Array<D>,
        keep: Keep,
    ) -> Result<Vec<Array<D>>, OpError> {
        let mut states = if keep == Keep::All { vec![x.clone()] } else { Vec::new() };
        let mut carried = Carried { residual: x, scale: 1.0, hidden: None };
        let step = if self.paired { 2 } else { 1 };
        for first in (0..self.layers.len()).step_by(step) {
            let seen = self.seen(pass, carried, first, step)?;
            let mut made = Vec::with_capacity(step);
            for of in 0..step {
                let layer = Arc::clone(&self.layers[first + of]);
                let run = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x);
                let (name, x) = (format!("layers.{}", first + of), &seen[of.min(seen.len() - 1)]);
                made.push(pass.within(name, |pass| pass.block(x, run))?);
            }
            states.extend(seen.first().filter(|_| first > 0 && keep == Keep::All).cloned());
            carried = self.carry(pass, &seen, &made)?;
        }
        let last = self.dropped(pass, &carried, self.drop_path)?;
        drop(carried);
        let mut last = pass.within("norm_f", |pass| self.norm.forward(pass, &last))?;
        if self.norm_twice {
            last = pass.within("norm_f", |pass| self.norm.forward(pass, &last))?;
        }
        states.push(last);
        Ok(states)
    }

    /// The stream as each of the `step` layers from `first` on sees it; one array where all see the same.
    fn seen<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        carried: Carried<D>,
        first: usize,
        step: usize,
    ) -> Result<Vec<Array<D>>, OpError> {
        // Nothing drops before the third layer, as the published code counts.
        let rate = |index: usize| {
            self.drop_path * index.saturating_sub(1) as f32 / (self.layers.len() - 1).max(1) as f32
        };
        let drops = carried.hidden.is_some() && rate(first + step - 1) > 0.0 && pass.rng().is_some();
        let count = if drops { step } else { 1 };
        (first..first + count).map(|index| self.dropped(pass, &carried, rate(index))).collect()
    }

    /// R + H, without H for some clips in training.
    fn dropped<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        carried: &Carried<D>,
        rate: f32,
    ) -> Result<Array<D>, OpError> {
        let Carried { residual, scale, hidden: Some(hidden) } = carried else {
            return Ok(carried.residual.clone());
        };
        let mut weights = vec![[*scale, 1.0]; hidden.shape().dims()[0]];
        if let Some(rng) = pass.rng().filter(|_| rate > 0.0) {
            let keep = 1.0 - rate;
            let mut passes = || if rng.random::<f32>() < keep { 1.0 / keep } else { 0.0 };
            weights.iter_mut().for_each(|[_, weight]| *weight = passes());
        } else if *scale == 1.0 {
            return add(pass.tape, residual, hidden);
        }
        blend(pass.tape, residual, hidden, weights)
    }

    /// What one layer or both of a pair hand on, of what they saw and what they made of it.
    fn carry<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        seen: &[Array<D>],
        made: &[Array<D>],
    ) -> Result<Carried<D>, OpError> {
        let share = if self.residual == Behaviour::Sound { 0.5 } else { 1.0 };
        let halves = |array: &Array<D>| vec![[share; 2]; array.shape().dims()[0]];
        let (residual, scale) = match seen {
            [first, second] => (blend(pass.tape, first, second, halves(first))?, 1.0),
            [both] if made.len() == 2 => (both.clone(), 2.0 * share),
            [one] => (one.clone(), 1.0),
            _ => return Err(OpError::device("patches", "a model has layers")),
        };
        let hidden = match made {
            [ahead, back] => blend(pass.tape, ahead, back, halves(ahead))?,
            [one] => one.clone(),
            _ => return Err(OpError::device("patches", "a model has layers")),
        };
        Ok(Carried { residual, scale, hidden: Some(hidden) })
    }
}
