//! Whole paths through a model: wav2vec2 and its Mamba-2 student, and one mixer.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use kernels::ctc_loss::{CtcLoss, ctc_loss};
use kernels::matmul::bf16;
use kernels::on_files::{Named, Tensors, Work};
use kernels::{Array, Cpu, Grads, Tape};
use runner::config::{self, Request};
use runner::model::{Input, Model, Recogniser};
use runner::nn::{Mamba2, Mamba2Sizes, Params, Pass, Scope};
use runner::plan::{MixerPlan, ModelPlan, Wav2vec2Plan, resolve};
use serde_json::{Value, json};

use crate::cases::{Case, noise};
use crate::ours::Subject;

const RATE_HZ: usize = 16_000;
/// Parameters whose gradients are compared: the first that backward reaches, one in the middle, the last.
const WATCHED: [&str; 3] = [
    "lm_head.weight",
    "wav2vec2.encoder.layers.0.feed_forward.intermediate_dense.weight",
    "wav2vec2.feature_projection.projection.weight",
];

/// (name, options beside the shipped experiment's, seconds of sound)
const MODELS: [(&str, &[&str], usize); 6] = [
    ("base, attention, 2 s", BASE, 2),
    ("base, attention, 10 s", BASE, 10),
    (RECOMPUTED, BASE, 10),
    ("base, Mamba-2, 10 s", STUDENT, 10),
    ("base, Mamba-2, 30 s", STUDENT, 30),
    ("large, attention, 10 s", &[], 10),
];
/// Those whose products are of bfloat16 numbers, where the processor has such: PyTorch's autocast.
const IN_BF16: [(&str, &[&str], usize); 2] =
    [("base, attention, 10 s, bf16", BASE, 10), ("large, attention, 10 s, bf16", &[], 10)];
/// The one that keeps its layers' inputs only.
const RECOMPUTED: &str = "base, attention, 10 s, layers recomputed";
pub const BASE: &[&str] = &[
    "model.wav2vec2.hidden_size=768",
    "model.wav2vec2.num_hidden_layers=12",
    "model.wav2vec2.num_attention_heads=12",
    "model.wav2vec2.intermediate_size=3072",
    "model.wav2vec2.conv_bias=false",
    "model.wav2vec2.feat_extract_norm=group",
    "model.wav2vec2.do_stable_layer_norm=false",
];
pub const STUDENT: &[&str] = &[
    BASE[0],
    BASE[1],
    BASE[2],
    BASE[3],
    BASE[4],
    BASE[5],
    BASE[6],
    "model.wav2vec2.asr_use_mamba=true",
    "model.wav2vec2.asr_mamba_use_mamba2=true",
    "model.wav2vec2.asr_mamba_residual_inside=false",
];

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = MODELS.iter().map(|(name, sets, secs)| model(name, sets, *secs)).collect();
    if bf16::available() {
        let rounded = |(name, sets, secs): &(&'static str, &'static [&'static str], usize)| {
            let mut case = model(name, sets, *secs);
            case.settings.insert("precision", "bf16".to_owned());
            case
        };
        cases.extend(IN_BF16.iter().map(rounded));
    }
    cases.insert(0, mixer(768));
    cases.insert(1, mixer(1024));
    cases
}

pub fn model(name: &str, sets: &[&str], secs: usize) -> Case {
    let model = plan(&sets.join(" "));
    let plan = model.wav2vec2().expect("the family");
    let forward = Work { flops: flops(plan, secs * RATE_HZ, false), bytes: 0.0 };
    let training = Work { flops: flops(plan, secs * RATE_HZ, true), bytes: 0.0 };
    let mut settings = BTreeMap::from([
        ("sets", sets.join(" ")),
        ("config", transformers(plan).to_string()),
        ("mixer", "attention".to_owned()),
        ("watched", WATCHED.join(" ")),
        ("recompute", if name == RECOMPUTED { "block" } else { "none" }.to_owned()),
    ]);
    if let MixerPlan::Mamba2 { inner, head_dim, state, taps, chunk, .. } = plan.mixer {
        settings.insert("mixer", "mamba2".to_owned());
        settings.extend(mixer_settings([inner, state, head_dim, chunk, taps]));
    }
    Case {
        kind: "wav2vec2",
        size: name.to_owned(),
        settings,
        tensors: model_tensors,
        extents: vec![("waveforms", vec![1, secs * RATE_HZ]), ("targets", vec![1, secs * 15])],
        forward,
        training: Some(training),
        torch_trains: true,
    }
}

fn mixer_settings([inner, state, head_dim, chunk, taps]: [usize; 5]) -> [(&'static str, String); 5] {
    [("inner", inner), ("state", state), ("head_dim", head_dim), ("chunk", chunk), ("taps", taps)]
        .map(|(name, value)| (name, value.to_string()))
}

/// The shipped model with everything random at rest, and `sets` over it.
fn plan(sets: &str) -> ModelPlan {
    let sets = sets.split_whitespace().map(str::to_owned);
    let sets = std::iter::once("model.wav2vec2.pretrained=random:1".to_owned()).chain(sets).collect();
    let request = Request { sets, ..Request::default() };
    let loaded = config::load(Path::new("experiments/tedlium_direct.toml"), &request);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    resolve(&loaded.experiment, Vec::new()).expect("a plan").model
}

/// The plan in the words of transformers.
fn transformers(plan: &Wav2vec2Plan) -> Value {
    let norm = if plan.stable_layer_norm { "layer" } else { "group" };
    let convs = |of: fn(&runner::plan::ConvLayer) -> usize| plan.convs.iter().map(of).collect::<Vec<_>>();
    json!({
        "hidden_size": plan.width, "num_hidden_layers": plan.layers, "intermediate_size": plan.inner,
        "num_attention_heads": plan.width / 64, "do_stable_layer_norm": plan.stable_layer_norm,
        "feat_extract_norm": norm, "conv_bias": plan.conv_bias, "conv_dim": convs(|conv| conv.outputs),
        "conv_kernel": convs(|conv| conv.kernel), "conv_stride": convs(|conv| conv.stride),
        "num_conv_pos_embeddings": plan.positional_kernel,
        "num_conv_pos_embedding_groups": plan.positional_groups, "layer_norm_eps": plan.layer_norm_eps,
        "vocab_size": plan.heads.vocab_size, "pad_token_id": plan.heads.blank, "apply_spec_augment": false,
        "hidden_dropout": 0.0, "activation_dropout": 0.0, "attention_dropout": 0.0, "feat_proj_dropout": 0.0,
        "final_dropout": 0.0, "layerdrop": 0.0, "ctc_loss_reduction": "sum", "ctc_zero_infinity": true,
    })
}

/// Multiply-adds of all products, twice. In training those of the encoder count three times: the feature encoder is frozen.
fn flops(plan: &Wav2vec2Plan, samples: usize, training: bool) -> f64 {
    let (mut t, mut convolutions) = (samples, 0);
    for conv in &plan.convs {
        t = (t - conv.kernel) / conv.stride + 1;
        convolutions += 2 * t * conv.inputs * conv.outputs * conv.kernel;
    }
    let channels = plan.convs.last().map_or(1, |conv| conv.outputs);
    let (width, times) = (plan.width, if training { 3 } else { 1 });
    let position = 2 * t * width * width / plan.positional_groups * plan.positional_kernel;
    let heads = 2 * t * width * (channels + plan.heads.vocab_size);
    let mixing = match plan.mixer {
        MixerPlan::Mamba2 { inner, state, head_dim, .. } => {
            let projections = 2 * t * width * (3 * inner + 2 * state + inner / head_dim);
            2 * (projections + 2 * t * 64 * (state + inner) + 4 * t * state * inner)
        }
        _ => 8 * t * width * width + 4 * t * t * width,
    };
    let layers = plan.layers * (mixing + 4 * t * width * plan.inner);
    (convolutions + times * (position + heads + layers)) as f64
}

fn model_tensors(case: &Case) -> Vec<Named> {
    let model = Model::draw(&Cpu::default(), &plan(&case.settings["sets"]), 1).expect("a model");
    let mut tensors = named(&model.params);
    for (name, extents) in &case.extents {
        let values = match *name {
            "waveforms" => noise(7, extents[1], 1.7),
            _ => (0..extents[1]).map(|i| (i * 7 % 27 + 1) as f32).collect(),
        };
        tensors.push(((*name).to_owned(), extents.clone(), values));
    }
    tensors
}

/// The network with the given weights and one waveform.
pub struct Wav2vec2 {
    device: Cpu,
    model: Model<Cpu>,
    waveform: Vec<f32>,
    targets: Vec<u32>,
    recomputes: bool,
}

impl Wav2vec2 {
    pub fn new(mut tensors: Tensors, settings: &Value) -> Self {
        let device = Cpu::default();
        let plan = plan(settings["sets"].as_str().unwrap_or_default());
        let mut model = Model::draw(&device, &plan, 2).expect("a model");
        for param in model.params.iter_mut() {
            let values = tensors.remove(param.name()).expect("the parameter").1;
            param.array_mut().copy_from(&values).expect("its size");
        }
        let waveform = tensors.remove("waveforms").expect("waveforms").1;
        let targets = tensors.remove("targets").expect("targets").1;
        let targets = targets.into_iter().map(|symbol| symbol as u32).collect();
        let recomputes = settings["recompute"] == "block";
        Wav2vec2 { device, model, waveform, targets, recomputes }
    }

    fn input(&self) -> Input<Cpu> {
        let samples = self.waveform.len();
        let waveforms =
            Array::from_vec(&self.device, self.waveform.clone(), [1, samples, 1]).expect("an array");
        Input::of(waveforms, vec![samples])
    }

    fn network(&self) -> &Recogniser {
        self.model.network.recogniser().expect("the family")
    }

    fn logits(&self) -> Array<Cpu> {
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&self.model.params, &mut tape);
        self.network().forward(&mut pass, &self.input()).expect("a forward pass").logits.expect("scores")
    }

    fn gradients(&self) -> Grads<Cpu> {
        let mut tape = Tape::recording();
        let mut pass = Pass::at_rest(&self.model.params, &mut tape).recomputing(self.recomputes);
        let made = self.network().forward(&mut pass, &self.input()).expect("a forward pass");
        let settings = CtcLoss {
            targets: vec![self.targets.clone()],
            input_lens: made.frames.clone(),
            blank: self.model.plan.heads().expect("heads").blank as u32,
            zero_infinity: true,
        };
        let loss = ctc_loss(&mut tape, made.ctc().expect("scores"), settings).expect("a loss");
        drop(made);
        tape.backward(&self.device, vec![(loss, vec![1.0])]).expect("gradients")
    }
}

impl Subject for Wav2vec2 {
    fn forward(&mut self) -> f64 {
        timed(|| self.logits())
    }

    fn training(&mut self) -> f64 {
        timed(|| self.gradients())
    }

    fn results(&mut self, gradients: bool) -> Vec<Named> {
        let logits = self.logits();
        let mut results = vec![("logits".to_owned(), logits.shape().dims().to_vec(), logits.to_vec())];
        if gradients {
            let mut grads = self.gradients();
            for param in self.model.params.iter().filter(|param| WATCHED.contains(&param.name())) {
                let values = grads.to_vec(param.array()).expect("a gradient");
                results.push((format!("d{}", param.name()), param.array().shape().dims().to_vec(), values));
            }
        }
        results
    }
}

fn mixer(width: usize) -> Case {
    let (t, inner, state, head_dim) = (500, 2 * width, 64, 64);
    let flops = 2 * t * width * (3 * inner + 2 * state + inner / head_dim)
        + 2 * t * 64 * (state + inner)
        + 4 * t * state * inner;
    let work = |times: usize| Work { flops: (times * flops) as f64, bytes: 0.0 };
    Case {
        kind: "mamba2_mixer",
        size: format!("{width} wide, 500 frames"),
        settings: mixer_settings([inner, state, head_dim, 256, 4]).into(),
        tensors: mixer_tensors,
        extents: vec![("x", vec![1, t, width]), ("dy", vec![1, t, width])],
        forward: work(1),
        training: Some(work(3)),
        torch_trains: true,
    }
}

fn declared_mixer(width: usize, settings: impl Fn(&str) -> usize) -> (Mamba2, Params<Cpu>) {
    let (state, head_dim) = (settings("state"), settings("head_dim"));
    let sizes = Mamba2Sizes {
        width,
        inner: 2 * width,
        head_dim,
        state,
        taps: settings("taps"),
        chunk: settings("chunk"),
        simple: false,
    };
    let mut declarations = Vec::new();
    let mixer = Mamba2::declare(&mut Scope::root(&mut declarations), sizes, 1);
    (mixer, Params::draw(&Cpu::default(), &declarations, 3).expect("parameters"))
}

fn mixer_tensors(case: &Case) -> Vec<Named> {
    let number = |name: &str| case.settings[name].parse().expect("a number");
    let (_, params) = declared_mixer(case.extents[0].1[2], number);
    let mut tensors = named(&params);
    for (index, (name, extents)) in case.extents.iter().enumerate() {
        tensors.push(((*name).to_owned(), extents.clone(), noise(index, extents.iter().product(), 1.0)));
    }
    tensors
}

/// One mixer with the given weights.
pub struct Mixer {
    device: Cpu,
    mixer: Mamba2,
    params: Params<Cpu>,
    x: (Vec<usize>, Vec<f32>),
    dy: Vec<f32>,
}

impl Mixer {
    pub fn new(mut tensors: Tensors, settings: &Value) -> Self {
        let number =
            |name: &str| settings[name].as_str().and_then(|text| text.parse().ok()).expect("a number");
        let x = tensors.remove("x").expect("x");
        let (mixer, mut params) = declared_mixer(x.0[2], number);
        params.set_trainable(|_| true);
        for param in params.iter_mut() {
            let values = tensors.remove(param.name()).expect("the parameter").1;
            param.array_mut().copy_from(&values).expect("its size");
        }
        let dy = tensors.remove("dy").expect("dy").1;
        Mixer { device: Cpu::default(), mixer, params, x, dy }
    }

    fn x(&self) -> Array<Cpu> {
        let shape = [self.x.0[0], self.x.0[1], self.x.0[2]];
        Array::from_vec(&self.device, self.x.1.clone(), shape).expect("an array").tracked()
    }

    fn y(&self, tape: &mut Tape<Cpu>, x: &Array<Cpu>) -> Array<Cpu> {
        self.mixer.forward(&mut Pass::at_rest(&self.params, tape), x).expect("a forward pass")
    }
}

impl Subject for Mixer {
    fn forward(&mut self) -> f64 {
        let x = self.x();
        timed(|| self.y(&mut Tape::silent(), &x))
    }

    fn training(&mut self) -> f64 {
        let x = self.x();
        timed(|| {
            let mut tape = Tape::recording();
            let y = self.y(&mut tape, &x);
            tape.backward(&self.device, vec![(y, self.dy.clone())]).expect("gradients")
        })
    }

    fn results(&mut self, gradients: bool) -> Vec<Named> {
        let x = self.x();
        let mut tape = if gradients { Tape::recording() } else { Tape::silent() };
        let y = self.y(&mut tape, &x);
        let mut results = vec![("y".to_owned(), y.shape().dims().to_vec(), y.to_vec())];
        if gradients {
            let mut grads = tape.backward(&self.device, vec![(y, self.dy.clone())]).expect("gradients");
            let of = |name: &str, array: &Array<Cpu>, grads: &mut Grads<Cpu>| {
                let values = grads.to_vec(array).expect("a gradient");
                (format!("d{name}"), array.shape().dims().to_vec(), values)
            };
            results.push(of("x", &x, &mut grads));
            results.extend(self.params.iter().map(|param| of(param.name(), param.array(), &mut grads)));
        }
        results
    }
}

pub fn named(params: &Params<Cpu>) -> Vec<Named> {
    params
        .iter()
        .map(|param| (param.name().to_owned(), param.array().shape().dims().to_vec(), param.array().to_vec()))
        .collect()
}

/// Seconds that the work takes, its result's release included.
pub fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    drop(work());
    started.elapsed().as_secs_f64()
}
