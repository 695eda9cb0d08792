//! The layers against numbers computed from their formulas in f64, and sizes against the published ones.

use kernels::{Array, Cpu, Tape};

use super::front::Front;
use super::stream::Stream;
use super::*;
use crate::model::declare;
use crate::nn::Params;
use crate::plan::{
    self, AttentionScores, Behaviour, BimambaType, Body, ClassToken, FeaturesPlan, Heads, MambaPlan,
    ModelPlan, Pooling, PretextPlan, Pretrained,
};

const WIDTH: usize = 8;
const TIME: usize = 5;

fn mamba(residual: Behaviour, final_norm: Behaviour) -> MambaPlan {
    MambaPlan {
        inner: 2 * WIDTH,
        state: 16,
        taps: 4,
        rank: 1,
        directions: BimambaType::V2,
        halved: true,
        paired: true,
        residual,
        final_norm,
        rms_norm: false,
        class_token: ClassToken::First,
        drop_path: 0.1,
    }
}

/// Ten seconds in patches of 16 × 16, `stride` apart, through this trunk; without classes it is pre-training.
fn plan(width: usize, layers: usize, trunk: plan::Trunk, stride: usize, classes: &[usize]) -> PatchesPlan {
    let features = FeaturesPlan {
        rate_hz: 16_000,
        bands: 128,
        frames: 1024,
        mean: 0.0,
        scale: 1.0,
        padding: 0.0,
        masks: [0, 0],
        noise: false,
    };
    let pretext =
        PretextPlan { masked: 300, masks: Behaviour::Sound, contrast: Behaviour::Sound, mse_weight: 10.0 };
    PatchesPlan {
        task: if classes.is_empty() { PatchTask::PretrainJoint } else { PatchTask::FtAvgtok },
        features,
        shape: [16, 16],
        stride: [stride, stride],
        source_grid: [8, 64],
        width,
        layers,
        trunk,
        pretext,
        scene: None,
        head_lr: None,
        heads: Heads { vocab_size: 0, blank: 0, classes: classes.to_vec(), pooling: Pooling::Mean },
    }
}

/// The specified weights of layer `layer`, by their place among its tensors.
fn weights(params: &mut Params<Cpu>, layers: usize) {
    const TENSORS: [&str; 14] = [
        "in_proj.weight",
        "conv1d.weight",
        "conv1d.bias",
        "x_proj.weight",
        "dt_proj.weight",
        "dt_proj.bias",
        "D",
        "conv1d_b.weight",
        "conv1d_b.bias",
        "x_proj_b.weight",
        "dt_proj_b.weight",
        "dt_proj_b.bias",
        "D_b",
        "out_proj.weight",
    ];
    let mut set = |name: String, value: &dyn Fn(f64) -> f64| {
        let array = params.by_name_mut(&name).unwrap_or_else(|| panic!("{name}")).array_mut();
        let values: Vec<f32> = (0..array.len()).map(|j| value(j as f64) as f32).collect();
        array.copy_from(&values).unwrap();
    };
    for layer in 0..layers {
        let at = layer as f64;
        for (place, tensor) in TENSORS.iter().enumerate() {
            let value = |j: f64| 0.3 * (0.37 * j + 0.11 * place as f64 + 0.5 * at).sin();
            set(format!("layers.{layer}.mixer.{tensor}"), &value);
        }
        set(format!("layers.{layer}.norm.weight"), &|j| 1.0 + 0.1 * (j + at).sin());
        set(format!("layers.{layer}.norm.bias"), &|j| 0.1 * (j + at).cos());
    }
    set("norm_f.weight".into(), &|j| 1.0 + 0.1 * j.cos());
    set("norm_f.bias".into(), &|j| 0.05 * j.sin());
}

fn tokens() -> Array<Cpu> {
    let value = |i: usize| ((0.2 * i as f64).sin() + 0.1 * (i % WIDTH) as f64) as f32;
    Array::from_vec(&Cpu::default(), (0..TIME * WIDTH).map(value).collect(), [1, TIME, WIDTH]).unwrap()
}

/// The last state of four layers with the specified weights.
fn encoded(residual: Behaviour, final_norm: Behaviour) -> Vec<f32> {
    let mamba = mamba(residual, final_norm);
    let plan = plan(WIDTH, 4, plan::Trunk::Mamba(mamba.clone()), 16, &[]);
    let mut declarations = Vec::new();
    let stream = Stream::declare(&mut Scope::root(&mut declarations), &plan, &mamba);
    let mut params = Params::draw(&Cpu::default(), &declarations, 0).unwrap();
    weights(&mut params, 4);
    let mut tape = Tape::silent();
    let states = stream.forward(&mut Pass::at_rest(&params, &mut tape), tokens(), Keep::All).unwrap();
    assert_eq!(states.len(), 3, "the input, the first pair, the last");
    states[2].to_vec()
}

fn near(got: &[f32], want: [f64; WIDTH]) {
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() < 1e-5, "{got}, not {want}");
    }
}

#[test]
fn pairs_and_norms_are_the_published_ones() {
    let once = encoded(Behaviour::Reference, Behaviour::Sound);
    near(
        &once[2 * WIDTH..3 * WIDTH],
        [
            2.1248090706,
            1.2515189685,
            0.4318605239,
            -0.2098237862,
            -0.7124523694,
            -1.0538010164,
            -1.0566197894,
            -0.6020054457,
        ],
    );
    let twice = encoded(Behaviour::Reference, Behaviour::Reference);
    near(
        &twice[2 * WIDTH..3 * WIDTH],
        [
            2.1336603489,
            1.2376219032,
            0.4080224136,
            -0.1853248944,
            -0.6706714805,
            -1.0679945382,
            -1.1039720655,
            -0.5857416429,
        ],
    );
    let mean: Vec<f32> =
        (0..WIDTH).map(|c| (1..TIME).map(|t| twice[t * WIDTH + c]).sum::<f32>() / 4.0).collect();
    near(
        &mean,
        [
            -0.4395101997,
            -0.0413107452,
            0.126651841,
            0.1085702609,
            0.040601057,
            0.0110177884,
            0.0470461379,
            0.1235563835,
        ],
    );
}

/// A stream of its own size is the doubled one with later layers weighing as much as early ones: another function.
#[test]
fn the_sound_stream_is_another() {
    let sound = encoded(Behaviour::Sound, Behaviour::Sound);
    let published = encoded(Behaviour::Reference, Behaviour::Sound);
    let most = sound.iter().zip(&published).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(most > 1e-2, "{most}");
}

fn count(plan: PatchesPlan) -> usize {
    let plan = ModelPlan { pretrained: Pretrained::None, body: Body::Patches(Box::new(plan)) };
    declare(&plan).1.iter().map(|declaration| declaration.shape.len()).sum()
}

/// The published counts, less two numbers that no training changes and the heads of 1,000 classes that nothing reads.
#[test]
fn sizes_are_the_published_ones() {
    let dead = |width: usize| 1000 * (width + 1);
    for (width, pretraining, audioset) in
        [(192, 7_288_298, 7_158_671), (384, 26_224_106, 25_818_383), (768, 99_042_794, 97_642_511)]
    {
        let mamba = MambaPlan {
            inner: 2 * width,
            rank: width / 16,
            ..mamba(Behaviour::Reference, Behaviour::Reference)
        };
        let trunk = plan::Trunk::Mamba(mamba);
        assert_eq!(count(plan(width, 24, trunk.clone(), 16, &[])), pretraining - 2 - dead(width));
        assert_eq!(count(plan(width, 24, trunk, 10, &[527])), audioset);
    }
    for (width, heads, pretraining) in [(192, 3, 6_046_290), (384, 6, 22_854_354), (768, 12, 88_763_346)] {
        let trunk =
            plan::Trunk::Attention { heads, inner: 4 * width, tokens: 2, scores: AttentionScores::Tiled };
        assert_eq!(count(plan(width, 12, trunk, 16, &[])), pretraining - 2 - 2 * dead(width));
    }
}

#[test]
fn a_clip_has_the_features_that_it_has_alone_and_the_mean_behind_them() {
    let trunk = plan::Trunk::Attention { heads: 1, inner: 4, tokens: 1, scores: AttentionScores::Tiled };
    let plan = plan(4, 1, trunk, 16, &[]);
    let (bands, frames) = (plan.features.bands, plan.features.frames);
    let front = Front::new(&plan);
    let wave: Vec<f32> = (0..2 * 1_000).map(|at| (at * 7_919 % 2_003) as f32 / 2_003.0 - 0.5).collect();
    let features = |wave: &[f32], samples: &[usize]| {
        let shape = [samples.len(), wave.len() / samples.len(), 1];
        let waveforms = Array::from_vec(&Cpu::default(), wave.to_vec(), shape).unwrap();
        front.features(&Input::of(waveforms, samples.to_vec()), None).unwrap()
    };
    let both = features(&wave, &[1_000, 600]);
    let (first, second) = both.split_at(frames * bands);
    assert_eq!(first, features(&wave[..1_000], &[1_000]));
    assert_eq!(second, features(&wave[1_000..1_600], &[600]));
    assert!(first[..4 * bands].iter().all(|energy| *energy != 0.0));
    assert_eq!(
        (&first[4 * bands..], &second[2 * bands..]),
        (&vec![0.0; (frames - 4) * bands][..], &vec![0.0; (frames - 2) * bands][..])
    );
}

/// A minute in 8 × 384 patches: a second has all bands of 6 or 7 columns; the published slices are 51 tokens in their order, the class token among them.
#[test]
fn a_second_is_all_bands_of_that_second() {
    let trunk = plan::Trunk::Mamba(mamba(Behaviour::Sound, Behaviour::Sound));
    let mut plan = plan(WIDTH, 2, trunk, 16, &[10]);
    plan.features.frames = 6144;
    let second = |slices, second| plan.of_second(plan::ScenePlan { seconds: 60, slices }, second);
    assert_eq!(plan.grid(), [8, 384]);
    // Columns 0 to 5 have their middle, frame 16 c + 8, before frame 100.
    let first: Vec<usize> =
        (0..8).flat_map(|band| (0..6).map(move |column| 1 + band * 384 + column)).collect();
    assert_eq!(second(Behaviour::Sound, 0), first);
    let counts: Vec<usize> = (0..60).map(|index| second(Behaviour::Sound, index).len()).collect();
    assert_eq!((counts.iter().sum::<usize>(), counts.iter().min()), (8 * 375, Some(&48)));
    assert_eq!(second(Behaviour::Reference, 0), (0..51).collect::<Vec<_>>());
    assert_eq!(second(Behaviour::Reference, 59), (3009..3060).collect::<Vec<_>>());
}
