//! How long the developer waits: `cargo check` after a touch, and the tests.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

/// One file of each of three rooms, low, in the middle and high.
const TOUCHED: [&str; 3] = ["kernels/op.rs", "src/config/train.rs", "src/train/run.rs"];

/// The longest that a developer should wait, in seconds, on a machine that does nothing else.
const CHECK_SECS: f64 = 6.0;
const TESTS_SECS: f64 = 600.0;

/// Ticks of a processor's time in a second, as `/proc` counts them.
const TICKS: f64 = 100.0;

/// Prints seconds by the clock and of processors, and the aim: a check with nothing to do and after touching each file.
pub fn checks(root: &Path) {
    println!("\n{:<44} {:>8} {:>8} {:>8}", "seconds", "clock", "CPU", "aim");
    let check = ["check", "--quiet", "--workspace"];
    if !run(root, &check) {
        println!("the project does not pass `cargo check`: nothing was timed");
        return;
    }
    timed(root, "cargo check, nothing touched", &check, CHECK_SECS);
    for path in TOUCHED {
        let touched = File::options().append(true).open(root.join(path));
        match touched.and_then(|file| file.set_modified(SystemTime::now())) {
            Ok(()) => timed(root, &format!("cargo check after {path}"), &check, CHECK_SECS),
            Err(error) => println!("{path}: {error}"),
        }
    }
}

/// Prints seconds by the clock and of processors, and the aim: the tests, built before.
pub fn tests(root: &Path) {
    let tests = ["test", "--release", "--quiet", "--workspace"];
    if run(root, &["test", "--release", "--quiet", "--workspace", "--no-run"]) {
        timed(root, "cargo test --release --workspace, built", &tests, TESTS_SECS);
    } else {
        println!("the tests do not build: nothing was timed");
    }
}

fn timed(root: &Path, name: &str, arguments: &[&str], aim_secs: f64) {
    let (start, before) = (Instant::now(), children_secs());
    let passed = run(root, arguments);
    let secs = start.elapsed().as_secs_f64();
    // What the machine's other tenants do shows in the difference.
    let cpu = children_secs()
        .zip(before)
        .map_or("–".to_owned(), |(after, before)| format!("{:.1}", after - before));
    let note = match (passed, secs <= aim_secs) {
        (false, _) => "  (failed)",
        (true, false) => "  (over)",
        (true, true) => "",
    };
    println!("{name:<44} {secs:>8.1} {cpu:>8} {:>8}{note}", format!("≤ {aim_secs}"));
}

/// Seconds of processors that finished children took, where the system tells (Linux).
fn children_secs() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may have blanks; behind it, user's and system's time of children are the 14th and 15th.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks = |at: usize| rest.split_whitespace().nth(at)?.parse::<f64>().ok();
    Some((ticks(13)? + ticks(14)?) / TICKS)
}

fn run(root: &Path, arguments: &[&str]) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root).stdout(Stdio::null()).stderr(Stdio::null());
    // What `cargo run` sets for this program is not meant for a build of its own.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG") || name == "CARGO_MANIFEST_DIR" {
            command.env_remove(name);
        }
    }
    command.status().is_ok_and(|status| status.success())
}
