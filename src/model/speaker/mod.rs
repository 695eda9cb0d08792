//! Who speaks? Log-mel energies, an encoder, the mean over frames, a linear layer for each head.
//!
//! The encoders are those that the program of dmmagdal/SpeakerClassifier compares, with its slips mended: Mamba layers have residual connections,
//! attention does not look at padding, means leave it out, and where that program normalises over a batch, each frame is normalised here, so that a
//! recording is heard alone as among others. What the classifier stands on is what voices are compared by (`quality::speakers`).
//! Start at [`SpeakerNet`]; `encoder.rs` has the encoders.

mod encoder;
#[cfg(test)]
mod tests;

use kernels::{Backend, OpError};

use super::fixed_front::log_mel;
use super::heads::Pooled;
use super::parts::{Part, Parts, Stage, Step, feed_forward, mixer_name, mixing_ahead};
use super::recogniser::{Activations, Input};
use crate::nn::{LogMel, Pass, Scope};
use crate::plan::{MixerPlan, SpeakerEncoderPlan, SpeakerPlan};
use encoder::Encoder;

/// The network: where its parameters are and how they act.
#[derive(Debug, Clone)]
pub struct SpeakerNet {
    plan: SpeakerPlan,
    log_mel: LogMel,
    encoder: Encoder,
    heads: Pooled,
}

impl SpeakerNet {
    /// Parameters `encoder.*` and `classifier.linear.{h}.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &SpeakerPlan) -> Self {
        let log_mel = log_mel(plan.front);
        let encoder = Encoder::declare(&mut scope.child("encoder"), plan);
        let heads = Pooled::declare(&mut scope.child("classifier"), plan.width(), &plan.heads);
        SpeakerNet { plan: plan.clone(), log_mel, encoder, heads }
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
        let encoded =
            pass.within("encoder", |pass| self.encoder.forward(pass, &extract_features, &frames))?;
        let classed =
            pass.within("classifier", |pass| self.heads.forward(pass, &encoded.last, &encoded.lens))?;
        Ok(Activations {
            extract_features,
            hidden_states: encoded.states,
            logits: None,
            pooled: classed.pooled,
            class_logits: classed.logits,
            frames,
        })
    }
}

impl Parts for SpeakerNet {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let (plan, frames) = (&self.plan, self.plan.front.frames(samples));
        let bands = format!("log-mel energies, {} every", plan.front.hop_samples);
        let mut parts = vec![Part::new("log_mel", bands, [frames, plan.front.mel_bands])];
        match &plan.encoder {
            SpeakerEncoderPlan::Layers { width, count, mixer, .. } => {
                let kind = mixer_name(*mixer);
                let kind = kind.trim_start_matches("bidirectional ");
                let wide = [frames, *width];
                parts.push(Part::new("encoder.projection", "linear", wide));
                parts.push(Part::new("encoder.norm", "layer norm", wide));
                parts.extend((0..*count).map(|at| Part::new(format!("encoder.layers.{at}"), kind, wide)));
            }
            SpeakerEncoderPlan::Convolutions { channels, hidden, .. } => {
                let conv = |(at, &outputs): (usize, &usize)| {
                    Part::new(format!("encoder.convs.{at}"), "conv × 3", [frames, outputs])
                };
                parts.extend(channels.iter().enumerate().map(conv));
                parts.push(Part::new("encoder.hidden.0", "linear, norm", [1, *hidden]));
                parts.push(Part::new("encoder.hidden.1", "linear, norm", [1, plan.width()]));
            }
        }
        let heads = plan.heads.classes.iter().enumerate();
        parts.extend(heads.map(|(head, &classes)| {
            Part::new(format!("classifier.linear.{head}"), "classifier", [1, classes])
        }));
        parts
    }

    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (plan, learning) = (&self.plan, step.learning);
        let frames = step.samples / plan.front.hop_samples as f64;
        let plain = |params: f64, kept: f64, inputs: f64| Stage {
            params,
            kept,
            made: kept + inputs,
            under_way: kept + inputs,
            owed: 0.0,
        };
        let bands = plan.front.mel_bands as f64 * frames;
        let mut stages = Vec::new();
        match &plan.encoder {
            SpeakerEncoderPlan::Layers { width, count, mixer, inner } => {
                let first = learning("encoder.projection") + learning("encoder.norm");
                stages.push(plain(first, bands + 3.0 * *width as f64 * frames, 0.0));
                for at in 0..*count {
                    let params = learning(&format!("encoder.layers.{at}."));
                    stages.push(Stage { params, ..mixing_ahead(*width, *mixer, frames) });
                    if matches!(mixer, MixerPlan::Attention { .. }) {
                        stages.push(feed_forward(*width, *inner, frames));
                    }
                }
            }
            SpeakerEncoderPlan::Convolutions { channels, .. } => {
                let mut inputs = bands;
                stages.push(plain(0.0, bands, 0.0));
                for (at, outputs) in channels.iter().enumerate() {
                    let outputs = *outputs as f64 * frames;
                    // The padded input; the convolution's output, the rectified one, what is left of it, the sum, the norm's.
                    let params = learning(&format!("encoder.convs.{at}."));
                    stages.push(plain(params, inputs + 5.0 * outputs, outputs));
                    inputs = outputs;
                }
            }
        }
        let rest = learning("encoder.hidden") + learning("classifier");
        stages.push(plain(rest, plan.width() as f64, plan.width() as f64 * frames));
        stages
    }
}
