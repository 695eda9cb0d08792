//! Finite scalar quantisation: each coefficient to one of a few values, evenly apart; those of a level together are one code.
//!
//! With μ and σ of a coefficient over speech, L values and the step s between them in σ: q = round((c − μ) / (s σ) + (L − 1)/2), kept within 0 … L − 1, and
//! back c = μ + s σ (q − (L − 1)/2). A level's code is Σ q_i Π_{j<i} L_j. The coefficients that vary most have levels with more values each.

use super::statistics::{MEANS, SPREADS};

/// Values of each coefficient, level by level.
pub(super) const COUNTS: [&[u16]; 8] = [
    &[40, 25],
    &[10, 10, 10],
    &[8, 5, 5, 5],
    &[8, 5, 5, 5],
    &[8, 5, 5, 5],
    &[8, 5, 5, 5],
    &[8, 5, 5, 5],
    &[8, 5, 5, 5],
];

/// Codes of a level: the values of its coefficients multiplied, which is the same for all.
pub(super) const CODES: usize = 1_000;

/// Coefficients of all levels.
pub(super) const COEFFICIENTS: usize = 29;

/// One coefficient's values.
#[derive(Debug, Clone, Copy)]
struct Scalar {
    count: u16,
    mean: f32,
    step: f32,
}

/// The coefficients of each level.
#[derive(Debug, Clone)]
pub(super) struct Scalars {
    levels: Vec<Vec<Scalar>>,
}

impl Scalars {
    pub fn new() -> Self {
        let mut coefficients = MEANS.iter().zip(SPREADS);
        let mut scalar = |&count: &u16| {
            let (mean, spread) = coefficients.next()?;
            Some(Scalar { count, mean: *mean, step: step(count) * spread })
        };
        Scalars {
            levels: COUNTS.iter().map(|counts| counts.iter().filter_map(&mut scalar).collect()).collect(),
        }
    }

    /// Each level's code of a frame's coefficients.
    pub fn codes(&self, cepstra: &[f32]) -> Vec<u16> {
        let mut rest = cepstra;
        let level = |scalars: &Vec<Scalar>| {
            let (own, behind) = rest.split_at(scalars.len());
            rest = behind;
            let pairs = scalars.iter().zip(own).rev();
            pairs.fold(0, |code, (scalar, &value)| code * scalar.count + scalar.nearest(value))
        };
        self.levels.iter().map(level).collect()
    }

    /// A frame's coefficients of the codes of its first levels; the means for those of levels that are not there.
    pub fn cepstra(&self, codes: &[u16]) -> Vec<f32> {
        let mut cepstra = Vec::with_capacity(COEFFICIENTS);
        for (level, scalars) in self.levels.iter().enumerate() {
            let mut code = codes.get(level).copied();
            for scalar in scalars {
                cepstra.push(code.map_or(scalar.mean, |code| scalar.value(code % scalar.count)));
                code = code.map(|code| code / scalar.count);
            }
        }
        cepstra
    }
}

impl Scalar {
    fn middle(self) -> f32 {
        f32::from(self.count - 1) / 2.0
    }

    /// The number of the value that is nearest; what is no number counts as the least.
    fn nearest(self, value: f32) -> u16 {
        let place = (value - self.mean) / self.step + self.middle();
        // The cast keeps it from below 0.
        (place.round() as u16).min(self.count - 1)
    }

    fn value(self, number: u16) -> f32 {
        self.mean + self.step * (f32::from(number) - self.middle())
    }
}

/// How far apart so many values lie best, in standard deviations of what is normally distributed (Max 1960, table II, and computed as it was for the two
/// largest).
fn step(count: u16) -> f32 {
    match count {
        5 => 0.8430,
        8 => 0.5860,
        10 => 0.4908,
        25 => 0.2315,
        _ => 0.1558,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_as_many_codes() {
        for counts in COUNTS {
            assert_eq!(counts.iter().map(|count| usize::from(*count)).product::<usize>(), CODES);
        }
        assert_eq!(COUNTS.concat().len(), COEFFICIENTS);
        assert_eq!(Scalars::new().cepstra(&[]).len(), COEFFICIENTS);
    }

    #[test]
    fn a_code_becomes_itself_by_way_of_its_coefficients() {
        let scalars = Scalars::new();
        for code in 0..CODES as u16 {
            let codes: Vec<u16> =
                (0..COUNTS.len() as u16).map(|level| (code + 37 * level) % CODES as u16).collect();
            assert_eq!(scalars.codes(&scalars.cepstra(&codes)), codes);
        }
    }

    /// Whatever comes is a code, and near the middle none is further away than half a step.
    #[test]
    fn what_lies_outside_becomes_the_outermost() {
        let scalars = Scalars::new();
        for value in [f32::NEG_INFINITY, -1e9, 1e9, f32::INFINITY, f32::NAN] {
            assert!(scalars.codes(&[value; COEFFICIENTS]).iter().all(|code| usize::from(*code) < CODES));
        }
        let (first, mean) = (scalars.levels[0][0], MEANS[0]);
        for at in -100..=100 {
            let value = mean + at as f32 * 0.01 * SPREADS[0];
            assert!((first.value(first.nearest(value)) - value).abs() <= 0.5001 * first.step);
        }
    }
}
