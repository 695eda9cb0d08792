//! The CPU kernel: three products and a column sum; the bias is added to rows as they are finished.

use rayon::prelude::*;

use super::Linear;
use crate::device::scratch;
use crate::matmul::{Product, View, matmul, matmul_serial, matmul_then};
use crate::op::{CpuOp, Gradient};
use crate::simd;

impl CpuOp for Linear {
    type Saved = ();

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        index == 0 || index == 1 && !self.gathers()
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let (x, weight) = (View::new(inputs[0], self.rows, self.inputs), inputs[1]);
        let mut first = 0;
        for (y, &width) in outputs.iter_mut().zip(&self.widths) {
            let weight = View::new(&weight[first * self.inputs..], width, self.inputs);
            let product = Product { alpha: 1.0, a: x, b: weight.t(), beta: 0.0 };
            if self.bias {
                let bias = &inputs[2][first..first + width];
                matmul_then(&product, y, &|_, col, piece| simd::add(piece, &bias[col..]));
            } else {
                matmul(1.0, x, weight.t(), 0.0, y);
            }
            first += width;
        }
    }

    fn backward(
        &self,
        _saved: (),
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (x, weight) = (inputs[0], inputs[1]);
        let (rows, inner) = (self.rows, self.inputs);
        let mut first = 0;
        for (&dy, &width) in doutputs.iter().zip(&self.widths) {
            let (from, to) = (first * inner, (first + width) * inner);
            if let Some(dx) = &mut dinputs[0] {
                let weight = View::new(&weight[from..to], width, inner);
                let beta = if first == 0 { dx.beta() } else { 1.0 };
                matmul(1.0, View::new(dy, rows, width), weight, beta, dx);
            }
            if let Some(dweight) = &mut dinputs[1] {
                let beta = dweight.beta();
                weight_gradient(dy, x, [rows, width, inner], beta, &mut dweight[from..to]);
            }
            if self.bias
                && let Some(dbias) = &mut dinputs[2]
            {
                add_column_sums(dy, &mut dbias[first..first + width]);
            }
            first += width;
        }
    }
}

impl Linear {
    /// Whether some piece's weight gradient is summed in parts.
    fn gathers(&self) -> bool {
        self.widths.iter().any(|&width| row_blocks([self.rows, width, self.inputs]) > 1)
    }
}

/// Into how many blocks of rows the weight's gradient is cut.
///
/// A small gradient under many rows is no work to share out by its own extents: there rows are cut into fixed blocks, whose
/// products are summed in order.
pub(crate) fn row_blocks([rows, width, inner]: [usize; 3]) -> usize {
    const SMALL: usize = 1 << 15;
    const SHORT_ROWS: usize = 256;
    const BLOCKS: usize = 8;
    if width * inner > SMALL { 1 } else { (rows / SHORT_ROWS).clamp(1, BLOCKS) }
}

/// `out` [width, inner] = dyᵀ x + beta · `out`.
pub(crate) fn weight_gradient(dy: &[f32], x: &[f32], extents: [usize; 3], beta: f32, out: &mut [f32]) {
    let [rows, width, inner] = extents;
    let blocks = row_blocks(extents);
    if blocks < 2 {
        matmul(1.0, View::new(dy, rows, width).t(), View::new(x, rows, inner), beta, out);
        return;
    }
    let block = rows.div_ceil(blocks);
    let mut parts = scratch(blocks * width * inner);
    parts.par_chunks_mut(width * inner).enumerate().for_each(|(index, part)| {
        let first = index * block;
        let rows = block.min(rows - first);
        let (dy, x) =
            (View::new(&dy[first * width..], rows, width), View::new(&x[first * inner..], rows, inner));
        matmul_serial(1.0, dy.t(), x, 0.0, part, inner);
    });
    for part in parts.chunks_exact(width * inner) {
        out.iter_mut().zip(part).for_each(|(out, part)| *out += part);
    }
}

/// `out` [width] += the column sums of `dy` [rows, width], over fixed blocks of rows summed in order.
pub(crate) fn add_column_sums(dy: &[f32], out: &mut [f32]) {
    const BLOCK_ROWS: usize = 256;
    let width = out.len();
    let parts: Vec<Vec<f32>> = dy
        .par_chunks(BLOCK_ROWS * width)
        .map(|block| {
            let mut part = vec![0.0f32; width];
            simd::dispatch(
                #[inline(always)]
                || {
                    for row in block.chunks_exact(width) {
                        for (sum, &value) in part.iter_mut().zip(row) {
                            *sum += value;
                        }
                    }
                },
            );
            part
        })
        .collect();
    for part in parts {
        out.iter_mut().zip(&part).for_each(|(out, part)| *out += part);
    }
}
