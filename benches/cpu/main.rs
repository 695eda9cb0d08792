//! How fast, beside PyTorch? Each op and each model path: first agreement, then both sides in turns.
//!
//!     RUNNER_PYTHON=python3 cargo bench --bench cpu [-- [--device cuda:N] [--only WORD] [--rounds N] [--threads N] | --scaling]
//!
//! Two processes answer one protocol: this program started again (`ours.rs`) and `torch_side.py`, if that Python has torch, safetensors and
//! transformers (and torchaudio, for features); else ours is timed alone. Prints each row as it is measured and, unless `--only` was given, writes
//! results/tables/cpu_bench.md, or gpu_bench.md of a GPU (built with `--features cuda`). An op's sizes and their work stand in `on_files.rs` of
//! its folder, what PyTorch does for it in `pytorch.py` beside that; the machine's rates in `machine.rs`.

mod cases;
mod features;
#[path = "../../kernels/examples/op/file.rs"]
mod file;
mod machine;
mod models;
mod ours;
mod place;
mod report;
mod sashimi;
mod scaling;
mod side;
mod update;

use std::path::PathBuf;

use cases::Case;
use kernels::on_files::Work;
use machine::Rates;
use place::{CPU, is_place};
use report::{Row, Timed};
use side::Side;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const THREADS: [usize; 2] = [1, 2];

fn main() {
    if let Ok(place) = std::env::var(side::MARK) {
        return ours::serve(&place);
    }
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    std::env::set_current_dir(root).expect("the project's root");
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let only = value("--only");
    let rounds = value("--rounds").map_or(7, |count| count.parse().expect("--rounds takes a number"));
    let place = value("--device").unwrap_or_else(|| CPU.to_owned());
    assert!(is_place(&place), "--device takes `cpu`, or `cuda:` and the number of a GPU, not `{place}`");
    let threads = match value("--threads") {
        Some(count) => vec![count.parse().expect("--threads takes a number")],
        None if place == CPU => THREADS.to_vec(),
        None => vec![std::thread::available_parallelism().map_or(1, usize::from)],
    };
    let folder = tempfile::tempdir().expect("a folder");
    if arguments.iter().any(|argument| argument == "--scaling") {
        assert!(place == CPU, "--scaling is of the CPU");
        return scaling::run(folder.path());
    }
    // One process serves all ops; models get their own, so that peaks are theirs.
    let mut torch = Side::torch(&place);
    let version = torch.as_ref().map(Side::version);
    println!("torch: {}", version.as_deref().unwrap_or("not here; ours alone"));
    let (mut rows, mut measured) = (Vec::new(), Vec::new());
    for threads in threads {
        let rates = Rates::measure(&place, threads);
        println!("{rates}");
        measured.push(rates);
        for case in cases::all(&place) {
            if only.as_ref().is_some_and(|word| !case.title().contains(word.as_str())) {
                continue;
            }
            let bench = Bench {
                case: &case,
                place: &place,
                threads,
                rounds,
                rates,
                folder: folder.path().to_owned(),
            };
            let mut own = if case.is_model() && torch.is_some() { Side::torch(&place) } else { None };
            let torch = own.as_mut().or(torch.as_mut()).filter(|torch| case.runs_on(torch));
            for row in bench.run(torch) {
                println!("{row}");
                rows.push(row);
            }
        }
    }
    if only.is_none() {
        let made = report::Made { place: &place, torch: version.as_deref(), rounds, rates: &measured };
        report::write(&rows, &made);
    }
}

/// One case under one number of threads.
struct Bench<'a> {
    case: &'a Case,
    place: &'a str,
    threads: usize,
    rounds: usize,
    rates: Rates,
    folder: PathBuf,
}

impl Bench<'_> {
    fn run(&self, mut torch: Option<&mut Side>) -> Vec<Row> {
        let file = self.folder.join("in.safetensors");
        self.case.write(&file);
        let mut ours = Side::ours(self.place);
        for side in std::iter::once(&mut ours).chain(torch.as_deref_mut()) {
            side.load(self.case, &file, self.threads);
        }
        let deviation = torch.as_deref_mut().map(|torch| self.deviation(&mut ours, torch));
        let mut rows = Vec::new();
        let training = self.case.training_at(self.place);
        for (what, work) in [("forward", Some(self.case.forward)), ("training", training)] {
            let Some(work) = work else { continue };
            let with_torch = what == "forward" || self.case.torch_trains;
            let torch = torch.as_deref_mut().filter(|_| with_torch);
            rows.push(self.time(what, work, &mut ours, torch, deviation));
        }
        rows
    }

    /// The largest difference between both sides' results, relative to the largest value of each.
    fn deviation(&self, ours: &mut Side, torch: &mut Side) -> f64 {
        let paths = ["ours", "torch"].map(|name| self.folder.join(format!("{name}.safetensors")));
        let gradients = self.case.training.is_some() && self.case.torch_trains;
        ours.check(gradients, &paths[0]);
        torch.check(gradients, &paths[1]);
        let [ours, torch] = paths.map(|path| file::read(&path.display().to_string()).expect("results"));
        assert_eq!(
            ours.keys().collect::<Vec<_>>(),
            torch.keys().collect::<Vec<_>>(),
            "{}",
            self.case.title()
        );
        let mut worst = 0.0f64;
        for (name, (_, got)) in &ours {
            let want = &torch[name].1;
            let largest = want.iter().fold(1e-30f32, |largest, x| largest.max(x.abs()));
            for (got, want) in got.iter().zip(want) {
                worst = worst.max(f64::from((got - want).abs() / largest));
            }
        }
        assert!(worst < self.case.most_apart(), "{}: the two sides differ by {worst:e}", self.case.title());
        worst
    }

    fn time(
        &self,
        what: &'static str,
        work: Work,
        ours: &mut Side,
        torch: Option<&mut Side>,
        deviation: Option<f64>,
    ) -> Row {
        let mut sides: Vec<(&mut Side, usize, Timed)> =
            std::iter::once(ours).chain(torch).map(|side| (side, 1, Timed::default())).collect();
        for (side, repeat, _) in &mut sides {
            // Once cold, then often enough that a sample takes 40 ms.
            side.time(what, 1);
            *repeat = (40.0 / side.time(what, 1).0).ceil().clamp(1.0, 200.0) as usize;
        }
        // What takes many seconds is not waited for seven times.
        let slowest = sides.iter_mut().map(|(side, ..)| side.last_ms).fold(0.0, f64::max);
        let rounds = if slowest > 3_000.0 { 1 } else { self.rounds };
        for _ in 0..rounds {
            for (side, repeat, timed) in &mut sides {
                let (ms, peak_mb) = side.time(what, *repeat);
                timed.add(ms, peak_mb);
            }
        }
        let mut timed = sides.into_iter().map(|(_, _, timed)| timed);
        let floor_ms = self.rates.floor_ms(work, self.case.in_bf16());
        Row {
            case: self.case.title(),
            what,
            threads: self.threads,
            work,
            floor_ms,
            deviation,
            ours: timed.next().unwrap_or_default(),
            torch: timed.next(),
            measures_memory: self.case.is_model(),
        }
    }
}
