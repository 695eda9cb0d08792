//! Calls of the system that fail: an error where a file is written, brought onto the disk or renamed; writes that stop halfway; a clock that goes
//! back. Each needs a tool (`strace`, `bash`, `faketime`); without it the fault is not run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::faults::{Fault, Tried, fresh, interrupted};
use super::folder::differences;
use super::process::{Ended, Subject, ended};

/// A call that returns `EIO`, once or from then on.
pub struct Refused {
    pub what: &'static str,
    /// As strace takes them.
    pub calls: &'static str,
}

/// Files may not grow beyond a limit: the write that reaches it is cut short, the next one refused.
pub struct CutShort;

/// The second process has a clock of three days before.
pub struct ClockBack;

/// Whether a tool of the system is there.
fn has(tool: &str) -> bool {
    let asked = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// The subject's command as the last words of another's.
fn under(tool: &str, arguments: &[String], subject: &Subject, runs: &Path) -> Command {
    let own = subject.command(runs, 1);
    let mut command = Command::new(tool);
    command.args(arguments).arg(own.get_program()).args(own.get_args());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn run(mut command: Command) -> Ended {
    ended(command.spawn().expect("the tool starts"))
}

/// What a process with a fault may end with: an error of reading or writing, with words, or nothing lost at all.
fn judge(tried: &mut Tried, subject: &Subject, ended: &Ended) {
    match ended.code {
        Some(0) => {}
        Some(74) if ended.err.contains("error: ") => {}
        code => tried.note(subject, [format!("it ends with {code:?}: {}", ended.err.trim_end())]),
    }
}

impl Fault for Refused {
    fn name(&self) -> String {
        format!("{} fails with `EIO`, once or from then on", self.what)
    }

    fn promise(&self) -> &'static str {
        "exit 74 and why; afterwards the same command ends the run"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        if !has("strace") {
            return Tried::not_run("no `strace`");
        }
        let mut tried = Tried::default();
        for subject in subjects {
            let dir = fresh(home, subject);
            let log = dir.join("calls");
            let strace = |inject: &[String]| {
                let calls = format!("trace={}", self.calls);
                let fixed = ["-f", "-qq", "--seccomp-bpf", "-o", &log.display().to_string(), "-e", &calls]
                    .map(str::to_owned);
                under(
                    "strace",
                    &[&fixed[..], inject, &["--".to_owned()]].concat(),
                    subject,
                    &dir.join("runs"),
                )
            };
            let whole = run(strace(&[]));
            assert_eq!(whole.code, Some(0), "strace: {}", whole.err);
            // Counted thread by thread, as strace does.
            let calls = fs::read_to_string(&log).unwrap_or_default();
            let first = calls.split_whitespace().next().unwrap_or_default().to_owned();
            let count = calls.lines().filter(|line| line.starts_with(&first)).count().max(1);
            for from_then_on in ["", "+"] {
                _ = fs::remove_dir_all(dir.join("runs"));
                let number = rng.random_range(1..=count);
                let inject = format!("inject={}:error=EIO:when={number}{from_then_on}", self.calls);
                tried.times += 1;
                judge(&mut tried, subject, &run(strace(&["-e".to_owned(), inject])));
                tried.finish(subject, &dir.join("runs"), 1);
            }
        }
        tried
    }
}

impl Fault for CutShort {
    fn name(&self) -> String {
        "files may not grow beyond a limit: short writes, then `EFBIG`".into()
    }

    fn promise(&self) -> &'static str {
        "exit 74 and why; without the limit the same command ends the run"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        let mut tried = Tried::default();
        for subject in subjects {
            let dir = fresh(home, subject);
            let most = largest(&subject.whole) / 1024;
            let limit = rng.random_range(1..most.max(2));
            let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
            let limited = run(under("bash", &["-c".to_owned(), script], subject, &dir));
            tried.times += 1;
            match limited.code {
                Some(74) if limited.err.contains("error: ") => {}
                code => {
                    tried.note(subject, [format!("with {limit} KiB it ends with {code:?}: {}", limited.err)])
                }
            }
            tried.finish(subject, &dir, 1);
        }
        tried
    }
}

/// Bytes of the largest file in a folder.
fn largest(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => largest(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |facts| facts.len()),
        _ => 0,
    };
    entries.map(of).max().unwrap_or(0)
}

impl Fault for ClockBack {
    fn name(&self) -> String {
        "the clock goes back three days between two processes".into()
    }

    fn promise(&self) -> &'static str {
        "the run goes on and ends the same"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, _: &mut Pcg64Mcg) -> Tried {
        if !has("faketime") {
            return Tried::not_run("no `faketime`");
        }
        interrupted(subjects, home, |tried, subject, dir, _| {
            let arguments = ["-f", "-3d"].map(str::to_owned);
            let last = run(under("faketime", &arguments, subject, dir));
            if last.code != Some(0) {
                tried.note(subject, [format!("it ends with {:?}: {}", last.code, last.err)]);
            }
            tried.note(subject, differences(&subject.whole, dir));
        })
    }
}
