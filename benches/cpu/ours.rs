//! Our side of the comparison.

use std::io::Write;

use kernels::on_files::{Call, Entry, Named, Tensors, Wrong};
use kernels::threads::Pool;
use kernels::trace::Recording;
use kernels::{Cpu, OPS, Tape};
use serde_json::{Value, json};

use crate::features::Features;
use crate::file;
use crate::models::{Mixer, Wav2vec2, timed};
use crate::place::Place;
use crate::sashimi::OfSamples;
use crate::update::Update;

/// What is timed.
pub trait Subject {
    /// Seconds of a forward pass.
    fn forward(&mut self) -> f64;
    /// Seconds of a forward and a backward pass.
    fn training(&mut self) -> f64;
    /// Everything that the other side computes too.
    fn results(&mut self, gradients: bool) -> Vec<Named>;
}

/// Answers requests until there are none, on a thread of the pool, as training runs: work begins where it is asked for.
pub fn serve(place: &str) {
    say(&json!({}));
    let Some(first) = next() else { return };
    let threads = first["threads"].as_u64().map_or(0, |count| count as usize);
    kernels::threads::start(threads);
    let pool = Pool::new(kernels::threads::count()).expect("threads");
    pool.install(|| match place.strip_prefix("cuda:") {
        None => answer(&Cpu::default(), first),
        Some(number) => on_gpu(number.parse().expect("the number of a GPU"), first),
    });
}

#[cfg(feature = "cuda")]
fn on_gpu(number: usize, first: Value) {
    let gpu = kernels::device::cuda::open(number).unwrap_or_else(|failure| panic!("{failure}"));
    answer(&gpu, first);
}

#[cfg(not(feature = "cuda"))]
fn on_gpu(number: usize, _: Value) {
    panic!("GPU {number} is asked for; this bench was built without `--features cuda`");
}

fn next() -> Option<Value> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).expect("a line");
    (read > 0).then(|| serde_json::from_str(&line).expect("JSON"))
}

fn answer<D: Place>(device: &D, first: Value) {
    let mut subject: Option<Box<dyn Subject>> = None;
    for request in std::iter::once(first).chain(std::iter::from_fn(next)) {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        match text("do") {
            "load" => {
                let tensors = sure(file::read(text("file")));
                if request["settings"]["precision"] == "bf16" {
                    device.round_products();
                }
                subject = Some(match text("case") {
                    "wav2vec2" => Box::new(Wav2vec2::new(device, tensors, &request["settings"])),
                    "mamba2_mixer" => Box::new(Mixer::new(device, tensors, &request["settings"])),
                    "sashimi" => Box::new(OfSamples::new(device, tensors)),
                    "kaldi_fbank" => Box::new(Features::new(tensors)),
                    "adamw" => Box::new(Update::new(device, tensors)),
                    name => Box::new(OpSubject::new(device, name, tensors, &request["settings"])),
                });
                // What loading took is not the subject's.
                device.forget_peak();
                say(&json!({}));
            }
            "rates" => say(&device.rates()),
            "name" => say(&json!({ "name": device.name() })),
            "check" => {
                let subject = subject.as_mut().expect("a subject");
                sure(file::write(text("to"), &subject.results(request["gradients"] == true)));
                say(&json!({}));
            }
            _ => {
                let subject = subject.as_mut().expect("a subject");
                let repeat = request["repeat"].as_u64().expect("a number");
                let mut secs = 0.0;
                for _ in 0..repeat {
                    secs += match text("what") {
                        "forward" => subject.forward(),
                        _ => subject.training(),
                    };
                }
                let peak_mb = device.peak() as f64 / 1e6;
                say(&json!({"ms": secs / repeat as f64 * 1e3, "peak_mb": peak_mb}));
            }
        }
    }
}

fn say(answer: &Value) {
    println!("{answer}");
    std::io::stdout().flush().expect("somebody listens");
}

pub fn sure<T>(result: Result<T, Wrong>) -> T {
    result.unwrap_or_else(|Wrong(why)| panic!("{why}"))
}

/// An op, called by its name.
struct OpSubject<D: Place> {
    device: D,
    op: &'static Entry,
    call: Call<D>,
    dy: Vec<f32>,
}

impl<D: Place> OpSubject<D> {
    fn new(device: &D, name: &str, mut tensors: Tensors, settings: &Value) -> Self {
        let op = OPS.iter().find(|op| op.name == name).expect("an op of the table");
        let settings = settings.as_object().into_iter().flatten();
        let settings = settings.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
        let (_, dy) = tensors.remove("dy").expect("a gradient");
        let call = sure(Call::new(device, op, tensors, &settings.collect::<Vec<_>>()));
        OpSubject { device: device.clone(), op, call, dy }
    }

    /// Has the next run differentiated, or not.
    fn prepare(&mut self, gradients: bool) {
        self.call.tape = if gradients { Tape::recording() } else { Tape::silent() };
        self.call.dy = gradients.then(|| self.dy.clone());
    }
}

impl<D: Place> Subject for OpSubject<D> {
    fn forward(&mut self) -> f64 {
        self.prepare(false);
        timed(&self.device, || sure(self.op.run(&mut self.call)))
    }

    fn training(&mut self) -> f64 {
        self.prepare(true);
        let (op, call) = (self.op, &mut self.call);
        let mut work = || {
            let y = sure(op.run(call));
            sure(call.backward(y))
        };
        match self.device.memory_bytes() {
            None => timed(&self.device, work),
            // On a GPU the gradient's way there is no part of it: of what is recorded, the op counts, forward and backward.
            Some(_) => {
                let recording = Recording::start();
                drop(work());
                let spans = recording.finish().spans;
                spans.iter().filter(|span| span.is_op()).map(|span| span.ns() as f64 / 1e9).sum()
            }
        }
    }

    fn results(&mut self, gradients: bool) -> Vec<Named> {
        self.prepare(gradients);
        let y = sure(self.op.run(&mut self.call));
        sure(self.call.finish(y))
    }
}
