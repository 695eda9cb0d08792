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
use crate::place::{CPU, Place, values};

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
/// More at a time, as a GPU wants it.
const BATCHES: [(&str, &[&str], [usize; 2]); 2] = [
    ("base, Mamba-2, 16 × 10 s, bf16", STUDENT, [16, 10]),
    ("large, attention, 16 × 10 s, bf16", &[], [16, 10]),
];
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

pub fn cases(place: &str) -> Vec<Case> {
    let mut cases: Vec<Case> =
        MODELS.iter().map(|(name, sets, secs)| model(name, sets, [1, *secs])).collect();
    let rounded = |name, sets, extent| {
        let mut case = model(name, sets, extent);
        case.settings.insert("precision", "bf16".to_owned());
        case
    };
    if place != CPU || bf16::available() {
        cases.extend(IN_BF16.iter().map(|(name, sets, secs)| rounded(name, sets, [1, *secs])));
    }
    if place != CPU {
        cases.extend(BATCHES.iter().map(|(name, sets, extent)| rounded(name, sets, *extent)));
    }
    cases.insert(0, mixer(768));
    cases.insert(1, mixer(1024));
    cases
}

pub fn model(name: &str, sets: &[&str], [clips, secs]: [usize; 2]) -> Case {
    let model = plan(&sets.join(" "));
    let plan = model.wav2vec2().expect("the family");
    let work = |training| Work { flops: clips as f64 * flops(plan, secs * RATE_HZ, training), bytes: 0.0 };
    let (forward, training) = (work(false), work(true));
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
        extents: vec![("waveforms", vec![clips, secs * RATE_HZ]), ("targets", vec![clips, secs * 15])],
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
            "waveforms" => noise(7, extents[0] * extents[1], 1.7),
            _ => (0..extents[0] * extents[1]).map(|i| (i * 7 % 27 + 1) as f32).collect(),
        };
        tensors.push(((*name).to_owned(), extents.clone(), values));
    }
    tensors
}

/// The network with the given weights and waveforms.
pub struct Wav2vec2<D: Place> {
    device: D,
    model: Model<D>,
    /// [clips, samples, 1]
    waveforms: Array<D>,
    targets: Vec<Vec<u32>>,
    recomputes: bool,
}

impl<D: Place> Wav2vec2<D> {
    pub fn new(device: &D, mut tensors: Tensors, settings: &Value) -> Self {
        let plan = plan(settings["sets"].as_str().unwrap_or_default());
        let mut model = Model::draw(device, &plan, 2).expect("a model");
        for param in model.params.iter_mut() {
            let values = tensors.remove(param.name()).expect("the parameter").1;
            param.array_mut().copy_from(&values).expect("its size");
        }
        let (shape, waveforms) = tensors.remove("waveforms").expect("waveforms");
        let targets = tensors.remove("targets").expect("targets").1;
        let targets: Vec<u32> = targets.into_iter().map(|symbol| symbol as u32).collect();
        let targets = targets.chunks(targets.len() / shape[0]).map(<[u32]>::to_vec).collect();
        let recomputes = settings["recompute"] == "block";
        let waveforms = Array::from_vec(device, waveforms, [shape[0], shape[1], 1]).expect("room");
        Wav2vec2 { device: device.clone(), model, waveforms, targets, recomputes }
    }

    fn input(&self) -> Input<D> {
        let clips = self.targets.len();
        Input::of(self.waveforms.clone(), vec![self.waveforms.len() / clips; clips])
    }

    fn network(&self) -> &Recogniser {
        self.model.network.recogniser().expect("the family")
    }

    fn logits(&self) -> Array<D> {
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&self.model.params, &mut tape);
        self.network().forward(&mut pass, &self.input()).expect("a forward pass").logits.expect("scores")
    }

    fn gradients(&self) -> Grads<D> {
        let mut tape = Tape::recording();
        let mut pass = Pass::at_rest(&self.model.params, &mut tape).recomputing(self.recomputes);
        let made = self.network().forward(&mut pass, &self.input()).expect("a forward pass");
        let settings = CtcLoss {
            targets: self.targets.clone(),
            input_lens: made.frames.clone(),
            blank: self.model.plan.heads().expect("heads").blank as u32,
            zero_infinity: true,
        };
        let loss = ctc_loss(&mut tape, made.ctc().expect("scores"), settings).expect("a loss");
        drop(made);
        tape.backward(&self.device, vec![(loss, vec![1.0; self.targets.len()])]).expect("gradients")
    }
}

impl<D: Place> Subject for Wav2vec2<D> {
    fn forward(&mut self) -> f64 {
        timed(&self.device, || self.logits())
    }

    fn training(&mut self) -> f64 {
        timed(&self.device, || self.gradients())
    }

    fn results(&mut self, gradients: bool) -> Vec<Named> {
        let logits = self.logits();
        let mut results = vec![("logits".to_owned(), logits.shape().dims().to_vec(), values(&logits))];
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

fn declared_mixer<D: Place>(
    device: &D,
    width: usize,
    settings: impl Fn(&str) -> usize,
) -> (Mamba2, Params<D>) {
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
    (mixer, Params::draw(device, &declarations, 3).expect("parameters"))
}

fn mixer_tensors(case: &Case) -> Vec<Named> {
    let number = |name: &str| case.settings[name].parse().expect("a number");
    let (_, params) = declared_mixer(&Cpu::default(), case.extents[0].1[2], number);
    let mut tensors = named(&params);
    for (index, (name, extents)) in case.extents.iter().enumerate() {
        tensors.push(((*name).to_owned(), extents.clone(), noise(index, extents.iter().product(), 1.0)));
    }
    tensors
}

/// One mixer with the given weights.
pub struct Mixer<D: Place> {
    device: D,
    mixer: Mamba2,
    params: Params<D>,
    x: (Vec<usize>, Vec<f32>),
    dy: Vec<f32>,
}

impl<D: Place> Mixer<D> {
    pub fn new(device: &D, mut tensors: Tensors, settings: &Value) -> Self {
        let number =
            |name: &str| settings[name].as_str().and_then(|text| text.parse().ok()).expect("a number");
        let x = tensors.remove("x").expect("x");
        let (mixer, mut params) = declared_mixer(device, x.0[2], number);
        params.set_trainable(|_| true);
        for param in params.iter_mut() {
            let values = tensors.remove(param.name()).expect("the parameter").1;
            param.array_mut().copy_from(&values).expect("its size");
        }
        let dy = tensors.remove("dy").expect("dy").1;
        Mixer { device: device.clone(), mixer, params, x, dy }
    }

    fn x(&self) -> Array<D> {
        let shape = [self.x.0[0], self.x.0[1], self.x.0[2]];
        Array::from_vec(&self.device, self.x.1.clone(), shape).expect("an array").tracked()
    }

    fn y(&self, tape: &mut Tape<D>, x: &Array<D>) -> Array<D> {
        self.mixer.forward(&mut Pass::at_rest(&self.params, tape), x).expect("a forward pass")
    }
}

impl<D: Place> Subject for Mixer<D> {
    fn forward(&mut self) -> f64 {
        let x = self.x();
        timed(&self.device, || self.y(&mut Tape::silent(), &x))
    }

    fn training(&mut self) -> f64 {
        let x = self.x();
        timed(&self.device, || {
            let mut tape = Tape::recording();
            let y = self.y(&mut tape, &x);
            tape.backward(&self.device, vec![(y, self.dy.clone())]).expect("gradients")
        })
    }

    fn results(&mut self, gradients: bool) -> Vec<Named> {
        let x = self.x();
        let mut tape = if gradients { Tape::recording() } else { Tape::silent() };
        let y = self.y(&mut tape, &x);
        let mut results = vec![("y".to_owned(), y.shape().dims().to_vec(), values(&y))];
        if gradients {
            let mut grads = tape.backward(&self.device, vec![(y, self.dy.clone())]).expect("gradients");
            let of = |name: &str, array: &Array<D>, grads: &mut Grads<D>| {
                let gradient = grads.to_vec(array).expect("a gradient");
                (format!("d{name}"), array.shape().dims().to_vec(), gradient)
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
pub fn timed<D: Place, T>(device: &D, work: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    drop(work());
    device.wait().expect("the device answers");
    started.elapsed().as_secs_f64()
}
