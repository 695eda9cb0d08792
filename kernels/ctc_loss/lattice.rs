//! The states of one target and the moves between them, in log space.
//!
//! A column holds ln p of every state at one frame: first the L + 1 blanks, then the L labels; blank i stands before label
//! i. Kept apart like this, each move is a plain loop over contiguous states. Values are f64; only differences of them go
//! through the f32 polynomials, so errors do not grow with the size of the logarithms.

use crate::simd;

/// ln 0: finite, so that differences of two impossible states are numbers.
pub(super) const NEVER: f64 = -1e30;

/// Whether a logarithm stands for a probability of 0. A NaN does not.
pub(super) fn is_never(log_p: f64) -> bool {
    log_p < 0.5 * NEVER
}

/// One target's states.
pub(super) struct Lattice<'a> {
    labels: &'a [u32],
    blank: usize,
    /// ln of whether label i may follow label i − 1 with no blank between: 0 or `NEVER`.
    skips: Vec<f64>,
}

impl<'a> Lattice<'a> {
    /// The states of a target without blanks; `blank` is the class between them.
    pub fn new(labels: &'a [u32], blank: u32) -> Self {
        let differs = |i: usize| i > 0 && labels[i] != labels[i - 1];
        let skips = (0..labels.len()).map(|i| if differs(i) { 0.0 } else { NEVER }).collect();
        Lattice { labels, blank: blank as usize, skips }
    }

    /// Values per column.
    pub fn states(&self) -> usize {
        2 * self.labels.len() + 1
    }

    /// The column before the first frame: the one place to come from is the first blank.
    pub fn start(&self, column: &mut [f64]) {
        column.fill(NEVER);
        column[0] = 0.0;
    }

    /// The column of β at the last frame: the target is done in the last blank and in the last label.
    pub fn end(&self, column: &mut [f64]) {
        column.fill(NEVER);
        column[self.labels.len()] = 0.0;
        if !self.labels.is_empty() {
            column[2 * self.labels.len()] = 0.0;
        }
    }

    /// ln p of the target, from the last frame's α.
    #[inline(always)]
    pub fn log_probability(&self, alpha: &[f64]) -> f64 {
        let (blanks, labels) = alpha.split_at(self.labels.len() + 1);
        let last = labels.last().copied().unwrap_or(NEVER);
        log_add([blanks[self.labels.len()], last])
    }

    /// `column[state]` ← ln y of the state's class, in one frame whose normaliser is ln Σ e^x.
    #[inline(always)]
    pub fn emissions(&self, logits: &[f32], log_sum: f64, column: &mut [f64]) {
        let log_y = |class: usize| {
            let log_y = f64::from(logits[class]) - log_sum;
            if log_y < NEVER { NEVER } else { log_y }
        };
        let (blanks, labels) = column.split_at_mut(self.labels.len() + 1);
        blanks.fill(log_y(self.blank));
        for (log_p, &label) in labels.iter_mut().zip(self.labels) {
            *log_p = log_y(label as usize);
        }
    }

    /// α of a frame from α of the frame before and this frame's emissions.
    #[inline(always)]
    pub fn advance(&self, before: &[f64], emissions: &[f64], alpha: &mut [f64]) {
        let count = self.labels.len();
        let (old_blanks, old_labels) = before.split_at(count + 1);
        let (blanks, labels) = alpha.split_at_mut(count + 1);
        blanks[0] = old_blanks[0];
        let moves = old_blanks[1..].iter().zip(old_labels);
        for (blank, (&stay, &step)) in blanks[1..].iter_mut().zip(moves) {
            *blank = log_add([stay, step]);
        }
        if count > 0 {
            labels[0] = log_add([old_labels[0], old_blanks[0]]);
            let (stay, step) = (&old_labels[1..], &old_blanks[1..count]);
            let (skip, allowed) = (&old_labels[..count - 1], &self.skips[1..]);
            for (i, label) in labels[1..].iter_mut().enumerate() {
                *label = log_add([stay[i], step[i], skip[i] + allowed[i]]);
            }
        }
        for (log_p, emission) in alpha.iter_mut().zip(emissions) {
            *log_p += emission;
        }
    }

    /// β of a frame; `after` holds β of the frame after it plus that frame's emissions.
    #[inline(always)]
    pub fn retreat(&self, after: &[f64], beta: &mut [f64]) {
        let count = self.labels.len();
        let (new_blanks, new_labels) = after.split_at(count + 1);
        let (blanks, labels) = beta.split_at_mut(count + 1);
        let moves = new_blanks.iter().zip(new_labels);
        for (blank, (&stay, &step)) in blanks.iter_mut().zip(moves) {
            *blank = log_add([stay, step]);
        }
        blanks[count] = new_blanks[count];
        if count > 0 {
            let (stay, step) = (new_labels, &new_blanks[1..]);
            let (skip, allowed) = (&new_labels[1..], &self.skips[1..]);
            for (i, label) in labels[..count - 1].iter_mut().enumerate() {
                *label = log_add([stay[i], step[i], skip[i] + allowed[i]]);
            }
            labels[count - 1] = log_add([stay[count - 1], step[count - 1]]);
        }
    }

    /// `gradient[class]` −= e^(α + β − ln p), summed over the states of each class.
    #[inline(always)]
    pub fn subtract_occupancy(
        &self,
        alpha: &[f64],
        beta: &[f64],
        log_p: f64,
        occupancy: &mut [f32],
        gradient: &mut [f32],
    ) {
        for (share, (a, b)) in occupancy.iter_mut().zip(alpha.iter().zip(beta)) {
            *share = simd::exp((a + b - log_p) as f32);
        }
        let (blanks, labels) = occupancy.split_at(self.labels.len() + 1);
        gradient[self.blank] -= simd::sum(blanks);
        for (share, &label) in labels.iter().zip(self.labels) {
            gradient[label as usize] -= share;
        }
    }
}

/// ln Σ e^x of two or three logarithms.
#[inline(always)]
fn log_add<const N: usize>(terms: [f64; N]) -> f64 {
    let mut largest = terms[0];
    let mut smaller = [0.0f64; N];
    for i in 1..N {
        let exchange = terms[i] > largest;
        smaller[i] = if exchange { largest } else { terms[i] };
        largest = if exchange { terms[i] } else { largest };
    }
    let mut rest = 0.0f32;
    for term in &smaller[1..] {
        rest += simd::exp((term - largest) as f32);
    }
    largest + f64::from(ln_1p(rest))
}

/// ln(1 + t) for 0 ≤ t ≤ 2.
#[inline(always)]
fn ln_1p(t: f32) -> f32 {
    // Above 1, ln(1 + t) = ln 2 + ln(1 + (t − 1)/2).
    let halved = t > 1.0;
    let near = simd::ln_1p_unit(if halved { 0.5 * (t - 1.0) } else { t });
    near + if halved { std::f32::consts::LN_2 } else { 0.0 }
}
