//! A bank of triangles over a spectrum: only the bins that count.

use kernels::power_spectrum::{FRAMES, Lane};
use kernels::simd::dispatch;

/// For each band its first bin, and weights from there on.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    /// (first bin, where its weights end)
    bands: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Bank {
    /// `weight(band, bin)` for so many bands and bins.
    pub fn new(bands: usize, bins: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let mut bank = Bank { bands: Vec::with_capacity(bands), weights: Vec::new() };
        for band in 0..bands {
            let row: Vec<f32> = (0..bins).map(|bin| weight(band, bin)).collect();
            let first = row.iter().position(|weight| *weight > 0.0).unwrap_or_default();
            let end = row.iter().rposition(|weight| *weight > 0.0).map_or(first, |last| last + 1);
            bank.weights.extend(&row[first..end]);
            bank.bands.push((first, bank.weights.len()));
        }
        bank
    }

    /// How many bands there are.
    pub fn len(&self) -> usize {
        self.bands.len()
    }

    /// For each band its first bin, and the weights of the bins from there on.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let mut begin = 0;
        self.bands
            .iter()
            .map(move |&(first, end)| (first, &self.weights[std::mem::replace(&mut begin, end)..end]))
    }

    /// # Shapes
    /// spectrum [bins, 16] → energies [bands, 16]
    pub fn weigh(&self, spectrum: &[Lane], energies: &mut [Lane]) {
        dispatch(
            #[inline(always)]
            || {
                let mut begin = 0;
                for (&(first, end), energy) in self.bands.iter().zip(energies) {
                    let mut total = [0.0; FRAMES];
                    for (&weight, bin) in self.weights[begin..end].iter().zip(&spectrum[first..]) {
                        for l in 0..FRAMES {
                            total[l] = bin[l].mul_add(weight, total[l]);
                        }
                    }
                    *energy = total;
                    begin = end;
                }
            },
        );
    }
}
