//! All heads of a layer, from its parameters as [`super::super::s4_kernel`] takes them.

use rayon::prelude::*;
use realfft::num_complex::Complex64;

use super::System;

/// The parameters of a layer on the host, complex numbers as pairs of values.
#[derive(Debug, Clone, Copy)]
pub struct Heads<'a> {
    /// Stored pairs of states, M.
    pub pairs: usize,
    /// ln dt, [H].
    pub log_dt: &'a [f32],
    /// ln(−Re w), [G, M], with G = 1 (shared by all heads) or H.
    pub log_w_real: &'a [f32],
    /// Im w, [G, M].
    pub w_imag: &'a [f32],
    /// P, [G, M, 2].
    pub p: &'a [f32],
    /// B, [G, M, 2].
    pub b: &'a [f32],
    /// C or C̃, [R, H, M, 2].
    pub c: &'a [f32],
}

impl Heads<'_> {
    /// Heads, H.
    pub fn count(&self) -> usize {
        self.log_dt.len()
    }

    /// Where the poles of row `row` of [R, H] lie in [G, M].
    pub fn poles_of(&self, row: usize) -> usize {
        if self.log_w_real.len() == self.pairs { 0 } else { row % self.count() * self.pairs }
    }

    /// The state space of row `row` of [R, H], with c as it is stored.
    pub fn system(&self, row: usize) -> System {
        let first = self.poles_of(row);
        let poles = first..first + self.pairs;
        let pole =
            |at: usize| Complex64::new(-f64::from(self.log_w_real[at]).exp(), f64::from(self.w_imag[at]));
        System {
            dt: f64::from(self.log_dt[row % self.count()]).exp(),
            w: poles.clone().map(pole).collect(),
            p: poles.clone().map(|at| complex(self.p, at)).collect(),
            b: poles.map(|at| complex(self.b, at)).collect(),
            c: self.response(row),
        }
    }

    fn response(&self, row: usize) -> Vec<Complex64> {
        (row * self.pairs..(row + 1) * self.pairs).map(|at| complex(self.c, at)).collect()
    }

    /// C̃ [R, H, M, 2] for a period of `period` samples, where c is C.
    pub fn periodic(&self, period: usize) -> Vec<f32> {
        let (count, rows) = (self.count(), self.c.len() / (2 * self.pairs).max(1));
        let of_head = |head: usize| {
            let responses = (head..rows).step_by(count.max(1)).map(|row| self.response(row)).collect();
            self.system(head).periodic_of(responses, period)
        };
        let by_head: Vec<Vec<Vec<Complex64>>> = (0..count).into_par_iter().map(of_head).collect();
        let mut made = Vec::with_capacity(self.c.len());
        for row in 0..rows {
            let c = &by_head[row % count][row / count];
            made.extend(c.iter().flat_map(|c| [c.re as f32, c.im as f32]));
        }
        made
    }
}

fn complex(values: &[f32], at: usize) -> Complex64 {
    Complex64::new(f64::from(values[2 * at]), f64::from(values[2 * at + 1]))
}
