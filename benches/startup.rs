//! How long until the first word? Whole processes, from start to exit, beside Hydra and LightningCLI where Python has them.
//!
//!     RUNNER_PYTHON=python3 cargo bench --bench startup
//!
//! Writes results/tables/startup.md. Each command is checked to say what it should before it is timed, and the commands take turns.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use runner::record::host;

const ROUNDS: usize = 20;

struct Subject {
    name: &'static str,
    program: String,
    arguments: Vec<String>,
    /// Words that the output must have.
    says: &'static str,
    aim: Option<Duration>,
    took: Vec<Duration>,
}

impl Subject {
    fn new(
        name: &'static str,
        program: &str,
        arguments: &[&str],
        says: &'static str,
        aim_ms: Option<u64>,
    ) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let aim = aim_ms.map(Duration::from_millis);
        Self { name, program: program.to_owned(), arguments, says, aim, took: Vec::new() }
    }

    fn run(&self) -> std::io::Result<Output> {
        Command::new(&self.program).args(&self.arguments).output()
    }

    /// Whether it runs here and says what it should.
    fn works(&self) -> bool {
        self.run().is_ok_and(|output| {
            let said = [output.stdout, output.stderr].concat();
            output.status.success() && String::from_utf8_lossy(&said).contains(self.says)
        })
    }

    fn median(&self) -> Duration {
        let mut took = self.took.clone();
        took.sort_unstable();
        took[took.len() / 2]
    }
}

fn main() {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    std::env::set_current_dir(&root).expect("the project's root");
    let beside = tempfile::tempdir().expect("a folder");
    let mut subjects = subjects(beside.path());
    subjects.retain(|subject| {
        let works = subject.works();
        if !works {
            println!("{}: not run", subject.name);
        }
        works
    });
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            let start = Instant::now();
            let output = subject.run().expect("it ran before");
            subject.took.push(start.elapsed());
            assert!(output.status.success());
        }
    }
    let table = table(&subjects);
    print!("{table}");
    std::fs::write("results/tables/startup.md", table).expect("the table can be written");
}

fn subjects(beside: &Path) -> Vec<Subject> {
    let runner = env!("CARGO_BIN_EXE_runner");
    let file = "experiments/tedlium_waypoint.toml";
    let python = std::env::var("RUNNER_PYTHON").unwrap_or_else(|_| "python3".into());
    let resolved = Command::new(runner).args(["show", file]).output().expect("show");
    std::fs::write(beside.join("config.toml"), resolved.stdout).expect("a file");
    std::fs::copy("benches/beside/hydra_app.py", beside.join("hydra_app.py")).expect("a copy");
    let hydra = beside.join("hydra_app.py").display().to_string();
    vec![
        Subject::new("runner --version", runner, &["--version"], "runner ", Some(10)),
        Subject::new("runner check", runner, &["check", file], "ok, run", Some(50)),
        Subject::new("runner show", runner, &["show", file], "[data]", None),
        Subject::new("runner plan", runner, &["plan", file], "parameters", Some(300)),
        Subject::new("runner explain max_lr", runner, &["explain", "max_lr"], "Peak", None),
        Subject::new("Hydra --cfg job", &python, &[&hydra, "--cfg", "job"], "batch_size", None),
        Subject::new(
            "LightningCLI --print_config",
            &python,
            &["benches/beside/lightning_app.py", "fit", "--print_config"],
            "trainer",
            None,
        ),
    ]
}

fn table(subjects: &[Subject]) -> String {
    let mut text = format!(
        "# Time until the answer\n\nWhole processes, median of {ROUNDS}, taking turns. `cargo bench --bench startup`; {} with {} cores.\n\n\
         | command | median | aim |\n|---|---:|---:|\n",
        host::cpu(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    for subject in subjects {
        let millis = subject.median().as_secs_f64() * 1e3;
        let aim = subject.aim.map_or("–".to_owned(), |aim| format!("{} ms", aim.as_millis()));
        _ = writeln!(text, "| `{}` | {millis:.1} ms | {aim} |", subject.name);
    }
    text
}
