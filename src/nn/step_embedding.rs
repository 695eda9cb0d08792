//! How far a diffusion has come, as a vector (DiffWave, arXiv 2009.09761).

use kernels::silu::silu;
use kernels::{Array, Backend, OpError};

use super::{Linear, Pass, Scope};

/// The ratio of the fastest oscillation's frequency to the slowest's.
const SPAN: f64 = 10_000.0;

/// Sines, then cosines of the step at falling frequencies → linear → SiLU → linear → SiLU.
#[derive(Debug, Clone)]
pub struct StepEmbedding {
    inputs: usize,
    first: Linear,
    second: Linear,
}

impl StepEmbedding {
    /// Parameters `fc_t1.*` [width, inputs] and `fc_t2.*` [width, width]; `inputs` is even.
    pub fn declare(scope: &mut Scope<'_>, inputs: usize, width: usize) -> Self {
        let first = Linear::torch(&mut scope.child("fc_t1"), inputs, width, true);
        StepEmbedding { inputs, first, second: Linear::torch(&mut scope.child("fc_t2"), width, width, true) }
    }

    /// The steps of a batch, counted from 0, as vectors on the device of `like`: [B, width].
    ///
    /// # Errors
    /// The device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        steps: &[usize],
        like: &Array<D>,
    ) -> Result<Array<D>, OpError> {
        let waves = steps.iter().flat_map(|&step| waves(step, self.inputs)).collect();
        let x = Array::from_vec(like.device(), waves, [steps.len(), self.inputs])?;
        let x = pass.within("fc_t1", |pass| self.first.forward(pass, &x))?;
        let x = silu(pass.tape, &x)?;
        let x = pass.within("fc_t2", |pass| self.second.forward(pass, &x))?;
        silu(pass.tape, &x)
    }
}

/// `count` / 2 sines and as many cosines of `step`.
fn waves(step: usize, count: usize) -> Vec<f32> {
    let half = count / 2;
    let angle = move |i: usize| {
        let fall = SPAN.ln() * i as f64 / (half.max(2) - 1) as f64;
        step as f64 * (-fall).exp()
    };
    let sines = (0..half).map(move |i| angle(i).sin() as f32);
    sines.chain((0..half).map(move |i| angle(i).cos() as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::waves;

    #[test]
    fn sines_come_before_cosines_and_frequencies_fall_to_a_ten_thousandth() {
        let got = waves(3, 6);
        let want = [3f64.sin(), 0.03f64.sin(), 3e-4f64.sin(), 3f64.cos(), 0.03f64.cos(), 3e-4f64.cos()];
        assert!(got.iter().zip(want).all(|(got, want)| (f64::from(*got) - want).abs() < 1e-7), "{got:?}");
        assert_eq!(waves(0, 4), [0.0, 0.0, 1.0, 1.0]);
    }
}
