//! How fast is speech made, and learnt? The recommended TacoMamba with random weights, on one thread and on two.
//!
//!     RUNNER_PYTHON=python3 cargo bench --bench speech
//!
//! - preprocessing: texts to symbols and sound to mel spectrograms, on one thread
//! - synthesis: sentences to waveforms, Griffin and Lim included; and one sentence streamed, until its first piece
//! - an update: forward, loss, backward and AdamW, beside `torch_side.py` where that Python has torch
//!
//! Writes results/tables/speech_speed.md.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::process::Command;
use std::time::Instant;

use kernels::adamw::{AdamW, Update as _};
use kernels::threads::{self, Pool};
use kernels::{Array, Cpu, Tape};
use runner::config::{Request, load};
use runner::data::Spoken as Spelt;
use runner::generate::{Line, Progress, SpeechRequest, SpeechStream, speak};
use runner::model::tacomamba::{MelFrames, Texts};
use runner::model::{Model, Network};
use runner::nn::Pass;
use runner::plan::{Plan, resolve};
use runner::record::host;
use runner::seed::{Purpose, stream};
use runner::task::{Speaking, Spoken};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXPERIMENT: &str = "experiments/tacomamba_ljspeech.toml";
const TABLE: &str = "results/tables/speech_speed.md";
/// Threads that are measured.
const THREADS: [usize; 2] = [1, 2];
/// Times that each is measured; the median counts.
const ROUNDS: usize = 5;
/// Utterances of an update, symbols and frames of each: five seconds and a half, somewhat below the corpus' mean.
const UPDATE: [usize; 3] = [8, 80, 480];
/// Frames of a symbol that is said: the corpus' mean.
const FRAMES: usize = 6;
const TEXT: &str =
    "Printing, in the only sense with which we are at present concerned, differs from most of the arts.";

fn main() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    std::env::set_current_dir(root).expect("the project's root");
    let loaded = load(EXPERIMENT.as_ref(), &Request::default()).expect("an experiment");
    let plan = resolve(&loaded.experiment, Vec::new()).expect("a plan");
    threads::start(*THREADS.last().expect("a number"));
    let device = Cpu::default();
    let mut model = Model::draw(&device, &plan.model, 0).expect("room");
    let mut table = format!(
        "# Speed of speech synthesis\n\nTacoMamba in its recommended sizes ({} parameters, random weights) at 22,050 Hz; `cargo bench --bench \
         speech`, medians of {ROUNDS}; {}. Real time is how many seconds of speech a second of work comes to.\n\n| what | threads | measured | aim |\n\
         | --- | ---: | ---: | ---: |\n",
        model.params.iter().map(|param| param.array().len()).sum::<usize>(),
        host::cpu(),
    );
    let mut say = |what: &str, threads: usize, measured: String, aim: &str| {
        println!("{what}, {threads} threads: {measured}");
        writeln!(table, "| {what} | {threads} | {measured} | {aim} |").expect("a string");
    };
    let times = preprocessing(&plan);
    say("preprocessing: symbols and mel spectrograms", 1, format!("{times:.0} × real time"), "300 ×");
    for count in THREADS {
        let times = pool(count).install(|| synthesis(&plan, &model, 8));
        say(
            "synthesis of 8 sentences, Griffin and Lim included",
            count,
            format!("{times:.1} × real time"),
            if count == 2 { "30 ×" } else { "" },
        );
    }
    let times = synthesis(&plan, &model, 1);
    say("synthesis of one sentence", 2, format!("{times:.1} × real time"), "");
    let [first, times] = streaming(&plan, &model);
    say("streaming: the first piece of sound", 2, format!("{:.0} ms", 1e3 * first), "100 ms");
    say("streaming: all of it", 2, format!("{times:.1} × real time"), "");
    let zeros = |array: &Array<Cpu>| Array::zeros(&device, array.shape()).expect("room");
    let mut moments: Vec<[Array<Cpu>; 2]> =
        model.params.iter().map(|param| [zeros(param.array()), zeros(param.array())]).collect();
    let secs = median(|| update(&plan, &mut model, &mut moments));
    let [batch, symbols, frames] = UPDATE;
    let what = format!("an update on {batch} utterances of {symbols} symbols and {frames} frames");
    match torch_secs() {
        Some(torch) => {
            say(
                &what,
                2,
                format!("{secs:.2} s; in PyTorch {torch:.2} s, {:.1} × as long", torch / secs),
                "3 ×",
            );
        }
        None => say(&what, 2, format!("{secs:.2} s"), "3 ×"),
    }
    std::fs::write(TABLE, table).expect("the table can be written");
}

fn median(mut work: impl FnMut()) -> f64 {
    let mut secs: Vec<f64> = (0..ROUNDS + 1)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    secs.sort_by(f64::total_cmp);
    secs[secs.len() / 2]
}

fn pool(threads: usize) -> Pool {
    Pool::new(threads).expect("threads")
}

/// Noise that repeats.
fn noise(len: usize) -> Vec<f32> {
    (0..len).map(|at| ((at * 7_919 + 13) % 2_003) as f32 / 1_001.5 - 1.0).collect()
}

/// Seconds of sound per second of one thread.
fn preprocessing(plan: &Plan) -> f64 {
    let task = Speaking::of(plan).expect("a task");
    let spelt = Spelt::of(plan.model.tacomamba().expect("a model of speech"));
    let secs = 6.5;
    let clip = noise((secs * f64::from(plan.data.sample_rate_hz)) as usize);
    let took = pool(1).install(|| {
        median(|| {
            std::hint::black_box(spelt.symbols(TEXT));
            std::hint::black_box(task.frames(&clip));
        })
    });
    secs / took
}

/// Sentences whose symbols last as long as the corpus' do.
fn request(plan: &Plan, sentences: usize) -> SpeechRequest {
    let symbols = Spelt::of(plan.model.tacomamba().expect("a model of speech")).symbols(TEXT);
    let line = Line { durations: Some(vec![FRAMES; symbols.len()]), symbols, speaker: 0 };
    SpeechRequest::of(vec![line; sentences], 1)
}

fn synthesis(plan: &Plan, model: &Model<Cpu>, sentences: usize) -> f64 {
    let (task, request) = (Speaking::of(plan).expect("a task"), request(plan, sentences));
    let go_on = |_: Progress| ControlFlow::Continue(());
    let mut samples = 0;
    let took = median(|| {
        let said = speak(&Cpu::default(), model, &task, &request, &go_on).expect("sound");
        samples = said.iter().map(|said| said.waveform.len()).sum();
    });
    samples as f64 / f64::from(plan.data.sample_rate_hz) / took
}

/// Seconds until the first piece, and seconds of sound per second in all.
fn streaming(plan: &Plan, model: &Model<Cpu>) -> [f64; 2] {
    let task = Speaking::of(plan).expect("a task");
    // Untrained, a symbol lasts one or two frames.
    let request = SpeechRequest { length_scale: FRAMES as f32, ..request(plan, 1) };
    let (mut firsts, mut samples) = (Vec::new(), 0);
    let took = median(|| {
        let began = Instant::now();
        let mut stream = SpeechStream::new(&Cpu::default(), model, &task, &request).expect("a stream");
        let mut first = None;
        samples = 0;
        while let Some(piece) = stream.next_piece().expect("sound") {
            samples += piece.len();
            first = first.or((!piece.is_empty()).then(|| began.elapsed().as_secs_f64()));
        }
        firsts.extend(first);
    });
    firsts.sort_by(f64::total_cmp);
    [firsts[firsts.len() / 2], samples as f64 / f64::from(plan.data.sample_rate_hz) / took]
}

/// Forward, loss, backward and AdamW.
fn update(plan: &Plan, model: &mut Model<Cpu>, moments: &mut [[Array<Cpu>; 2]]) {
    let (device, task) = (Cpu::default(), Speaking::of(plan).expect("a task"));
    let Network::Tacomamba(network) = &model.network else { unreachable!("a model of speech") };
    let ([batch, symbols, frames], bands) = (UPDATE, task.mel().bands());
    let text: Vec<u32> = (0..symbols as u32).map(|at| 38 + at % 26).collect();
    let texts = Texts::new(&vec![&text[..]; batch], Vec::new());
    let frames =
        MelFrames { values: noise(batch * frames * bands), padded: frames, lens: vec![frames; batch] };
    let spoken = Spoken { texts, frames };
    let mut tape = Tape::recording();
    let mut pass = Pass::training(&model.params, &mut tape, stream(1, Purpose::Student, 0, 0));
    let taught = network.forward(&mut pass, &spoken.texts, &spoken.frames).expect("a pass");
    let part = task.micro_batch(taught, &spoken);
    let mut grads = tape.backward(&device, part.expect("a loss").seeds).expect("gradients");
    let constants =
        AdamW { lr: 1e-4, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.01, step: 1, grad_scale: 1.0 };
    for (param, [first, second]) in model.params.iter_mut().zip(moments) {
        let grad = grads.buffer(param.array()).expect("a gradient");
        Cpu::adamw_step(param.array_mut(), grad, first, second, constants).expect("a step");
    }
}

/// Seconds of the same update in PyTorch, where it is to be had.
fn torch_secs() -> Option<f64> {
    let python = std::env::var_os("RUNNER_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.arg("benches/speech/torch_side.py").args(UPDATE.map(|size| size.to_string()));
    let said = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&said.stdout).trim().parse().ok()
}
