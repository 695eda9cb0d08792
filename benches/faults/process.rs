//! The program under test: an experiment under `ci`, with runs in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An experiment, the folder of its runs that nothing disturbed, and how long those took.
pub struct Subject {
    pub name: &'static str,
    pub whole: PathBuf,
    pub took: Duration,
    /// Overrides.
    sets: Vec<String>,
}

/// How a process ended: its exit code, none where a signal ended it, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub err: String,
}

impl Subject {
    /// Runs it once, to its end.
    pub fn undisturbed(name: &'static str, home: &Path) -> Self {
        Self::undisturbed_with(name, &home.join("whole"), &[])
    }

    /// Runs it once with overrides, to its end, with its runs in a folder of `home`.
    pub fn undisturbed_with(name: &'static str, home: &Path, sets: &[&str]) -> Self {
        let sets = sets.iter().map(|set| (*set).to_owned()).collect();
        let mut subject = Subject { name, whole: home.join(name), took: Duration::ZERO, sets };
        let start = Instant::now();
        let ended = subject.run(&subject.whole, 1);
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        subject.took = start.elapsed();
        println!("{name}: {:.1} s undisturbed", subject.took.as_secs_f64());
        subject
    }

    /// The command, with its runs in `runs`.
    pub fn command(&self, runs: &Path, threads: usize) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command.args(["--quiet", "run", &format!("experiments/{}.toml", self.name), "--profile", "ci"]);
        command.args(["-s", &format!("output.runs_dir={}", runs.display())]);
        command.args(["-s", &format!("run.threads={threads}")]);
        command.args(self.sets.iter().flat_map(|set| ["-s", set]));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    pub fn start(&self, runs: &Path, threads: usize) -> Child {
        self.command(runs, threads).spawn().expect("the program starts")
    }

    /// To its end.
    pub fn run(&self, runs: &Path, threads: usize) -> Ended {
        ended(self.start(runs, threads))
    }
}

/// Waits for it.
pub fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().expect("a process");
    Ended { code: output.status.code(), err: String::from_utf8_lossy(&output.stderr).into_owned() }
}

/// Sends a signal by name, for example `TERM`.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .stderr(Stdio::null())
        .status();
    // It may have ended by itself meanwhile.
    _ = status.expect("kill");
}
