//! wav2vec2 (Baevski et al. 2020, arXiv 2006.11477), with attention or with Mamba in its place (CALD, arXiv 2410.06846).

use kernels::dropout::dropout;
use kernels::time_mask::time_mask;
use kernels::{Array, Backend, OpError};

use super::encoder::Encoder;
use super::feature_encoder::FeatureEncoder;
use super::heads::{CtcHead, Pooled};
use super::masks::time_masks;
use super::recogniser::{Activations, Input};
use crate::nn::{Init, LayerNorm, Linear, ParamId, Pass, Scope};
use crate::plan::{TimeMasks, Wav2vec2Plan};

/// The network: where its parameters are and how they act.
#[derive(Debug, Clone)]
pub struct Wav2vec2 {
    plan: Wav2vec2Plan,
    mask_embedding: ParamId,
    feature_encoder: FeatureEncoder,
    projection_norm: LayerNorm,
    projection: Linear,
    encoder: Encoder,
    ctc: CtcHead,
    classifiers: Pooled,
}

impl Wav2vec2 {
    /// Declares all parameters under the reference's names (`wav2vec2.…`, `lm_head.…`, `classifier.…`).
    pub fn declare(scope: &mut Scope<'_>, plan: &Wav2vec2Plan) -> Self {
        let mut body = scope.child("wav2vec2");
        let mask_embedding =
            body.param("masked_spec_embed", [plan.width], Init::Uniform { low: 0.0, high: 1.0 });
        let feature_encoder = FeatureEncoder::declare(&mut body.child("feature_extractor"), plan);
        let channels = plan.convs.last().map_or(1, |conv| conv.outputs);
        let mut projection = body.child("feature_projection");
        let projection_norm =
            LayerNorm::declare(&mut projection.child("layer_norm"), channels, plan.layer_norm_eps);
        let projection = Linear::torch(&mut projection.child("projection"), channels, plan.width, true);
        let encoder = Encoder::declare(&mut body.child("encoder"), plan);
        let ctc = CtcHead::declare(&mut scope.child("lm_head"), plan);
        let classifiers = Pooled::declare(&mut scope.child("classifier"), plan.width, &plan.heads);
        Wav2vec2 {
            plan: plan.clone(),
            mask_embedding,
            feature_encoder,
            projection_norm,
            projection,
            encoder,
            ctc,
            classifiers,
        }
    }

    /// The plan this network was made from.
    pub fn plan(&self) -> &Wav2vec2Plan {
        &self.plan
    }

    /// Runs the network; masks and dropout act in train mode only.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        input: &Input<D>,
    ) -> Result<Activations<D>, OpError> {
        let frames: Vec<usize> = input.samples.iter().map(|&samples| self.plan.frames(samples)).collect();
        let (extract_features, hidden_states) =
            pass.within("wav2vec2", |pass| self.body(pass, input, &frames))?;
        let last = &hidden_states[hidden_states.len() - 1];
        let logits = Some(pass.within("lm_head", |pass| self.ctc.forward(pass, last))?);
        let classed = pass.within("classifier", |pass| self.classifiers.forward(pass, last, &frames))?;
        Ok(Activations {
            extract_features,
            hidden_states,
            logits,
            pooled: classed.pooled,
            class_logits: classed.logits,
            frames,
        })
    }

    /// Everything below the heads: normalised features and the encoder's hidden states.
    fn body<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        input: &Input<D>,
        frames: &[usize],
    ) -> Result<(Array<D>, Vec<Array<D>>), OpError> {
        let features =
            pass.within("feature_extractor", |pass| self.feature_encoder.forward(pass, &input.waveforms))?;
        let (extract_features, x) =
            pass.within("feature_projection", |pass| self.project(pass, &features))?;
        let x = pass.within("masked_spec_embed", |pass| self.augment(pass, x, frames))?;
        let hidden_states = pass.within("encoder", |pass| self.encoder.forward(pass, &x, frames))?;
        Ok((extract_features, hidden_states))
    }

    /// The features normalised, and brought to the encoder's width.
    fn project<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        features: &Array<D>,
    ) -> Result<(Array<D>, Array<D>), OpError> {
        let normed = self.projection_norm.forward(pass, features)?;
        let x = self.projection.forward(pass, &normed)?;
        let (rate, seed) = pass.dropout(self.plan.rates.feat_proj);
        Ok((normed, dropout(pass.tape, &x, rate, seed)?))
    }

    /// SpecAugment: in train mode, spans of frames become the learnt mask embedding.
    fn augment<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: Array<D>,
        frames: &[usize],
    ) -> Result<Array<D>, OpError> {
        let [_, time, _] = x.dims("time mask", "x")?;
        let masks: TimeMasks = self.plan.time_masks;
        let mask = match pass.rng() {
            Some(rng) => time_masks(&masks, time, frames, rng),
            None => Vec::new(),
        };
        if mask.is_empty() {
            return Ok(x);
        }
        let embedding = pass.param(self.mask_embedding);
        time_mask(pass.tape, &x, embedding, mask)
    }
}
