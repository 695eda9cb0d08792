//! The faults: each is tried on every family, and says what broke.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::disk::{Full, ReadOnly};
use super::errors::{ClockBack, CutShort, Refused};
use super::folder::{between, differences, runs};
use super::process::{Ended, Subject, ended, signal};
use super::verbs::{AtStart, OtherVerb, WhileJudging, set_nothing, set_table};

/// What came of trying a fault.
#[derive(Debug, Default)]
pub struct Tried {
    pub times: usize,
    /// How often it came before the program listened.
    pub unheard: usize,
    /// Every promise that was not kept.
    pub wrong: Vec<String>,
    /// Why it could not be tried here.
    pub not_run: Option<String>,
}

impl Tried {
    pub fn not_run(why: impl Into<String>) -> Self {
        Tried { not_run: Some(why.into()), ..Tried::default() }
    }

    /// Notes what is wrong, with where it happened.
    pub fn note(&mut self, subject: &Subject, wrong: impl IntoIterator<Item = String>) {
        self.wrong
            .extend(wrong.into_iter().map(|what| format!("{}, try {}: {what}", subject.name, self.times)));
    }

    /// Runs what is left to do and compares.
    pub fn finish(&mut self, subject: &Subject, dir: &Path, threads: usize) -> Ended {
        let last = subject.run(dir, threads);
        if last.code != Some(0) {
            self.note(subject, [format!("it ends with {:?}: {}", last.code, last.err.trim_end())]);
        }
        self.note(subject, differences(&subject.whole, dir));
        last
    }
}

/// Something that may happen to a run.
pub trait Fault {
    fn name(&self) -> String;
    fn promise(&self) -> &'static str;
    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried;
}

/// All of them.
pub fn all(kills: u64) -> Vec<Box<dyn Fault>> {
    let mut all: Vec<Box<dyn Fault>> = vec![Box::new(Kills { times: kills as usize })];
    all.extend(
        ["TERM", "INT", "HUP", "USR1", "USR2"].map(|name| Box::new(Signal { name }) as Box<dyn Fault>),
    );
    all.extend([
        Box::new(AtStart) as Box<dyn Fault>,
        Box::new(WhileJudging),
        Box::new(OtherVerb {
            name: "data prepare",
            promise: "exit 75 and nothing under the corpus' name; the same command goes on, bit for bit",
            code: 75,
            arguments: "data prepare table --from HOME/clips.csv --audio corpora/smoke --to OUT",
            set: set_table,
        }),
        Box::new(OtherVerb {
            name: "generate",
            promise: "exit 130 and no clip; the same command makes all, bit for bit",
            code: 130,
            arguments: "generate experiments/sashimi_sc09.toml --random-init --profile ci -n 4 --seconds 4 -o OUT",
            set: set_nothing,
        }),
    ]);
    let damages = [Damage::FlippedBit, Damage::Truncated, Damage::Gone];
    all.extend(damages.map(|damage| Box::new(damage) as Box<dyn Fault>));
    all.extend([
        Box::new(TornLine) as Box<dyn Fault>,
        Box::new(TwoAtOnce),
        Box::new(Moved),
        Box::new(Copied),
        Box::new(Full),
        Box::new(ReadOnly),
        Box::new(CutShort),
        Box::new(Refused { what: "a write", calls: "write" }),
        Box::new(Refused { what: "bringing a file onto the disk", calls: "fsync" }),
        Box::new(Refused { what: "a rename", calls: "rename" }),
        Box::new(ClockBack),
    ]);
    all
}

/// A fresh folder for the runs of one try.
pub fn fresh(home: &Path, subject: &Subject) -> PathBuf {
    let dir = home.join("try").join(subject.name);
    _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a folder");
    dir
}

/// Waits for any part of the time that an undisturbed run takes.
fn pause(subject: &Subject, rng: &mut Pcg64Mcg) {
    std::thread::sleep(subject.took.mul_f64(rng.random_range(0.0..1.0)));
}

struct Kills {
    times: usize,
}

impl Fault for Kills {
    fn name(&self) -> String {
        "`kill -9` at a random moment".into()
    }

    fn promise(&self) -> &'static str {
        "the same command ends the run, bit for bit; 1 and 2 threads"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        const OF_ONE_RUN: usize = 5;
        let mut tried = Tried::default();
        for round in 0.. {
            for subject in subjects {
                let (dir, threads) = (fresh(home, subject), 1 + round % 2);
                for _ in 0..OF_ONE_RUN {
                    let mut child = subject.start(&dir, threads);
                    pause(subject, rng);
                    if child.try_wait().expect("a process").is_some() {
                        break;
                    }
                    child.kill().expect("a kill");
                    child.wait().expect("a process");
                    tried.times += 1;
                }
                tried.finish(subject, &dir, threads);
                if tried.times >= self.times {
                    return tried;
                }
            }
        }
        tried
    }
}

struct Signal {
    name: &'static str,
}

impl Fault for Signal {
    fn name(&self) -> String {
        format!("`{}` at a random moment", self.name)
    }

    fn promise(&self) -> &'static str {
        "exit 75 with a checkpoint, or 0 at the end; then as above"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        const OF_ONE_RUN: usize = 2;
        let mut tried = Tried::default();
        for subject in subjects {
            let dir = fresh(home, subject);
            for _ in 0..OF_ONE_RUN {
                let child = subject.start(&dir, 1);
                pause(subject, rng);
                signal(&child, self.name);
                tried.times += 1;
                let ended = ended(child);
                // In its first milliseconds the program does not listen yet; a signal then ends it before it has begun.
                let unheard = ended.code.is_none();
                tried.unheard += usize::from(unheard);
                if !unheard && !matches!(ended.code, Some(0 | 75)) {
                    tried.note(subject, [format!("it ends with {:?}: {}", ended.code, ended.err.trim_end())]);
                }
            }
            tried.finish(subject, &dir, 1);
        }
        tried
    }
}

/// What happens to a file of the newest checkpoint.
#[derive(Clone, Copy)]
enum Damage {
    FlippedBit,
    Truncated,
    Gone,
}

impl Fault for Damage {
    fn name(&self) -> String {
        match self {
            Damage::FlippedBit => "one bit of the newest checkpoint flipped",
            Damage::Truncated => "a file of the newest checkpoint cut short",
            Damage::Gone => "a file of the newest checkpoint gone",
        }
        .into()
    }

    fn promise(&self) -> &'static str {
        "it is said, the checkpoint before is taken, and the end is the same"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        interrupted(subjects, home, |tried, subject, dir, run| {
            let newest = newest(run).expect("a checkpoint");
            let mut files: Vec<PathBuf> =
                fs::read_dir(&newest).expect("a checkpoint").flatten().map(|entry| entry.path()).collect();
            files.sort();
            self.strike(&files[rng.random_range(0..files.len())], rng);
            let last = tried.finish(subject, dir, 1);
            let step = newest.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let said = log(run);
            if !said.lines().any(|line| line.contains(&format!("{step}/")) && line.contains("is damaged")) {
                tried.note(subject, [format!("nothing is said of {step}: {}\n{said}", last.err)]);
            }
        })
    }
}

impl Damage {
    fn strike(self, file: &Path, rng: &mut Pcg64Mcg) {
        let mut bytes = fs::read(file).expect("a file");
        match self {
            Damage::FlippedBit => {
                let at = rng.random_range(0..bytes.len());
                bytes[at] ^= 1 << rng.random_range(0..8);
            }
            Damage::Truncated => bytes.truncate(rng.random_range(0..bytes.len())),
            Damage::Gone => return fs::remove_file(file).expect("removed"),
        }
        fs::write(file, bytes).expect("written");
    }
}

/// The checkpoint with the greatest step.
fn newest(run: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints")).ok()?.flatten();
    let step = |path: &Path| path.file_name()?.to_str()?.strip_prefix("step-")?.parse::<u64>().ok();
    entries.map(|entry| entry.path()).filter(|path| step(path).is_some()).max_by_key(|path| step(path))
}

fn log(run: &Path) -> String {
    fs::read_to_string(run.join("log.txt")).unwrap_or_default()
}

/// Stops every family's run between two checkpoints, in a folder of its own, and does something with what is left.
pub fn interrupted(
    subjects: &[Subject],
    home: &Path,
    mut strike: impl FnMut(&mut Tried, &Subject, &Path, &Path),
) -> Tried {
    let mut tried = Tried::default();
    for subject in subjects {
        let dir = fresh(home, subject);
        match stopped_between(subject, &dir) {
            Some(run) => {
                tried.times += 1;
                strike(&mut tried, subject, &dir, &run);
            }
            None => tried.note(subject, ["it never was between two checkpoints".into()]),
        }
    }
    tried
}

/// Starts a run and kills it as soon as its own run, not one that it needs, has two checkpoints.
fn stopped_between(subject: &Subject, dir: &Path) -> Option<PathBuf> {
    let wanted = runs(&subject.whole).into_keys().find(|name| name.starts_with(subject.name))?;
    let run = dir.join(wanted);
    let mut child: Child = subject.start(dir, 1);
    let second = || {
        let steps = fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
        steps.filter(|entry| entry.file_name().to_string_lossy().starts_with("step-")).count() >= 2
            && run.join("checkpoints/latest").exists()
    };
    while !second() {
        if child.try_wait().expect("a process").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    _ = child.kill();
    child.wait().expect("a process");
    second().then_some(run)
}

struct TornLine;

impl Fault for TornLine {
    fn name(&self) -> String {
        "half a row at the end of metrics.jsonl and timings.jsonl".into()
    }

    fn promise(&self) -> &'static str {
        "rows behind the checkpoint are cut and made anew"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, _: &mut Pcg64Mcg) -> Tried {
        interrupted(subjects, home, |tried, subject, dir, run| {
            for file in ["metrics.jsonl", "timings.jsonl"] {
                let mut rows = fs::read(run.join(file)).unwrap_or_default();
                rows.extend(b"{\"step\":7,\"train/lo");
                fs::write(run.join(file), rows).expect("written");
            }
            tried.finish(subject, dir, 1);
        })
    }
}

struct TwoAtOnce;

impl Fault for TwoAtOnce {
    fn name(&self) -> String {
        "the same command twice at once".into()
    }

    fn promise(&self) -> &'static str {
        "one works, the other ends with 73 and touches nothing"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, _: &mut Pcg64Mcg) -> Tried {
        let mut tried = Tried::default();
        for subject in subjects {
            let dir = fresh(home, subject);
            let both = [subject.start(&dir, 1), subject.start(&dir, 1)];
            let codes = both.map(|child| ended(child).code);
            tried.times += 1;
            // The slower one may come when all is done.
            if !codes.iter().all(|code| matches!(code, Some(0 | 73))) || !codes.contains(&Some(0)) {
                tried.note(subject, [format!("they end with {codes:?}")]);
            }
            tried.finish(subject, &dir, 1);
        }
        tried
    }
}

struct Moved;

impl Fault for Moved {
    fn name(&self) -> String {
        "the folder of runs moved in between".into()
    }

    fn promise(&self) -> &'static str {
        "the run goes on where it lies now"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, _: &mut Pcg64Mcg) -> Tried {
        interrupted(subjects, home, |tried, subject, dir, _| {
            let moved = home.join("try").join("moved");
            _ = fs::remove_dir_all(&moved);
            fs::rename(dir, &moved).expect("moved");
            tried.finish(subject, &moved, 1);
        })
    }
}

struct Copied;

impl Fault for Copied {
    fn name(&self) -> String {
        "the folder of runs copied in between, and both go on".into()
    }

    fn promise(&self) -> &'static str {
        "both end alike"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, _: &mut Pcg64Mcg) -> Tried {
        interrupted(subjects, home, |tried, subject, dir, run| {
            let copy = home.join("try").join("copy");
            _ = fs::remove_dir_all(&copy);
            let copied = std::process::Command::new("cp").arg("-a").args([dir, &copy]).status();
            assert!(copied.is_ok_and(|status| status.success()));
            tried.finish(subject, dir, 1);
            tried.finish(subject, &copy, 1);
            let twin = copy.join(run.file_name().unwrap_or_default());
            tried.note(subject, between(run, &twin));
        })
    }
}
