use kernels::{Array, Cpu, Tape};

use super::*;

use crate::nn::Params;
use crate::plan::{Heads, LogMelPlan, Pooling};
use crate::seed::{Purpose, stream};

const MAMBA: MixerPlan = MixerPlan::Mamba1 { inner: 24, state: 4, taps: 4, rank: 2, residual_inside: false };

/// Each kind of encoder, small; nothing drops.
fn plans() -> [SpeakerPlan; 4] {
    let layers = |mixer, inner| SpeakerEncoderPlan::Layers { width: 12, count: 2, mixer, inner };
    let convolutions =
        |square| SpeakerEncoderPlan::Convolutions { channels: vec![6, 6, 10], hidden: 14, square };
    [layers(MAMBA, 0), layers(MixerPlan::Attention { heads: 3 }, 20), convolutions(false), convolutions(true)]
        .map(|encoder| SpeakerPlan {
            front: LogMelPlan { rate_hz: 16_000, window_samples: 64, hop_samples: 32, mel_bands: 5 },
            encoder,
            dropout: 0.0,
            heads: Heads { vocab_size: 0, blank: 0, classes: vec![3], pooling: Pooling::Mean },
        })
}

fn network(plan: &SpeakerPlan) -> (SpeakerNet, Params<Cpu>) {
    let mut declared = Vec::new();
    let network = SpeakerNet::declare(&mut Scope::root(&mut declared), plan);
    let params = Params::draw(&Cpu::default(), &declared, 7).unwrap();
    (network, params)
}

/// Recordings of these lengths, padded to the longest.
fn input(lens: &[usize]) -> Input<Cpu> {
    let longest = lens.iter().copied().max().unwrap();
    let mut waveforms = vec![0.0; lens.len() * longest];
    for (row, len) in lens.iter().enumerate() {
        for (at, sample) in waveforms[row * longest..][..*len].iter_mut().enumerate() {
            *sample = ((at * 7_919 + 13 + row * 29) % 2_003) as f32 / 1_001.5 - 1.0;
        }
    }
    let waveforms = Array::from_vec(&Cpu::default(), waveforms, [lens.len(), longest, 1]).unwrap();
    Input::of(waveforms, lens.to_vec())
}

#[test]
fn a_recording_alone_is_as_among_others() {
    for plan in plans() {
        let (network, params) = network(&plan);
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&params, &mut tape);
        let together = network.forward(&mut pass, &input(&[400, 640])).unwrap();
        let alone = network.forward(&mut pass, &input(&[400])).unwrap();
        let [alone, together] = [alone, together].map(|made| made.class_logits[0].to_vec());
        for (alone, together) in alone.iter().zip(&together) {
            assert!((alone - together).abs() < 1e-5, "{:?}: {alone} for {together}", plan.encoder);
        }
    }
}

/// Every parameter of every encoder learns.
#[test]
fn gradients_reach_every_parameter() {
    for plan in plans() {
        let (network, params) = network(&plan);
        let device = Cpu::default();
        let mut tape = Tape::recording();
        let mut pass = Pass::training(&params, &mut tape, stream(1, Purpose::Student, 0, 0));
        let made = network.forward(&mut pass, &input(&[400, 640])).unwrap();
        let seed = vec![1.0, -2.0, 0.5, -1.0, 0.3, 2.0];
        let mut grads = tape.backward(&device, vec![(made.class_logits[0].clone(), seed)]).unwrap();
        for param in params.iter() {
            let array = param.array().clone();
            let moved = grads.reached(&array) && grads.to_vec(&array).unwrap().iter().any(|x| *x != 0.0);
            // What is added to all keys of a head changes no weight of attention.
            assert!(moved || param.name().ends_with("k_proj.bias"), "{:?}: {}", plan.encoder, param.name());
        }
    }
}

/// The published sizes: three Mamba layers with 32 states, four convolutions, three layers of attention.
#[test]
fn published_sizes_have_their_parameters() {
    let count = |toml: &str| -> usize {
        let encoder = format!("model.speaker.encoder=\"{toml}\"");
        let published = [
            "model.speaker.num_targets=[251]",
            "model.speaker.mel_bands=80",
            "model.speaker.width=512",
            "model.speaker.layers=3",
            "model.speaker.d_state=32",
            "model.speaker.inner=512",
            "model.speaker.channels=[128, 128, 256, 512]",
            "model.speaker.hidden=1024",
        ];
        let plan =
            crate::plan::under_ci("speakers_librispeech", &[&[encoder.as_str()], &published[..]].concat());
        let (_, declared) = crate::model::declare(&plan.model);
        declared.iter().map(|declaration| declaration.shape.len()).sum()
    };
    // 80·512 + 512 + 2·512 for the projection; a mixer of width 512 with 32 states has 1,743,872, a norm 1,024; 512·251 + 251 for the classifier.
    assert_eq!(count("mamba"), 42_496 + 3 * (1_743_872 + 1_024) + 128_763);
    // A layer of attention: four projections 262,656 each, two norms, 512·512·2 + 1,024.
    assert_eq!(count("transformer"), 42_496 + 3 * (4 * 262_656 + 2_048 + 525_312) + 128_763);
    let convs = (80 * 128 * 3 + 3 * 128)
        + (128 * 128 * 3 + 3 * 128)
        + (128 * 256 * 3 + 3 * 256)
        + (256 * 512 * 3 + 3 * 512);
    let hidden = 512 * 1_024 + 3 * 1_024 + 1_024 * 512 + 3 * 512;
    assert_eq!(count("conv1d"), convs + hidden + 128_763);
    assert_eq!(count("conv2d"), count("conv1d"));
}
