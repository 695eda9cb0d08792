//! Signals where a run is not under way but something else that takes long: its start, its evaluations, preparing a corpus, generating sound.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::faults::{Fault, Tried, fresh};
use super::process::{Subject, ended, signal};

const SIGNALS: [&str; 5] = ["TERM", "INT", "HUP", "USR1", "USR2"];

/// A signal within the first moments.
pub struct AtStart;

/// A signal while hardly anything but judging goes on.
pub struct WhileJudging;

/// A signal to a verb other than `run`.
pub struct OtherVerb {
    pub name: &'static str,
    pub promise: &'static str,
    /// What it ends with where it listened.
    pub code: i32,
    /// Its arguments, with `HOME` for a folder of its own and `OUT` for what it makes.
    pub arguments: &'static str,
    /// Makes what it needs in that folder.
    pub set: fn(&Path),
}

/// Signals a process after `wait`. Whether it was heard: before it listens, a signal ends a program at once.
fn signalled(tried: &mut Tried, subject: &Subject, runs: &Path, name: &str, wait: Duration) {
    let child = subject.start(runs, 1);
    std::thread::sleep(wait);
    signal(&child, name);
    tried.times += 1;
    let ended = ended(child);
    match ended.code {
        Some(0 | 75) => {}
        None => tried.unheard += 1,
        code => tried.note(subject, [format!("`{name}`: it ends with {code:?}: {}", ended.err.trim_end())]),
    }
}

impl Fault for AtStart {
    fn name(&self) -> String {
        "any of these signals in the first 60 ms".into()
    }

    fn promise(&self) -> &'static str {
        "exit 75; then as above"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        let mut tried = Tried::default();
        for subject in subjects {
            let dir = fresh(home, subject);
            for name in SIGNALS {
                signalled(&mut tried, subject, &dir, name, Duration::from_millis(rng.random_range(0..60)));
            }
            tried.finish(subject, &dir, 1);
        }
        tried
    }
}

impl Fault for WhileJudging {
    fn name(&self) -> String {
        "any of these signals in a run that is judged after every update".into()
    }

    fn promise(&self) -> &'static str {
        "exit 75 before all is judged, with a checkpoint of that update; what was left is judged first by the same command"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        let mut tried = Tried::default();
        for subject in subjects {
            let judged =
                Subject::undisturbed_with(subject.name, &home.join("judged"), &["eval.eval_interval=1"]);
            let dir = fresh(home, subject);
            for name in SIGNALS {
                signalled(&mut tried, &judged, &dir, name, judged.took.mul_f64(rng.random_range(0.1..0.9)));
            }
            tried.finish(&judged, &dir, 1);
        }
        tried
    }
}

impl OtherVerb {
    fn command(&self, home: &Path, out: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        let given = |word: &str| {
            word.replace("HOME", &home.display().to_string()).replace("OUT", &out.display().to_string())
        };
        command.arg("--quiet").args(self.arguments.split(' ').map(given));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

impl Fault for OtherVerb {
    fn name(&self) -> String {
        format!("any of these signals to `{}`", self.name)
    }

    fn promise(&self) -> &'static str {
        self.promise
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        let dir = fresh(home, &subjects[0]);
        (self.set)(&dir);
        let (whole, out) = (dir.join("whole"), dir.join("out"));
        let (started, mut tried) = (Instant::now(), Tried::default());
        let undisturbed = ended(self.command(&dir, &whole).spawn().expect("the program starts"));
        assert_eq!(undisturbed.code, Some(0), "{}", undisturbed.err);
        let took = started.elapsed();
        for round in 0..2 * SIGNALS.len() {
            let name = SIGNALS[round % SIGNALS.len()];
            _ = fs::remove_dir_all(&out);
            let child = self.command(&dir, &out).spawn().expect("the program starts");
            std::thread::sleep(took.mul_f64(rng.random_range(0.05..0.95)));
            signal(&child, name);
            tried.times += 1;
            let first = ended(child);
            match first.code {
                Some(code) if code == self.code => {
                    if out.exists() {
                        tried.wrong.push(format!("{}: `{name}` left `out`", self.name));
                    }
                }
                Some(0) => {}
                None => tried.unheard += 1,
                code => {
                    tried.wrong.push(format!("{}: `{name}` ends with {code:?}: {}", self.name, first.err))
                }
            }
            if first.code != Some(0) {
                let again = ended(self.command(&dir, &out).spawn().expect("the program starts"));
                if again.code != Some(0) {
                    tried
                        .wrong
                        .push(format!("{}: then it ends with {:?}: {}", self.name, again.code, again.err));
                }
            }
            let same = Command::new("diff").args(["-r", "-q"]).args([&whole, &out]).output().expect("diff");
            if !same.status.success() {
                tried.wrong.push(format!("{}: {}", self.name, String::from_utf8_lossy(&same.stdout)));
            }
        }
        tried
    }
}

/// A table of clips over the bundled corpus.
pub fn set_table(home: &Path) {
    let list = fs::read_to_string("corpora/smoke/meta.train.txt").expect("the bundled corpus");
    let rows = list.lines().filter_map(|line| {
        let mut fields = line.split('|');
        let (name, text) = (fields.next()?, fields.nth(1)?);
        Some(format!("{}/{name}.ogg,{text}\n", name.split('_').next()?))
    });
    let table: String = std::iter::once("path,text\n".to_owned()).chain(rows).collect();
    fs::write(home.join("clips.csv"), table).expect("written");
}

/// Nothing.
pub fn set_nothing(_: &Path) {}
