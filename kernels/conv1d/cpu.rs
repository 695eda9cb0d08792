//! The CPU kernel: which walk, and the bias.
//!
//! Two walks over the same sums. [`super::patches`]: K adjacent frames are one long row, so a convolution is one product per
//! utterance and group; it needs taps that lie side by side. [`super::taps`]: one product per tap, for dilated kernels and
//! for the input's gradient under a stride. Where a frame is narrower than a vector that gradient has a walk of its own, [`super::columns`].

use std::borrow::Cow;

use super::Convolution;
use crate::device::scratch;
use crate::gelu::fused;
use crate::linear::cpu::add_column_sums;
use crate::op::{CpuOp, Gradient};
use crate::simd;

impl CpuOp for Convolution {
    /// What went into GELU.
    type Saved = Vec<f32>;

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
    }

    fn overwrites(&self) -> bool {
        self.settings.dilation == 1 && self.settings.groups == 1
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Vec<f32> {
        let (x, y) = (inputs[0], &mut *outputs[0]);
        let finish = Finish { bias: self.bias.then(|| inputs[2]), gelu: self.settings.gelu && !save };
        let weight = self.by_taps(inputs[1]);
        if !self.settings.gelu || !save {
            self.convolve(x, &weight, finish, y);
            return Vec::new();
        }
        let mut before = if self.overwrites() { scratch(y.len()) } else { vec![0.0; y.len()] };
        self.convolve(x, &weight, finish, &mut before);
        fused::forward(&before, y);
        before
    }

    fn backward(
        &self,
        before: Vec<f32>,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (x, weight) = (inputs[0], inputs[1]);
        let dy = match self.settings.gelu {
            true => Cow::Owned(fused::gradient(&before, doutputs[0])),
            false => Cow::Borrowed(doutputs[0]),
        };
        drop(before);
        let dy = &*dy;
        if self.bias
            && let Some(dbias) = &mut dinputs[2]
        {
            add_column_sums(dy, dbias);
        }
        if let Some(dweight) = &mut dinputs[1] {
            self.add_weight_gradient(x, dy, dweight);
        }
        if let Some(dx) = &mut dinputs[0] {
            self.add_input_gradient(dy, weight, dx);
        }
    }
}

impl Convolution {
    /// The outputs without bias or GELU; `weight` as it is given, [O, C / G, K]. `y` is zero or anything, as `overwrites` says.
    pub(crate) fn plain(&self, x: &[f32], weight: &[f32], y: &mut [f32]) {
        self.convolve(x, &self.by_taps(weight), Finish::NOTHING, y);
    }

    /// Adds what outputs' gradients owe to the weight's.
    pub(crate) fn add_weight_gradient(&self, x: &[f32], dy: &[f32], dweight: &mut [f32]) {
        let by_taps = if self.settings.dilation == 1 {
            self.weight_gradient_by_patches(x, dy)
        } else {
            self.weight_gradient_by_taps(x, dy)
        };
        self.add_by_taps(&by_taps, dweight);
    }

    /// Adds what outputs' gradients owe to the input's; `weight` as it is given.
    pub(crate) fn add_input_gradient(&self, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
        if self.is_narrow() {
            return self.input_gradient_by_columns(dy, weight, dx);
        }
        let weight = self.by_taps_flipped(weight);
        if self.is_own_mirror() {
            self.input_gradient_by_patches(dy, &weight, dx);
        } else {
            self.input_gradient_by_taps(dy, &weight, dx);
        }
    }

    /// `weight` by taps.
    fn convolve(&self, x: &[f32], weight: &[f32], finish: Finish<'_>, y: &mut [f32]) {
        if self.settings.dilation == 1 {
            self.forward_by_patches(x, weight, finish, y);
        } else {
            self.forward_by_taps(x, weight, finish, y);
        }
    }

    /// Whether the input's gradient is itself a plain convolution of dy.
    fn is_own_mirror(&self) -> bool {
        let settings = self.settings;
        settings.stride == 1
            && settings.dilation == 1
            && settings.padding.iter().all(|&frames| frames < self.taps)
    }
}

/// What is done with finished outputs.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub bias: Option<&'a [f32]>,
    pub gelu: bool,
}

impl Finish<'_> {
    /// Nothing is done.
    pub const NOTHING: Finish<'static> = Finish { bias: None, gelu: false };

    /// Finishes a piece of a row that begins at column `col`.
    pub fn piece(&self, col: usize, piece: &mut [f32]) {
        if let Some(bias) = self.bias {
            simd::add(piece, &bias[col..]);
        }
        if self.gelu {
            fused::activate(piece);
        }
    }

    /// Finishes whole rows of `width` values.
    pub fn rows(&self, rows: &mut [f32], width: usize) {
        if self.bias.is_some() || self.gelu {
            rows.chunks_exact_mut(width).for_each(|row| self.piece(0, row));
        }
    }
}
