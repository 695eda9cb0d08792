//! The strided convolutions that turn a waveform into frames.

use kernels::{Array, Backend, OpError};

use crate::nn::{Conv, GroupNorm, LayerNorm, Pass, Scope};
use crate::plan::{NormKind, Wav2vec2Plan};

/// PyTorch's default, which the reference's convolution norms keep whatever `layer_norm_eps` says.
const NORM_EPS: f32 = 1e-5;

#[derive(Debug, Clone)]
enum Norm {
    None,
    Group(GroupNorm),
    Layer(LayerNorm),
}

/// conv → norm → GELU, layer by layer.
#[derive(Debug, Clone)]
pub struct FeatureEncoder {
    layers: Vec<(Conv, Norm)>,
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
            let mut norm = layer.child("layer_norm");
            let norm = match plan.conv_norm {
                NormKind::Layer => Norm::Layer(LayerNorm::declare(&mut norm, conv.outputs, NORM_EPS)),
                NormKind::Group if index == 0 => {
                    Norm::Group(GroupNorm::declare(&mut norm, conv.outputs, NORM_EPS))
                }
                NormKind::Group => Norm::None,
            };
            layers.push((convolution, norm));
        }
        FeatureEncoder { layers }
    }

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
        let mut x = waveform.clone();
        for (index, (conv, norm)) in self.layers.iter().enumerate() {
            x = pass.within(format_args!("conv_layers.{index}"), |pass| layer(pass, conv, norm, &x))?;
        }
        Ok(x)
    }
}

fn layer<D: Backend>(
    pass: &mut Pass<'_, D>,
    conv: &Conv,
    norm: &Norm,
    x: &Array<D>,
) -> Result<Array<D>, OpError> {
    match norm {
        Norm::None => conv.then_gelu(pass, x),
        Norm::Group(norm) => {
            let x = conv.forward(pass, x)?;
            norm.then_gelu(pass, &x)
        }
        Norm::Layer(norm) => {
            let x = conv.forward(pass, x)?;
            norm.then_gelu(pass, &x)
        }
    }
}
