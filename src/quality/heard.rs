//! What a classifier heard in some clips.

use super::QualityError;

/// Class probabilities and features of clips, in the clips' order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    classes: usize,
    width: usize,
    probabilities: Vec<f64>,
    features: Vec<f64>,
}

impl Heard {
    /// Nothing yet, of so many classes and features.
    pub fn new(classes: usize, width: usize) -> Self {
        Heard { classes, width, probabilities: Vec::new(), features: Vec::new() }
    }

    /// Adds a clip.
    ///
    /// # Shapes
    /// scores [classes], before the softmax; features [width]
    ///
    /// # Errors
    /// One of them is no number.
    pub fn push_scores(&mut self, name: &str, scores: &[f32], features: &[f32]) -> Result<(), QualityError> {
        if !scores.iter().chain(features).all(|value| value.is_finite()) {
            return Err(QualityError::NoNumber(name.to_owned()));
        }
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = scores.iter().map(|score| f64::from(score - largest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        self.push(weights.into_iter().map(|weight| weight / sum), features.iter().copied().map(f64::from));
        Ok(())
    }

    /// Adds a clip by its probabilities, one for each class, and its features, as many as were announced.
    pub fn push(
        &mut self,
        probabilities: impl IntoIterator<Item = f64>,
        features: impl IntoIterator<Item = f64>,
    ) {
        self.probabilities.extend(probabilities);
        self.features.extend(features);
    }

    /// How many clips.
    pub fn len(&self) -> usize {
        self.probabilities.len() / self.classes.max(1)
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.probabilities.is_empty()
    }

    /// How many features a clip has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Probabilities of the classes, clip by clip.
    pub fn probabilities(&self) -> impl ExactSizeIterator<Item = &[f64]> + Clone {
        self.probabilities.chunks_exact(self.classes.max(1))
    }

    /// Features, clip by clip.
    pub fn features(&self) -> impl ExactSizeIterator<Item = &[f64]> + Clone {
        self.features.chunks_exact(self.width.max(1))
    }

    /// The likeliest class of each clip and its probability.
    pub fn told(&self) -> impl Iterator<Item = (usize, f64)> {
        self.probabilities().map(|row| {
            let better = |best: (usize, f64), (class, &share): (usize, &f64)| {
                if share > best.1 { (class, share) } else { best }
            };
            row.iter().enumerate().fold((0, f64::NEG_INFINITY), better)
        })
    }

    /// Mean probability of each class.
    pub fn mean(&self) -> Vec<f64> {
        mean(self.probabilities(), self.classes)
    }

    /// How many clips each class is the likeliest of.
    pub fn histogram(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.told().for_each(|(class, _)| counts[class] += 1);
        counts
    }
}

/// The mean of rows of `width` values.
pub(super) fn mean<'a>(rows: impl ExactSizeIterator<Item = &'a [f64]>, width: usize) -> Vec<f64> {
    let count = rows.len().max(1) as f64;
    let mut sums = vec![0.0; width];
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    sums.iter_mut().for_each(|sum| *sum /= count);
    sums
}
