//! The CPU kernel: three products and a column sum.

use rayon::prelude::*;

use super::Linear;
use crate::matmul::{View, matmul, matmul_serial};
use crate::op::CpuOp;
use crate::simd;
use crate::threads::block_rows;

impl CpuOp for Linear {
    type Saved = ();

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let (x, weight) = (inputs[0], inputs[1]);
        let mut first = 0;
        for (y, &width) in outputs.iter_mut().zip(&self.widths) {
            let beta = if self.bias { 1.0 } else { 0.0 };
            if self.bias {
                fill_rows(y, &inputs[2][first..first + width]);
            }
            let weight = View::new(&weight[first * self.inputs..], width, self.inputs);
            matmul(1.0, View::new(x, self.rows, self.inputs), weight.t(), beta, y);
            first += width;
        }
    }

    fn backward(
        &self,
        _saved: (),
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<&mut [f32]>],
    ) {
        let (x, weight) = (inputs[0], inputs[1]);
        let (rows, inner) = (self.rows, self.inputs);
        let mut first = 0;
        for (&dy, &width) in doutputs.iter().zip(&self.widths) {
            let (from, to) = (first * inner, (first + width) * inner);
            if let Some(dx) = &mut dinputs[0] {
                let weight = View::new(&weight[from..to], width, inner);
                matmul(1.0, View::new(dy, rows, width), weight, 1.0, dx);
            }
            if let Some(dweight) = &mut dinputs[1] {
                weight_gradient(dy, x, [rows, width, inner], &mut dweight[from..to]);
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

/// Sets every row of `y` to the bias.
fn fill_rows(y: &mut [f32], bias: &[f32]) {
    const BLOCK: usize = 1 << 15;
    let rows = block_rows(bias.len(), BLOCK);
    y.par_chunks_mut(rows * bias.len()).for_each(|y| {
        y.chunks_exact_mut(bias.len()).for_each(|row| row.copy_from_slice(bias));
    });
}

/// `out` [width, inner] += dyᵀ x.
///
/// A small `out` under many rows is no work to share out by its own extents: there rows are cut into fixed blocks, whose
/// products are summed in order.
fn weight_gradient(dy: &[f32], x: &[f32], [rows, width, inner]: [usize; 3], out: &mut [f32]) {
    const SMALL: usize = 1 << 15;
    const SHORT_ROWS: usize = 256;
    const BLOCKS: usize = 8;
    let blocks = (rows / SHORT_ROWS).min(BLOCKS);
    if blocks < 2 || width * inner > SMALL {
        matmul(1.0, View::new(dy, rows, width).t(), View::new(x, rows, inner), 1.0, out);
        return;
    }
    let block = rows.div_ceil(blocks);
    let mut parts = vec![0.0; blocks * width * inner];
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
