//! Clips mixed with others, sound and labels alike (Zhang et al. 2018, arXiv 1710.09412; on waveforms as in SSAST).

use std::sync::Arc;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::{DataError, Heard, Labels, Loader};
use crate::audio::mean;

/// The share of the first clip is drawn from a beta distribution with both parameters this: mostly near a half.
const SHAPE: usize = 10;

/// Clip `index` of the loader, mixed with another one of all by `chance`. Each is brought to mean 0 before; the other is cut or filled with silence to the
/// length of the first.
///
/// # Errors
/// The sound of one of them is missing or broken.
pub(super) fn maybe_mixed(
    loader: &mut Loader,
    index: usize,
    chance: f64,
    draws: &mut Pcg64Mcg,
) -> Result<(String, Heard, Labels), DataError> {
    if draws.random::<f64>() >= chance {
        return loader.hear(index);
    }
    // What is mixed are waveforms: features of either say nothing of the mixture's.
    let (name, waveform, mut labels) = loader.load(index)?;
    let other = loader.shares().any(draws);
    let share = beta(draws);
    let (_, with, others) = loader.load(other)?;
    let (mean, with_mean) = (mean(&waveform) as f32, mean(&with) as f32);
    let behind = std::iter::repeat(with_mean);
    let mixed = waveform.iter().zip(with.iter().copied().chain(behind));
    let mixed: Arc<[f32]> =
        mixed.map(|(a, b)| share.mul_add(a - mean, (1.0 - share) * (b - with_mean))).collect();
    for (target, other) in labels.classes.iter_mut().zip(&others.classes) {
        *target = target.mixed(share, other);
    }
    Ok((name, Heard::Waveform(mixed), labels))
}

/// Of 2n − 1 even draws, the one in the middle is distributed as beta(n, n).
fn beta(draws: &mut Pcg64Mcg) -> f32 {
    let mut even: Vec<f32> = (1..2 * SHAPE).map(|_| draws.random()).collect();
    *even.select_nth_unstable_by(SHAPE - 1, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean ½ and variance 1 / (4 (2n + 1)).
    #[test]
    fn shares_are_those_of_a_beta_distribution() {
        let mut draws = Pcg64Mcg::new(7);
        let shares: Vec<f64> = (0..20_000).map(|_| f64::from(beta(&mut draws))).collect();
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64;
        assert!((mean - 0.5).abs() < 3e-3, "{mean}");
        assert!((variance * 84.0 - 1.0).abs() < 0.05, "{variance}");
    }
}
