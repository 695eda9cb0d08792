//! Does Mamba pay on long sound? Time and memory of SSAMBA and SSAST over the number of patches, beside PyTorch.
//!
//!     cargo bench --bench efficiency [-- [--size tiny] [--tokens 250,1000,22000] [--rounds N]]
//!
//! A clip of random patches through all layers at rest, at a batch of 1, each point in a process of its own, so that its peak memory is its own;
//! after one clip to warm up, the median. With RUNNER_PYTHON naming a Python with torch, beside it PyTorch's: SSAST with materialised scores (what the
//! published study measured) and with its fused attention, and SSAMBA with a scan step by step, as PyTorch alone has it. Points that would not fit into
//! memory are foreseen, not run, and the table says so. Writes results/tables/ssamba_efficiency.md and .svg.

mod picture;
mod table;

use std::process::{Command, Stdio};
use std::time::Instant;

use kernels::{Array, Cpu, Tape};
use runner::config::{Experiment, Metric, Model as Asked, Ssamba, Ssast};
use runner::model::{Model, Network};
use runner::nn::Pass;
use runner::plan::resolve;
use runner::record::host::peak_bytes;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TOKENS: [usize; 7] = [256, 512, 1024, 2048, 5000, 10_000, 22_000];
/// Rows of patches: 128 bands in 16s.
const ROWS: usize = 8;
const PATCH: usize = 256;
/// Of the machine's memory that a point may take.
const SHARE: f64 = 0.85;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// As the table and both programs call it.
    pub name: &'static str,
    pub words: &'static str,
    /// PyTorch, not ours.
    torch: bool,
}

pub const SUBJECTS: [Subject; 5] = [
    Subject { name: "ssamba", words: "SSAMBA", torch: false },
    Subject { name: "ssast", words: "SSAST, tiled attention", torch: false },
    Subject { name: "ssamba_torch", words: "SSAMBA in PyTorch", torch: true },
    Subject { name: "ssast_naive", words: "SSAST in PyTorch, scores materialised", torch: true },
    Subject { name: "ssast_fused", words: "SSAST in PyTorch, fused attention", torch: true },
];

/// What a point took.
#[derive(Debug, Clone, Copy)]
pub enum Took {
    /// Seconds for a clip, and the process' peak memory in megabytes beyond what it had with nothing but its libraries.
    Measured { secs: f64, megabytes: f64 },
    /// Megabytes that it would take at least.
    Foreseen { megabytes: f64 },
    /// There is no PyTorch.
    Absent,
}

/// Width, layers of SSAMBA and of SSAST, heads.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub name: &'static str,
    width: usize,
    heads: usize,
}

const SIZES: [Size; 3] = [
    Size { name: "tiny", width: 192, heads: 3 },
    Size { name: "small", width: 384, heads: 6 },
    Size { name: "base", width: 768, heads: 12 },
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let size = value("--size").unwrap_or_else(|| "tiny".to_owned());
    let size = *SIZES.iter().find(|known| known.name == size).expect("tiny, small or base");
    let rounds: usize = value("--rounds").map_or(3, |text| text.parse().expect("--rounds takes a number"));
    if let Some(point) = value("--point") {
        let tokens = value("--tokens").and_then(|text| text.parse().ok()).expect("--tokens takes a number");
        return ours(&point, size, tokens, rounds);
    }
    let tokens: Vec<usize> = value("--tokens")
        .map_or(TOKENS.to_vec(), |text| text.split(',').map(|text| text.parse().expect("numbers")).collect());
    let python = std::env::var("RUNNER_PYTHON").ok();
    let mut rows = Vec::new();
    for tokens in tokens {
        let tokens = tokens / ROWS * ROWS;
        let took = SUBJECTS.map(|subject| {
            let took = measured(subject, size, tokens, rounds, python.as_deref());
            println!("{} {tokens}: {took:?}", subject.name);
            took
        });
        rows.push((tokens, took));
    }
    let table = table::table(size, &rows, rounds);
    print!("{table}");
    std::fs::write("results/tables/ssamba_efficiency.md", table).expect("the table can be written");
    picture::picture("results/tables/ssamba_efficiency.svg", &rows).expect("the picture can be drawn");
}

/// One point, in a process of its own.
fn measured(subject: Subject, size: Size, tokens: usize, rounds: usize, python: Option<&str>) -> Took {
    let least = foreseen(subject, size, tokens);
    if least > SHARE * memory_megabytes() {
        return Took::Foreseen { megabytes: least };
    }
    // A step-by-step scan takes minutes over long clips; one round tells enough.
    let rounds = if subject.torch && tokens > 4_000 { 1 } else { rounds };
    let (tokens, rounds) = (tokens.to_string(), rounds.to_string());
    let mut command = match (subject.torch, python) {
        (false, _) => {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["--point", subject.name, "--size", size.name, "--tokens", &tokens]);
            command.args(["--rounds", &rounds]);
            command
        }
        (true, None) => return Took::Absent,
        (true, Some(python)) => {
            let mut command = Command::new(python);
            let (width, heads) = (size.width.to_string(), size.heads.to_string());
            command.args([
                "benches/efficiency/torch_side.py",
                subject.name,
                &width,
                &heads,
                &tokens,
                &rounds,
            ]);
            command
        }
    };
    let output = command.stderr(Stdio::inherit()).output().expect("the point runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = said.split_whitespace().map(|word| word.parse().expect("a number"));
    match (numbers.next(), numbers.next()) {
        (Some(secs), Some(megabytes)) => Took::Measured { secs, megabytes },
        _ => panic!("{} of {tokens} tokens said `{said}`", subject.name),
    }
}

/// Megabytes of two score matrices, where there are such.
fn foreseen(subject: Subject, size: Size, tokens: usize) -> f64 {
    match subject.name {
        "ssast_naive" => 2.0 * 4.0 * size.heads as f64 * (tokens as f64 + 2.0).powi(2) / 1e6,
        _ => 0.0,
    }
}

fn memory_megabytes() -> f64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.map_or(f64::INFINITY, |kibibytes| kibibytes * 1024.0 / 1e6)
}

/// Measures one of ours, and prints seconds and megabytes.
fn ours(name: &str, size: Size, tokens: usize, rounds: usize) {
    kernels::threads::start(0);
    let (mut ssamba, mut ssast) = (Ssamba::default(), Ssast::default());
    (ssamba.embed_dim, ssast.embed_dim, ssast.num_heads) = (size.width, size.width, size.heads);
    for features in [&mut ssamba.features, &mut ssast.features] {
        features.target_length = tokens / ROWS * 16;
    }
    (ssamba.pretext.mask_patch, ssast.pretext.mask_patch) = (1, 1);
    let asked = if name == "ssamba" { Asked::Ssamba(ssamba) } else { Asked::Ssast(ssast) };
    let mut experiment = Experiment { model: asked, ..Experiment::default() };
    (experiment.name, experiment.data.dir) = ("efficiency".to_owned(), "none".to_owned());
    (experiment.train.ctc_weight, experiment.eval.select) = (0.0, Metric::Loss);
    let plan = resolve(&experiment, Vec::new()).expect("a plan");
    let device = Cpu::default();
    let before = peak_bytes().unwrap_or_default();
    let model = Model::build(&device, &plan.model, 1).expect("a model");
    let Network::Patches(network) = &model.network else { panic!("not of patches") };
    let noise = (0..tokens * PATCH).map(|at| ((at * 7_919) % 2_003) as f32 / 1_001.0 - 1.0).collect();
    let patches = Array::from_vec(&device, noise, [1, tokens, PATCH]).expect("room");
    let mut secs: Vec<f64> = (0..=rounds)
        .map(|_| {
            let start = Instant::now();
            let mut tape = Tape::silent();
            let mut pass = Pass::at_rest(&model.params, &mut tape);
            let last = network.last(&mut pass, &patches).expect("it runs");
            std::hint::black_box(last.to_vec());
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    secs.sort_by(f64::total_cmp);
    let peak = peak_bytes().unwrap_or_default().saturating_sub(before);
    println!("{} {}", secs[secs.len() / 2], peak as f64 / 1e6);
}
