use kernels::{Cpu, Tape};

use super::*;
use crate::nn::{Declaration, Params};
use crate::seed::{Purpose, stream};

const MIXER: MixerPlan =
    MixerPlan::Mamba2 { inner: 24, head_dim: 8, state: 6, taps: 4, chunk: 16, residual_inside: false };

fn small(delays: bool, cue_symbols: usize) -> CodecLmPlan {
    CodecLmPlan {
        codec: crate::plan::CodecName::Cepstral,
        codec_weights: None,
        levels: 3,
        codebook_size: 10,
        rate_hz: 16_000,
        hop_samples: 256,
        delays,
        text: crate::plan::CodedText::Characters,
        symbols: 20,
        language: crate::plan::PhonemeLanguage::Auto,
        cue_symbols,
        frames_per_symbol: 4.0,
        width: 12,
        mixer: MIXER,
        layers: 2,
        dropout: 0.1,
        speakers: 2,
    }
}

fn network(plan: &CodecLmPlan) -> (CodecLm, Params<Cpu>) {
    let mut declared: Vec<Declaration> = Vec::new();
    let network = CodecLm::declare(&mut Scope::root(&mut declared), plan);
    let params = Params::draw(&Cpu::default(), &declared, 7).unwrap();
    (network, params)
}

fn text(symbols: usize, frames: usize, speaker: u32) -> CodedText {
    CodedText {
        symbols: (0..symbols as u32).map(|at| (at * 7 + speaker) % 20).collect(),
        speaker,
        codes: (0..frames as u32 * 3).map(|at| (at * at + 3 * speaker) % 10).collect(),
    }
}

#[test]
fn each_pattern_tells_and_is_told_what_it_says() {
    let tiny = |delays| CodecLmPlan { levels: 2, ..small(delays, 3) };
    let text = CodedText { symbols: vec![4, 5, 6], speaker: 0, codes: vec![1, 2, 3, 4] };
    let parallel = Sequences::of(&tiny(false), std::slice::from_ref(&text));
    assert_eq!((parallel.len, parallel.steps), (5, 3));
    assert_eq!(parallel.symbols, [4, 5, 6, 20, 20]);
    assert_eq!(parallel.told, [2, 3, 4]);
    assert_eq!(parallel.targets, [1, 2, 3, 4, 10, 10].map(Some));
    assert_eq!(parallel.codes, [[11, 11, 11, 1, 3], [11, 11, 11, 2, 4]]);
    // Two frames stand for three symbols; the third step is beyond.
    assert_eq!(parallel.cue, [[20, 20, 20, 5, 6], [20, 20, 4, 6, 20], [20, 20, 5, 20, 20]]);
    let delayed = Sequences::of(&tiny(true), &[text]);
    assert_eq!((delayed.len, delayed.steps), (6, 4));
    assert_eq!(delayed.targets, [Some(1), None, Some(3), Some(2), Some(10), Some(4), None, Some(10)]);
    assert_eq!(delayed.codes, [[11, 11, 11, 1, 3, 10], [11, 11, 11, 11, 2, 4]]);
}

/// Steps, each told what was there before, then a pass over all of it: the same scores, whatever stands beside it.
#[test]
fn steps_are_the_pass_over_the_whole() {
    for plan in [small(false, 0), small(false, 3), small(true, 5)] {
        let (network, params) = network(&plan);
        let texts = [text(6, 40, 0), text(4, 25, 1), text(9, 1, 1)];
        let sequences = Sequences::of(&plan, &texts);
        let mut tape = Tape::silent();
        let whole = network.forward(&mut Pass::at_rest(&params, &mut tape), &sequences).unwrap().to_vec();
        let scores = plan.levels * plan.scores();
        let step = CodecStep::of(&network, &params).unwrap();
        for (row, text) in texts.iter().enumerate() {
            let frames = sequences.frames[row];
            let (mut made, mut telling) = step.begin(&text.symbols, text.speaker, frames);
            for at in 0..plan.steps(frames) {
                let want = &whole[(row * sequences.steps + at) * scores..][..scores];
                let apart = made.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 1e-5, "{plan:?}, {row}, step {at}: {apart}");
                let codes: Vec<u32> = (0..plan.levels)
                    .map(|level| {
                        let next = (row * sequences.steps + at) * plan.levels + level;
                        sequences.targets[next].unwrap_or(plan.codebook_size + 1) as u32
                    })
                    .collect();
                made = step.hear(&codes, &mut telling);
            }
        }
    }
}

#[test]
fn every_parameter_learns() {
    let plan = small(true, 3);
    let (network, params) = network(&plan);
    let sequences = Sequences::of(&plan, &[text(6, 17, 0), text(4, 11, 1)]);
    let mut tape = Tape::recording();
    let mut pass = Pass::training(&params, &mut tape, stream(1, Purpose::Student, 0, 0));
    let scores = network.forward(&mut pass, &sequences).unwrap();
    let seed = (0..scores.len()).map(|at| ((at * 7_919 + 13) % 2_003) as f32 / 1_001.5 - 1.0).collect();
    let mut grads = tape.backward(&Cpu::default(), vec![(scores, seed)]).unwrap();
    for param in params.iter() {
        let array = param.array().clone();
        let moved = grads.reached(&array) && grads.to_vec(&array).unwrap().iter().any(|x| *x != 0.0);
        assert!(moved, "{}", param.name());
    }
}
