//! The CPU kernel: two products with a pass over the middle values between them.

use rayon::prelude::*;

use super::FeedForward;
use crate::device::scratch;
use crate::dropout::Factors;
use crate::gelu::fused;
use crate::gelu::normal::distribution;
use crate::linear::cpu::{add_column_sums, row_blocks, weight_gradient};
use crate::matmul::{Product, View, matmul, matmul_then};
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task of a pass. A power of two, as the factors ask.
const BLOCK: usize = 1 << 14;

impl CpuOp for FeedForward {
    /// h.
    type Saved = Vec<f32>;

    fn keeps_input(&self, index: usize) -> bool {
        [0, 1, 3].contains(&index)
    }

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        match index {
            0 => true,
            1 => row_blocks([self.rows, self.middle, self.inputs]) == 1,
            3 => row_blocks([self.rows, self.outputs, self.middle]) == 1,
            _ => false,
        }
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Vec<f32> {
        let [x, w1, b1, w2, b2] = inputs else { unreachable!("five inputs") };
        let mut g = scratch(self.rows * self.middle);
        let product = self.product(x, w1, [self.inputs, self.middle]);
        let mut h = Vec::new();
        if save {
            h = scratch(g.len());
            matmul_then(&product, &mut h, &|_, col, piece| simd::add(piece, &b1[col..]));
            let pieces = g.par_chunks_mut(BLOCK).zip(h.par_chunks(BLOCK)).enumerate();
            pieces.for_each(|(block, (g, h))| {
                g.copy_from_slice(h);
                activate(g, self.factors, block * BLOCK);
            });
        } else {
            matmul_then(&product, &mut g, &|row, col, piece| {
                simd::add(piece, &b1[col..]);
                activate(piece, self.factors, row * self.middle + col);
            });
        }
        let product = self.product(&g, w2, [self.middle, self.outputs]);
        matmul_then(&product, outputs[0], &|_, col, piece| simd::add(piece, &b2[col..]));
        h
    }

    fn backward(
        &self,
        mut saved: Vec<f32>,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let (x, w1, w2, dy) = (inputs[0], inputs[1], inputs[3], doutputs[0]);
        let [dx, dw1, db1, dw2, db2] = dinputs else { unreachable!("five inputs") };
        let (rows, middle) = (self.rows, self.middle);
        let mut dh = scratch(rows * middle);
        let w2 = View::new(w2, self.outputs, middle);
        matmul(1.0, View::new(dy, rows, self.outputs), w2, 0.0, &mut dh);
        self.differentiate(&mut saved, &mut dh);
        let g = saved;
        if let Some(dw2) = dw2 {
            weight_gradient(dy, &g, [rows, self.outputs, middle], dw2.beta(), dw2);
        }
        drop(g);
        if let Some(db2) = db2 {
            add_column_sums(dy, db2);
        }
        if let Some(dw1) = dw1 {
            weight_gradient(&dh, x, [rows, middle, self.inputs], dw1.beta(), dw1);
        }
        if let Some(db1) = db1 {
            add_column_sums(&dh, db1);
        }
        if let Some(dx) = dx {
            let (dh, w1) = (View::new(&dh, rows, middle), View::new(w1, middle, self.inputs));
            matmul(1.0, dh, w1, dx.beta(), dx);
        }
    }
}

impl FeedForward {
    fn product<'a>(&self, x: &'a [f32], weight: &'a [f32], [inputs, outputs]: [usize; 2]) -> Product<'a> {
        let weight = View::new(weight, outputs, inputs).t();
        Product { alpha: 1.0, a: View::new(x, self.rows, inputs), b: weight, beta: 0.0 }
    }

    /// Turns h into g and dg into dh.
    fn differentiate(&self, h: &mut [f32], dg: &mut [f32]) {
        let pieces = h.par_chunks_mut(BLOCK).zip(dg.par_chunks_mut(BLOCK)).enumerate();
        pieces.for_each(|(block, (h, dg))| {
            let step = |h: &mut f32, dg: &mut f32, factor: f32| {
                let (below, density) = distribution(*h);
                *dg *= factor * (below + *h * density);
                *h *= factor * below;
            };
            match self.factors {
                None => simd::dispatch(
                    #[inline(always)]
                    || h.iter_mut().zip(dg).for_each(|(h, dg)| step(h, dg, 1.0)),
                ),
                Some(factors) => {
                    let stretch = factors.starting_at(block * BLOCK);
                    simd::dispatch(
                        #[inline(always)]
                        || {
                            for (i, (h, dg)) in h.iter_mut().zip(dg).enumerate() {
                                step(h, dg, stretch.factor(i));
                            }
                        },
                    );
                }
            }
        });
    }
}

/// Turns a piece of h, which begins at element `first`, into g.
fn activate(piece: &mut [f32], factors: Option<Factors>, first: usize) {
    match factors {
        None => fused::activate(piece),
        Some(factors) => {
            let stretch = factors.starting_at(first);
            simd::dispatch(
                #[inline(always)]
                || {
                    for (i, x) in piece.iter_mut().enumerate() {
                        *x *= stretch.factor(i) * distribution(*x).0;
                    }
                },
            );
        }
    }
}
