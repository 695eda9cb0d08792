//! SpecAugment's time masks, as Hugging Face draws them.

use rand::RngExt;
use rand::seq::index::sample;
use rand_pcg::Pcg64Mcg;

use crate::plan::TimeMasks;

/// The two kinds of draws that masks are made of. A trait, so that the masks of another library's generator can be compared.
pub trait MaskDraws {
    /// A number in [0, 1).
    fn fraction(&mut self) -> f64;
    /// `count` different numbers below `below`.
    fn distinct(&mut self, below: usize, count: usize) -> Vec<usize>;
}

impl MaskDraws for Pcg64Mcg {
    fn fraction(&mut self) -> f64 {
        self.random()
    }

    fn distinct(&mut self, below: usize, count: usize) -> Vec<usize> {
        sample(self, below, count).into_vec()
    }
}

/// Which frames are masked, [B, T] row by row; empty where nothing is.
///
/// Spans of `length` frames at distinct starts; their number follows the utterance's own length, rounded up or down by one
/// draw for the whole batch. Batches with fewer frames than a span have none.
pub fn time_masks(masks: &TimeMasks, frames: usize, lens: &[usize], draws: &mut impl MaskDraws) -> Vec<bool> {
    if masks.prob <= 0.0 || frames < masks.length {
        return Vec::new();
    }
    let rounding = draws.fraction();
    let mut mask = vec![false; lens.len() * frames];
    let mut any = false;
    for (row, &len) in mask.chunks_mut(frames).zip(lens) {
        let spans = span_count(masks, frames, len, rounding);
        if spans == 0 {
            continue;
        }
        for start in draws.distinct(len + 1 - masks.length, spans) {
            row[start..(start + masks.length).min(frames)].fill(true);
            any = true;
        }
    }
    if any { mask } else { Vec::new() }
}

fn span_count(masks: &TimeMasks, frames: usize, len: usize, rounding: f64) -> usize {
    let wanted = (masks.prob * len as f64 / masks.length as f64 + rounding) as usize;
    let wanted = wanted.max(masks.min_masks).min(frames / masks.length);
    // As many distinct starts as there are.
    wanted.min((len + 1).saturating_sub(masks.length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, RandomState, stream};

    const PAPER: TimeMasks = TimeMasks { prob: 0.1, length: 10, min_masks: 2 };

    fn draw(frames: usize, lens: &[usize], step: u64) -> Vec<bool> {
        time_masks(&PAPER, frames, lens, &mut stream(0, Purpose::Student, step, 0))
    }

    #[test]
    fn masks_cover_about_the_share_asked_for_and_no_padding() {
        let mut masked = 0;
        for step in 0..200 {
            let mask = draw(500, &[500, 300], step);
            masked += mask[..500].iter().filter(|&&m| m).count();
            assert!(mask[800..].iter().all(|&m| !m), "padding is masked");
            assert!(mask[500..800].iter().any(|&m| m));
        }
        // 5 or 6 spans of 10 in 500 frames, a little less for overlaps.
        let share = masked as f64 / (200.0 * 500.0);
        assert!((0.085..0.115).contains(&share), "share {share}");
    }

    #[test]
    fn short_utterances_have_as_many_spans_as_fit() {
        assert!(draw(9, &[9], 0).is_empty());
        assert_eq!(draw(12, &[10], 0).iter().filter(|&&m| m).count(), 10);
        let mask = draw(40, &[40, 5], 0);
        assert!(mask[40..].iter().all(|&m| !m), "an utterance shorter than a span has none");
    }

    impl MaskDraws for RandomState {
        fn fraction(&mut self) -> f64 {
            RandomState::fraction(self)
        }

        fn distinct(&mut self, below: usize, count: usize) -> Vec<usize> {
            self.choice(below, count)
        }
    }

    /// `first-last` of each span, masked both ends included.
    fn masked(cell: &str, frames: usize) -> Vec<bool> {
        let mut row = vec![false; frames];
        for span in cell.split(',').filter(|span| !span.is_empty()) {
            let (first, last) = span.split_once('-').expect("a span");
            row[first.parse().unwrap()..=last.parse().unwrap()].fill(true);
        }
        row
    }

    /// Numbers of transformers: tests/parity/make_masks.py.
    #[test]
    fn the_masks_of_numpys_draws_are_transformers() {
        let table = crate::checkout().join("tests/parity/masks.tsv");
        let table = std::fs::read_to_string(table).expect("the golden is committed");
        let mut rows = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = line.split('\t').collect();
            let [seed, prob, frames, lens, spans] = cells[..] else { panic!("five cells: {line}") };
            let masks = TimeMasks { prob: prob.parse().unwrap(), ..PAPER };
            let frames: usize = frames.parse().unwrap();
            let lens: Vec<usize> = lens.split(' ').map(|len| len.parse().unwrap()).collect();
            let mut random = RandomState::new(seed.parse().unwrap());
            let got = time_masks(&masks, frames, &lens, &mut random);
            for ((row, &len), cell) in got.chunks(frames).zip(&lens).zip(spans.split(';')) {
                let mut want = masked(cell, frames);
                // Where no span fits, transformers masks the last frame of the padding, which is zeroed right after.
                if len < PAPER.length {
                    assert!(len < frames && want[frames - 1]);
                    want[frames - 1] = false;
                }
                assert_eq!(row, want, "{line}");
            }
            assert_eq!(got.len(), lens.len() * frames);
            rows += 1;
        }
        assert_eq!(rows, 100);
    }
}
