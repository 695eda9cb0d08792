//! The CPU kernel: which walk, and the bias.
//!
//! Two walks over the same sums. [`super::patches`]: K adjacent frames are one long row, so a convolution is one product per
//! utterance and group; it needs taps that lie side by side. [`super::taps`]: one product per tap, for dilated kernels and
//! for the input's gradient under a stride.

use super::Convolution;
use crate::linear::cpu::add_column_sums;
use crate::op::{CpuOp, Gradient};

impl CpuOp for Convolution {
    type Saved = ();

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
    }

    fn overwrites(&self) -> bool {
        self.settings.dilation == 1 && self.settings.groups == 1
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let (x, y) = (inputs[0], &mut *outputs[0]);
        let weight = self.by_taps(inputs[1]);
        let bias = self.bias.then(|| inputs[2]);
        if self.settings.dilation == 1 {
            self.forward_by_patches(x, &weight, bias, y);
        } else {
            self.forward_by_taps(x, &weight, bias, y);
        }
    }

    fn backward(
        &self,
        _saved: (),
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (x, weight, dy) = (inputs[0], inputs[1], doutputs[0]);
        if self.bias
            && let Some(dbias) = &mut dinputs[2]
        {
            add_column_sums(dy, dbias);
        }
        if let Some(dweight) = &mut dinputs[1] {
            let by_taps = if self.settings.dilation == 1 {
                self.weight_gradient_by_patches(x, dy)
            } else {
                self.weight_gradient_by_taps(x, dy)
            };
            self.add_by_taps(&by_taps, dweight);
        }
        if let Some(dx) = &mut dinputs[0] {
            let weight = self.by_taps_flipped(weight);
            if self.is_own_mirror() {
                self.input_gradient_by_patches(dy, &weight, dx);
            } else {
                self.input_gradient_by_taps(dy, &weight, dx);
            }
        }
    }
}

impl Convolution {
    /// Whether the input's gradient is itself a plain convolution of dy.
    fn is_own_mirror(&self) -> bool {
        let settings = self.settings;
        settings.stride == 1
            && settings.dilation == 1
            && settings.padding.iter().all(|&frames| frames < self.taps)
    }
}

/// Sets every row of `y` to the bias.
pub(super) fn fill_rows(y: &mut [f32], bias: &[f32]) {
    y.chunks_exact_mut(bias.len()).for_each(|row| row.copy_from_slice(bias));
}
