//! The layers of encoder and decoder, and what each keeps from one piece of sound to the next.
//!
//! A frame sees frames on both sides, so a layer gives out a frame only when all that it sees is there: pieces come out later than they went in, and the
//! last one brings the rest. What comes out is what the whole would have given.

use kernels::conv_transpose1d::conv_transpose1d;
use kernels::conv1d::{Conv1d, conv1d};
use kernels::snake::snake;
use kernels::tanh::tanh;
use kernels::{Cpu, OpError, Tape};

use super::Sizes;
use crate::codec::frames::Frames;
use crate::nn::{Init, ParamId, Params, Scope};

/// Taps of the wide convolution of a residual unit, and of the first and the decoder's last one.
const TAPS: usize = 7;
/// Taps of the encoder's last convolution.
const LAST_TAPS: usize = 3;
/// Frames between two taps in the residual units of a stage.
const DILATIONS: [usize; 3] = [1, 3, 9];

/// What a layer keeps: frames that have come and are still seen.
pub(super) struct Memory {
    seen: Vec<f32>,
    /// Of a residual unit: frames that have come and to which nothing was added yet.
    beside: Vec<f32>,
    /// Of a residual unit without padding: how many of those are left out.
    skipped: usize,
    /// Whether anything has come yet.
    begun: bool,
    /// Whether there are zeros around the whole, as many as the layer was made for.
    padded: bool,
}

/// Layers, one after the other.
pub(super) struct Stack {
    layers: Vec<Layer>,
}

enum Layer {
    Conv(Conv),
    Up(Up),
    Snake(ParamId),
    Residual { first: ParamId, wide: Conv, second: ParamId, narrow: Conv },
    Tanh,
}

/// The encoder: [T, 1] to [T / hop, latent].
pub(super) fn encoder(scope: &mut Scope<'_>, sizes: &Sizes) -> Stack {
    let mut width = sizes.encoder_width;
    let mut layers = vec![Layer::Conv(Conv::declare(&mut scope.child("conv1"), 1, width, TAPS))];
    for (stage, &ratio) in sizes.encoder_ratios.iter().enumerate() {
        let mut block = scope.child("block");
        let mut block = block.child(stage);
        layers.extend(units(&mut block, width));
        layers.push(frequencies(&mut block, width));
        let down = Conv::declare(&mut block.child("conv1"), width, 2 * width, 2 * ratio);
        layers.push(Layer::Conv(Conv { stride: ratio, pad: ratio.div_ceil(2), ..down }));
        width *= 2;
    }
    layers.push(frequencies(scope, width));
    layers.push(Layer::Conv(Conv::declare(&mut scope.child("conv2"), width, sizes.latent, LAST_TAPS)));
    Stack { layers }
}

/// The decoder: [T, latent] to [T · hop, 1]; a little less where a ratio is odd.
pub(super) fn decoder(scope: &mut Scope<'_>, sizes: &Sizes) -> Stack {
    let mut width = sizes.decoder_width;
    let mut layers = vec![Layer::Conv(Conv::declare(&mut scope.child("conv1"), sizes.latent, width, TAPS))];
    for (stage, &ratio) in sizes.decoder_ratios.iter().enumerate() {
        let mut block = scope.child("block");
        let mut block = block.child(stage);
        layers.push(frequencies(&mut block, width));
        layers.push(Layer::Up(Up::declare(&mut block.child("conv_t1"), width, width / 2, ratio)));
        width /= 2;
        layers.extend(units(&mut block, width));
    }
    layers.push(frequencies(scope, width));
    layers.push(Layer::Conv(Conv::declare(&mut scope.child("conv2"), width, 1, TAPS)));
    layers.push(Layer::Tanh);
    Stack { layers }
}

/// The residual units of a stage.
fn units(block: &mut Scope<'_>, width: usize) -> Vec<Layer> {
    let unit = |(index, dilation): (usize, usize)| {
        let mut scope = block.child(format_args!("res_unit{}", index + 1));
        let alpha = |scope: &mut Scope<'_>, name: &str| {
            scope.child(name).param("alpha", [width], Init::Constant(1.0))
        };
        let first = alpha(&mut scope, "snake1");
        let wide = Conv::declare(&mut scope.child("conv1"), width, width, TAPS);
        let wide = Conv { dilation, pad: dilation * (TAPS - 1) / 2, ..wide };
        let second = alpha(&mut scope, "snake2");
        let narrow = Conv::declare(&mut scope.child("conv2"), width, width, 1);
        Layer::Residual { first, wide, second, narrow }
    };
    DILATIONS.into_iter().enumerate().map(unit).collect()
}

/// Snake with its frequencies, `snake1.alpha` of a module.
fn frequencies(scope: &mut Scope<'_>, width: usize) -> Layer {
    Layer::Snake(scope.child("snake1").param("alpha", [width], Init::Constant(1.0)))
}

impl Stack {
    /// What the layers keep before the first piece; without `padded` there are no zeros around the whole, and what comes out is shorter.
    pub fn memory(&self, padded: bool) -> Vec<Memory> {
        let memory = |layer: &Layer| {
            let (zeros, skipped) = match layer {
                Layer::Conv(conv) if padded => (conv.pad * conv.inputs, 0),
                Layer::Residual { wide, .. } if padded => (wide.pad * wide.inputs, 0),
                Layer::Residual { wide, .. } => (0, wide.pad),
                _ => (0, 0),
            };
            Memory { seen: vec![0.0; zeros], beside: Vec::new(), skipped, begun: false, padded }
        };
        self.layers.iter().map(memory).collect()
    }

    /// The next piece: those frames that see nothing beyond it, and all that are left if it is the `last` one.
    ///
    /// # Errors
    /// An op failed.
    pub fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        piece: Frames,
        memory: &mut [Memory],
        last: bool,
    ) -> Result<Frames, OpError> {
        let mut frames = piece;
        for (layer, memory) in self.layers.iter().zip(memory) {
            frames = match layer {
                Layer::Conv(conv) => conv.forward(params, tape, frames, memory, last)?,
                Layer::Up(up) => up.forward(params, tape, &frames, memory, last)?,
                Layer::Snake(alpha) => waved(params, tape, frames, *alpha)?,
                Layer::Tanh if frames.values.is_empty() => frames,
                Layer::Tanh => Frames::of(&tanh(tape, &frames.array()?)?),
                Layer::Residual { first, wide, second, narrow } => {
                    memory.beside.extend(&frames.values);
                    let inside = waved(params, tape, frames, *first)?;
                    let inside = wide.forward(params, tape, inside, memory, last)?;
                    let inside = waved(params, tape, inside, *second)?;
                    let inside = narrow.run(params, tape, inside)?;
                    added(inside, memory)
                }
            };
        }
        Ok(frames)
    }
}

/// What comes out of a residual unit: the frames inside and those beside, of which the first are due.
fn added(mut inside: Frames, memory: &mut Memory) -> Frames {
    if inside.values.is_empty() {
        return inside;
    }
    let due = std::mem::take(&mut memory.skipped) * inside.width;
    memory.beside.drain(..due);
    let beside = memory.beside.drain(..inside.values.len());
    inside.values.iter_mut().zip(beside).for_each(|(sum, x)| *sum += x);
    inside
}

fn waved(
    params: &Params<Cpu>,
    tape: &mut Tape<Cpu>,
    frames: Frames,
    alpha: ParamId,
) -> Result<Frames, OpError> {
    if frames.values.is_empty() {
        return Ok(frames);
    }
    Ok(Frames::of(&snake(tape, &frames.array()?, params.array(alpha))?))
}

/// A convolution.
#[derive(Clone, Copy)]
struct Conv {
    weight: ParamId,
    bias: ParamId,
    inputs: usize,
    outputs: usize,
    taps: usize,
    stride: usize,
    dilation: usize,
    /// Zeros in front of the whole, and as many behind.
    pad: usize,
}

impl Conv {
    /// Of stride 1 that leaves the number of frames as it is.
    fn declare(scope: &mut Scope<'_>, inputs: usize, outputs: usize, taps: usize) -> Self {
        let init = Init::fan_in(inputs * taps);
        let weight = scope.param("weight", [outputs, inputs, taps], init);
        let bias = scope.param("bias", [outputs], init);
        Conv { weight, bias, inputs, outputs, taps, stride: 1, dilation: 1, pad: taps / 2 }
    }

    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        frames: Frames,
        memory: &mut Memory,
        last: bool,
    ) -> Result<Frames, OpError> {
        let mut seen = std::mem::take(&mut memory.seen);
        seen.extend(frames.values);
        if last && memory.padded {
            seen.resize(seen.len() + self.pad * self.inputs, 0.0);
        }
        let count = seen.len() / self.inputs;
        let reach = self.dilation * (self.taps - 1) + 1;
        if count < reach {
            memory.seen = seen;
            return Ok(Frames { values: Vec::new(), width: self.outputs });
        }
        let made = (count - reach) / self.stride + 1;
        // A stride longer than its kernel would leave out frames that have not come yet; here it is half as long.
        memory.seen = seen[made * self.stride * self.inputs..].to_vec();
        self.run(params, tape, Frames { values: seen, width: self.inputs })
    }

    /// The frames that see nothing beyond these.
    fn run(&self, params: &Params<Cpu>, tape: &mut Tape<Cpu>, frames: Frames) -> Result<Frames, OpError> {
        if frames.values.is_empty() {
            return Ok(Frames { values: Vec::new(), width: self.outputs });
        }
        let Conv { stride, dilation, .. } = *self;
        let settings = Conv1d { stride, padding: [0, 0], dilation, groups: 1, gelu: false };
        let (weight, bias) = (params.array(self.weight), params.array(self.bias));
        Ok(Frames::of(&conv1d(tape, &frames.array()?, weight, Some(bias), settings)?))
    }
}

/// A transposed convolution with twice as many taps as its stride: each frame reaches into the outputs of the next.
struct Up {
    weight: ParamId,
    bias: ParamId,
    outputs: usize,
    stride: usize,
}

impl Up {
    fn declare(scope: &mut Scope<'_>, inputs: usize, outputs: usize, stride: usize) -> Self {
        let init = Init::fan_in(2 * stride * outputs);
        let weight = scope.param("weight", [inputs, outputs, 2 * stride], init);
        let bias = scope.param("bias", [outputs], init);
        Up { weight, bias, outputs, stride }
    }

    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        frames: &Frames,
        memory: &mut Memory,
        last: bool,
    ) -> Result<Frames, OpError> {
        let (stride, width) = (self.stride, frames.width);
        let empty = Frames { values: Vec::new(), width: self.outputs };
        let mut values = std::mem::take(&mut memory.seen);
        values.extend(&frames.values);
        if values.is_empty() || frames.values.is_empty() && !last {
            memory.seen = values;
            return Ok(empty);
        }
        memory.seen = values[values.len() - width..].to_vec();
        let pad = if memory.padded { stride.div_ceil(2) } else { 0 };
        // Outputs of the frame before are out already, but for those that this piece adds to.
        let left = if std::mem::replace(&mut memory.begun, true) { stride } else { pad };
        let right = if last { pad } else { stride };
        if (values.len() / width + 1) * stride <= left + right {
            return Ok(empty);
        }
        let (weight, bias) = (params.array(self.weight), params.array(self.bias));
        let x = Frames { values, width }.array()?;
        Ok(Frames::of(&conv_transpose1d(tape, &x, weight, Some(bias), stride, [left, right])?))
    }
}
