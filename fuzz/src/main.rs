//! Plays every target for a while, each in a process of its own: `just fuzz [SECONDS]`.
//!
//! What ends the process (a stack that overflows, memory that is not to be had, a hang) is seen from outside; the input was noted before
//! it was tried.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use runner_fuzz::session::{Asked, TRIED, emptied, keep, play};
use runner_fuzz::{Target, memory, targets};

#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

/// A process that hung ends itself with this.
const HUNG: i32 = 97;
/// Seconds of the processor after which an input that is still at work hangs.
const HANG_SECS: f64 = 20.0;
/// That of a program's first thread, as a rule.
const STACK_BYTES: usize = 8 << 20;
/// Deaths of one target after which it has had its turn.
const MOST_DEATHS: usize = 4;

const USAGE: &str =
    "runner-fuzz [--secs N] [--seed N] [--only NAME]…   seconds of the processor for all targets together";

struct Options {
    secs: f64,
    seed: u64,
    only: Vec<String>,
    inside: Option<String>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(said) => {
            eprintln!(
                "{said}\n{USAGE}\ntargets: {}",
                targets::all().iter().map(|t| t.name).collect::<Vec<_>>().join(" ")
            );
            return ExitCode::from(2);
        }
    };
    match &options.inside {
        Some(name) => inside(name, &options),
        None => outside(&options),
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options { secs: 60.0, seed: 1, only: Vec::new(), inside: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word}: a value is missing"));
        match word.as_str() {
            "--secs" => options.secs = value()?.parse().map_err(|_| "--secs takes a number")?,
            "--seed" => options.seed = value()?.parse().map_err(|_| "--seed takes a whole number")?,
            "--only" => options.only.push(value()?),
            "--inside" => options.inside = Some(value()?),
            other => return Err(format!("there is no `{other}`")),
        }
    }
    let known = |name: &String| targets::all().iter().any(|target| target.name == name);
    match options.only.iter().find(|name| !known(name)) {
        Some(name) => Err(format!("there is no target `{name}`")),
        None => Ok(options),
    }
}

/// Where targets work: in memory where the system has such a folder.
fn work(name: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let home = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    home.join(format!("runner-fuzz-{}-{name}", std::process::id()))
}

fn outside(options: &Options) -> ExitCode {
    let all = targets::all();
    let chosen: Vec<&Target> = all
        .iter()
        .filter(|target| options.only.is_empty() || options.only.iter().any(|name| name == target.name))
        .collect();
    let (mut faults, mut cpu, share) = (0, 0.0, options.secs / chosen.len() as f64);
    println!("{:<16} {:>9} {:>8} {:>9} {:>8}  faults", "target", "inputs", "endings", "slowest", "cpu");
    for target in chosen {
        let home = work(target.name);
        let (mut left, mut deaths) = (share, 0);
        while left > 0.5 && deaths < MOST_DEATHS {
            let seed = options.seed + deaths as u64 * 7919;
            let (said, used, died) = child(target, &home, left, seed);
            (left, cpu) = (left - used, cpu + used);
            faults += said.lines().filter(|line| line.starts_with("  ")).count();
            print!("{said}");
            let Some(how) = died else { break };
            deaths += 1;
            faults += 1;
            let bytes = fs::read(home.join("current")).unwrap_or_default();
            println!("  {}: the process ended: {how}: {}", target.name, keep(target, &bytes).display());
        }
        _ = fs::remove_dir_all(&home);
    }
    println!("{:.1} CPU-minutes, {faults} faults", cpu / 60.0);
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a process said, the seconds it had, and how it died if it did.
fn child(target: &Target, home: &Path, secs: f64, seed: u64) -> (String, f64, Option<String>) {
    emptied(home);
    let me = std::env::current_exe().expect("this program has a place");
    let begun = children_secs();
    let output = Command::new(me)
        .args(["--inside", target.name, "--secs", &secs.to_string(), "--seed", &seed.to_string()])
        .env("RUNNER_FUZZ_HOME", home)
        .stderr(Stdio::piped())
        .output()
        .expect("a process can be started");
    let used = children_secs() - begun;
    let died = match (output.status.code(), output.status.signal()) {
        (Some(0), _) => None,
        (Some(HUNG), _) => Some(format!("no end after {HANG_SECS} s")),
        (code, signal) => {
            let words = String::from_utf8_lossy(&output.stderr);
            let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            Some(format!("{} {last}", code.or(signal.map(|signal| 128 + signal)).unwrap_or_default()))
        }
    };
    (String::from_utf8_lossy(&output.stdout).into_owned(), used.max(0.1), died)
}

/// Seconds that processes started here have had, those that ended.
fn children_secs() -> f64 {
    let ticks = stat_ticks(15..17);
    ticks / 100.0
}

fn stat_ticks(fields: std::ops::Range<usize>) -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets; fields are numbered from 0 as in proc(5) less one.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    fields.filter_map(|field| words.get(field - 2)?.parse::<f64>().ok()).sum()
}

fn inside(name: &str, options: &Options) -> ExitCode {
    let home = std::env::var_os("RUNNER_FUZZ_HOME").map_or_else(|| work(name), PathBuf::from);
    let asked = Asked {
        secs: options.secs,
        seed: options.seed,
        current: home.join("current"),
        place: home.join("place"),
    };
    let name = name.to_owned();
    let played = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let target =
            targets::all().into_iter().find(|target| target.name == name).expect("a target of that name");
        emptied(&asked.place);
        let came = play(&target, &asked);
        println!(
            "{:<16} {:>9} {:>8} {:>7.2} s {:>6.0} s  {}",
            target.name,
            came.tried,
            came.endings,
            came.slowest_secs,
            came.cpu_secs,
            came.faults.len()
        );
        for (fault, path) in &came.faults {
            println!("  {}: {fault}: {}", target.name, path.display());
        }
    });
    std::thread::spawn(watch);
    match played.map(std::thread::JoinHandle::join) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    }
}

/// Ends the process where one input takes too long.
fn watch() {
    let (mut tried, mut since) = (0, stat_ticks(13..15));
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let (now, ticks) = (TRIED.load(Ordering::Relaxed), stat_ticks(13..15));
        if now != tried {
            (tried, since) = (now, ticks);
        } else if (ticks - since) / 100.0 > HANG_SECS {
            std::process::exit(HUNG);
        }
    }
}
