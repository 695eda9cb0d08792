//! The CPU kernel: one utterance per task, states in the vector lanes.
//!
//! When a backward will follow, forward runs β as well and keeps the gradient of each loss, B·T·V values, instead of α,
//! B·T·(2L + 1) values of double width.

use rayon::prelude::*;

use super::CtcLossOver;
use super::lattice::{Lattice, is_never};
use crate::cross_entropy::rows;
use crate::op::{Pullback, Run};
use crate::{Array, Cpu, OpError, simd};

impl Run<CtcLossOver> for Cpu {
    /// The gradient of each loss with respect to its logits, [B, T, V]; empty if there is no backward to come.
    type Saved = Vec<f32>;

    fn keeps_input(_op: &CtcLossOver, _index: usize) -> bool {
        false
    }

    fn forward(
        CtcLossOver { constants: op, time, classes }: &CtcLossOver,
        inputs: &[&Array<Cpu>],
        outputs: &mut [Array<Cpu>],
        save: bool,
    ) -> Result<Vec<f32>, OpError> {
        let (time, classes) = (*time, *classes);
        let (logits, losses) = (inputs[0].as_slice(), outputs[0].as_mut_slice());
        let utterance = |b: usize| Utterance {
            logits: &logits[b * time * classes..][..op.input_lens[b] * classes],
            classes,
            lattice: Lattice::new(&op.targets[b], op.blank),
            zero_infinity: op.zero_infinity,
        };
        if !save || logits.is_empty() {
            losses.par_iter_mut().enumerate().for_each(|(b, loss)| *loss = utterance(b).loss());
            return Ok(Vec::new());
        }
        let mut gradient = vec![0.0; logits.len()];
        let per_utterance = gradient.par_chunks_mut(time * classes);
        losses.par_iter_mut().zip(per_utterance).enumerate().for_each(|(b, (loss, gradient))| {
            *loss = utterance(b).loss_and_gradient(gradient);
        });
        Ok(gradient)
    }

    fn backward(_op: &CtcLossOver, gradient: Vec<f32>, pullback: Pullback<'_, Cpu>) -> Result<(), OpError> {
        let dlosses: &[f32] = &pullback.doutputs[0];
        let Some(dlogits) = pullback.dinputs[0].as_deref_mut().filter(|dlogits| !dlogits.is_empty()) else {
            return Ok(());
        };
        let per_utterance = dlogits.len() / dlosses.len();
        let blocks = dlogits.par_chunks_mut(per_utterance).zip(gradient.par_chunks(per_utterance));
        blocks.zip(dlosses).for_each(|((dlogits, gradient), &dloss)| {
            for (dx, g) in dlogits.iter_mut().zip(gradient) {
                *dx += dloss * g;
            }
        });
        Ok(())
    }
}

/// The valid frames of one utterance and its target.
struct Utterance<'a> {
    logits: &'a [f32],
    classes: usize,
    lattice: Lattice<'a>,
    zero_infinity: bool,
}

impl Utterance<'_> {
    fn loss(&self) -> f32 {
        let states = self.lattice.states();
        let (mut before, mut alpha, mut emissions) =
            (vec![0.0; states], vec![0.0; states], vec![0.0; states]);
        self.lattice.start(&mut alpha);
        simd::dispatch(
            #[inline(always)]
            || {
                for frame in self.logits.chunks_exact(self.classes) {
                    std::mem::swap(&mut before, &mut alpha);
                    self.lattice.emissions(frame, rows::log_sum_exp(frame, 1.0), &mut emissions);
                    self.lattice.advance(&before, &emissions, &mut alpha);
                }
                self.judge(self.lattice.log_probability(&alpha))
            },
        )
    }

    /// Fills the valid frames of `gradient`, which is zero before.
    fn loss_and_gradient(&self, gradient: &mut [f32]) -> f32 {
        let gradient = &mut gradient[..self.logits.len()];
        simd::dispatch(
            #[inline(always)]
            || {
                let mut log_sums = Vec::with_capacity(self.logits.len() / self.classes);
                let alpha = self.alphas(&mut log_sums);
                let last = &alpha[alpha.len() - self.lattice.states()..];
                let log_p = self.lattice.log_probability(last);
                if !is_never(log_p) {
                    self.fill_gradient(&alpha, &log_sums, log_p, gradient);
                } else if !self.zero_infinity {
                    gradient.fill(f32::NAN);
                }
                self.judge(log_p)
            },
        )
    }

    fn judge(&self, log_p: f64) -> f32 {
        match is_never(log_p) {
            true if self.zero_infinity => 0.0,
            true => f32::INFINITY,
            false => -log_p as f32,
        }
    }

    /// The start column and α of every frame, one after the other; the normaliser of each frame goes to `log_sums`.
    #[inline(always)]
    fn alphas(&self, log_sums: &mut Vec<f64>) -> Vec<f64> {
        let states = self.lattice.states();
        let frames = self.logits.len() / self.classes;
        let mut emissions = vec![0.0; states];
        let mut alphas = vec![0.0; (frames + 1) * states];
        self.lattice.start(&mut alphas[..states]);
        for (t, frame) in self.logits.chunks_exact(self.classes).enumerate() {
            let log_sum = rows::log_sum_exp(frame, 1.0);
            self.lattice.emissions(frame, log_sum, &mut emissions);
            let (done, open) = alphas.split_at_mut((t + 1) * states);
            self.lattice.advance(&done[t * states..], &emissions, &mut open[..states]);
            log_sums.push(log_sum);
        }
        alphas
    }

    /// Runs β from the last frame back and writes y − occupancy of each frame as it passes.
    #[inline(always)]
    fn fill_gradient(&self, alphas: &[f64], log_sums: &[f64], log_p: f64, gradient: &mut [f32]) {
        let states = self.lattice.states();
        let (mut beta, mut after, mut emissions) = (vec![0.0; states], vec![0.0; states], vec![0.0; states]);
        let mut occupancy = vec![0.0; states];
        for (t, &log_sum) in log_sums.iter().enumerate().rev() {
            let frame = &self.logits[t * self.classes..][..self.classes];
            let gradient = &mut gradient[t * self.classes..][..self.classes];
            if t + 1 == log_sums.len() {
                self.lattice.end(&mut beta);
            } else {
                self.lattice.retreat(&after, &mut beta);
            }
            for (g, &x) in gradient.iter_mut().zip(frame) {
                *g = simd::exp((f64::from(x) - log_sum) as f32);
            }
            let alpha = &alphas[(t + 1) * states..][..states];
            self.lattice.subtract_occupancy(alpha, &beta, log_p, &mut occupancy, gradient);
            self.lattice.emissions(frame, log_sum, &mut emissions);
            for (sum, (beta, emission)) in after.iter_mut().zip(beta.iter().zip(&emissions)) {
                *sum = beta + emission;
            }
        }
    }
}
