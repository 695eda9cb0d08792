//! From scores to text and classes.

/// Greedy CTC: the best symbol of each of the first `frames` frames, repeats and blanks still in.
///
/// # Shapes
/// logits [T, V] of one utterance, row-major
pub fn greedy(logits: &[f32], vocab_size: usize, frames: usize) -> Vec<u32> {
    logits.chunks(vocab_size).take(frames).map(|row| best(row) as u32).collect()
}

/// The index of the largest score; the first of equals.
pub fn best(scores: &[f32]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}
