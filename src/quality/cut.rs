//! The published rule of which clips of an autoregressive model are judged.

/// Percent of the clips that are left out, those to which the model gives the least likelihood; and the percent behind which the likeliest
/// are left out. The published search for these bounds always ends at this corner of its grid.
const BOUNDS: [usize; 2] = [40, 95];

/// The fewest clips of which two are left.
pub const LEAST_TO_CUT: usize = 4;

/// The clips that are kept, by rising likelihood, where `nats` are their mean negative log-likelihoods.
pub fn cut(nats: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..nats.len()).collect();
    order.sort_by(|a, b| nats[*b].total_cmp(&nats[*a]));
    let [low, high] = BOUNDS.map(|percent| nats.len() * percent / 100);
    order[low..high].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unlikeliest_and_the_likeliest_are_left_out() {
        let nats: Vec<f64> = (0..20).map(|clip| f64::from(clip * 7 % 20)).collect();
        let kept = cut(&nats);
        let likelihoods: Vec<f64> = kept.iter().map(|&clip| nats[clip]).collect();
        assert_eq!(likelihoods, (1..12).rev().map(f64::from).collect::<Vec<_>>());
        assert_eq!(cut(&[1.0; LEAST_TO_CUT]).len(), 2);
        assert!(cut(&[1.0; LEAST_TO_CUT - 1]).len() < 2);
        assert!(cut(&[]).is_empty());
    }
}
