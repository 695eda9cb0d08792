//! Signals to verbs that have nothing to go on with: they end soon, say so, and leave nothing half-written.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{command, root, runner, runs_in, said};

/// One run of a recogniser for all tests.
fn run() -> &'static str {
    static RUN: OnceLock<(TempDir, String)> = OnceLock::new();
    let (_, dir) = RUN.get_or_init(|| {
        let runs = tempfile::tempdir().unwrap();
        let to = runs_in(runs.path());
        let experiment = "experiments/tedlium_direct.toml";
        let said = runner(&["run", experiment, "--profile", "ci", "--json", "-s", &to]);
        assert_eq!(said.code, 0, "{}", said.err);
        let report: Value = serde_json::from_str(&said.out).unwrap();
        let dir = report["dir"].as_str().unwrap().to_owned();
        (runs, dir)
    });
    dir
}

fn started(arguments: &[&str]) -> Child {
    command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the process has a handler for TERM, then sends the signal.
fn send(signal: &str, child: &Child) {
    const TERM: u64 = 1 << 14;
    let began = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        if caught.is_some_and(|mask| mask & TERM != 0) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no handler in a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(target_os = "linux")]
#[test]
fn judging_that_is_stopped_says_so_and_leaves_nothing() {
    let before = entries(Path::new(run()));
    // All that there is to judge by, forty times: more than the time that a signal takes, however busy the machine is.
    let folder = tempfile::tempdir().unwrap();
    let meta = folder.path().join("meta.txt");
    let list = fs::read_to_string(root().join("corpora/smoke/meta.train.txt")).unwrap();
    fs::write(&meta, list.repeat(40)).unwrap();
    for signal in ["-TERM", "-INT", "-USR1"] {
        let child = started(&["eval", run(), "--meta", &meta.display().to_string()]);
        send(signal, &child);
        let said = said(child.wait_with_output().unwrap());
        assert_eq!((said.code, &*said.out), (130, ""), "{signal}: {}", said.err);
        assert!(said.err.ends_with("error: stopped on request\n"), "{signal}: {}", said.err);
        assert_eq!(entries(Path::new(run())), before, "{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_grid_that_is_stopped_ends_with_the_process_that_measures() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table.md").display().to_string();
    let sweep = "experiments/sweeps/ssamba_efficiency.toml";
    let child = started(&["profile", sweep, "--profile", "ci", "--steps", "1000000", "-o", &table]);
    send("-TERM", &child);
    let began = Instant::now();
    let said = said(child.wait_with_output().unwrap());
    assert_eq!((said.code, &*said.out), (130, ""), "{}", said.err);
    assert!(said.err.ends_with("interrupted; nothing is left behind\n"), "{}", said.err);
    assert!(began.elapsed() < Duration::from_secs(100), "a million passes were not waited for");
    assert_eq!(entries(folder.path()), Vec::<String>::new());
}

/// A pipe that nobody has written into holds the program at its second file.
#[test]
fn predicting_that_is_stopped_has_whole_answers_to_the_files_before() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.wav");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let sound = root().join("corpora/smoke/words/f01/f01_00100005.ogg").display().to_string();
    let mut child = started(&["predict", run(), &sound, &pipe.display().to_string(), &sound]);
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    answers.read_line(&mut first).unwrap();
    assert!(first.starts_with(&format!("{sound}\t")), "{first}");
    let signalled = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    // The handler's thread hears it; the pipe is let go only then.
    std::thread::sleep(Duration::from_millis(500));
    fs::write(&pipe, "").unwrap();
    let mut behind = String::new();
    std::io::Read::read_to_string(&mut answers, &mut behind).unwrap();
    let said = said(child.wait_with_output().unwrap());
    assert_eq!((said.code, &*behind), (130, ""), "{}", said.err);
    assert!(said.err.ends_with("error: stopped on request behind 2 of 3 files\n"), "{}", said.err);
}
