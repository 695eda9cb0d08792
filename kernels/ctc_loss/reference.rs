//! The specification.

/// −ln p(target) of one utterance's frames [T, V]; +∞ when no path spells the target.
pub fn ctc_loss(logits: &[f64], classes: usize, target: &[u32], blank: u32) -> f64 {
    let mut path = vec![blank];
    for &label in target {
        path.extend([label, blank]);
    }
    // The probability of each state before the first frame: everything starts just before the first blank.
    let mut p: Option<Vec<f64>> = None;
    for frame in logits.chunks(classes) {
        let total: f64 = frame.iter().map(|x| x.exp()).sum();
        let y = |s: usize| frame[path[s] as usize].exp() / total;
        let next = (0..path.len()).map(|s| match &p {
            None => {
                if s < 2 {
                    y(s)
                } else {
                    0.0
                }
            }
            Some(p) => {
                let skips = s >= 2 && path[s] != path[s - 2];
                let step = if s >= 1 { p[s - 1] } else { 0.0 };
                y(s) * (p[s] + step + if skips { p[s - 2] } else { 0.0 })
            }
        });
        p = Some(next.collect());
    }
    match p {
        Some(p) => -p[p.len().saturating_sub(2)..].iter().sum::<f64>().ln(),
        None if target.is_empty() => 0.0,
        None => f64::INFINITY,
    }
}
