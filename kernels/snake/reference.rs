//! The specification: f64, one element at a time.

/// x + sin²(α x) / (α + ε), channel by channel.
pub(super) fn forward(inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let [x, alpha] = inputs else { unreachable!("two inputs") };
    let out = |(&x, &alpha): (&f64, &f64)| x + (alpha * x).sin().powi(2) / (alpha + f64::from(super::EPS));
    vec![x.iter().zip(alpha.iter().cycle()).map(out).collect()]
}
