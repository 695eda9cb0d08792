//! The parts of a wav2vec2 encoder.

use super::{Part, Parts, Stage, Step, again, feed_forward, mixer_name, mixing};
use crate::model::Wav2vec2;
use crate::plan::{ConvLayer, Wav2vec2Plan};

/// Partial sums of a convolution's weight gradient.
const PARTIAL_SUMS: f64 = 8.0;

impl Parts for Wav2vec2 {
    fn parts(&self, samples: usize) -> Vec<Part> {
        let model = self.plan();
        let mut parts = Vec::new();
        let mut part = |name: &str, kind: String, output| parts.push(Part::new(name, kind, output));
        let mut frames = samples;
        for (index, conv) in model.convs.iter().enumerate() {
            frames = if frames < conv.kernel { 0 } else { (frames - conv.kernel) / conv.stride + 1 };
            let name = format!("wav2vec2.feature_extractor.conv_layers.{index}");
            let kind = format!("conv {} × {}, stride {}", conv.outputs, conv.kernel, conv.stride);
            part(&name, kind, [frames, conv.outputs]);
        }
        let output = [frames, model.width];
        part("wav2vec2.masked_spec_embed", "time masks".into(), output);
        part("wav2vec2.feature_projection", "norm, linear".into(), output);
        let kind = format!("positional conv × {}", model.positional_kernel);
        part("wav2vec2.encoder.pos_conv_embed", kind, output);
        part("wav2vec2.encoder.layer_norm", "layer norm".into(), output);
        for layer in 0..model.layers {
            let name = format!("wav2vec2.encoder.layers.{layer}");
            part(&name, format!("{}, feed-forward {}", mixer_name(model.mixer), model.inner), output);
        }
        part("lm_head", "CTC head".into(), [frames, model.heads.vocab_size]);
        for (head, &classes) in model.heads.classes.iter().enumerate() {
            part(&format!("classifier.linear.{head}"), "classifier".into(), [1, classes]);
        }
        parts
    }

    fn stages(&self, step: &Step<'_>) -> Vec<Stage> {
        let (model, samples, learning) = (self.plan(), step.samples, step.learning);
        let frames = samples / model.hop_samples() as f64;
        let width = model.width as f64 * frames;
        let mut stages = convolutions(model, samples, learning);
        let channels = model.convs.last().map_or(1, |conv| conv.outputs) as f64 * frames;
        stages.push(Stage {
            params: learning("wav2vec2.feature_projection") + learning("wav2vec2.masked_spec_embed"),
            // The norm's output, for the projection. Masks keep nothing.
            kept: channels,
            made: channels + 3.0 * width,
            under_way: 2.0 * channels + 2.0 * width,
            owed: 0.0,
        });
        let position = learning("wav2vec2.encoder.pos_conv_embed");
        stages.push(Stage {
            params: position + learning("wav2vec2.encoder.layer_norm"),
            // Its input, the convolution's output, the sum, the first state; and the normalised weight.
            kept: 4.0 * width + position,
            made: 7.0 * width + 2.0 * position,
            // Gradients, and the input in groups.
            under_way: 5.0 * width + 3.0 * position,
            owed: 0.0,
        });
        let owed = if step.layers_compared { width } else { 0.0 };
        for index in 0..model.layers {
            let name = format!("wav2vec2.encoder.layers.{index}.");
            let params = learning(&format!("{name}feed_forward"));
            let fed = Stage { params, owed, ..feed_forward(model.width, model.inner, frames) };
            let mixed =
                Stage { params: learning(&name) - fed.params, ..mixing(model.width, model.mixer, frames) };
            match step.recomputes {
                false => stages.extend([mixed, fed]),
                true => stages.push(again(mixed, fed, width)),
            }
        }
        let scores = model.heads.vocab_size as f64 * frames;
        stages.push(Stage {
            params: learning("lm_head") + learning("classifier"),
            // Scores, their logarithms and the gradient of CTC; the last state, where some of it is dropped.
            kept: 3.0 * scores + if model.rates.final_dropout > 0.0 { width } else { 0.0 },
            made: 4.0 * scores + width,
            under_way: 2.0 * scores + width,
            owed: 0.0,
        });
        stages
    }
}

fn convolutions(model: &Wav2vec2Plan, samples: f64, learning: &dyn Fn(&str) -> f64) -> Vec<Stage> {
    if model.freeze_feature_encoder {
        return vec![frozen_convolutions(model, samples)];
    }
    let mut inputs = samples;
    let mut frames = samples;
    let stage = |(index, conv): (usize, &ConvLayer)| {
        frames /= conv.stride as f64;
        let output = frames * conv.outputs as f64;
        // The convolution's output, and what norm and GELU make of it at once.
        let outputs = 2.0 * output;
        let params = learning(&format!("wav2vec2.feature_extractor.conv_layers.{index}."));
        let stage = Stage {
            params,
            kept: outputs,
            made: outputs + params,
            under_way: 3.0 * output + inputs + (PARTIAL_SUMS + 2.0) * params,
            owed: 0.0,
        };
        inputs = output;
        stage
    };
    model.convs.iter().enumerate().map(stage).collect()
}

/// In tiles of time: what comes out of the last layer is for the projection's norm, which learns in any case.
fn frozen_convolutions(model: &Wav2vec2Plan, samples: f64) -> Stage {
    /// Two neighbouring layers of the tile that a thread has, for a few threads.
    const TILES: f64 = 6e6;
    let weights = model.convs.iter().map(|conv| conv.inputs * conv.outputs * conv.kernel).sum::<usize>();
    let channels = model.convs.last().map_or(0, |conv| conv.outputs);
    let output = samples / model.hop_samples() as f64 * channels as f64;
    // The weights are brought into another order.
    Stage { params: 0.0, kept: output, made: output + weights as f64 + TILES, under_way: 0.0, owed: 0.0 }
}
