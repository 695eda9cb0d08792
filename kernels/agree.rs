//! Test support: an op's CPU kernel against its f64 specification, and its gradients against finite differences of it.

use crate::op::{CpuOp, Gradient};

/// A fixed stream of numbers in (−1, 1): test inputs.
pub struct Numbers(u64);

impl Numbers {
    /// The stream that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number in (−1, 1).
    pub fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// `len` numbers, scaled and shifted, exactly representable in f32.
    pub fn take(&mut self, len: usize, scale: f64, shift: f64) -> Vec<f64> {
        (0..len).map(|_| f64::from((self.draw() * scale + shift) as f32)).collect()
    }
}

/// Allowed difference `absolute + relative·|want|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    /// Allowed whatever the size of the number.
    pub absolute: f64,
    /// Allowed as a share of the number wanted.
    pub relative: f64,
}

impl Tolerance {
    /// For f32 kernels whose sums are short.
    pub const F32: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };
    /// For f32 gradients.
    pub const F32_GRADIENT: Tolerance = Tolerance { absolute: 1e-4, relative: 1e-4 };
}

/// Panics with the worst element if `got` and `want` differ by more than `tolerance`.
pub fn agree(what: &str, got: &[f32], want: &[f64], tolerance: Tolerance) {
    assert_eq!(got.len(), want.len(), "{what}: lengths differ");
    let excess = |(&got, &want): (&f32, &f64)| {
        let error = (f64::from(got) - want).abs();
        let ratio = error / (tolerance.absolute + tolerance.relative * want.abs());
        if ratio.is_nan() { f64::INFINITY } else { ratio }
    };
    let worst = got.iter().zip(want).map(excess).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((i, ratio)) = worst {
        assert!(
            ratio <= 1.0,
            "{what}[{i}]: got {}, want {} ({ratio:.1} times the tolerance)",
            got[i],
            want[i]
        );
    }
}

/// Runs an op's CPU forward. Returns outputs and what backward needs. An op that says it overwrites its outputs finds NaN in them.
pub fn run_forward<O: CpuOp>(
    op: &O,
    inputs: &[Vec<f64>],
    output_lens: &[usize],
) -> (Vec<Vec<f32>>, O::Saved) {
    let inputs: Vec<Vec<f32>> = inputs.iter().map(|x| x.iter().map(|&x| x as f32).collect()).collect();
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let before = if op.overwrites() { f32::NAN } else { 0.0 };
    let mut outputs: Vec<Vec<f32>> = output_lens.iter().map(|&len| vec![before; len]).collect();
    let saved = {
        let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        op.forward(&inputs, &mut outputs, true)
    };
    (outputs, saved)
}

/// Runs an op's CPU forward and backward. Returns the input gradients, each started from nothing: where the op says that it can set them,
/// from NaN, and then once more from a half, which it has to add to.
pub fn run_backward<O: CpuOp>(op: &O, inputs: &[Vec<f64>], doutputs: &[Vec<f64>]) -> Vec<Vec<f32>> {
    const BEFORE: f32 = 0.5;
    let fresh: Vec<bool> = (0..inputs.len()).map(|index| op.sets_gradient(index)).collect();
    let gradients = backward_from(op, inputs, doutputs, &fresh, 0.0);
    if fresh.contains(&true) {
        let added = backward_from(op, inputs, doutputs, &vec![false; inputs.len()], BEFORE);
        for (set, added) in gradients.iter().zip(&added) {
            let want: Vec<f64> = set.iter().map(|&set| f64::from(set + BEFORE)).collect();
            if want.iter().all(|want| want.is_finite()) {
                agree(&format!("{}: what is added", O::NAME), added, &want, Tolerance::F32);
            }
        }
    }
    gradients
}

fn backward_from<O: CpuOp>(
    op: &O,
    inputs: &[Vec<f64>],
    doutputs: &[Vec<f64>],
    fresh: &[bool],
    before: f32,
) -> Vec<Vec<f32>> {
    let lens: Vec<usize> = doutputs.iter().map(Vec::len).collect();
    let (outputs, saved) = run_forward(op, inputs, &lens);
    let narrow = |xs: &[Vec<f64>]| -> Vec<Vec<f32>> {
        xs.iter().map(|x| x.iter().map(|&x| x as f32).collect()).collect()
    };
    let (inputs, doutputs) = (narrow(inputs), narrow(doutputs));
    let start = |fresh: bool| if fresh { f32::NAN } else { before };
    let mut dinputs: Vec<Vec<f32>> =
        inputs.iter().zip(fresh).map(|(x, &fresh)| vec![start(fresh); x.len()]).collect();
    let kept = inputs.iter().enumerate();
    let kept = kept.map(|(i, x)| if op.keeps_input(i) { x.as_slice() } else { &[][..] });
    let outputs = outputs.iter().enumerate().filter(|(i, _)| op.keeps_output(*i));
    let kept: Vec<&[f32]> = kept.chain(outputs.map(|(_, y)| y.as_slice())).collect();
    let doutputs: Vec<&[f32]> = doutputs.iter().map(Vec::as_slice).collect();
    let gradient = |(x, &fresh)| {
        let x: &mut Vec<f32> = x;
        Some(if fresh { Gradient::to_set(x) } else { Gradient::to_add(x) })
    };
    let mut gradients: Vec<Option<Gradient<'_>>> = dinputs.iter_mut().zip(fresh).map(gradient).collect();
    op.backward(saved, &kept, &doutputs, &mut gradients);
    drop(gradients);
    dinputs
}

/// Holds an op to its specification: outputs, and every input gradient against central differences of `reference` in f64.
///
/// `differentiable[i]` is false for inputs that carry no gradient (masks, lengths).
pub fn check<O: CpuOp>(
    op: &O,
    inputs: &[Vec<f64>],
    differentiable: &[bool],
    reference: impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>>,
) {
    let want = reference(inputs);
    let lens: Vec<usize> = want.iter().map(Vec::len).collect();
    let (got, _) = run_forward(op, inputs, &lens);
    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
        agree(&format!("{} output {i}", O::NAME), got, want, Tolerance::F32);
    }
    let mut numbers = Numbers::new(77);
    let doutputs: Vec<Vec<f64>> = lens.iter().map(|&len| numbers.take(len, 1.0, 0.0)).collect();
    let dinputs = run_backward(op, inputs, &doutputs);
    for (i, got) in dinputs.iter().enumerate().filter(|(i, _)| differentiable[*i]) {
        let want = differences(inputs, i, &doutputs, &reference);
        agree(&format!("{} gradient of input {i}", O::NAME), got, &want, Tolerance::F32_GRADIENT);
    }
}

/// Central differences of Σ doutput·output with respect to input `index`.
pub fn differences(
    inputs: &[Vec<f64>],
    index: usize,
    doutputs: &[Vec<f64>],
    reference: &impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>>,
) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let objective = |inputs: &[Vec<f64>]| -> f64 {
        let outputs = reference(inputs);
        outputs.iter().zip(doutputs).map(|(y, d)| y.iter().zip(d).map(|(y, d)| y * d).sum::<f64>()).sum()
    };
    let mut inputs = inputs.to_vec();
    (0..inputs[index].len())
        .map(|j| {
            let centre = inputs[index][j];
            inputs[index][j] = centre + STEP;
            let above = objective(&inputs);
            inputs[index][j] = centre - STEP;
            let below = objective(&inputs);
            inputs[index][j] = centre;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

/// Holds a device's kernel to the CPU's, where inputs are too long for finite differences: outputs of these lengths, and all gradients.
pub fn follows<D: CpuOp, O: CpuOp>(device: &D, cpu: &O, inputs: &[Vec<f64>], output_lens: &[usize]) {
    let wide = |xs: &[f32]| xs.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let (got, want) = (run_forward(device, inputs, output_lens).0, run_forward(cpu, inputs, output_lens).0);
    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
        agree(&format!("{} output {i}", O::NAME), got, &wide(want), Tolerance::F32);
    }
    let mut numbers = Numbers::new(78);
    let doutputs: Vec<Vec<f64>> = output_lens.iter().map(|&len| numbers.take(len, 1.0, 0.0)).collect();
    let (got, want) = (run_backward(device, inputs, &doutputs), run_backward(cpu, inputs, &doutputs));
    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
        agree(&format!("{} gradient {i}", O::NAME), got, &wide(want), Tolerance::F32_GRADIENT);
    }
}
