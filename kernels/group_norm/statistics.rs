//! Mean and variance of many frames, safely and in one pass over memory.
//!
//! Each stretch of [`FRAMES`] frames is summed in f32 per channel, as differences to its own first frame: since that frame is one of the
//! data, cancellation can cost no more than a factor FRAMES (4e-6 of the stretch's variance), whatever the mean. The stretches are
//! joined in f64.

use rayon::prelude::*;

use crate::simd;

/// Frames summed in f32.
pub(crate) const FRAMES: usize = 64;

/// Mean and reciprocal standard deviation of one group of one sequence.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    pub mean: f64,
    pub rstd: f64,
}

/// What is known of a stretch of [`FRAMES`] frames, or of the fewer at the end.
pub(crate) struct Stretch {
    frames: usize,
    first: Vec<f32>,
    /// Σd and Σd² of each channel, d = x − first frame.
    sums: Vec<f32>,
}

impl Stretch {
    /// That of frames `x` [.., C].
    pub(crate) fn of(x: &[f32], channels: usize) -> Self {
        let (frames, first) = (x.len() / channels, x[..channels].to_vec());
        Stretch { frames, first, sums: shifted_sums(x, channels) }
    }
}

/// The groups of one sequence `x` [T, C].
pub(super) fn of_sequence(x: &[f32], channels: usize, groups: usize, eps: f32) -> Vec<Group> {
    let stretches: Vec<Stretch> = x.par_chunks(FRAMES * channels).map(|x| Stretch::of(x, channels)).collect();
    joined(&stretches, channels, groups, eps)
}

/// The groups of the sequence that has these stretches.
pub(crate) fn joined(stretches: &[Stretch], channels: usize, groups: usize, eps: f32) -> Vec<Group> {
    let size = channels / groups;
    let elements = (stretches.iter().map(|stretch| stretch.frames).sum::<usize>() * size) as f64;

    let mut totals = vec![0.0f64; channels];
    for Stretch { frames, first, sums } in stretches {
        let frames = *frames as f64;
        for ((total, &first), &sum) in totals.iter_mut().zip(first).zip(sums) {
            *total += frames * f64::from(first) + f64::from(sum);
        }
    }
    let means: Vec<f64> = totals.chunks(size).map(|group| group.iter().sum::<f64>() / elements).collect();

    // Within a stretch Σ(x − m)² = Σd² − (Σd)²/n with d = x − first; then n (m − μ)² for its distance from the mean.
    let of_channel: Vec<f64> = means.iter().flat_map(|&mean| std::iter::repeat_n(mean, size)).collect();
    let mut squares = vec![0.0f64; channels];
    for Stretch { frames, first, sums } in stretches {
        let frames = *frames as f64;
        let (sums, sums_of_squares) = sums.split_at(channels);
        for c in 0..channels {
            let sum = f64::from(sums[c]);
            let distance = f64::from(first[c]) + sum / frames - of_channel[c];
            squares[c] += f64::from(sums_of_squares[c]) - sum * sum / frames + frames * distance * distance;
        }
    }
    let groups = means.iter().zip(squares.chunks(size));
    groups
        .map(|(&mean, squares)| {
            let variance = (squares.iter().sum::<f64>() / elements).max(0.0);
            Group { mean, rstd: 1.0 / (variance + f64::from(eps)).sqrt() }
        })
        .collect()
}

/// Channels whose sums stay in registers while the frames pass.
const TILE: usize = 64;

/// Σd and Σd² of each channel, d = x − first frame.
fn shifted_sums(x: &[f32], channels: usize) -> Vec<f32> {
    let mut both = vec![0.0f32; 2 * channels];
    let (sums, squares) = both.split_at_mut(channels);
    let tiles = sums.chunks_mut(TILE).zip(squares.chunks_mut(TILE));
    simd::dispatch(
        #[inline(always)]
        || {
            for (tile, (sums, squares)) in tiles.enumerate() {
                let frames = x.chunks_exact(channels).map(|frame| &frame[tile * TILE..]);
                match (sums.as_chunks_mut(), squares.as_chunks_mut()) {
                    (([sums], []), ([squares], [])) => sums_of_tile(frames, sums, squares),
                    _ => sums_of_rest(frames, sums, squares),
                }
            }
        },
    );
    both
}

#[inline(always)]
fn sums_of_tile<'x>(
    frames: impl Iterator<Item = &'x [f32]>,
    sums: &mut [f32; TILE],
    squares: &mut [f32; TILE],
) {
    let mut frames = frames.filter_map(|frame| frame.first_chunk::<TILE>());
    let Some(first) = frames.next() else { return };
    let (mut of_d, mut of_squares) = ([0.0f32; TILE], [0.0f32; TILE]);
    for x in frames {
        for c in 0..TILE {
            let d = x[c] - first[c];
            of_d[c] += d;
            of_squares[c] += d * d;
        }
    }
    (*sums, *squares) = (of_d, of_squares);
}

/// The same for the channels that do not fill a tile.
#[inline(always)]
fn sums_of_rest<'x>(mut frames: impl Iterator<Item = &'x [f32]>, sums: &mut [f32], squares: &mut [f32]) {
    let Some(first) = frames.next() else { return };
    for x in frames {
        for (((sum, square), x), first) in sums.iter_mut().zip(&mut *squares).zip(x).zip(first) {
            let d = x - first;
            *sum += d;
            *square += d * d;
        }
    }
}
