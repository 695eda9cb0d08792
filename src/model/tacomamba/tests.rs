use kernels::{Cpu, Tape};

use super::*;
use crate::nn::{Params, Pass};
use crate::plan::{DroppedLayers, MelScaling, SpeakersPlan, SpeechMelPlan, TextCleaners};
use crate::seed::{Purpose, stream};

/// The recommended sizes.
fn recommended() -> TacomambaPlan {
    TacomambaPlan {
        mel: SpeechMelPlan {
            rate_hz: 22_050,
            scaling: MelScaling::Log,
            n_fft: 1_024,
            window_samples: 1_024,
            hop_samples: 256,
            bands: 80,
            low_hz: 0.0,
            high_hz: 8_000.0,
            mean: 0.0,
            scale: 1.0,
        },
        cleaners: TextCleaners::English,
        blanks: false,
        width: 384,
        mixer: MixerPlan::Mamba1 { inner: 768, state: 16, taps: 4, rank: 24, residual_inside: false },
        simple_scan: false,
        bidirectional: true,
        encoder_convs: 3,
        encoder_layers: 4,
        decoder_layers: 6,
        positions: true,
        prenet: Some(DroppedLayers { width: 256, dropout: 0.5 }),
        duration_width: 256,
        prefix: false,
        postnet: Some(DroppedLayers { width: 512, dropout: 0.5 }),
        dropout: 0.1,
        speakers: None,
    }
}

const MAMBA1: MixerPlan = MixerPlan::Mamba1 { inner: 24, state: 4, taps: 4, rank: 2, residual_inside: false };
const MAMBA2: MixerPlan =
    MixerPlan::Mamba2 { inner: 24, head_dim: 8, state: 4, taps: 4, chunk: 8, residual_inside: false };

/// Five bands and three voices; nothing drops.
fn small(mixer: MixerPlan) -> TacomambaPlan {
    TacomambaPlan {
        mel: SpeechMelPlan { bands: 5, ..recommended().mel },
        width: 12,
        mixer,
        encoder_convs: 1,
        encoder_layers: 1,
        decoder_layers: 2,
        prenet: Some(DroppedLayers { width: 8, dropout: 0.0 }),
        duration_width: 6,
        postnet: Some(DroppedLayers { width: 8, dropout: 0.0 }),
        dropout: 0.0,
        speakers: Some(SpeakersPlan { count: 3, width: 4 }),
        ..recommended()
    }
}

/// The published program's design.
fn repeating(mixer: MixerPlan) -> TacomambaPlan {
    TacomambaPlan {
        bidirectional: false,
        encoder_convs: 0,
        positions: false,
        prenet: None,
        postnet: None,
        ..small(mixer)
    }
}

fn network(plan: &TacomambaPlan) -> (Tacomamba, Params<Cpu>) {
    let mut declared = Vec::new();
    let network = Tacomamba::declare(&mut Scope::root(&mut declared), plan);
    let params = Params::draw(&Cpu::default(), &declared, 7).unwrap();
    (network, params)
}

/// Noise that repeats.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|at| ((at * 7_919 + 13) % 2_003) as f32 / 1_001.5 - 1.0).collect()
}

/// Utterances with these symbols and frames.
fn speech(sizes: &[(usize, usize)], bands: usize) -> (Texts, MelFrames) {
    let symbols: Vec<Vec<u32>> =
        sizes.iter().map(|(n, _)| (0..*n as u32).map(|at| 38 + at % 26).collect()).collect();
    let texts: Vec<&[u32]> = symbols.iter().map(Vec::as_slice).collect();
    let speakers = (0..sizes.len() as u32).map(|at| at % 3).collect();
    let lens: Vec<usize> = sizes.iter().map(|(_, frames)| *frames).collect();
    let padded = lens.iter().copied().max().unwrap();
    let mut values = vec![0.0; sizes.len() * padded * bands];
    for (row, len) in lens.iter().enumerate() {
        values[row * padded * bands..][..len * bands].copy_from_slice(&numbers(len * bands));
    }
    (Texts::new(&texts, speakers), MelFrames { values, padded, lens })
}

fn taught(network: &Tacomamba, params: &Params<Cpu>, texts: &Texts, spoken: &MelFrames) -> Taught<Cpu> {
    let mut tape = Tape::silent();
    network.forward(&mut Pass::at_rest(params, &mut tape), texts, spoken).unwrap()
}

/// The table of the specification: 20.9 million parameters in all.
#[test]
fn the_recommended_sizes_have_their_parameters() {
    let mut declared = Vec::new();
    Tacomamba::declare(&mut Scope::root(&mut declared), &recommended());
    let under = |prefix: &str| -> usize {
        let own = declared.iter().filter(|declaration| declaration.name.starts_with(prefix));
        own.map(|declaration| declaration.shape.len()).sum()
    };
    assert_eq!(under("encoder.embedding."), 58_368);
    assert_eq!(under("encoder.convs."), 2_214_144);
    assert_eq!(under("encoder.layers.") + under("encoder.norm."), 7_712_640);
    assert_eq!(under("mean."), 30_800);
    assert_eq!(under("durations."), 493_313);
    assert_eq!(under("decoder.prenet."), 185_216);
    assert_eq!(under("decoder.position."), 1_152);
    assert_eq!(under("decoder.layers.") + under("decoder.norm."), 5_785_728);
    assert_eq!(under("decoder.out."), 30_800);
    assert_eq!(under("postnet."), 4_346_016);
    assert_eq!(under(""), 20_858_177);
}

#[test]
fn durations_add_up_and_every_symbol_has_one() {
    let (network, params) = network(&small(MAMBA1));
    let (texts, spoken) = speech(&[(6, 17), (3, 3), (1, 9)], 5);
    let taught = taught(&network, &params, &texts, &spoken);
    for (durations, (symbols, frames)) in taught.durations.iter().zip([(6, 17), (3, 3), (1, 9)]) {
        assert_eq!((durations.len(), durations.iter().sum::<usize>()), (symbols, frames));
        assert!(durations.iter().all(|duration| *duration > 0));
    }
}

/// Frames and gradients of either scan, to rounding.
#[test]
fn scans_step_by_step_say_the_same() {
    for plan in [small(MAMBA1), small(MAMBA2)] {
        let (texts, spoken) = speech(&[(6, 40), (4, 11), (9, 70)], 5);
        let [fused, simple] = [false, true].map(|simple_scan| {
            let (network, params) = network(&TacomambaPlan { simple_scan, ..plan.clone() });
            let mut tape = Tape::recording();
            let taught = network.forward(&mut Pass::at_rest(&params, &mut tape), &texts, &spoken).unwrap();
            let made = taught.frames.to_vec();
            let seed = numbers(made.len());
            let mut grads = tape.backward(&Cpu::default(), vec![(taught.frames, seed)]).unwrap();
            let reached = params.iter().filter(|param| param.name().starts_with("decoder."));
            let slopes = reached.map(|param| grads.to_vec(param.array()).unwrap());
            (made, slopes.collect::<Vec<_>>())
        });
        let close = |got: &[f32], want: &[f32], what: &str| {
            let largest = want.iter().fold(1e-3_f32, |most, x| most.max(x.abs()));
            assert_eq!(got.len(), want.len(), "{what}");
            let apart = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-4 * largest, "{what}: {apart} of {largest}");
        };
        close(&simple.0, &fused.0, "frames");
        simple
            .1
            .iter()
            .zip(&fused.1)
            .enumerate()
            .for_each(|(at, (got, want))| close(got, want, &format!("parameter {at}")));
    }
}

/// What comes of an utterance depends neither on those beside it nor on the padding behind it.
#[test]
fn an_utterance_alone_is_as_among_others() {
    for plan in [small(MAMBA1), small(MAMBA2), repeating(MAMBA1)] {
        let (network, params) = network(&plan);
        let (texts, spoken) = speech(&[(6, 17), (4, 11), (9, 30)], 5);
        let together = taught(&network, &params, &texts, &spoken);
        let symbols = &texts.symbols[texts.padded..][..4];
        let alone_texts = Texts::new(&[symbols], vec![1]);
        let values = spoken.values[30 * 5..][..11 * 5].to_vec();
        let alone_spoken = MelFrames { values, padded: 11, lens: vec![11] };
        let alone = taught(&network, &params, &alone_texts, &alone_spoken);
        assert_eq!(alone.durations[0], together.durations[1]);
        let near = |alone: &Array<Cpu>, together: &Array<Cpu>, width: usize, len: usize| {
            let (alone, together) = (alone.to_vec(), together.to_vec());
            let row = together.len() / 3;
            for (got, want) in alone[..len * width].iter().zip(&together[row..]) {
                assert!((got - want).abs() < 1e-6, "{got} for {want}");
            }
        };
        near(&alone.frames, &together.frames, 5, 11);
        near(&alone.means, &together.means, 5, 11);
        near(&alone.log_durations, &together.log_durations, 1, 4);
        if let (Some(alone), Some(together)) = (&alone.refined, &together.refined) {
            near(alone, together, 5, 11);
        }
    }
}

/// Free-running steps, then a pass over what they made, the decoder hearing it: the same frames.
#[test]
fn steps_are_the_pass_over_what_they_made() {
    for mixer in [MAMBA1, MAMBA2] {
        let (network, params) = network(&small(mixer));
        let (texts, _) = speech(&[(6, 60), (4, 60)], 5);
        let durations = vec![vec![10; 6], vec![15; 4]];
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&params, &mut tape);
        let h = network.encode(&mut pass, &texts).unwrap();
        let conditions = network.conditions(&mut pass, &h, &durations).unwrap();
        let told = conditions.to_vec();
        let step = SpeechStep::of(&network, &params).unwrap();
        let (mut states, mut before) = (step.states(2), vec![0.0; 2 * 5]);
        let mut made = [Vec::new(), Vec::new()];
        for t in 0..60 {
            let frame = |row: usize| &told[(row * 60 + t) * 12..][..12];
            let now = [frame(0), frame(1)].concat();
            before = step.step(&now, &before, &mut states, &mut |_| unreachable!("nothing drops"));
            made[0].extend(&before[..5]);
            made[1].extend(&before[5..]);
        }
        let spoken = MelFrames { values: made.concat(), padded: 60, lens: vec![60, 60] };
        let whole = network.decoder.forward(&mut pass, &conditions, Some(&spoken)).unwrap().to_vec();
        let worst = whole.iter().zip(&spoken.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{mixer:?}: {worst}");
    }
}

/// Gradients of every part arrive, and none flows from durations into the encoder.
#[test]
fn gradients_reach_what_they_should() {
    let (network, params) = network(&small(MAMBA1));
    let (texts, spoken) = speech(&[(6, 17), (4, 11)], 5);
    let device = Cpu::default();
    let reached = |which: usize, prefix: &str| {
        let mut tape = Tape::recording();
        let draws = stream(1, Purpose::Student, 0, 0);
        let mut pass = Pass::training(&params, &mut tape, draws);
        let taught = network.forward(&mut pass, &texts, &spoken).unwrap();
        let terms = [taught.frames, taught.refined.unwrap(), taught.means, taught.log_durations];
        let seed = numbers(terms[which].len());
        let mut grads = tape.backward(&device, vec![(terms[which].clone(), seed)]).unwrap();
        let own = params.iter().filter(|param| param.name().starts_with(prefix));
        own.map(|param| param.array().clone()).any(|array| {
            grads.reached(&array) && grads.to_vec(&array).unwrap().iter().any(|slope| *slope != 0.0)
        })
    };
    for (which, parts) in [
        (0, ["encoder.", "decoder."].as_slice()),
        (1, &["encoder.", "decoder.", "postnet."]),
        (2, &["encoder.", "mean."]),
        (3, &["durations."]),
    ] {
        for part in ["encoder.", "mean.", "durations.", "decoder.", "postnet."] {
            assert_eq!(reached(which, part), parts.contains(&part), "term {which}: {part}");
        }
    }
}

/// The objective's slope along a direction is the gradient's share in it.
#[test]
fn the_gradient_is_the_slope() {
    for plan in [small(MAMBA1), repeating(MAMBA2)] {
        let (network, mut params) = network(&plan);
        let (texts, spoken) = speech(&[(4, 9), (3, 7)], 5);
        let device = Cpu::default();
        let durations = taught(&network, &params, &texts, &spoken).durations;
        // Half the squares of all that is made: every part has its share.
        let value = |params: &Params<Cpu>| -> f64 {
            let taught = taught(&network, params, &texts, &spoken);
            // A choice that changes has no slope.
            assert_eq!(taught.durations, durations);
            let all = [Some(taught.frames), taught.refined, Some(taught.means)];
            let squares = all.into_iter().flatten().flat_map(|array| array.to_vec());
            squares.map(|x| 0.5 * f64::from(x).powi(2)).sum()
        };
        let mut tape = Tape::recording();
        let mut pass = Pass::at_rest(&params, &mut tape);
        let taught = network.forward(&mut pass, &texts, &spoken).unwrap();
        let arrays: Vec<Array<Cpu>> =
            [Some(taught.frames), taught.refined, Some(taught.means)].into_iter().flatten().collect();
        let seeds = arrays
            .into_iter()
            .map(|array| {
                let seed = array.to_vec();
                (array, seed)
            })
            .collect();
        let mut grads = tape.backward(&device, seeds).unwrap();
        let names: Vec<String> = params.iter().map(|param| param.name().to_owned()).collect();
        for name in names.iter().filter(|name| !name.starts_with("durations.")) {
            let array = params.by_name(name).unwrap().array().clone();
            let gradient = grads.to_vec(&array).unwrap();
            let norm = gradient.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            if norm < 1e-3 {
                continue;
            }
            let first = array.to_vec();
            let step = 2e-3 / norm;
            let mut along = |sign: f64| {
                let moved: Vec<f32> = first
                    .iter()
                    .zip(&gradient)
                    .map(|(x, g)| x + (sign * step * f64::from(*g)) as f32)
                    .collect();
                params.by_name_mut(name).unwrap().array_mut().copy_from(&moved).unwrap();
                value(&params)
            };
            let slope = (along(1.0) - along(-1.0)) / (2.0 * step);
            params.by_name_mut(name).unwrap().array_mut().copy_from(&first).unwrap();
            let want = norm * norm;
            assert!((slope - want).abs() < 0.02 * want + 1e-3, "{name}: {slope} for {want}");
        }
    }
}

/// The ablation in the small sizes.
fn prefixed(mixer: MixerPlan) -> (PrefixSpeech, Params<Cpu>) {
    let plan = TacomambaPlan { prefix: true, postnet: None, positions: false, ..small(mixer) };
    let mut declared = Vec::new();
    let network = PrefixSpeech::declare(&mut Scope::root(&mut declared), &plan);
    let params = Params::draw(&Cpu::default(), &declared, 7).unwrap();
    (network, params)
}

/// The ablation told frame by frame, then a pass over what it told: the same frames and the same ends, whatever stands beside it.
#[test]
fn one_stack_steps_as_it_passes() {
    for mixer in [MAMBA1, MAMBA2] {
        let (network, params) = prefixed(mixer);
        let (texts, spoken) = speech(&[(6, 40), (4, 25)], 5);
        let step = PrefixStep::of(&network, &params).unwrap();
        let mut values = vec![0.0; spoken.values.len()];
        let mut made = Vec::new();
        for (row, len) in [40, 25].into_iter().enumerate() {
            let symbols = &texts.symbols[row * texts.padded..][..texts.lens[row]];
            let (mut told, mut states) = step.begin(symbols, texts.speakers[row]);
            let mut frames = Vec::new();
            for _ in 0..len {
                let (frame, _) = step.frame(&told);
                told = step.hear(&frame, &mut states, &mut |_| unreachable!("nothing drops"));
                frames.extend(frame);
            }
            values[row * 40 * 5..][..len * 5].copy_from_slice(&frames);
            made.push(frames);
        }
        let heard = MelFrames { values, ..spoken };
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&params, &mut tape);
        let whole = network.forward(&mut pass, &texts, &heard, &Cpu::default()).unwrap().frames.to_vec();
        for (row, frames) in made.iter().enumerate() {
            let whole = &whole[row * 40 * 5..][..frames.len()];
            let worst = whole.iter().zip(frames).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{mixer:?}, {row}: {worst}");
        }
    }
}

#[test]
fn every_parameter_of_one_stack_learns() {
    let (network, params) = prefixed(MAMBA1);
    let (texts, spoken) = speech(&[(6, 17), (4, 11), (3, 9)], 5);
    let device = Cpu::default();
    let mut tape = Tape::recording();
    let mut pass = Pass::training(&params, &mut tape, stream(1, Purpose::Student, 0, 0));
    let made = network.forward(&mut pass, &texts, &spoken, &device).unwrap();
    let terms = [made.frames, made.stops].map(|array| {
        let seed = numbers(array.len());
        (array, seed)
    });
    let mut grads = tape.backward(&device, terms.into()).unwrap();
    for param in params.iter() {
        let array = param.array().clone();
        let moved = grads.reached(&array) && grads.to_vec(&array).unwrap().iter().any(|x| *x != 0.0);
        assert!(moved, "{}", param.name());
    }
}
