//! Strided convolutions one upon the other, each with its norm and a GELU: the feature encoder of wav2vec2.
//!
//! - yₙ = GELU(norm(conv1d(yₙ₋₁))), with y₋₁ = x
//!
//! Where no gradient is wanted, because the stack is frozen or judged, all layers run on one tile of time after the other, so that what they hand
//! each other stays in the cache and is nowhere whole. A tile of the last layer's frames asks for slightly more of each layer below it: what lies
//! at a tile's edges is computed twice. Statistics over all frames (a group norm, for the first layer alone) are taken before, by a walk of their
//! own over that layer. Every value is the sum that the layers' own ops make of it, in the same order.
//!
//! Where a gradient is wanted, each layer is those ops: `conv1d`, `group_norm`, `layer_norm`.
//!
//! # Shapes
//! x [B, T, I] · per layer: weight [O, I, K], bias [O], norm weight and bias [O] → [B, T', O of the last]

mod cpu;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
#[cfg(feature = "on-files")]
mod on_files;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
mod tile;

use crate::conv1d::{Conv1d, Convolution, conv1d};
use crate::group_norm::{GroupNorm, group_norm_gelu};
use crate::layer_norm::{LayerNorm, Parameters, layer_norm_gelu};
use crate::op::{Op, apply_one};
use crate::{Array, Device, OpError, Run, Tape, trace};

/// A layer's normalisation.
pub enum Norm<'a, D: Device> {
    /// Nothing is normalised.
    None,
    /// Each channel over all frames of its sequence.
    Group(Parameters<'a, D>),
    /// Each frame over its channels.
    Layer(Parameters<'a, D>),
}

/// A layer: convolution without padding, norm, GELU.
pub struct Layer<'a, D: Device> {
    /// [O, I, K].
    pub weight: &'a Array<D>,
    /// [O].
    pub bias: Option<&'a Array<D>>,
    /// Frames between two outputs.
    pub stride: usize,
    /// Between convolution and GELU.
    pub norm: Norm<'a, D>,
}

impl<'a, D: Device> Layer<'a, D> {
    fn settings(&self, gelu: bool) -> Conv1d {
        Conv1d { stride: self.stride, padding: [0, 0], dilation: 1, groups: 1, gelu }
    }

    fn parameters(&self) -> Option<&Parameters<'a, D>> {
        match &self.norm {
            Norm::None => None,
            Norm::Group(norm) | Norm::Layer(norm) => Some(norm),
        }
    }

    fn operands(&self) -> impl Iterator<Item = &'a Array<D>> {
        let norm = self.parameters().into_iter().flat_map(|norm| [norm.weight, norm.bias]);
        std::iter::once(self.weight).chain(self.bias).chain(norm)
    }
}

/// A stack as it runs in tiles.
#[derive(Debug, Clone)]
pub struct ConvStack {
    layers: Vec<Stage>,
}

/// One layer of it.
#[derive(Debug, Clone, Copy)]
struct Stage {
    conv: Convolution,
    norm: Kind,
    eps: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Group,
    Layer,
}

impl Op for ConvStack {
    const NAME: &'static str = "conv_stack";
}

/// `x` through all `layers`. A profile finds them as modules by their numbers where they run one by one.
///
/// # Errors
/// There are no layers, shapes do not fit, the input is shorter than one frame of the last layer, or the device failed.
pub fn conv_stack<D>(tape: &mut Tape<D>, x: &Array<D>, layers: &[Layer<'_, D>]) -> Result<Array<D>, OpError>
where
    D: Run<ConvStack> + Run<Convolution> + Run<GroupNorm> + Run<LayerNorm>,
{
    let mut operands = std::iter::once(x).chain(layers.iter().flat_map(Layer::operands));
    let tracked = tape.tracks() && operands.any(Array::is_tracked);
    // What needs a whole sequence above the first layer leaves nothing to tile.
    let whole = layers.iter().skip(1).any(|layer| matches!(layer.norm, Norm::Group(_)));
    if tracked || whole {
        let mut x = x.clone();
        for (index, layer) in layers.iter().enumerate() {
            x = trace::within(index, || one(tape, &x, layer))?;
        }
        return Ok(x);
    }
    let [batch, mut time, mut channels] = x.dims(ConvStack::NAME, "x")?;
    let (mut stages, mut operands) = (Vec::with_capacity(layers.len()), vec![x]);
    for layer in layers {
        let gelu = matches!(layer.norm, Norm::None);
        let extents = [batch, time, channels];
        let conv = Convolution::new(extents, layer.weight, layer.bias, layer.settings(gelu))?;
        (time, channels) = (conv.out_time, conv.outputs);
        stages.push(Stage::new(conv, &layer.norm)?);
        operands.extend(layer.operands());
    }
    if stages.is_empty() {
        let want = "there is no layer for it".to_owned();
        return Err(OpError::Shape { op: ConvStack::NAME, operand: "x", got: x.shape(), want });
    }
    apply_one(tape, ConvStack { layers: stages }, &operands, [batch, time, channels])
}

/// One layer by its own ops.
fn one<D>(tape: &mut Tape<D>, x: &Array<D>, layer: &Layer<'_, D>) -> Result<Array<D>, OpError>
where
    D: Run<Convolution> + Run<GroupNorm> + Run<LayerNorm>,
{
    let gelu = matches!(layer.norm, Norm::None);
    let y = conv1d(tape, x, layer.weight, layer.bias, layer.settings(gelu))?;
    match &layer.norm {
        Norm::None => Ok(y),
        Norm::Group(norm) => group_norm_gelu(tape, &y, norm.weight, norm.bias, y.shape().last(), norm.eps),
        Norm::Layer(norm) => layer_norm_gelu(tape, &y, norm.weight, norm.bias, norm.eps),
    }
}

impl Stage {
    fn new<D: Device>(conv: Convolution, norm: &Norm<'_, D>) -> Result<Self, OpError> {
        let (kind, parameters) = match norm {
            Norm::None => return Ok(Stage { conv, norm: Kind::None, eps: 0.0 }),
            Norm::Group(parameters) => (Kind::Group, parameters),
            Norm::Layer(parameters) => (Kind::Layer, parameters),
        };
        let outputs = conv.outputs;
        for (operand, array) in [("a norm's weight", parameters.weight), ("a norm's bias", parameters.bias)] {
            if array.shape() != [outputs].into() {
                let want = format!("its layer has {outputs} outputs");
                return Err(OpError::Shape { op: ConvStack::NAME, operand, got: array.shape(), want });
            }
        }
        Ok(Stage { conv, norm: kind, eps: parameters.eps })
    }
}
