//! Pieces cut out of a recording as it goes by: no more of it is kept than the pieces that are open.

use std::ops::Range;
use std::path::Path;

use crate::audio::{AudioError, Blocks};

/// Seconds kept in front of a segment.
const BEFORE_SECS: f64 = 0.05;
/// Seconds kept behind it: recognisers end segments early.
const AFTER_SECS: f64 = 0.5;

/// The samples of a segment from `start` to `end` (seconds; without an end as far as the recording goes): 0.05 s more before and 0.5 s after, cut to
/// the recording's `length` in samples. `None` where nothing is left.
pub fn window(start: f64, end: Option<f64>, rate_hz: u32, length: u64) -> Option<Range<u64>> {
    let sample = |secs: f64| ((secs * f64::from(rate_hz)).max(0.0) as u64).min(length);
    let window = sample(start - BEFORE_SECS)..end.map_or(length, |end| sample(end + AFTER_SECS));
    (window.start < window.end).then_some(window)
}

/// A recording on its way, and the windows that it is cut into.
pub struct Cutter {
    blocks: Blocks,
    /// Samples that have gone by.
    at: u64,
    /// Windows that have not begun, the next one last.
    waiting: Vec<(usize, Range<u64>)>,
    /// Windows that have, with their samples so far.
    open: Vec<(usize, Range<u64>, Vec<f32>)>,
    /// Pieces that are whole.
    whole: Vec<(usize, Vec<f32>)>,
}

impl Cutter {
    /// Opens a recording to be cut into these windows; they may overlap.
    ///
    /// # Errors
    /// It is no recording.
    pub fn open(path: &Path, windows: &[(usize, Range<u64>)]) -> Result<Self, AudioError> {
        let mut waiting = windows.to_vec();
        waiting.sort_by_key(|(number, window)| std::cmp::Reverse((window.start, *number)));
        Ok(Cutter { blocks: Blocks::open(path)?, at: 0, waiting, open: Vec::new(), whole: Vec::new() })
    }

    /// Pieces with the numbers of their windows: `count` at least, or all that are left. None behind the last.
    ///
    /// # Errors
    /// The recording is damaged, or ends before a window does.
    pub fn next_pieces(&mut self, count: usize) -> Result<Vec<(usize, Vec<f32>)>, AudioError> {
        while self.whole.len() < count && !(self.waiting.is_empty() && self.open.is_empty()) {
            match self.blocks.next_block()? {
                Some(block) => self.take(&block),
                // The last windows end where the recording was said to end.
                None => {
                    self.waiting.clear();
                    self.whole.extend(self.open.drain(..).map(|(number, _, samples)| (number, samples)));
                }
            }
        }
        Ok(std::mem::take(&mut self.whole))
    }

    /// Adds a block to the windows that it lies in.
    fn take(&mut self, block: &[f32]) {
        let (first, end) = (self.at, self.at + block.len() as u64);
        self.at = end;
        while let Some((number, window)) = self.waiting.pop_if(|(_, window)| window.start < end) {
            self.open.push((number, window, Vec::new()));
        }
        for (_, window, samples) in &mut self.open {
            let from = window.start.max(first) - first;
            let to = window.end.min(end) - first;
            samples.extend(&block[from as usize..to as usize]);
        }
        let ended = self.open.extract_if(.., |(_, window, _)| window.end <= end);
        self.whole.extend(ended.map(|(number, _, samples)| (number, samples)));
    }
}
