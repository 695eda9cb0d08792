//! The search against all ways there are.

use super::*;
use crate::agree::Numbers;

/// The search over values [token][frame].
fn found(values: &[Vec<f64>]) -> Vec<usize> {
    cpu::search(values.len(), values[0].len(), |t, tokens, told| {
        told.iter_mut().zip(&values[tokens]).for_each(|(told, row)| *told = row[t] as f32);
    })
}

/// The published example, whose greedy search leaves the first token without a frame.
#[test]
fn golden() {
    let by_frame = [[0.1, 0.9, 0.2], [0.3, 0.2, 0.1], [0.0, 0.1, 0.9], [0.9, 0.0, 0.5]];
    let values: Vec<Vec<f64>> = (0..3).map(|i| by_frame.iter().map(|row| row[i]).collect()).collect();
    assert_eq!(found(&values), [1, 1, 2]);
    let (best, sum) = reference::durations(&values);
    assert_eq!(best, [1, 1, 2]);
    assert!((sum - 1.7).abs() < 1e-12);
}

#[test]
fn nothing_is_better_of_all_ways() {
    let mut numbers = Numbers::new(5);
    for (tokens, frames) in [(1, 1), (1, 5), (2, 2), (2, 7), (3, 9), (5, 5), (5, 8), (6, 12)] {
        for _ in 0..5 {
            let values: Vec<Vec<f64>> = (0..tokens).map(|_| numbers.take(frames, 1.0, 0.0)).collect();
            assert_eq!(found(&values), reference::durations(&values).0, "{tokens} in {frames}");
        }
    }
}

#[test]
fn frames_find_the_means_that_they_lie_around() {
    let mut numbers = Numbers::new(9);
    let (channels, wanted) = (7, [3usize, 1, 4, 2, 9]);
    let means: Vec<f32> = numbers.take(wanted.len() * channels, 3.0, 0.0).iter().map(|x| *x as f32).collect();
    let around = |token: usize, numbers: &mut Numbers| -> Vec<f32> {
        let noise = numbers.take(channels, 0.1, 0.0);
        means[token * channels..][..channels]
            .iter()
            .zip(noise)
            .map(|(mean, noise)| mean + noise as f32)
            .collect()
    };
    let frames: Vec<f32> = (0..wanted.len())
        .flat_map(|token| std::iter::repeat_n(token, wanted[token]))
        .flat_map(|token| around(token, &mut numbers))
        .collect();
    let one = Utterance { frames: &frames, means: &means };
    let short = Utterance { frames: &frames[..channels], means: &means[..channels] };
    assert_eq!(durations(&[one, short, one], channels).unwrap(), [&wanted[..], &[1], &wanted]);
}

/// Values and densities are one thing: the whole formula in double precision.
#[test]
fn the_densities_are_normal() {
    let mut numbers = Numbers::new(11);
    let (tokens, frames, channels) = (4, 9, 3);
    for _ in 0..20 {
        let [y, mean] = [frames, tokens].map(|rows| numbers.take(rows * channels, 2.0, 0.0));
        let density = |i: usize, t: usize| {
            let apart = (0..channels).map(|c| (y[t * channels + c] - mean[i * channels + c]).powi(2));
            -0.5 * apart.sum::<f64>() - 0.5 * channels as f64 * std::f64::consts::TAU.ln()
        };
        let values: Vec<Vec<f64>> =
            (0..tokens).map(|i| (0..frames).map(|t| density(i, t)).collect()).collect();
        let [y, mean] = [&y, &mean].map(|all| all.iter().map(|x| *x as f32).collect::<Vec<f32>>());
        let got = durations(&[Utterance { frames: &y, means: &mean }], channels).unwrap();
        assert_eq!(got[0], reference::durations(&values).0);
    }
}

#[test]
fn what_cannot_be_aligned_is_refused() {
    let values = [0.0; 6];
    let error = durations(&[Utterance { frames: &values[..2], means: &values }], 2).unwrap_err();
    assert!(error.to_string().contains("3 tokens need a frame each"), "{error}");
    assert!(durations(&[Utterance { frames: &values, means: &[] }], 2).is_err());
    assert!(durations(&[], 2).unwrap().is_empty());
}

#[test]
fn the_same_whatever_the_thread_count() {
    let mut numbers = Numbers::new(3);
    let mut take = |len: usize| numbers.take(len, 1.0, 0.0).iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let (frames, means) = (take(300 * 80), take(60 * 80));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| durations(&[Utterance { frames: &frames, means: &means }; 6], 80).unwrap())
    };
    assert_eq!(run(1), run(2));
}
