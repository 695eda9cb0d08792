//! The kernel against its specification, the mask against chance.

use super::*;
use crate::Cpu;
use crate::agree::{Numbers, check, run_backward, run_forward};
use crate::cuda::emulator::emulated;

#[test]
fn agrees_with_the_specification_and_finite_differences() {
    for (len, p, seed) in [(0, 0.5, 1), (1, 0.5, 2), (133, 0.1, u64::MAX), (200, 0.9, 77)] {
        let inputs = [Numbers::new(2).take(len, 2.0, 0.0)];
        check(&Dropout::new(p, seed), &inputs, &[true], |inputs| reference::forward(p, seed, inputs));
    }
}

/// Zeros stand where they stand on the CPU, to the bit, beyond blocks of threads too.
#[test]
fn device_kernels_agree_too() {
    for (len, p, seed) in [(0, 0.5, 1), (1, 0.5, 2), (133, 0.1, u64::MAX), (200, 0.9, 77)] {
        let Some(device) = emulated(Dropout::new(p, seed)) else { return };
        let inputs = [Numbers::new(2).take(len, 2.0, 0.0)];
        check(&device, &inputs, &[true], |inputs| reference::forward(p, seed, inputs));
    }
    let extents = [7, 37];
    for op in [Dropout::new(0.3, 5), Dropout { sequence: Some(extents), ..Dropout::new(0.3, 5) }] {
        let Some(device) = emulated(op) else { return };
        let inputs = [Numbers::new(2).take(20 * 7 * 37, 2.0, 0.0)];
        let lens = [inputs[0].len()];
        assert_eq!(run_forward(&device, &inputs, &lens).0, run_forward(&op, &inputs, &lens).0);
        assert_eq!(run_backward(&device, &inputs, &inputs), run_backward(&op, &inputs, &inputs));
    }
}

/// Whether each of `len` elements is kept.
fn kept(p: f32, seed: u64, len: usize) -> Vec<bool> {
    let ones = [vec![1.0; len]];
    let (out, ()) = run_forward(&Dropout::new(p, seed), &ones, &[len]);
    out[0].iter().map(|&y| y != 0.0).collect()
}

#[test]
fn the_mask_is_the_same_in_every_block_and_beyond_32_bits() {
    let want: Vec<bool> = (0..50_000).map(|i| reference::keeps(0.3, 5, i)).collect();
    assert_eq!(kept(0.3, 5, 50_000), want);
    let far = (1usize << 32) + 16;
    let stretch = Mask::new(0.3, 5).starting_at(far);
    let got: Vec<bool> = (0..1000).map(|i| stretch.keeps(i)).collect();
    let want: Vec<bool> = (0..1000).map(|i| reference::keeps(0.3, 5, far as u64 + i)).collect();
    assert_eq!(got, want);
    assert_ne!(got, kept(0.3, 5, 1016)[16..]);
}

/// The mask is part of a run's identity: a resumed run, an older run and a GPU must draw it alike.
#[test]
fn golden_mask() {
    let got: String = kept(0.5, 1, 64).iter().map(|&k| if k { '1' } else { '0' }).collect();
    assert_eq!(got, "0100100111010101100000000101100110011111001000101011100110110001");
}

#[test]
fn drops_the_share_that_was_asked() {
    const LEN: usize = 400_000;
    for (p, seed) in [(0.05f32, 3), (0.1, 0), (0.2, 1), (0.5, 1 << 40), (0.9, u64::MAX)] {
        let dropped = kept(p, seed, LEN).iter().filter(|&&k| !k).count() as f64;
        let (mean, deviation) = (LEN as f64 * f64::from(p), (LEN as f64 * f64::from(p * (1.0 - p))).sqrt());
        assert!((dropped - mean).abs() < 4.0 * deviation, "p = {p}: {dropped} of {LEN}");
    }
}

/// The share of elements on which two masks agree; 1/2 by chance at p = 1/2.
fn agreement(a: &[bool], b: &[bool]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len().min(b.len()) as f64
}

#[test]
fn elements_are_independent_of_their_neighbours_and_masks_of_each_other() {
    const LEN: usize = 200_000;
    const FOUR_SIGMA: f64 = 4.0 * 0.5 / 447.0;
    let mask = kept(0.5, 12, LEN);
    for lag in [1, 2, 3, 16, 64, 128, 768, 1024, 16_384] {
        let share = agreement(&mask, &mask[lag..]);
        assert!((share - 0.5).abs() < FOUR_SIGMA * 1.1, "lag {lag}: {share}");
    }
    for seed in [0, 13, 11, 12 ^ (1 << 63), 12 << 32, 12 + (1 << 32)] {
        let other = kept(0.5, seed, LEN);
        for shift in [0, 1, 2] {
            let share = agreement(&mask[shift..], &other);
            assert!((share - 0.5).abs() < FOUR_SIGMA * 1.1, "seed {seed}, shift {shift}: {share}");
        }
    }
}

#[test]
fn the_expectation_is_the_input() {
    const LEN: usize = 400_000;
    let (out, ()) = run_forward(&Dropout::new(0.2, 9), &[vec![1.0; LEN]], &[LEN]);
    let mean = out[0].iter().map(|&y| f64::from(y)).sum::<f64>() / LEN as f64;
    assert!((mean - 1.0).abs() < 4.0 * (0.25f64 / LEN as f64).sqrt(), "{mean}");
}

#[test]
fn backward_uses_the_mask_of_forward() {
    let op = Dropout::new(0.4, 21);
    let x = vec![1.0; 40_000];
    let (out, ()) = run_forward(&op, std::slice::from_ref(&x), &[x.len()]);
    let dx = run_backward(&op, std::slice::from_ref(&x), std::slice::from_ref(&x));
    assert_eq!(out[0], dx[0]);
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let x = [Numbers::new(4).take(70_001, 3.0, 0.0)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| run_forward(&Dropout::new(0.1, 8), &x, &[70_001]).0)
    };
    assert!(run(1) == run(2));
}

#[test]
fn a_dropped_infinity_is_zero() {
    let x = [vec![f64::INFINITY; 64]];
    let (out, ()) = run_forward(&Dropout::new(0.5, 1), &x, &[64]);
    let want: Vec<f32> = kept(0.5, 1, 64).iter().map(|&k| if k { f32::INFINITY } else { 0.0 }).collect();
    assert_eq!(out[0], want);
}

#[test]
fn refuses_what_is_no_probability_and_leaves_the_input_at_zero() {
    let x = Array::from_vec(&Cpu::default(), vec![1.0, 2.0], [2]).expect("fits").tracked();
    for (p, sentence) in [
        (
            1.0,
            "dropout: x has shape [2], but its elements cannot be dropped with probability 1: it must be in [0, 1)",
        ),
        (
            -0.1,
            "dropout: x has shape [2], but its elements cannot be dropped with probability -0.1: it must be in [0, 1)",
        ),
        (
            f32::NAN,
            "dropout: x has shape [2], but its elements cannot be dropped with probability NaN: it must be in [0, 1)",
        ),
    ] {
        let refusal = dropout(&mut Tape::recording(), &x, p, 1).map_err(|error| error.to_string());
        assert_eq!(refusal.err().as_deref(), Some(sentence));
    }
    let device = Cpu::default();
    let mut tape = Tape::recording();
    let same = dropout(&mut tape, &x, 0.0, 1).expect("runs");
    assert_eq!(same.to_vec(), x.to_vec());
    let out = dropout(&mut tape, &same, 0.5, 1).expect("runs");
    let want = out.to_vec().iter().zip(x.to_vec()).map(|(y, x)| y / x).collect::<Vec<f32>>();
    let mut grads = tape.backward(&device, vec![(out, vec![1.0; 2])]).expect("runs");
    assert_eq!(grads.to_vec(&x).expect("runs"), want);
}

#[test]
fn whole_channels_agree_with_the_specification_and_finite_differences() {
    for (batch, time, channels, p) in [(0, 2, 3, 0.5), (1, 1, 1, 0.5), (3, 4, 5, 0.3), (2, 3, 40, 0.9)] {
        let inputs = [Numbers::new(2).take(batch * time * channels, 2.0, 0.0)];
        let extents = [time, channels];
        let op = Dropout { sequence: Some(extents), ..Dropout::new(p, 7) };
        check(&op, &inputs, &[true], |inputs| reference::forward_channels(p, 7, extents, inputs));
    }
}

#[test]
fn a_channel_is_kept_at_all_times_or_at_none() {
    let (batch, time, channels) = (2, 900, 40);
    let x = Array::from_vec(&Cpu::default(), vec![1.0; batch * time * channels], [batch, time, channels]);
    let out = dropout_channels(&mut Tape::silent(), &x.expect("fits"), 0.5, 3).expect("runs").to_vec();
    let sequences: Vec<&[f32]> = out.chunks(time * channels).collect();
    for sequence in &sequences {
        assert!(sequence.chunks(channels).all(|frame| frame == &sequence[..channels]));
        assert!(sequence.contains(&0.0) && sequence.contains(&2.0));
    }
    assert_ne!(sequences[0], sequences[1]);
    let flat = Array::zeros(&Cpu::default(), [4]).expect("room");
    let error = dropout_channels(&mut Tape::silent(), &flat, 0.5, 3).expect_err("no channels").to_string();
    assert_eq!(error, "dropout: x has shape [4], but it needs 3 axes");
}
