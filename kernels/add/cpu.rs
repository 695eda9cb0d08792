//! The CPU kernel: one pass over fixed blocks.

use rayon::prelude::*;

use super::Add;
use crate::dropout::Factors;
use crate::op::{CpuOp, Gradient};
use crate::simd;

/// Elements per task. A power of two, as the factors ask.
const BLOCK: usize = 1 << 15;

impl CpuOp for Add {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _save: bool) {
        let operands = inputs[0].par_chunks(BLOCK).zip(inputs[1].par_chunks(BLOCK));
        outputs[0].par_chunks_mut(BLOCK).zip(operands).enumerate().for_each(|(block, (out, (a, b)))| {
            let stretch = self.factors.map(|factors| factors.starting_at(block * BLOCK));
            simd::dispatch(
                #[inline(always)]
                || match stretch {
                    None => {
                        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                            *out = a + b;
                        }
                    }
                    Some(stretch) => {
                        for (i, ((out, a), &b)) in out.iter_mut().zip(a).zip(b).enumerate() {
                            *out = a + stretch.of(i, b);
                        }
                    }
                },
            );
        });
    }

    fn backward(
        &self,
        (): (),
        _inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    ) {
        let [da, db] = dinputs else { unreachable!("two inputs") };
        if let (Some(db), Some(factors)) = (&mut *db, self.factors) {
            add_kept(factors, doutputs[0], db);
        }
        let as_it_is = if self.factors.is_some() { None } else { db.as_mut() };
        for dinput in da.iter_mut().chain(as_it_is) {
            if dinput.is_fresh() {
                dinput.copy_from_slice(doutputs[0]);
                continue;
            }
            let operands = doutputs[0].par_chunks(BLOCK);
            dinput.par_chunks_mut(BLOCK).zip(operands).for_each(|(dinput, dout)| {
                simd::add(dinput, dout);
            });
        }
    }
}

/// Adds to `db`, or sets it where it is fresh, what of `dout` is kept.
fn add_kept(factors: Factors, dout: &[f32], db: &mut Gradient<'_>) {
    let fresh = db.is_fresh();
    db.par_chunks_mut(BLOCK).zip(dout.par_chunks(BLOCK)).enumerate().for_each(|(block, (db, dout))| {
        let stretch = factors.starting_at(block * BLOCK);
        simd::dispatch(
            #[inline(always)]
            || {
                for (i, (db, &dout)) in db.iter_mut().zip(dout).enumerate() {
                    let before = if fresh { 0.0 } else { *db };
                    *db = before + stretch.of(i, dout);
                }
            },
        );
    });
}
