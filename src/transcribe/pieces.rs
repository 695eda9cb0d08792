//! What was said about one window, cut where the model says that something ends.

/// Seconds of a step between times.
pub const STEP_SECS: f64 = 0.02;
/// Frames of such a step.
const STEP_FRAMES: usize = 2;

/// Text from one time to another, in steps of [`STEP_SECS`] from the window's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub start: usize,
    pub end: usize,
    /// Text with the times around it.
    pub tokens: Vec<u32>,
}

/// The pieces of a window of so many frames, and the frame from which to go on.
///
/// Two times side by side end one piece and begin the next. What follows the last such pair is cut off by the end of the window and heard again,
/// from that time on; unless a single time says that nothing more was said. Without any pair all of the window is one piece. It lasts until the
/// window's end where no time says when; transformers then takes the time at which it begins for that at which it ends.
pub fn pieces(tokens: &[u32], first_timestamp: u32, frames: usize) -> (Vec<Piece>, usize) {
    let is_time = |at: usize| tokens[at] >= first_timestamp;
    let step = |at: usize| tokens[at].saturating_sub(first_timestamp) as usize;
    let mut cuts: Vec<usize> = (1..tokens.len()).filter(|&at| is_time(at - 1) && is_time(at)).collect();
    let complete = tokens.len() > 1 && is_time(tokens.len() - 1) && !is_time(tokens.len() - 2);
    let Some(&last_cut) = cuts.last() else {
        let start = if tokens.is_empty() { 0 } else { step(0) };
        let end = if complete { step(tokens.len() - 1) } else { frames / STEP_FRAMES };
        return (vec![Piece { start, end, tokens: tokens.to_vec() }], frames);
    };
    if complete {
        cuts.push(tokens.len());
    }
    let mut from = 0;
    let pieces = cuts.into_iter().map(|to| {
        let piece = Piece { start: step(from), end: step(to - 1), tokens: tokens[from..to].to_vec() };
        from = to;
        piece
    });
    let pieces = pieces.collect();
    let heard = STEP_FRAMES * step(last_cut - 1);
    // Whoever stays where he is would never come to an end.
    (pieces, if complete || heard == 0 { frames } else { heard })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u32 = 100;

    /// Start, end and text of each piece, and the frame from which to go on.
    fn cut(tokens: &[u32]) -> (Vec<(usize, usize, Vec<u32>)>, usize) {
        let (pieces, frames) = pieces(tokens, FIRST, 300);
        let text = |piece: Piece| piece.tokens.into_iter().filter(|token| *token < FIRST).collect();
        (pieces.into_iter().map(|piece| (piece.start, piece.end, text(piece))).collect(), frames)
    }

    #[test]
    fn windows_are_cut_at_pairs_of_times() {
        for (tokens, pieces, frames) in [
            // The last piece is cut off by the window: it goes on at its beginning.
            (&[100, 1, 140, 145, 2, 3][..], vec![(0, 40, vec![1])], 80),
            // A pair and the end: likewise.
            (&[100, 1, 140, 145, 2, 150, 150], vec![(0, 40, vec![1]), (45, 50, vec![2])], 100),
            // A single time: nothing was said behind it.
            (&[100, 1, 140, 145, 2, 150], vec![(0, 40, vec![1]), (45, 50, vec![2])], 300),
            // No pair.
            (&[110, 1, 2], vec![(10, 150, vec![1, 2])], 300),
            (&[100, 1, 2], vec![(0, 150, vec![1, 2])], 300),
            (&[110, 1, 2, 120], vec![(10, 20, vec![1, 2])], 300),
            (&[], vec![(0, 150, vec![])], 300),
        ] {
            assert_eq!(cut(tokens), (pieces, frames), "{tokens:?}");
        }
    }
}
