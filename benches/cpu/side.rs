//! One side of the comparison: a process that answers requests, and stands still while the other one is asked.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cases::Case;

/// Set in the environment of this program where it is to be a side.
pub const MARK: &str = "RUNNER_CPU_BENCH_SIDE";

pub struct Side {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    greeting: Value,
    /// What the last timing gave.
    pub last_ms: f64,
}

impl Side {
    /// This program again, to compute at `place`.
    pub fn ours(place: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        Self::start(command.env(MARK, place)).expect("our side starts")
    }

    /// PyTorch, where it is to be had.
    pub fn torch(place: &str) -> Option<Self> {
        let python = std::env::var_os("RUNNER_PYTHON").unwrap_or_else(|| "python3".into());
        Self::start(Command::new(python).args(["benches/cpu/torch_side.py", place]).stderr(Stdio::null()))
    }

    fn start(command: &mut Command) -> Option<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (to, from) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut side = Side { child, to, from, greeting: Value::Null, last_ms: 0.0 };
        side.greeting = side.read()?;
        side.signal(Signal::STOP);
        Some(side)
    }

    pub fn version(&self) -> String {
        self.greeting["torch"].as_str().unwrap_or_default().to_owned()
    }

    pub fn has_torchaudio(&self) -> bool {
        self.greeting["torchaudio"] == true
    }

    pub fn load(&mut self, case: &Case, file: &Path, threads: usize) {
        self.ask(&json!({
            "do": "load", "case": case.kind, "file": file, "settings": case.settings, "threads": threads,
        }));
    }

    pub fn check(&mut self, gradients: bool, to: &Path) {
        self.ask(&json!({"do": "check", "gradients": gradients, "to": to}));
    }

    /// Mean milliseconds of one, and the peak memory of the process so far in MB.
    pub fn time(&mut self, what: &str, repeat: usize) -> (f64, f64) {
        let said = self.ask(&json!({"do": "time", "what": what, "repeat": repeat}));
        let number = |name: &str| said[name].as_f64().expect("a number");
        self.last_ms = number("ms");
        (self.last_ms, number("peak_mb"))
    }

    /// What the machine can do on so many threads.
    pub fn rates(&mut self, threads: usize) -> Value {
        self.ask(&json!({"do": "rates", "threads": threads}))
    }

    /// What the place is called.
    pub fn place(&mut self) -> String {
        self.ask(&json!({"do": "name"}))["name"].as_str().unwrap_or_default().to_owned()
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.signal(Signal::CONT);
        writeln!(self.to, "{request}").expect("the side listens");
        let said = self.read().unwrap_or_else(|| panic!("the side broke off after {request}"));
        self.signal(Signal::STOP);
        assert!(said["error"].is_null(), "{request}: {}", said["error"]);
        said
    }

    /// Threads of a library go on spinning for a while after their work, in case more comes: on a core that the other side needs.
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the side is there");
    }

    fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.from.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
