//! A thousand runs side by side: how long until the table is there?
//!
//!     cargo bench --bench results
//!
//! Writes results/tables/results.md. One run is trained (`ci`), its folder's small files are copied a thousand times under other names, seeds
//! and rates, and filled up to 200 options. Whole processes; `cold` is the first look, without an index.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use runner::record::host;
use serde_json::Value;

const RUNS: usize = 1000;
const OPTIONS: usize = 200;
const ROUNDS: usize = 15;
/// What is asked, and what its answer must say.
const QUESTIONS: [(&[&str], &str); 6] = [
    (&[], "train.max_lr"),
    (&["--group-by"], "±"),
    (&["--sort", "wer", "--top", "5"], "test WER"),
    (&["--where", "train.max_lr < 1e-3"], "train.max_lr"),
    (&["--format", "csv"], "tedlium_direct,"),
    (&["--format", "json"], "\"test/wer\""),
];

fn main() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    std::env::set_current_dir(&root).expect("the project's root");
    let folder = tempfile::tempdir().expect("a folder");
    let runs = folder.path().join("runs");
    fill(folder.path(), &runs);
    // Files that changed a moment ago are not yet remembered.
    std::thread::sleep(Duration::from_secs(3));
    let cold = ask(&runs, QUESTIONS[0]);
    let mut text = format!(
        "# A thousand runs in a table\n\n{RUNS} runs of {OPTIONS} options each; whole processes, median of {ROUNDS}. \
         `cargo bench --bench results`; {} with {} cores.\n\n| command | time | aim |\n|---|---:|---:|\n",
        host::cpu(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    _ = writeln!(text, "| `runner results`, cold | {} ms | 1000 ms |", cold.as_millis());
    for question in QUESTIONS {
        let mut took: Vec<Duration> = (0..ROUNDS).map(|_| ask(&runs, question)).collect();
        took.sort_unstable();
        let command = [&["runner", "results"], question.0].concat().join(" ");
        _ = writeln!(text, "| `{command}` | {} ms | 200 ms |", took[ROUNDS / 2].as_millis());
    }
    print!("{text}");
    std::fs::write("results/tables/results.md", text).expect("the table can be written");
}

/// Answers a question once, and sees that it is the answer.
fn ask(runs: &Path, (arguments, says): (&[&str], &str)) -> Duration {
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["--quiet", "results"])
        .arg(runs)
        .args(arguments)
        .output()
        .expect("the program starts");
    let took = start.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains(says), "{arguments:?} does not say {says}");
    took
}

/// A thousand folders like that of one real run.
fn fill(folder: &Path, runs: &Path) {
    let first = folder.join("first");
    let set = format!("output.runs_dir={}", first.display());
    let trained = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["--quiet", "run", "experiments/tedlium_direct.toml", "--profile", "ci", "-s", &set])
        .output();
    assert!(trained.expect("the program starts").status.success());
    let mut entries = std::fs::read_dir(first).expect("a folder").flatten().map(|entry| entry.path());
    let real = entries.find(|path| path.is_dir()).expect("a run");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(real.join(name)).expect("a file")).expect("JSON")
    };
    let (mut identity, mut status) = (read("run.json"), read("status.json"));
    let config = identity["config"].as_object_mut().expect("options");
    for number in config.len()..OPTIONS {
        config.insert(format!("more.option_{number:03}"), Value::String(number.to_string()));
    }
    for number in 0..RUNS {
        identity["id"] = format!("{number:08x}").into();
        identity["config"]["run.seed"] = (number % 5).to_string().into();
        identity["config"]["train.max_lr"] = (1e-4 * (1 + number / 5) as f64).to_string().into();
        identity["config"]["data.batch_size"] = (8 + number / 50).to_string().into();
        status["metrics"]["test/wer"] = (number as f64 / RUNS as f64).into();
        let dir = runs.join(format!("tedlium_direct-{number:08x}"));
        std::fs::create_dir_all(&dir).expect("a folder");
        for (name, value) in [("run.json", &identity), ("status.json", &status)] {
            std::fs::write(dir.join(name), serde_json::to_vec_pretty(value).expect("JSON")).expect("a file");
        }
    }
}
