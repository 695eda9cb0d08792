//! The device half: whole layers by their own ops' kernels, nothing kept; what a layer is made from is freed as soon as it is made.
//!
//! Tiles are for a cache that holds what layers hand each other; a GPU is kept busy by whole sequences.

use super::{ConvStack, Kind, Stage};
use crate::cuda::{Buffer, CudaOp, Failure, Gradient, Launch, Part};
use crate::group_norm::GroupNorm;
use crate::layer_norm::LayerNorm;

impl CudaOp for ConvStack {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        let (mut x, mut operands) = (inputs[0], &inputs[1..]);
        if outputs[0].is_empty() {
            return Ok(());
        }
        // What `x` lies in, from the second layer on.
        let mut room: Option<Buffer> = None;
        for (index, stage) in self.layers.iter().enumerate() {
            let (own, rest) = operands.split_at(stage.operands());
            let is_last = index + 1 == self.layers.len();
            let made = (!is_last).then(|| gpu.buffer(stage.made(x))).transpose()?;
            let y = made.as_ref().map_or(outputs[0], Buffer::part);
            stage.run(gpu, x, own, y)?;
            (x, operands, room) = (y, rest, made);
        }
        drop(room);
        Ok(())
    }

    fn backward(
        &self,
        _: &dyn Launch,
        (): (),
        _: &[Part],
        _: &[Part],
        _: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        unreachable!("where a gradient is wanted, the layers' own ops are recorded");
    }
}

impl Stage {
    /// How many operands it has.
    fn operands(&self) -> usize {
        1 + usize::from(self.conv.bias) + if self.norm == Kind::None { 0 } else { 2 }
    }

    /// How many values it makes of `x`.
    fn made(&self, x: Part) -> usize {
        let conv = self.conv;
        x.len() / (conv.time * conv.channels) * conv.out_time * conv.outputs
    }

    /// `y` from `x` and the stage's own operands.
    fn run(&self, gpu: &dyn Launch, x: Part, own: &[Part], y: Part) -> Result<(), Failure> {
        let (of_conv, of_norm) = own.split_at(1 + usize::from(self.conv.bias));
        let of_conv = [&[x][..], of_conv].concat();
        if self.norm == Kind::None {
            return self.conv.forward(gpu, &of_conv, &[y], false).map(drop);
        }
        let sums = gpu.buffer(y.len())?;
        self.conv.forward(gpu, &of_conv, &[sums.part()], false)?;
        let of_norm = [&[sums.part()][..], of_norm].concat();
        match self.norm {
            Kind::Group => {
                let (groups, time) = (self.conv.outputs, self.conv.out_time);
                let norm = GroupNorm { eps: self.eps, groups, time, gelu: true };
                norm.forward(gpu, &of_norm, &[y], false).map(drop)
            }
            _ => LayerNorm { eps: self.eps, gelu: true }.forward(gpu, &of_norm, &[y], false).map(drop),
        }
    }
}
