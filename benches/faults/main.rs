//! Faults on purpose: runs are killed, signalled, damaged and starved of disk, and have to end as if nothing had happened.
//!
//!     cargo bench --bench faults [-- --kills 200 --seed 1 --only WORDS]
//!
//! Writes results/tables/faults.md; with `--only`, which may come several times, tries the faults with these words in their names and leaves the other
//! rows as they were. One run of each family goes undisturbed first; every other is compared with it, byte by byte. Start at
//! [`main`]; `faults.rs` has the faults, `folder.rs` what is compared, `process.rs` the program under test.

mod disk;
mod errors;
mod faults;
mod folder;
mod process;
mod verbs;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use runner::record::host;

use faults::{Fault, Tried};
use process::Subject;

/// One experiment of each family, small.
const EXPERIMENTS: [&str; 8] = [
    "tedlium_waypoint",
    "slurp_hybrid",
    "speech_commands_classifier",
    "sashimi_sc09",
    "diffwave_sashimi_sc09",
    "ssamba_pretrain_tiny",
    "ssamba_audioset",
    "ssast_pretrain_tiny",
];

fn main() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    std::env::set_current_dir(&root).expect("the project's root");
    let (kills, seed) = (argument("--kills", 200), argument("--seed", 1));
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let home = tempfile::tempdir().expect("a folder");
    let started = Instant::now();
    let subjects: Vec<Subject> =
        EXPERIMENTS.iter().map(|name| Subject::undisturbed(name, home.path())).collect();
    let mut rows = Vec::new();
    let wanted = values("--only");
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|words| name.contains(words.as_str()));
    for fault in faults::all(kills).into_iter().filter(|fault| is_wanted(&fault.name())) {
        println!("{}", fault.name());
        let tried = fault.try_out(&subjects, home.path(), &mut rng);
        for wrong in &tried.wrong {
            println!("  WRONG: {wrong}");
        }
        println!("  {}", said(&tried));
        rows.push((fault, tried));
    }
    let path = Path::new("results/tables/faults.md");
    let table = match wanted.is_empty() {
        true => table(&rows, seed, started.elapsed().as_secs()),
        false => renewed(
            &std::fs::read_to_string(path).expect("a table"),
            &rows,
            seed,
            started.elapsed().as_secs(),
        ),
    };
    print!("{table}");
    std::fs::write(path, table).expect("the table can be written");
    let wrong: usize = rows.iter().map(|(_, tried)| tried.wrong.len()).sum();
    assert_eq!(wrong, 0, "promises were broken");
}

fn argument(name: &str, usual: u64) -> u64 {
    let given = values(name);
    given.first().map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn values(name: &str) -> Vec<String> {
    let arguments: Vec<String> = std::env::args().collect();
    arguments.windows(2).filter(|pair| pair[0] == name).map(|pair| pair[1].clone()).collect()
}

fn said(tried: &Tried) -> String {
    let unheard = match tried.unheard {
        0 => String::new(),
        count => format!(" ({count} ended before they listened)"),
    };
    match (&tried.not_run, tried.wrong.len()) {
        (Some(why), _) => format!("not run: {why}"),
        (None, 0) => format!("nothing lost{unheard}"),
        (None, wrong) => format!("{wrong} times something was wrong"),
    }
}

fn table(rows: &[(Box<dyn Fault>, Tried)], seed: u64, secs: u64) -> String {
    let mut text = format!(
        "# Faults on purpose\n\nEvery run ends by the same command given again, and is compared with one that nothing disturbed: metrics, predictions, \
         confusions, weights and moments of every checkpoint, `best` and `latest` byte by byte, TensorBoard's steps and values; and nothing half-written \
         is left. Families: {}. `just faults` ({secs} s, seed {seed}); {} with {} cores.\n\n\
         | fault | tried | what has to happen | outcome |\n|---|---:|---|---|\n",
        EXPERIMENTS.join(", "),
        host::cpu(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    for row in rows {
        _ = writeln!(text, "{}", line(row));
    }
    text
}

fn line((fault, tried): &(Box<dyn Fault>, Tried)) -> String {
    format!("| {} | {} | {} | {} |", fault.name(), tried.times, fault.promise(), said(tried))
}

/// An earlier table with some of its rows made anew, and rows that it lacked behind its last.
fn renewed(table: &str, rows: &[(Box<dyn Fault>, Tried)], seed: u64, secs: u64) -> String {
    let mut lines: Vec<String> = table.trim_end().lines().map(str::to_owned).collect();
    let mut names = Vec::new();
    for row in rows {
        let head = format!("| {} |", row.0.name());
        names.push(row.0.name());
        match lines.iter().position(|line| line.starts_with(&head)) {
            Some(at) => lines[at] = line(row),
            None => {
                let behind =
                    lines.iter().rposition(|line| line.starts_with("| ")).map_or(lines.len(), |at| at + 1);
                lines.insert(behind, line(row));
            }
        }
    }
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    lines.push(format!(
        "\nTried later, by `just faults --only …` ({secs} s, seed {seed}, {} with {count} cores): {}.",
        host::cpu(),
        names.join("; ")
    ));
    lines.join("\n") + "\n"
}
