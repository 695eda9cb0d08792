//! Faults on purpose: runs are killed, signalled, damaged and starved of disk, and have to end as if nothing had happened.
//!
//!     cargo bench --bench faults [-- --kills 200 --seed 1]
//!
//! Writes results/tables/faults.md. One run of each family goes undisturbed first; every other is compared with it, byte by byte. Start at
//! [`main`]; `faults.rs` has the faults, `folder.rs` what is compared, `process.rs` the program under test.

mod disk;
mod faults;
mod folder;
mod process;

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
    for fault in faults::all(kills) {
        println!("{}", fault.name());
        let tried = fault.try_out(&subjects, home.path(), &mut rng);
        for wrong in &tried.wrong {
            println!("  WRONG: {wrong}");
        }
        println!("  {}", said(&tried));
        rows.push((fault, tried));
    }
    let table = table(&rows, seed, started.elapsed().as_secs());
    print!("{table}");
    std::fs::write(Path::new("results/tables/faults.md"), table).expect("the table can be written");
    let wrong: usize = rows.iter().map(|(_, tried)| tried.wrong.len()).sum();
    assert_eq!(wrong, 0, "promises were broken");
}

fn argument(name: &str, usual: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
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
    for (fault, tried) in rows {
        _ = writeln!(text, "| {} | {} | {} | {} |", fault.name(), tried.times, fault.promise(), said(tried));
    }
    text
}
