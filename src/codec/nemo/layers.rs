//! The layers of encoder and decoder.
//!
//! None is causal: ordinary convolutions see as much behind a frame as before it, and what lies beyond the ends is the sound mirrored there. How far all
//! of them see together says [`Reach`], by which sound is taken in pieces.

use kernels::conv_transpose1d::conv_transpose1d;
use kernels::conv1d::{Conv1d, conv1d};
use kernels::{Array, Cpu, OpError, Tape, simd, threads};

use super::sizes::{DILATIONS, Half};
use crate::nn::{Init, ParamId, Params, Scope};

/// What no parameter starts from, as all are read from a file.
const UNREAD: Init = Init::Constant(0.0);

/// The slope of a leaky ReLU below zero.
const SLOPE: f32 = 0.01;

/// Rows of one task of an activation.
const BLOCK: usize = 4_096;

/// Layers, one after the other: sound or frames [1, T, width].
pub(super) struct Stack {
    layers: Vec<Layer>,
}

enum Layer {
    Conv(Conv),
    Up(Up),
    Activation(Activation),
    /// The mean of what units make of it in each branch.
    Residual(Vec<Vec<Unit>>),
}

/// x + conv(act(conv(act(x)))).
struct Unit {
    before: Activation,
    dilated: Conv,
    between: Activation,
    conv: Conv,
}

#[derive(Clone, Copy)]
enum Activation {
    Leaky,
    /// A snake (Ziyin et al. 2020, arXiv 2006.08195) for the first half of the channels, whose α [1, width/2, 1] this is; a leaky ReLU for the others.
    HalfSnake(ParamId),
}

/// The encoder: [T, 1] to [T / hop, latent].
pub(super) fn encoder(scope: &mut Scope<'_>, half: &Half, latent: usize) -> Stack {
    let mut layers =
        vec![Layer::Conv(Conv::declare(&mut scope.child("pre_conv"), [1, half.base, half.first_taps], 1))];
    let mut width = half.base;
    for (stage, &rate) in half.rates.iter().enumerate() {
        let residual = residual(&mut scope.child("res_layers").child(stage), half, width, false);
        layers.extend([Layer::Residual(residual), Layer::Activation(Activation::Leaky)]);
        let down = &mut scope.child("down_sample_conv_layers");
        layers.push(Layer::Conv(Conv::strided(&mut down.child(stage), width, rate)));
        width *= 2;
    }
    layers.push(Layer::Activation(Activation::Leaky));
    let last = [width, latent, half.last_taps];
    layers.push(Layer::Conv(Conv::declare(&mut scope.child("post_conv"), last, 1)));
    Stack { layers }
}

/// The decoder: [T, latent] to [T · hop, 1], before it is cut to full scale.
pub(super) fn decoder(scope: &mut Scope<'_>, half: &Half, latent: usize) -> Stack {
    let mut width = half.base << half.rates.len();
    let first = [latent, width, half.first_taps];
    let mut layers = vec![Layer::Conv(Conv::declare(&mut scope.child("pre_conv"), first, 1))];
    for (stage, &rate) in half.rates.iter().enumerate() {
        let activation = Activation::snake(&mut scope.child("activations").child(stage), width);
        let up = Up::declare(&mut scope.child("up_sample_conv_layers").child(stage), width, rate);
        width /= 2;
        let residual = residual(&mut scope.child("res_layers").child(stage), half, width, true);
        layers.extend([Layer::Activation(activation), Layer::Up(up), Layer::Residual(residual)]);
    }
    layers.push(Layer::Activation(Activation::snake(&mut scope.child("post_activation"), width)));
    layers.push(Layer::Conv(Conv::declare(&mut scope.child("post_conv"), [width, 1, half.last_taps], 1)));
    Stack { layers }
}

fn residual(scope: &mut Scope<'_>, half: &Half, width: usize, snake: bool) -> Vec<Vec<Unit>> {
    let mut scope = scope.child("res_blocks");
    let mut branches = Vec::new();
    for (branch, &taps) in half.kernels.iter().enumerate() {
        let mut scope = scope.child(branch);
        let mut scope = scope.child("res_blocks");
        let unit = |(at, dilation)| Unit::declare(&mut scope.child(at), width, taps, dilation, snake);
        branches.push(DILATIONS.into_iter().enumerate().map(unit).collect());
    }
    branches
}

impl Stack {
    /// What the layers make of `x` [1, T, width], whole.
    ///
    /// # Errors
    /// There are fewer frames than [`Reach::least_frames`], or an op failed.
    pub fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        mut x: Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        for layer in &self.layers {
            match layer {
                Layer::Conv(conv) => x = conv.forward(params, tape, &x)?,
                Layer::Up(up) => x = up.forward(params, tape, &x)?,
                Layer::Activation(activation) => activation.apply(params, &mut x),
                Layer::Residual(branches) => x = mean(branches, params, tape, &x)?,
            }
        }
        Ok(x)
    }

    /// How far the layers see, where a position of the first is `step` samples of sound of which a frame has `hop`.
    pub fn reach(&self, mut step: usize, hop: usize) -> Reach {
        let mut reach = Reach { samples: 0, least_frames: 1 };
        for layer in &self.layers {
            match layer {
                Layer::Conv(conv) => {
                    reach.add(conv, step, hop);
                    step *= conv.stride;
                }
                Layer::Up(up) => {
                    // An output takes from the frame it lies in, and from those beside it.
                    reach.samples += 2 * step;
                    step /= up.stride;
                }
                Layer::Activation(_) => {}
                Layer::Residual(branches) => {
                    // Branches lie beside each other, so the widest counts; units lie one behind the other.
                    let before = reach.samples;
                    let ends = branches.iter().map(|units| {
                        reach.samples = before;
                        for unit in units {
                            reach.add(&unit.dilated, step, hop);
                            reach.add(&unit.conv, step, hop);
                        }
                        reach.samples
                    });
                    reach.samples = ends.max().unwrap_or(before);
                }
            }
        }
        reach
    }
}

/// What lies beside a frame and has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// Samples to either side that can matter.
    pub samples: usize,
    /// Frames that a sound has to have, or its ends could not be mirrored.
    pub least_frames: usize,
}

impl Reach {
    fn add(&mut self, conv: &Conv, step: usize, hop: usize) {
        self.samples += (conv.span() - conv.beside()).max(conv.beside()) * step;
        // More positions than are mirrored.
        self.least_frames = self.least_frames.max(((conv.beside() + 1) * step).div_ceil(hop));
    }
}

fn mean(
    branches: &[Vec<Unit>],
    params: &Params<Cpu>,
    tape: &mut Tape<Cpu>,
    x: &Array<Cpu>,
) -> Result<Array<Cpu>, OpError> {
    let mut mean: Option<Array<Cpu>> = None;
    for units in branches {
        let mut inside = x.clone();
        for unit in units {
            inside = unit.forward(params, tape, &inside)?;
        }
        match &mut mean {
            Some(mean) => simd::add(mean.as_mut_slice(), inside.as_slice()),
            None => mean = Some(inside),
        }
    }
    let Some(mut mean) = mean else { return Ok(x.clone()) };
    let count = branches.len() as f32;
    mean.as_mut_slice().iter_mut().for_each(|sum| *sum /= count);
    Ok(mean)
}

impl Unit {
    fn declare(scope: &mut Scope<'_>, width: usize, taps: usize, dilation: usize, snake: bool) -> Self {
        let mut activation = |name: &str| match snake {
            true => Activation::snake(&mut scope.child(name), width),
            false => Activation::Leaky,
        };
        let (before, between) = (activation("input_activation"), activation("skip_activation"));
        Unit {
            before,
            dilated: Conv::declare(&mut scope.child("input_conv"), [width, width, taps], dilation),
            between,
            conv: Conv::declare(&mut scope.child("skip_conv"), [width, width, taps], 1),
        }
    }

    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        let inside = self.dilated.forward_activated(params, tape, x, self.before)?;
        let mut out = self.conv.forward_activated(params, tape, &inside, self.between)?;
        simd::add(out.as_mut_slice(), x.as_slice());
        Ok(out)
    }
}

impl Activation {
    fn snake(scope: &mut Scope<'_>, width: usize) -> Self {
        let alpha = scope.child("activation").child("snake_act").param("alpha", [1, width / 2, 1], UNREAD);
        Activation::HalfSnake(alpha)
    }

    fn apply(self, params: &Params<Cpu>, x: &mut Array<Cpu>) {
        let alpha: &[f32] = match self {
            Activation::Leaky => &[],
            Activation::HalfSnake(alpha) => params.array(alpha).as_slice(),
        };
        // As NeMo has it: the reciprocal first.
        let gains: Vec<f32> = alpha.iter().map(|alpha| 1.0 / (alpha + 1e-9)).collect();
        let width = x.shape().last();
        threads::for_each(x.as_mut_slice().chunks_mut(BLOCK * width).collect(), |rows| {
            simd::dispatch(
                #[inline(always)]
                || {
                    for row in rows.chunks_exact_mut(width) {
                        let (snaked, leaky) = row.split_at_mut(alpha.len());
                        for ((x, alpha), gain) in snaked.iter_mut().zip(alpha).zip(&gains) {
                            let (sine, _) = simd::sine_and_cosine(alpha * *x);
                            *x = (sine * sine).mul_add(*gain, *x);
                        }
                        for x in leaky {
                            *x = if *x >= 0.0 { *x } else { *x * SLOPE };
                        }
                    }
                },
            );
        });
    }
}

/// A convolution over sound that is mirrored at its ends.
struct Conv {
    weight: ParamId,
    bias: ParamId,
    taps: usize,
    stride: usize,
    dilation: usize,
}

impl Conv {
    fn declare(scope: &mut Scope<'_>, [inputs, outputs, taps]: [usize; 3], dilation: usize) -> Self {
        let mut scope = scope.child("conv");
        Conv {
            weight: scope.param("weight", [outputs, inputs, taps], UNREAD),
            bias: scope.param("bias", [outputs], UNREAD),
            taps,
            stride: 1,
            dilation,
        }
    }

    /// One that takes `stride` positions together, and doubles the channels.
    fn strided(scope: &mut Scope<'_>, width: usize, stride: usize) -> Self {
        Conv { stride, ..Conv::declare(scope, [width, 2 * width, 2 * stride], 1) }
    }

    /// Positions from the first tap to the last.
    fn span(&self) -> usize {
        (self.taps - 1) * self.dilation
    }

    /// Positions mirrored at either end.
    fn beside(&self) -> usize {
        if self.stride > 1 { self.stride.div_ceil(2) } else { self.span() / 2 }
    }

    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        self.over(params, tape, &mirrored(x, self.beside())?)
    }

    /// What it makes of the activated `x`.
    fn forward_activated(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
        activation: Activation,
    ) -> Result<Array<Cpu>, OpError> {
        // Mirrored first: then the activation has an array of its own to work in.
        let mut padded = mirrored(x, self.beside())?;
        activation.apply(params, &mut padded);
        self.over(params, tape, &padded)
    }

    /// What it makes of `padded`, which has what is seen beyond the ends.
    fn over(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        padded: &Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        let settings =
            Conv1d { stride: self.stride, padding: [0, 0], dilation: self.dilation, groups: 1, gelu: false };
        let (weight, bias) = (params.array(self.weight), params.array(self.bias));
        conv1d(tape, padded, weight, Some(bias), settings)
    }
}

/// `x` [1, T, width] with `beside` more positions at either end, mirrored at the first and the last.
fn mirrored(x: &Array<Cpu>, beside: usize) -> Result<Array<Cpu>, OpError> {
    let [_, count, width] = x.dims("mirrored", "x")?;
    if beside >= count {
        let want = format!("{beside} positions are mirrored at either end");
        return Err(OpError::Shape { op: "mirrored", operand: "x", got: x.shape(), want });
    }
    let values = x.as_slice();
    let position = |at: usize| &values[at * width..][..width];
    let mut padded = Vec::with_capacity((count + 2 * beside) * width);
    (1..=beside).rev().for_each(|at| padded.extend_from_slice(position(at)));
    padded.extend_from_slice(values);
    (1..=beside).for_each(|at| padded.extend_from_slice(position(count - 1 - at)));
    Array::from_vec(&Cpu::default(), padded, [1, count + 2 * beside, width])
}

/// A transposed convolution with twice as many taps as its stride: `stride` outputs for each input, and half as many channels.
struct Up {
    weight: ParamId,
    bias: ParamId,
    stride: usize,
}

impl Up {
    fn declare(scope: &mut Scope<'_>, width: usize, stride: usize) -> Self {
        let mut scope = scope.child("conv");
        Up {
            weight: scope.param("weight", [width, width / 2, 2 * stride], UNREAD),
            bias: scope.param("bias", [width / 2], UNREAD),
            stride,
        }
    }

    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        // An odd stride leaves one more at the end, which PyTorch calls output padding.
        let trim = [self.stride.div_ceil(2), self.stride / 2];
        let (weight, bias) = (params.array(self.weight), params.array(self.bias));
        conv_transpose1d(tape, x, weight, Some(bias), self.stride, trim)
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Array, Cpu};

    use super::mirrored;

    #[test]
    fn ends_are_mirrored_without_themselves() {
        let x = Array::from_vec(&Cpu::default(), vec![1.0, 2.0, 3.0], [1, 3, 1]).unwrap();
        assert_eq!(mirrored(&x, 2).unwrap().to_vec(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
        assert_eq!(mirrored(&x, 0).unwrap().to_vec(), [1.0, 2.0, 3.0]);
        assert!(mirrored(&x, 3).is_err());
    }
}
