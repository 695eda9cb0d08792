//! A keyword classifier: log-mel energies, bidirectional Mamba-2 layers, the mean over frames, a linear layer for each head.
//!
//! The smallest family of models here, and the one to copy for another.

use std::sync::Arc;

use kernels::add::add_dropped;
use kernels::{Array, Backend, OpError};

use super::fixed_front::log_mel;
use super::heads::Pooled;
use super::parts::{Part, Parts, Stage, Step, mixer_name, mixing};
use super::recogniser::{Activations, Input};
use crate::nn::{Bidirectional, LayerNorm, Linear, LogMel, Mamba2Sizes, MixerSizes, Pass, Scope};
use crate::plan::KeywordPlan;

const NORM_EPS: f32 = 1e-5;

/// x + dropout(mixer(norm(x))).
#[derive(Debug, Clone)]
struct Layer {
    norm: LayerNorm,
    mixer: Bidirectional,
    dropout: f32,
}

impl Layer {
    fn declare(scope: &mut Scope<'_>, plan: &KeywordPlan) -> Self {
        let KeywordPlan { width, head_dim, state, taps, chunk, .. } = *plan;
        let sizes = MixerSizes::Mamba2(Mamba2Sizes {
            width,
            inner: width,
            head_dim,
            state,
            taps,
            chunk,
            simple: false,
        });
        Layer {
            norm: LayerNorm::declare(&mut scope.child("norm"), width, NORM_EPS),
            mixer: Bidirectional::declare(&mut scope.child("mixer"), sizes, false),
            dropout: plan.dropout,
        }
    }

    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let normed = pass.within("norm", |pass| self.norm.forward(pass, x))?;
        let mixed = pass.within("mixer", |pass| self.mixer.forward(pass, &normed, lens))?;
        let drop = pass.dropout(self.dropout);
        add_dropped(pass.tape, x, &mixed, drop)
    }
}

/// The network: where its parameters are and how they act.
#[derive(Debug, Clone)]
pub struct Keyword {
    plan: KeywordPlan,
    log_mel: LogMel,
    projection: Linear,
    layers: Vec<Arc<Layer>>,
    norm: LayerNorm,
    heads: Pooled,
}

impl Keyword {
    /// Parameters `projection.*`, `layers.{i}.*`, `norm.*` and `classifier.linear.{h}.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &KeywordPlan) -> Self {
        let width = plan.width;
        let log_mel = log_mel(plan.front);
        let projection = Linear::torch(&mut scope.child("projection"), plan.front.mel_bands, width, true);
        let layer = |index| Arc::new(Layer::declare(&mut scope.child("layers").child(index), plan));
        let layers = (0..plan.layers).map(layer).collect();
        let norm = LayerNorm::declare(&mut scope.child("norm"), width, NORM_EPS);
        let heads = Pooled::declare(&mut scope.child("classifier"), width, &plan.heads);
        Keyword { plan: plan.clone(), log_mel, projection, layers, norm, heads }
    }

    /// Runs the network.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        input: &Input<D>,
    ) -> Result<Activations<D>, OpError> {
        let frames: Vec<usize> =
            input.samples.iter().map(|&samples| self.plan.front.frames(samples)).collect();
        let extract_features =
            pass.within("log_mel", |_| self.log_mel.forward(&input.waveforms, |row| input.known(row)))?;
        let mut x = pass.within("projection", |pass| self.projection.forward(pass, &extract_features))?;
        let mut hidden_states = vec![x.clone()];
        let lens: Arc<[usize]> = frames.as_slice().into();
        for (index, layer) in self.layers.iter().enumerate() {
            let (layer, lens) = (Arc::clone(layer), Arc::clone(&lens));
            let block = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x, &lens);
            x = pass.within(format_args!("layers.{index}"), |pass| pass.block(&x, block))?;
            hidden_states.push(x.clone());
        }
        let last = pass.within("norm", |pass| self.norm.forward(pass, &x))?;
        let classed = pass.within("classifier", |pass| self.heads.forward(pass, &last, &frames))?;
        let states = hidden_states.len() - 1;
        hidden_states[states] = last;
        Ok(Activations {
            extract_features,
            hidden_states,
            logits: None,
            pooled: classed.pooled,
            class_logits: classed.logits,
            frames,
        })
    }
}

impl Parts for Keyword {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let (plan, frames) = (&self.plan, self.plan.front.frames(samples));
        let (wide, mixer) = ([frames, plan.width], mixer_name(plan.mixer()));
        let bands = format!("log-mel energies, {} every", plan.front.hop_samples);
        let mut parts = vec![
            Part::new("log_mel", bands, [frames, plan.front.mel_bands]),
            Part::new("projection", "linear", wide),
        ];
        parts.extend((0..plan.layers).map(|layer| Part::new(format!("layers.{layer}"), &*mixer, wide)));
        parts.push(Part::new("norm", "layer norm", wide));
        let heads = plan.heads.classes.iter().enumerate();
        let head =
            |(head, &classes)| Part::new(format!("classifier.linear.{head}"), "classifier", [1, classes]);
        parts.extend(heads.map(head));
        parts
    }

    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (plan, learning) = (&self.plan, step.learning);
        let frames = step.samples / plan.front.hop_samples as f64;
        let (width, bands) = (plan.width as f64 * frames, plan.front.mel_bands as f64 * frames);
        let kept = bands + width;
        let first = Stage { params: learning("projection"), kept, made: kept, ..Stage::default() };
        let layer = |index| {
            let params = learning(&format!("layers.{index}."));
            Stage { params, ..mixing(plan.width, plan.mixer(), frames) }
        };
        let last = Stage {
            params: learning("norm") + learning("classifier"),
            kept: width,
            made: 2.0 * width,
            under_way: 2.0 * width,
            owed: 0.0,
        };
        std::iter::once(first).chain((0..plan.layers).map(layer)).chain([last]).collect()
    }
}
