//! SSAMBA and SSAST over the number of patches in PyTorch, beside the program's own.
//!
//!     RUNNER_PYTHON=python3 cargo bench --bench efficiency [-- [--profile tiny] [--tokens 256,1024,22000] [--rounds N]]
//!
//! The program's own numbers are `runner profile`'s of experiments/sweeps/ssamba_efficiency.toml, at the same lengths. Beside them, in processes of their
//! own, PyTorch's: SSAST with materialised scores (what the published study measured) and with its fused attention, and SSAMBA with a scan step by
//! step, as PyTorch alone has it. What would not fit into memory is not run. Writes results/tables/ssamba_pytorch.md.

mod table;

use std::process::{Command, Stdio};

use runner::record::host::available_bytes;
use serde_json::Value;

const TOKENS: [usize; 7] = [256, 512, 1024, 2048, 5000, 10_000, 22_000];
/// Rows of patches: 128 bands in 16s; 16 frames each.
const ROWS: usize = 8;
const FRAMES: usize = 16;
/// Of the memory that is free, so much may be used.
const SHARE: f64 = 0.85;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// As PyTorch's side calls it.
    pub name: &'static str,
    pub words: &'static str,
    /// The program's own point: its experiment's first word, and its attention.
    own: Option<(&'static str, Option<&'static str>)>,
}

const fn own(words: &'static str, model: &'static str, attention: Option<&'static str>) -> Subject {
    Subject { name: model, words, own: Some((model, attention)) }
}

const fn torch(name: &'static str, words: &'static str) -> Subject {
    Subject { name, words, own: None }
}

pub const SUBJECTS: [Subject; 6] = [
    own("SSAMBA", "ssamba", None),
    torch("ssamba_torch", "SSAMBA in PyTorch"),
    own("SSAST, tiles", "ssast", Some("tiled")),
    torch("ssast_fused", "SSAST in PyTorch, fused attention"),
    own("SSAST, scores materialised", "ssast", Some("materialised")),
    torch("ssast_naive", "SSAST in PyTorch, scores materialised"),
];

/// What a point took.
#[derive(Debug, Clone, Copy)]
pub enum Took {
    /// Seconds for a clip, and the process' peak memory in megabytes beyond what it had with nothing but its libraries.
    Measured { secs: f64, megabytes: f64 },
    /// It would not fit.
    NotRun,
    /// There is no PyTorch.
    Absent,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let profile = value("--profile").unwrap_or_else(|| "tiny".to_owned());
    let rounds: usize = value("--rounds").map_or(3, |text| text.parse().expect("--rounds takes a number"));
    let tokens: Vec<usize> = value("--tokens")
        .map_or(TOKENS.to_vec(), |text| text.split(',').map(|text| text.parse().expect("numbers")).collect());
    let lengths: Vec<usize> = tokens.iter().map(|tokens| tokens / ROWS * FRAMES).collect();
    let points = points(&profile, &lengths, rounds);
    let python = std::env::var("RUNNER_PYTHON").ok();
    let mut rows = Vec::new();
    for tokens in lengths.iter().map(|length| length / FRAMES * ROWS) {
        let took = SUBJECTS.map(|subject| {
            let took = match subject.own {
                Some(own) => of_own(&points, own, tokens),
                None => of_torch(&points, subject, tokens, rounds, python.as_deref()),
            };
            println!("{} {tokens}: {took:?}", subject.words);
            took
        });
        rows.push((tokens, took));
    }
    let table = table::table(&profile, &rows, rounds);
    print!("{table}");
    std::fs::write("results/tables/ssamba_pytorch.md", table).expect("the table can be written");
}

/// The program's own points.
fn points(profile: &str, lengths: &[usize], rounds: usize) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("grid.toml");
    let root = std::env::current_dir().expect("the project's root");
    let text = format!(
        "extends = [\"{}\"]\n[[sweep.zip]]\nmodel.ssamba.features.target_length = {lengths:?}\n\
         model.ssast.features.target_length = {lengths:?}\n",
        root.join("experiments/sweeps/ssamba_efficiency.toml").display()
    );
    std::fs::write(&file, text).expect("the grid can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.arg("profile").arg(&file).args(["--profile", profile, "--json", "--steps", &rounds.to_string()]);
    let output = command.stderr(Stdio::inherit()).output().expect("the program runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    report["points"].as_array().expect("points").clone()
}

/// The point of a model at a length.
fn point<'a>(points: &'a [Value], (model, attention): (&str, Option<&str>), tokens: usize) -> &'a Value {
    let meant = |point: &&Value| {
        let name = point["experiment"].as_str().unwrap_or_default();
        let settings = &point["settings"]["model.ssast.attention"];
        name.split('_').next() == Some(model) && settings.as_str() == attention && point["patches"] == tokens
    };
    points.iter().find(meant).expect("a point of the grid; one size at a time")
}

fn of_own(points: &[Value], own: (&str, Option<&str>), tokens: usize) -> Took {
    let point = point(points, own, tokens);
    match (point["secs_per_clip"].as_f64(), point["peak_bytes"].as_f64()) {
        (Some(secs), Some(bytes)) => Took::Measured { secs, megabytes: bytes / 1e6 },
        _ => Took::NotRun,
    }
}

/// One point of PyTorch, in a process of its own.
fn of_torch(points: &[Value], subject: Subject, tokens: usize, rounds: usize, python: Option<&str>) -> Took {
    let Some(python) = python else { return Took::Absent };
    let naive = point(points, ("ssast", Some("materialised")), tokens);
    let free = available_bytes().map_or(f64::INFINITY, |bytes| bytes as f64);
    if subject.name == "ssast_naive" && naive["predicted_bytes"].as_f64().unwrap_or_default() > SHARE * free {
        return Took::NotRun;
    }
    let name = naive["experiment"].as_str().unwrap_or_default();
    let [width, heads] = match name.rsplit('_').next() {
        Some("small") => ["384", "6"],
        Some("base") => ["768", "12"],
        _ => ["192", "3"],
    };
    // A step-by-step scan takes minutes over long clips; one round tells enough.
    let rounds = if tokens > 4_000 { 1 } else { rounds };
    let mut command = Command::new(python);
    command.args(["benches/efficiency/torch_side.py", subject.name, width, heads]);
    command.args([tokens.to_string(), rounds.to_string()]);
    let output = command.stderr(Stdio::inherit()).output().expect("the point runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = said.split_whitespace().map(|word| word.parse().expect("a number"));
    match (numbers.next(), numbers.next()) {
        (Some(secs), Some(megabytes)) => Took::Measured { secs, megabytes },
        _ => panic!("{} of {tokens} tokens said `{said}`", subject.name),
    }
}
