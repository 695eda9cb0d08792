//! The table.

use std::fmt::{self, Write as _};

use kernels::on_files::Work;

use crate::machine::Rates;
use crate::place::CPU;
use crate::side::Side;

/// The samples of one side.
#[derive(Debug, Clone, Default)]
pub struct Timed {
    ms: Vec<f64>,
    peak_mb: f64,
}

impl Timed {
    pub fn add(&mut self, ms: f64, peak_mb: f64) {
        self.ms.push(ms);
        self.ms.sort_by(f64::total_cmp);
        self.peak_mb = self.peak_mb.max(peak_mb);
    }

    fn median(&self) -> f64 {
        self.ms[self.ms.len() / 2]
    }

    /// The median, and how far the quarters reach from it, in percent.
    fn text(&self) -> String {
        let at = |part: f64| self.ms[((self.ms.len() - 1) as f64 * part).round() as usize];
        let spread = (at(0.75) - at(0.25)) / 2.0 / self.median() * 100.0;
        let digits = if self.median() < 10.0 { 3 } else { 1 };
        format!("{:.digits$} ± {spread:.0} %", self.median())
    }
}

pub struct Row {
    pub case: String,
    pub what: &'static str,
    pub threads: usize,
    pub work: Work,
    pub floor_ms: f64,
    pub deviation: Option<f64>,
    pub ours: Timed,
    pub torch: Option<Timed>,
    pub measures_memory: bool,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = || "–".to_owned();
        let ours = self.ours.median();
        let rate = match self.work.flops > 0.0 {
            true => format!("{:.0} GFLOP/s", self.work.flops / ours / 1e6),
            false => format!("{:.1} GB/s", self.work.bytes / ours / 1e6),
        };
        let torch = self.torch.as_ref();
        let memory = |timed: &Timed| match self.measures_memory {
            true => format!("{:.0}", timed.peak_mb),
            false => none(),
        };
        write!(
            f,
            "| {} | {} | {} | {} | {} | {} | {rate} | {:.0} % | {} | {} | {} |",
            self.case,
            self.what,
            self.threads,
            self.ours.text(),
            torch.map_or_else(none, Timed::text),
            torch.map_or_else(none, |torch| format!("{:.2}", torch.median() / ours)),
            self.floor_ms / ours * 100.0,
            memory(&self.ours),
            torch.map_or_else(none, memory),
            self.deviation.map_or_else(none, |deviation| format!("{deviation:.0e}")),
        )
    }
}

/// How the rows came about.
pub struct Made<'a> {
    pub place: &'a str,
    pub torch: Option<&'a str>,
    pub rounds: usize,
    pub rates: &'a [Rates],
}

/// Writes the table of a place.
pub fn write(rows: &[Row], made: &Made<'_>) {
    let &Made { place, torch, rounds, rates } = made;
    let threads = if let [one] = rates { format!(" -- --threads {}", one.threads) } else { String::new() };
    let (path, what, flags) = match place {
        CPU => ("results/tables/cpu_bench.md", "the CPU", threads),
        _ => ("results/tables/gpu_bench.md", "a GPU", format!(" --features cuda -- --device {place}")),
    };
    let mut text = format!(
        "# Ops and models on {what}, beside PyTorch\n\n`RUNNER_PYTHON=python3 cargo bench --bench cpu{flags}`, medians of {rounds} samples taken in turns \
         (one where a sample takes over 3 s), ± half the distance between the quarters. {}. PyTorch {}, f32 where nothing else is said.\n\n\
         `ratio` is PyTorch's time by ours. `of the roof` compares with what this machine could do in the same run: products at \
         the rate of a large one, every operand and result moved once at the speed of a copy ({}). Exponentials and the like do not count as \
         work, so ops made of them stay below. `MB` is the peak of the process after loading. `differ`: the largest difference \
         between both sides' results, gradients included, relative to the largest value (PyTorch's CTC \
         in double precision for it: its gradient in single precision is 5e-4 and more away from that). \
         Other programs on the machine disturb rows now and then: the spread shows it.\n\n\
         | case | what | threads | ours, ms | torch, ms | ratio | rate | of the roof | ours, MB | torch, MB | differ |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        Side::ours(place).place(),
        torch.unwrap_or("not run"),
        rates.iter().map(Rates::to_string).collect::<Vec<_>>().join("; "),
    );
    for row in rows {
        _ = writeln!(text, "{row}");
    }
    std::fs::write(path, text).expect("the table can be written");
}
