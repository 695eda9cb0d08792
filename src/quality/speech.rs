//! How near is speech that was made to speech that was recorded? Mel-cepstral distortion along the best alignment, and how sure a difference in
//! error rates is.
//!
//! Of ln of mel magnitudes x of M bands, c_k = 2/M Σ x_m cos(πk(m + ½)/M); of two frames MCD = 10/ln 10 √(2 Σ_{k=1…13} (c_k − c'_k)²), in decibels
//! (Kubichek 1993); of two sounds the mean along the alignment that has the least sum (dynamic time warping, Sakoe & Chiba 1978).

use rand::RngExt;

use crate::seed::{Purpose, stream};

/// Cepstra that are compared; that of loudness is not.
const CEPSTRA: usize = 13;

/// Draws of a bootstrap.
const DRAWS: u64 = 2_000;

/// Cepstra of a spectrogram.
///
/// # Shapes
/// ln of mel magnitudes [frames, bands] → [frames, 13]
pub fn cepstra(log_mel: &[f32], bands: usize) -> Vec<f32> {
    let angle = |k: usize, band: usize| std::f64::consts::PI * k as f64 * (band as f64 + 0.5) / bands as f64;
    let rows: Vec<f64> = (1..=CEPSTRA)
        .flat_map(|k| (0..bands).map(move |band| 2.0 / bands as f64 * angle(k, band).cos()))
        .collect();
    let frames = log_mel.chunks_exact(bands);
    let cepstrum = |row: &[f64], frame: &[f32]| -> f32 {
        row.iter().zip(frame).map(|(weight, value)| weight * f64::from(*value)).sum::<f64>() as f32
    };
    frames.flat_map(|frame| rows.chunks_exact(bands).map(move |row| cepstrum(row, frame))).collect()
}

/// Mel-cepstral distortion of two sounds' cepstra [frames, 13], in decibels, along the best alignment; no number where one has no frame.
pub fn distortion(a: &[f32], b: &[f32]) -> f64 {
    let [a, b] = [a, b].map(|cepstra| cepstra.chunks_exact(CEPSTRA).collect::<Vec<_>>());
    if a.is_empty() || b.is_empty() {
        return f64::NAN;
    }
    let apart = |x: &[f32], y: &[f32]| {
        let squares: f64 = x.iter().zip(y).map(|(x, y)| f64::from(x - y).powi(2)).sum();
        10.0 / std::f64::consts::LN_10 * (2.0 * squares).sqrt()
    };
    // Of each pair the least sum up to it, and how many pairs lie on the way.
    let mut before: Vec<(f64, usize)> = Vec::new();
    for (at, x) in a.iter().enumerate() {
        let mut row: Vec<(f64, usize)> = Vec::with_capacity(b.len());
        for (column, y) in b.iter().enumerate() {
            let left = column.checked_sub(1).map(|left| row[left]);
            let above = (at > 0).then(|| before[column]);
            let both = left.and(above).map(|_| before[column - 1]);
            // The diagonal comes first: of equal ways the shortest is taken.
            let least =
                [both, above, left].into_iter().flatten().reduce(|a, b| if b.0 < a.0 { b } else { a });
            let (sum, pairs) = least.unwrap_or((0.0, 0));
            row.push((sum + apart(x, y), pairs + 1));
        }
        before = row;
    }
    let (sum, pairs) = before[b.len() - 1];
    sum / pairs as f64
}

/// Errors in a sentence, and what they are counted of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errors {
    pub errors: u64,
    pub of: u64,
}

/// Errors of all sentences for each that there is to be found.
pub fn rate(sentences: &[Errors]) -> f64 {
    let [errors, of] = [|one: &Errors| one.errors, |one: &Errors| one.of]
        .map(|field| sentences.iter().map(field).sum::<u64>() as f64);
    errors / of.max(1.0)
}

/// The 95 % interval of how much the rate of `a` is above that of `b`, the same sentences drawn of both again and again.
pub fn interval(a: &[Errors], b: &[Errors]) -> [f64; 2] {
    let mut rng = stream(0, Purpose::Share, 0, 0);
    let mut differences: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn: Vec<usize> = a.iter().map(|_| rng.random_range(0..a.len())).collect();
            let of = |all: &[Errors]| rate(&drawn.iter().map(|&at| all[at]).collect::<Vec<_>>());
            of(a) - of(b)
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    let at = |share: f64| differences[((DRAWS - 1) as f64 * share).round() as usize];
    [at(0.025), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One cosine of amplitude 1 in ln is c_k = 1, which is 10/ln 10 · √2 decibels.
    #[test]
    fn a_ripple_is_one_cepstrum() {
        let bands = 40;
        let ripple = |k: usize| -> Vec<f32> {
            let angle = |band: usize| std::f64::consts::PI * k as f64 * (band as f64 + 0.5) / bands as f64;
            (0..bands).map(|band| 3.0 + angle(band).cos() as f32).collect()
        };
        let found = cepstra(&ripple(4), bands);
        assert!(found.iter().enumerate().all(|(at, c)| (c - f32::from(u8::from(at == 3))).abs() < 1e-6));
        let flat = cepstra(&vec![-2.0; bands], bands);
        assert!((distortion(&found, &flat) - 6.141_851_463_713_754).abs() < 1e-5);
    }

    #[test]
    fn what_only_lasts_longer_is_no_distortion() {
        let frame = |value: f32| vec![value; CEPSTRA];
        let short = [frame(1.0), frame(2.0), frame(-1.0)].concat();
        let long = [frame(1.0), frame(1.0), frame(2.0), frame(-1.0), frame(-1.0), frame(-1.0)].concat();
        assert_eq!(distortion(&short, &long), 0.0);
        assert!(distortion(&short, &frame(1.0)) > 1.0);
        assert!(distortion(&[], &short).is_nan());
    }

    #[test]
    fn a_difference_that_is_always_there_is_sure() {
        let all = |errors: u64| vec![Errors { errors, of: 4 }; 30];
        assert_eq!(rate(&all(1)), 0.25);
        assert_eq!(interval(&all(3), &all(1)), [0.5, 0.5]);
        let mixed: Vec<Errors> = (0..30).map(|at| Errors { errors: at % 3, of: 4 }).collect();
        let [low, high] = interval(&mixed, &all(1));
        assert!(low < 0.0 && high > 0.0 && low > -0.2 && high < 0.2, "{low} {high}");
    }
}
