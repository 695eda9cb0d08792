//! The specification: f64, every way there is.

/// The durations whose values [token][frame] add up to most, of all that give each token a frame; and their sum.
pub(super) fn durations(values: &[Vec<f64>]) -> (Vec<usize>, f64) {
    let (tokens, frames) = (values.len(), values[0].len());
    let mut best = (Vec::new(), f64::NEG_INFINITY);
    let mut counts = vec![0; tokens];
    ways(0, frames, &mut counts, &mut |counts| {
        let mut t = 0;
        let mut sum = 0.0;
        for (row, &count) in values.iter().zip(counts) {
            sum += row[t..t + count].iter().sum::<f64>();
            t += count;
        }
        if sum > best.1 {
            best = (counts.to_vec(), sum);
        }
    });
    best
}

/// All ways to give the tokens from `token` on `left` frames.
fn ways(token: usize, left: usize, counts: &mut [usize], tell: &mut impl FnMut(&[usize])) {
    if token + 1 == counts.len() {
        counts[token] = left;
        return if left > 0 {
            tell(counts)
        };
    }
    for count in 1..left {
        counts[token] = count;
        ways(token + 1, left - count, counts, tell);
    }
}
