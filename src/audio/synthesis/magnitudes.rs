//! Spectra that have given energies in mel bands: least squares, none below 0.
//!
//! Started from the shortest solution without its negative values, then A ← A ⊙ (Fᵀm) / (FᵀF A), which leaves no value negative and brings F A
//! nearer to m each time (Lee & Seung 2001). Bins in no band stay 0.

use kernels::threads;

use crate::audio::features::MelSpectrogram;

/// Frames of one task.
const BLOCK: usize = 16;
/// Times that the solution is brought nearer.
const STEPS: usize = 50;
/// Keeps a quotient of nothing finite.
const LEAST: f32 = 1e-8;
/// A value of 0 could not grow again; this share of the largest can.
const START: f32 = 1e-4;

/// The way back through a bank of bands.
#[derive(Debug, Clone)]
pub(super) struct FromBands {
    /// First bin and weights of each band.
    rows: Vec<(usize, Vec<f32>)>,
    /// The lower triangle L of F Fᵀ = L Lᵀ, row by row.
    factor: Vec<f64>,
    bins: usize,
}

impl FromBands {
    /// For spectra of `bins` under the filters of `mel`.
    pub fn new(mel: &MelSpectrogram, bins: usize) -> Self {
        let rows: Vec<(usize, Vec<f32>)> =
            mel.weights().map(|(first, weights)| (first, weights.to_vec())).collect();
        let bands = rows.len();
        let mut dense = vec![0.0f64; bands * bins];
        for (band, (first, weights)) in rows.iter().enumerate() {
            for (at, weight) in weights.iter().enumerate() {
                dense[band * bins + first + at] = f64::from(*weight);
            }
        }
        let row = |band: usize| &dense[band * bins..(band + 1) * bins];
        let product = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum::<f64>();
        let mut gram: Vec<f64> = (0..bands * bands).map(|at| product(at / bands, at % bands)).collect();
        // A band without a bin has nothing to be solved for.
        let most = (0..bands).map(|band| gram[band * bands + band]).fold(0.0, f64::max);
        (0..bands).for_each(|band| gram[band * bands + band] += 1e-9 * most);
        FromBands { rows, factor: cholesky(gram, bands), bins }
    }

    /// # Shapes
    /// energies [frames, bands] → [frames, bins]
    pub fn run(&self, energies: &[f32]) -> Vec<f32> {
        let (bands, bins) = (self.rows.len(), self.bins);
        let mut spectra = vec![0.0; energies.len() / bands * bins];
        let blocks: Vec<(&[f32], &mut [f32])> =
            energies.chunks(BLOCK * bands).zip(spectra.chunks_mut(BLOCK * bins)).collect();
        threads::for_each(blocks, |(energies, spectra)| {
            for (energies, spectrum) in energies.chunks_exact(bands).zip(spectra.chunks_exact_mut(bins)) {
                self.frame(energies, spectrum);
            }
        });
        spectra
    }

    fn frame(&self, energies: &[f32], spectrum: &mut [f32]) {
        let mut wanted = vec![0.0; self.bins];
        self.spread(energies, &mut wanted);
        self.spread(&self.solve(energies), spectrum);
        let least = START * spectrum.iter().copied().fold(0.0, f32::max);
        for (value, wanted) in spectrum.iter_mut().zip(&wanted) {
            *value = if *wanted > 0.0 { value.max(least) } else { 0.0 };
        }
        let (mut has, mut made) = (vec![0.0; self.rows.len()], vec![0.0; self.bins]);
        for _ in 0..STEPS {
            for (has, (first, weights)) in has.iter_mut().zip(&self.rows) {
                *has = weights.iter().zip(&spectrum[*first..]).map(|(weight, value)| weight * value).sum();
            }
            self.spread(&has, &mut made);
            for ((value, wanted), made) in spectrum.iter_mut().zip(&wanted).zip(&made) {
                *value *= wanted / (made + LEAST);
            }
        }
    }

    /// Fᵀ x.
    fn spread(&self, energies: &[f32], bins: &mut [f32]) {
        bins.fill(0.0);
        for ((first, weights), energy) in self.rows.iter().zip(energies) {
            for (bin, weight) in bins[*first..].iter_mut().zip(weights) {
                *bin += weight * energy;
            }
        }
    }

    /// (F Fᵀ)⁻¹ x.
    fn solve(&self, energies: &[f32]) -> Vec<f32> {
        let (bands, factor) = (self.rows.len(), &self.factor);
        let mut x: Vec<f64> = energies.iter().map(|energy| f64::from(*energy)).collect();
        for row in 0..bands {
            let before: f64 = (0..row).map(|column| factor[row * bands + column] * x[column]).sum();
            x[row] = (x[row] - before) / factor[row * bands + row];
        }
        for row in (0..bands).rev() {
            let behind: f64 = (row + 1..bands).map(|below| factor[below * bands + row] * x[below]).sum();
            x[row] = (x[row] - behind) / factor[row * bands + row];
        }
        x.into_iter().map(|x| x as f32).collect()
    }
}

/// The lower triangle of a symmetric matrix above 0, in its place.
fn cholesky(mut matrix: Vec<f64>, size: usize) -> Vec<f64> {
    for row in 0..size {
        for column in 0..=row {
            let known: f64 = (0..column).map(|at| matrix[row * size + at] * matrix[column * size + at]).sum();
            let rest = matrix[row * size + column] - known;
            matrix[row * size + column] = match row == column {
                // Rounding may take the last digit of a band that is next to none.
                true => rest.max(f64::MIN_POSITIVE).sqrt(),
                false => rest / matrix[column * size + column],
            };
        }
    }
    matrix
}
