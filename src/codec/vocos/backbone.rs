//! The blocks (ConvNeXt, Liu et al. 2022, arXiv 2201.03545, over time) and the linear layer behind them.

use kernels::conv1d::{Conv1d, conv1d};
use kernels::gelu::gelu;
use kernels::layer_norm::layer_norm;
use kernels::linear::linear;
use kernels::{Array, Cpu, OpError, Shape, Tape};

use super::Sizes;
use crate::nn::{Init, ParamId, Params, Scope};

/// Added to variances.
const EPS: f32 = 1e-6;

/// All layers with parameters.
pub(super) struct Backbone {
    embed: Affine,
    norm: Norms,
    blocks: Vec<Block>,
    last_norm: Affine,
    head: Affine,
    taps: [usize; 2],
    width: usize,
}

struct Block {
    across: Affine,
    norm: Norms,
    wide: Affine,
    narrow: Affine,
    gain: ParamId,
}

/// A weight and a bias.
struct Affine {
    weight: ParamId,
    bias: ParamId,
}

/// Gains and offsets of a layer norm [bandwidths, width], a row for each bandwidth.
struct Norms {
    scale: ParamId,
    shift: ParamId,
}

impl Affine {
    fn declare(scope: &mut Scope<'_>, name: &str, shape: impl Into<Shape>) -> Self {
        let (mut scope, shape) = (scope.child(name), shape.into());
        Affine {
            weight: scope.param("weight", shape, Init::Constant(0.0)),
            bias: scope.param("bias", [shape.dims()[0]], Init::Constant(0.0)),
        }
    }

    fn linear(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        linear(tape, x, params.array(self.weight), Some(params.array(self.bias)))
    }

    /// The convolution of frames with as many of them as there were.
    fn convolve(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
        taps: usize,
        groups: usize,
    ) -> Result<Array<Cpu>, OpError> {
        let settings = Conv1d { stride: 1, padding: [taps / 2; 2], dilation: 1, groups, gelu: false };
        conv1d(tape, x, params.array(self.weight), Some(params.array(self.bias)), settings)
    }
}

impl Norms {
    fn declare(scope: &mut Scope<'_>, sizes: &Sizes) -> Self {
        let mut scope = scope.child("norm");
        let mut table = |name: &str| {
            scope.child(name).param("weight", [sizes.bandwidths, sizes.width], Init::Constant(0.0))
        };
        Norms { scale: table("scale"), shift: table("shift") }
    }

    fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
        bandwidth: usize,
    ) -> Result<Array<Cpu>, OpError> {
        let width = x.shape().last();
        let row = |table: ParamId| {
            let row = params.array(table).as_slice()[bandwidth * width..][..width].to_vec();
            Array::from_vec(&Cpu::default(), row, [width])
        };
        layer_norm(tape, x, &row(self.scale)?, &row(self.shift)?, EPS)
    }
}

impl Backbone {
    /// Parameters under `backbone` and `head`.
    pub fn declare(root: &mut Scope<'_>, sizes: &Sizes) -> Self {
        let Sizes { width, inner, .. } = *sizes;
        let mut scope = root.child("backbone");
        let embed = Affine::declare(&mut scope, "embed", [width, sizes.latent, sizes.first_taps]);
        let norm = Norms::declare(&mut scope, sizes);
        let block = |block| {
            let mut scope = scope.child("convnext");
            let mut scope = scope.child(block);
            Block {
                across: Affine::declare(&mut scope, "dwconv", [width, 1, sizes.taps]),
                norm: Norms::declare(&mut scope, sizes),
                wide: Affine::declare(&mut scope, "pwconv1", [inner, width]),
                narrow: Affine::declare(&mut scope, "pwconv2", [width, inner]),
                gain: scope.param("gamma", [width], Init::Constant(0.0)),
            }
        };
        let blocks = (0..sizes.blocks).map(block).collect();
        let last_norm = Affine::declare(&mut scope, "final_layer_norm", [width]);
        let head = Affine::declare(&mut root.child("head"), "out", [sizes.n_fft + 2, width]);
        Backbone { embed, norm, blocks, last_norm, head, taps: [sizes.first_taps, sizes.taps], width }
    }

    /// Features [1, frames, latent] to [1, frames, width], with the norms of a bandwidth.
    ///
    /// # Errors
    /// An op failed.
    pub fn forward(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        features: Array<Cpu>,
        bandwidth: usize,
    ) -> Result<Array<Cpu>, OpError> {
        let x = self.embed.convolve(params, tape, &features, self.taps[0], 1)?;
        let mut x = self.norm.forward(params, tape, &x, bandwidth)?;
        for block in &self.blocks {
            let inside = block.across.convolve(params, tape, &x, self.taps[1], self.width)?;
            let inside = block.norm.forward(params, tape, &inside, bandwidth)?;
            let inside = block.wide.linear(params, tape, &inside)?;
            let inside = gelu(tape, &inside)?;
            let inside = block.narrow.linear(params, tape, &inside)?;
            x = added(&x, &inside, params.array(block.gain).as_slice())?;
        }
        let [gain, offset] = [self.last_norm.weight, self.last_norm.bias].map(|id| params.array(id));
        layer_norm(tape, &x, gain, offset, EPS)
    }

    /// Values of a spectrum [1, frames, n_fft + 2] for hidden frames.
    ///
    /// # Errors
    /// An op failed.
    pub fn head(
        &self,
        params: &Params<Cpu>,
        tape: &mut Tape<Cpu>,
        hidden: &Array<Cpu>,
    ) -> Result<Array<Cpu>, OpError> {
        self.head.linear(params, tape, hidden)
    }
}

/// x + gain y, channel by channel.
fn added(x: &Array<Cpu>, y: &Array<Cpu>, gain: &[f32]) -> Result<Array<Cpu>, OpError> {
    let mut sum = x.to_vec();
    for (row, y) in sum.chunks_exact_mut(gain.len()).zip(y.as_slice().chunks_exact(gain.len())) {
        row.iter_mut().zip(y).zip(gain).for_each(|((x, y), gain)| *x += gain * y);
    }
    Array::from_vec(&Cpu::default(), sum, x.shape())
}
