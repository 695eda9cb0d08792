//! A long life in minutes: many short epochs, each judged and saved. Do memory, file handles or threads grow?
//!
//!     cargo bench --bench soak [-- --minutes 10]
//!
//! Writes results/tables/soak.md. What leaks leaks by the update, the evaluation or the checkpoint, not by the hour; so the run is as small as
//! possible, and does as many of them as a run of days. What it holds is read from /proc (Linux).

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use runner::record::host;
use runner::record::units::{bytes, count, duration};
use serde_json::Value;

const EXPERIMENT: &str = "experiments/tedlium_direct.toml";
/// Utterances of an epoch, and how often it is judged and saved.
const SETTINGS: [&str; 9] = [
    "data.sample_partial_data=16",
    "data.batch_size=8",
    "data.bucket_size=16",
    "train.max_steps=1000000000",
    "eval.eval_interval=2",
    "eval.checkpoint_interval=2",
    "eval.max_eval_batches=1",
    "output.summary_interval=1",
    // Thousands of checkpoints kept for ever would fill the disk.
    "output.keep_every=0",
];
/// Updates of an epoch of these.
const EPOCH_STEPS: u64 = 2;
/// A run of the published programs is judged and saved about so often.
const USUAL_MINUTES: u64 = 30;
const ROWS: u32 = 10;

/// What the process holds at a moment.
struct Moment {
    after: Duration,
    step: u64,
    resident_bytes: u64,
    handles: usize,
    threads: usize,
    folder_bytes: u64,
}

fn main() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    std::env::set_current_dir(&root).expect("the project's root");
    let minutes = minutes();
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.args(["--quiet", "run", EXPERIMENT, "--profile", "ci"]);
    command.args(["-s", &format!("output.runs_dir={}", home.path().display())]);
    command.args(SETTINGS.iter().flat_map(|set| ["-s", set]));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let (started, mut child) = (Instant::now(), command.spawn().expect("the program starts"));
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    let every = Duration::from_secs_f64(minutes * 60.0) / ROWS;
    // What is taken in the first moments stays taken.
    std::thread::sleep(Duration::from_secs(20).min(every));
    let mut moments = vec![Moment::now(&proc, home.path(), started)];
    for _ in 0..ROWS {
        std::thread::sleep(every);
        assert!(child.try_wait().expect("a process").is_none(), "it ended by itself");
        moments.push(Moment::now(&proc, home.path(), started));
    }
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(told.is_ok_and(|status| status.success()));
    assert_eq!(child.wait().expect("a process").code(), Some(75), "interrupted, with a checkpoint");
    let table = table(&moments);
    print!("{table}");
    fs::write("results/tables/soak.md", table).expect("the table can be written");
    let (first, last) = (&moments[0], &moments[moments.len() - 1]);
    assert_eq!((first.handles, first.threads), (last.handles, last.threads), "handles or threads grow");
    let growth = last.resident_bytes as f64 / moments[moments.len() / 2].resident_bytes as f64;
    assert!(growth < 1.02, "memory grows: {growth}");
}

fn minutes() -> f64 {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.windows(2).find(|pair| pair[0] == "--minutes").map(|pair| pair[1].parse());
    given.map_or(10.0, |given| given.expect("--minutes is a number"))
}

impl Moment {
    fn now(proc: &Path, runs: &Path, started: Instant) -> Self {
        let status = fs::read_to_string(proc.join("status")).expect("Linux");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            line.split_whitespace().next().expect("a value").parse::<u64>().expect("a number")
        };
        let run = fs::read_dir(runs).expect("runs").flatten().map(|entry| entry.path());
        let run = run.filter(|path| path.join("status.json").exists()).last().expect("a run");
        let told: Value =
            serde_json::from_slice(&fs::read(run.join("status.json")).expect("a status")).expect("JSON");
        let moment = Moment {
            after: started.elapsed(),
            step: told["step"].as_u64().expect("a step"),
            resident_bytes: field("VmRSS:") * 1024,
            handles: fs::read_dir(proc.join("fd")).expect("Linux").count(),
            threads: field("Threads:") as usize,
            folder_bytes: size(&run),
        };
        println!(
            "{:.0} s: step {}, {}",
            moment.after.as_secs_f64(),
            moment.step,
            bytes(moment.resident_bytes)
        );
        moment
    }
}

/// Bytes of everything in a folder; what goes meanwhile is passed over.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |facts| facts.len()),
        _ => 0,
    };
    entries.map(of).sum()
}

fn table(moments: &[Moment]) -> String {
    let last = &moments[moments.len() - 1];
    let looks = last.step / 2;
    let days = (looks * USUAL_MINUTES) as f64 / (24.0 * 60.0);
    let mut text = format!(
        "# A long life in minutes\n\nOne run of `{EXPERIMENT}` under `ci` on 16 utterances ({EPOCH_STEPS} updates an epoch), judged and saved after every \
         second update: {} updates, {} epochs, and as many judgements and checkpoints, in {} of one process. A run that is judged and saved every {USUAL_MINUTES} \
         minutes takes {days:.0} days for as many. `just soak`; {} with {} cores.\n\n\
         | after | updates | memory held | file handles | threads | its folder |\n|---:|---:|---:|---:|---:|---:|\n",
        count(last.step),
        count(looks),
        duration(last.after.as_secs_f64()),
        host::cpu(),
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    for Moment { after, step, resident_bytes, handles, threads, folder_bytes } in moments {
        _ = writeln!(
            text,
            "| {} | {} | {} | {handles} | {threads} | {} |",
            duration(after.as_secs_f64()),
            count(*step),
            bytes(*resident_bytes),
            bytes(*folder_bytes)
        );
    }
    text + "\nThe folder grows by its rows of metrics (`metrics.jsonl`, `timings.jsonl`, TensorBoard's file, `log.txt`), a few hundred bytes each; checkpoints come and go.\n"
}
