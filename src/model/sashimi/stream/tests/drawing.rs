//! Codes drawn from logits, and whole clips.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{codes, plan, weights};
use crate::model::sashimi::stream::*;

const PLAIN: Sampling = Sampling { seed: 7, nucleus_p: 1.0, top_k: 0, temperature: 1.0 };

fn logits(probabilities: &[f32]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln()).collect()
}

/// How often each code comes up.
fn shares(sampling: Sampling, probabilities: &[f32]) -> Vec<f64> {
    let (logits, draws) = (logits(probabilities), 20_000);
    let mut sampler = Sampler::new(sampling, [0]);
    let mut counts = vec![0.0; logits.len()];
    for _ in 0..draws {
        counts[sampler.choose(0, &logits).code as usize] += 1.0 / f64::from(draws);
    }
    counts
}

fn near(got: &[f64], want: &[f64]) {
    // Four standard deviations of a share of 20 000 draws.
    assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 0.015), "{got:?}, want {want:?}");
    assert!(got.iter().zip(want).all(|(got, want)| *want > 0.0 || *got == 0.0), "{got:?}, want {want:?}");
}

#[test]
fn codes_come_up_as_often_as_the_model_says() {
    near(&shares(PLAIN, &[0.1, 0.4, 0.0, 0.3, 0.2]), &[0.1, 0.4, 0.0, 0.3, 0.2]);
}

#[test]
fn a_nucleus_is_the_fewest_that_exceed_its_mass() {
    let with = |nucleus_p| Sampling { nucleus_p, ..PLAIN };
    let probabilities = [0.125, 0.5, 0.0625, 0.25, 0.0625];
    // The one that crosses belongs to it.
    near(&shares(with(0.6), &probabilities), &[0.0, 2.0 / 3.0, 0.0, 1.0 / 3.0, 0.0]);
    near(&shares(with(0.49), &probabilities), &[0.0, 1.0, 0.0, 0.0, 0.0]);
    near(&shares(with(0.0), &probabilities), &[0.0, 1.0, 0.0, 0.0, 0.0]);
    // Of two equals the first goes first.
    near(
        &shares(with(0.9), &probabilities),
        &[0.125 / 0.9375, 0.5 / 0.9375, 0.0625 / 0.9375, 0.25 / 0.9375, 0.0],
    );
    near(&shares(with(1.0), &probabilities), &probabilities.map(f64::from));
    // Two of four equals have half of the mass, and do not exceed it.
    near(&shares(with(0.5), &[0.25; 4]), &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0]);
}

#[test]
fn the_likeliest_few_are_kept_and_the_nucleus_is_taken_of_them() {
    let probabilities = [0.125, 0.5, 0.0625, 0.25, 0.0625];
    let with = |top_k, nucleus_p| Sampling { top_k, nucleus_p, ..PLAIN };
    near(&shares(with(2, 1.0), &probabilities), &[0.0, 2.0 / 3.0, 0.0, 1.0 / 3.0, 0.0]);
    near(&shares(with(1, 1.0), &probabilities), &[0.0, 1.0, 0.0, 0.0, 0.0]);
    // Half is two thirds of what is left, which exceeds 0.6; of all it would not.
    near(&shares(with(2, 0.6), &probabilities), &[0.0, 1.0, 0.0, 0.0, 0.0]);
    near(&shares(with(5, 1.0), &probabilities), &probabilities.map(f64::from));
    near(&shares(with(0, 1.0), &probabilities), &probabilities.map(f64::from));
}

#[test]
fn temperature_sharpens_the_draw_and_leaves_nucleus_and_likelihood() {
    let sharp = Sampling { temperature: 0.5, nucleus_p: 0.8, ..PLAIN };
    let probabilities = [0.5, 0.25, 0.2, 0.05];
    let squares = 0.25 + 0.0625 + 0.04;
    near(&shares(sharp, &probabilities), &[0.25 / squares, 0.0625 / squares, 0.04 / squares, 0.0]);
    let chosen = Sampler::new(sharp, [0]).choose(0, &logits(&probabilities));
    let want = f64::from(probabilities[chosen.code as usize]).ln();
    assert!((chosen.log_likelihood - want).abs() < 1e-6, "{chosen:?}");
    assert!((log_likelihood(&logits(&probabilities), chosen.code) - want).abs() < 1e-6);
}

#[test]
fn every_clip_has_draws_of_its_own() {
    let logits = vec![0.0; 256];
    let draw = |sampling, clip| {
        let mut sampler = Sampler::new(sampling, [clip]);
        (0..20).map(|_| sampler.choose(0, &logits).code).collect::<Vec<_>>()
    };
    assert_eq!(draw(PLAIN, 3), draw(PLAIN, 3));
    assert_ne!(draw(PLAIN, 3), draw(PLAIN, 4));
    assert_ne!(draw(PLAIN, 3), draw(Sampling { seed: 8, ..PLAIN }, 3));
}

fn request(prompt: &[u32]) -> Request<'_> {
    Request { clips: 5, samples: 40, prompt, sampling: PLAIN, threads: 1 }
}

fn go(_: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn clips_are_the_same_whatever_is_made_beside_them_and_on_any_threads() {
    let weights = weights(&plan());
    let clips = generate(&weights, &request(&[]), &go).unwrap();
    assert!(clips.iter().all(|clip| clip.codes.len() == 40));
    for (count, threads) in [(1, 1), (1, 2), (5, 2), (3, 4), (5, 16)] {
        let other = generate(&weights, &Request { clips: count, threads, ..request(&[]) }, &go).unwrap();
        assert!(other == clips[..count], "{count} clips on {threads} threads");
    }
    // More than one thread has lanes for.
    let many =
        generate(&weights, &Request { clips: 40, samples: 3, threads: 2, ..request(&[]) }, &go).unwrap();
    assert_eq!(many.len(), 40);
    assert!(many.iter().zip(&clips).all(|(many, clip)| many.codes == clip.codes[..3]));
    assert_eq!(generate(&weights, &Request { clips: 0, ..request(&[]) }, &go).unwrap(), []);
}

#[test]
fn likelihoods_are_those_of_reading_the_same_codes() {
    let weights = weights(&plan());
    let clips = generate(&weights, &request(&[]), &go).unwrap();
    let mut codes: Vec<Vec<u32>> = clips.iter().map(|clip| clip.codes.clone()).collect();
    for threads in [1, 2] {
        let nats = mean_nats(&weights, &codes, threads, &go).unwrap();
        for (nats, clip) in nats.iter().zip(&clips) {
            assert!((nats + clip.log_likelihood / 40.0).abs() < 1e-5, "{nats}, {}", clip.log_likelihood);
        }
    }
    // A shorter one beside them ends earlier and changes nothing else.
    let before = mean_nats(&weights, &codes, 1, &go).unwrap();
    codes[1].truncate(7);
    let after = mean_nats(&weights, &codes, 1, &go).unwrap();
    let alone = mean_nats(&weights, &codes[1..2], 1, &go).unwrap();
    assert_eq!((after[0], after[1], after[2]), (before[0], alone[0], before[2]));
}

#[test]
fn a_prompt_is_continued() {
    let weights = weights(&plan());
    let prompt = codes(25, 20, 9);
    let clips = generate(&weights, &request(&prompt), &go).unwrap();
    let mut stepper = Stepper::new(&weights, 1, 1).unwrap();
    let mut sampler = Sampler::new(PLAIN, [2]);
    let mut heard = vec![weights.silence()];
    heard.extend(&prompt);
    for code in &heard[..25] {
        stepper.step(&[*code]).unwrap();
    }
    let (mut last, mut made) = (heard[25], Vec::new());
    for _ in 0..40 {
        last = sampler.choose(0, stepper.step(&[last]).unwrap()).code;
        made.push(last);
    }
    assert_eq!(clips[2].codes, made);
    assert_ne!(clips[2].codes, generate(&weights, &request(&[]), &go).unwrap()[2].codes);
}

#[test]
fn the_watcher_hears_of_every_sample_and_may_break_off() {
    let weights = weights(&plan());
    let heard = AtomicUsize::new(0);
    let watch = |samples| {
        heard.fetch_max(samples, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let prompt = codes(10, 20, 1);
    generate(&weights, &Request { threads: 2, ..request(&prompt) }, &watch).unwrap();
    assert_eq!(heard.into_inner(), 5 * 50);
    let stop = |_| ControlFlow::Break(());
    let error = generate(&weights, &request(&[]), &stop).unwrap_err();
    assert_eq!(error.to_string(), "stopped before all samples were made");
}
