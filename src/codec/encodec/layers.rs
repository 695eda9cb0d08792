//! The layers of encoder and decoder, and what each keeps from one piece of sound to the next.
//!
//! All are causal: a frame sees itself and frames before. A piece is given to a layer with the frames of the piece before that it still sees;
//! before the first there are its own first frames, mirrored, as behind the last where a stride wants more.

use kernels::conv_transpose1d::conv_transpose1d;
use kernels::conv1d::{Conv1d, conv1d};
use kernels::elu::elu;
use kernels::lstm::{Memory as Recalled, Weights, lstm};
use kernels::{Array, Cpu, OpError, Shape, Tape};

use super::Sizes;
use crate::codec::frames::Frames;
use crate::nn::{Init, ParamId, Params, Scope};

/// What a layer keeps.
pub(super) enum Memory {
    Nothing,
    /// The last frames that it has seen; none before the first piece.
    Seen(Option<Vec<f32>>),
    /// What each layer of an LSTM remembers.
    Recalled(Vec<Recalled<Cpu>>),
}

/// Layers, one after the other.
pub(super) struct Stack {
    layers: Vec<Layer>,
}

enum Layer {
    Conv(Conv),
    Residual { narrow: Conv, wide: Conv, shortcut: Conv },
    Elu,
    Lstm(Vec<Gates>),
    Up(Up),
}

/// The encoder: [T, 1] to [T / hop, latent].
pub(super) fn encoder(scope: &mut Scope<'_>, sizes: &Sizes) -> Stack {
    let mut stack = Builder::new(scope);
    let mut width = sizes.filters;
    stack.conv(1, width, sizes.taps, 1);
    for &ratio in sizes.ratios.iter().rev() {
        stack.residual(width, sizes.residual_taps);
        stack.push(Layer::Elu);
        stack.conv(width, 2 * width, 2 * ratio, ratio);
        width *= 2;
    }
    stack.lstm(width, sizes.lstm_layers);
    stack.push(Layer::Elu);
    stack.conv(width, sizes.latent, sizes.last_taps, 1);
    stack.done()
}

/// The decoder: [T, latent] to [T · hop, 1].
pub(super) fn decoder(scope: &mut Scope<'_>, sizes: &Sizes) -> Stack {
    let mut stack = Builder::new(scope);
    let mut width = sizes.filters << sizes.ratios.len();
    stack.conv(sizes.latent, width, sizes.taps, 1);
    stack.lstm(width, sizes.lstm_layers);
    for &ratio in &sizes.ratios {
        stack.push(Layer::Elu);
        stack.up(width, width / 2, ratio);
        width /= 2;
        stack.residual(width, sizes.residual_taps);
    }
    stack.push(Layer::Elu);
    stack.conv(width, 1, sizes.last_taps, 1);
    stack.done()
}

/// Declares layers under `layers.{i}`.
struct Builder<'s, 'a> {
    scope: &'s mut Scope<'a>,
    layers: Vec<Layer>,
}

impl<'s, 'a> Builder<'s, 'a> {
    fn new(scope: &'s mut Scope<'a>) -> Self {
        Builder { scope, layers: Vec::new() }
    }

    fn push(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    /// The scope of the next layer's part.
    fn part(&mut self, part: &str) -> Scope<'_> {
        let path = format!("layers.{}{part}", self.layers.len());
        Scope::child(self.scope, path)
    }

    fn conv(&mut self, inputs: usize, outputs: usize, taps: usize, stride: usize) {
        let conv = Conv::declare(&mut self.part(".conv"), inputs, outputs, taps, stride);
        self.push(Layer::Conv(conv));
    }

    fn residual(&mut self, width: usize, taps: usize) {
        let narrow = Conv::declare(&mut self.part(".block.1.conv"), width, width / 2, taps, 1);
        let wide = Conv::declare(&mut self.part(".block.3.conv"), width / 2, width, 1, 1);
        let shortcut = Conv::declare(&mut self.part(".shortcut.conv"), width, width, 1, 1);
        self.push(Layer::Residual { narrow, wide, shortcut });
    }

    fn lstm(&mut self, width: usize, layers: usize) {
        let mut scope = self.part(".lstm");
        let gates = (0..layers).map(|layer| Gates::declare(&mut scope, width, layer)).collect();
        self.push(Layer::Lstm(gates));
    }

    fn up(&mut self, inputs: usize, outputs: usize, ratio: usize) {
        let mut scope = self.part(".conv");
        let taps = 2 * ratio;
        let init = Init::fan_in(outputs * taps);
        let up = Up {
            weight: scope.param("weight", [inputs, outputs, taps], init),
            bias: scope.param("bias", [outputs], init),
            stride: ratio,
        };
        self.push(Layer::Up(up));
    }

    fn done(self) -> Stack {
        Stack { layers: self.layers }
    }
}

impl Stack {
    /// What the layers keep before the first piece.
    pub fn memory(&self) -> Vec<Memory> {
        let memory = |layer: &Layer| match layer {
            Layer::Elu => Memory::Nothing,
            Layer::Conv(_) | Layer::Residual { .. } | Layer::Up(_) => Memory::Seen(None),
            Layer::Lstm(_) => Memory::Recalled(Vec::new()),
        };
        self.layers.iter().map(memory).collect()
    }

    /// The next piece; all but the last are whole frames of the last layer long.
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
            frames = match (layer, memory) {
                (Layer::Conv(conv), Memory::Seen(seen)) => conv.forward(params, tape, frames, seen, last)?,
                (Layer::Up(up), Memory::Seen(seen)) => up.forward(params, tape, &frames, seen)?,
                (Layer::Lstm(gates), Memory::Recalled(recalled)) => {
                    recall(gates, params, tape, frames, recalled)?
                }
                (Layer::Residual { narrow, wide, shortcut }, Memory::Seen(seen)) => {
                    let inside = activated(tape, frames.clone())?;
                    let inside = narrow.forward(params, tape, inside, seen, last)?;
                    let inside = activated(tape, inside)?;
                    let mut sum = wide.forward(params, tape, inside, &mut None, last)?;
                    let beside = shortcut.forward(params, tape, frames, &mut None, last)?;
                    sum.values.iter_mut().zip(&beside.values).for_each(|(sum, x)| *sum += x);
                    sum
                }
                (_, _) => activated(tape, frames)?,
            };
        }
        Ok(frames)
    }
}

fn activated(tape: &mut Tape<Cpu>, frames: Frames) -> Result<Frames, OpError> {
    Ok(Frames::of(&elu(tape, &frames.array()?)?))
}

/// A causal convolution.
struct Conv {
    weight: ParamId,
    bias: ParamId,
    taps: usize,
    stride: usize,
}

impl Conv {
    fn declare(scope: &mut Scope<'_>, inputs: usize, outputs: usize, taps: usize, stride: usize) -> Self {
        let init = Init::fan_in(inputs * taps);
        Conv {
            weight: scope.param("weight", [outputs, inputs, taps], init),
            bias: scope.param("bias", [outputs], init),
            taps,
            stride,
        }
    }

    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        frames: Frames,
        seen: &mut Option<Vec<f32>>,
        last: bool,
    ) -> Result<Frames, OpError> {
        let (before, width) = (self.taps - self.stride, frames.width);
        let behind = if last { frames.count().next_multiple_of(self.stride) - frames.count() } else { 0 };
        let padded = match seen.take() {
            None => mirrored(frames, before, behind),
            Some(mut all) => {
                all.extend(frames.values);
                mirrored(Frames { values: all, width }, 0, behind)
            }
        };
        if before > 0 {
            *seen = Some(padded.values[padded.values.len() - before * width..].to_vec());
        }
        let settings = Conv1d { stride: self.stride, padding: [0, 0], dilation: 1, groups: 1, gelu: false };
        let (weight, bias) = (params.array(self.weight), params.array(self.bias));
        Ok(Frames::of(&conv1d(tape, &padded.array()?, weight, Some(bias), settings)?))
    }
}

/// `frames` with `before` and `behind` more, mirrored at the first and the last. Where there are too few to be mirrored, silence is put behind
/// them first, and as much taken off the end again.
fn mirrored(frames: Frames, before: usize, behind: usize) -> Frames {
    let (count, width) = (frames.count(), frames.width);
    let whole = before + count + behind;
    let frame = |at: usize| frames.values.get(at * width..(at + 1) * width);
    // With silence behind them, the last frame is this one.
    let end = count.max(before.max(behind) + 1) - 1;
    let mut values = Vec::with_capacity(whole * width);
    for at in 0..whole {
        let from = match at.checked_sub(before) {
            None => before - at,
            Some(at) if at > end => end - (at - end),
            Some(at) => at,
        };
        match frame(from) {
            Some(frame) => values.extend(frame),
            None => values.resize(values.len() + width, 0.0),
        }
    }
    Frames { values, width }
}

/// A transposed convolution with twice as many taps as its stride: each frame reaches into the outputs of the next.
struct Up {
    weight: ParamId,
    bias: ParamId,
    stride: usize,
}

impl Up {
    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        frames: &Frames,
        seen: &mut Option<Vec<f32>>,
    ) -> Result<Frames, OpError> {
        let width = frames.width;
        let before = seen.replace(frames.values[frames.values.len() - width..].to_vec());
        // Outputs of the frame before are there already, but for what it adds to those of this piece.
        let left = if before.is_some() { self.stride } else { 0 };
        let mut values = before.unwrap_or_default();
        values.extend(&frames.values);
        let x = Frames { values, width }.array()?;
        let (weight, bias) = (params.array(self.weight), params.array(self.bias));
        let y = conv_transpose1d(tape, &x, weight, Some(bias), self.stride, [left, self.stride])?;
        Ok(Frames::of(&y))
    }
}

/// One layer of an LSTM.
struct Gates {
    input: ParamId,
    hidden: ParamId,
    input_bias: ParamId,
    hidden_bias: ParamId,
    width: usize,
}

impl Gates {
    fn declare(scope: &mut Scope<'_>, width: usize, layer: usize) -> Self {
        let init = Init::fan_in(width);
        let mut param = |name: &str, shape: Shape| scope.param(&format!("{name}_l{layer}"), shape, init);
        Gates {
            input: param("weight_ih", [4 * width, width].into()),
            hidden: param("weight_hh", [4 * width, width].into()),
            input_bias: param("bias_ih", [4 * width].into()),
            hidden_bias: param("bias_hh", [4 * width].into()),
            width,
        }
    }
}

/// The LSTM's layers one after the other, and their input added to what comes out.
fn recall(
    gates: &[Gates],
    params: &Params<Cpu>,
    tape: &mut Tape<Cpu>,
    frames: Frames,
    recalled: &mut Vec<Recalled<Cpu>>,
) -> Result<Frames, OpError> {
    if recalled.is_empty() {
        let empty = |gates: &Gates| Recalled::empty(&Cpu::default(), 1, gates.width);
        *recalled = gates.iter().map(empty).collect::<Result<_, _>>()?;
    }
    let mut x = frames.clone().array()?;
    for (gates, memory) in gates.iter().zip(recalled) {
        let weights = Weights {
            input: params.array(gates.input),
            hidden: params.array(gates.hidden),
            input_bias: params.array(gates.input_bias),
            hidden_bias: params.array(gates.hidden_bias),
        };
        let (y, cell) = lstm(tape, &x, &weights, memory)?;
        let last = y.as_slice()[y.len() - gates.width..].to_vec();
        *memory = Recalled { hidden: Array::from_vec(&Cpu::default(), last, [1, gates.width])?, cell };
        x = y;
    }
    let mut out = Frames::of(&x);
    out.values.iter_mut().zip(&frames.values).for_each(|(out, x)| *out += x);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{Frames, mirrored};

    #[test]
    fn edges_are_mirrored_and_short_sounds_filled_up_first() {
        let padded = |values: &[f32], before, behind| {
            mirrored(Frames { values: values.to_vec(), width: 1 }, before, behind).values
        };
        assert_eq!(padded(&[1.0, 2.0, 3.0, 4.0], 2, 1), [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0]);
        // torch: pad [1, 2] with one zero, reflect 2 and 0, cut the last.
        assert_eq!(padded(&[1.0, 2.0], 2, 0), [0.0, 2.0, 1.0, 2.0]);
        assert_eq!(padded(&[1.0], 3, 1), [0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(padded(&[1.0, 2.0, 3.0], 0, 0), [1.0, 2.0, 3.0]);
    }
}
