//! The CPU kernel for rows: each is one task's, its sums in f64.

use rayon::prelude::*;

use super::RowWeightNorm;
use crate::op::{CpuOp, Gradient};

impl CpuOp for RowWeightNorm {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let rows = inputs[0].par_iter().zip(inputs[1].par_chunks(self.inputs));
        outputs[0].par_chunks_mut(self.inputs).zip(rows).for_each(|(w, (g, v))| {
            let factor = (f64::from(*g) / product(v, v).sqrt()) as f32;
            w.iter_mut().zip(v).for_each(|(w, v)| *w = factor * v);
        });
    }

    fn backward(&self, (): (), inputs: &[&[f32]], doutputs: &[&[f32]], dinputs: &mut [Option<Gradient<'_>>]) {
        let (g, v, dw) = (inputs[0], inputs[1], doutputs[0]);
        let [dg, dv] = dinputs else { unreachable!("two inputs") };
        let rows = v.par_chunks(self.inputs).zip(dw.par_chunks(self.inputs));
        // ‖v‖² and v · dw of each row.
        let sums: Vec<[f64; 2]> = rows.clone().map(|(v, dw)| [product(v, v), product(v, dw)]).collect();
        if let Some(dg) = dg {
            dg.iter_mut().zip(&sums).for_each(|(dg, [square, along])| *dg += (along / square.sqrt()) as f32);
        }
        let Some(dv) = dv else { return };
        let factors = g.par_iter().zip(&sums);
        dv.par_chunks_mut(self.inputs).zip(rows.zip(factors)).for_each(|(dv, ((v, dw), (g, sums)))| {
            let [square, along] = sums;
            let across = f64::from(*g) / square.sqrt();
            let (across, along) = (across as f32, (across * along / square) as f32);
            dv.iter_mut().zip(v).zip(dw).for_each(|((dv, v), dw)| *dv += across * dw - along * v);
        });
    }
}

/// Σ a b.
fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
