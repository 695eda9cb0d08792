//! The CPU kernel: one task per head and response; its poles in f64 until they are summed over, nodes in the vector lanes.
//!
//! Nothing is kept from forward but the inputs: the sums at all nodes would be hundreds of megabytes in a deep model, and cost less than
//! half of backward to form again.

mod nodes;
mod pulled;
mod terms;

use rayon::prelude::*;
use realfft::num_complex::{Complex32, Complex64};

use super::S4Kernel;
use crate::op::{CpuOp, Gradient};
use crate::s4_step::{Heads, System};
use nodes::Nodes;
use terms::{Pole, SUMS};

impl CpuOp for S4Kernel {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        if outputs[0].is_empty() {
            return;
        }
        let (nodes, parameters) = (Nodes::new(self.period), heads(self, inputs));
        outputs[0].par_chunks_mut(self.len).enumerate().for_each_init(
            || nodes.transform(),
            |scratch, (row, k)| {
                let system = parameters.system(row);
                nodes.respond(&poles(&system), system.dt as f32, &mut scratch.spectrum);
                scratch.spectrum[self.period / 2] = Complex32::from(at_infinity(&system) as f32);
                nodes.inverse(scratch);
                k.copy_from_slice(&scratch.signal[..self.len]);
            },
        );
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        if doutputs[0].is_empty() {
            return;
        }
        let (nodes, parameters) = (Nodes::new(self.period), heads(self, inputs));
        let rows: Vec<_> = doutputs[0]
            .par_chunks(self.len)
            .enumerate()
            .map_init(
                || nodes.scratch(),
                |scratch, (row, dk)| {
                    let system = parameters.system(row);
                    let pulled = nodes.pull_back(&poles(&system), system.dt, dk, scratch);
                    pulled::gradient(&system, &pulled)
                },
            )
            .collect();
        pulled::add(self, &parameters, &rows, dinputs);
    }
}

/// The inputs by name.
fn heads<'a>(op: &S4Kernel, inputs: &[&'a [f32]]) -> Heads<'a> {
    let &[log_dt, log_w_real, w_imag, p, b, c] = inputs else { unreachable!("six inputs") };
    Heads { pairs: op.pairs, log_dt, log_w_real, w_imag, p, b, c }
}

/// The numerators of pole `n` in the four sums.
fn numerators(system: &System, n: usize) -> [Complex64; SUMS] {
    let (p, b, c) = (system.p[n], system.b[n], system.c[n]);
    [b * c, b * p.conj(), p * c, Complex64::from(p.norm_sqr())]
}

fn poles(system: &System) -> Vec<Pole> {
    let pole = |n: usize| {
        let (a, v) = (system.dt * system.w[n], numerators(system, n));
        Pole {
            rho: a.norm() as f32,
            kappa: (2.0 * a.re) as f32,
            alpha: v.map(|v| (-2.0 * (v * a.conj()).re) as f32),
            beta: v.map(|v| (2.0 * v.re) as f32),
        }
    };
    (0..system.w.len()).map(pole).collect()
}

/// K where y is infinite.
fn at_infinity(system: &System) -> f64 {
    system.dt * system.b.iter().zip(&system.c).map(|(b, c)| (b * c).re).sum::<f64>()
}
