//! The strided convolutions that turn a waveform into frames.

use kernels::conv_stack::{Layer, Norm, conv_stack};
use kernels::{Array, Backend, OpError};

use crate::nn::{Conv, LayerNorm, Pass, Scope};
use crate::plan::{NormKind, Wav2vec2Plan};

/// PyTorch's default, which the reference's convolution norms keep whatever `layer_norm_eps` says.
const NORM_EPS: f32 = 1e-5;

/// conv → norm → GELU, layer by layer.
#[derive(Debug, Clone)]
pub struct FeatureEncoder {
    layers: Vec<(Conv, Option<LayerNorm>)>,
    /// What the norms are over.
    norm: NormKind,
}

impl FeatureEncoder {
    /// Parameters `conv_layers.{i}.conv.*` and `conv_layers.{i}.layer_norm.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &Wav2vec2Plan) -> Self {
        let mut layers = Vec::with_capacity(plan.convs.len());
        for (index, conv) in plan.convs.iter().enumerate() {
            let mut layer = scope.child("conv_layers");
            let mut layer = layer.child(index);
            let convolution = Conv::declare(
                &mut layer.child("conv"),
                conv.inputs,
                conv.outputs,
                conv.kernel,
                conv.stride,
                plan.conv_bias,
            );
            // A group norm, each channel over time, has the same parameters, and there is one behind the first layer alone.
            let normed = plan.conv_norm == NormKind::Layer || index == 0;
            let norm =
                normed.then(|| LayerNorm::declare(&mut layer.child("layer_norm"), conv.outputs, NORM_EPS));
            layers.push((convolution, norm));
        }
        FeatureEncoder { layers, norm: plan.conv_norm }
    }

    /// Where nothing of it learns, all layers run on one stretch of time after the other.
    ///
    /// # Shapes
    /// waveform [B, L, 1] → frames [B, T, channels]
    ///
    /// # Errors
    /// The waveform is shorter than one frame, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        waveform: &Array<D>,
    ) -> Result<Array<D>, OpError> {
        let layer = |(conv, norm): &(Conv, Option<LayerNorm>)| -> Layer<'_, D> {
            let norm = match (norm.as_ref().map(|norm| norm.parameters(pass)), self.norm) {
                (None, _) => Norm::None,
                (Some(norm), NormKind::Group) => Norm::Group(norm),
                (Some(norm), NormKind::Layer) => Norm::Layer(norm),
            };
            conv.layer(pass, norm)
        };
        let layers: Vec<Layer<'_, D>> = self.layers.iter().map(layer).collect();
        pass.within("conv_layers", |pass| conv_stack(pass.tape, waveform, &layers))
    }
}
