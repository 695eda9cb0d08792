//! What the machine can do, measured in the same run: products and copies.

use std::fmt;
use std::time::Instant;

use kernels::matmul::{View, bf16, matmul};
use kernels::on_files::Work;
use serde_json::{Value, json};

use crate::side::Side;

/// Rates under one number of threads.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub threads: usize,
    pub gflops: f64,
    /// Of products of bfloat16 numbers, where the processor has them.
    pub bf16_gflops: Option<f64>,
    /// Bytes read and written by a copy, in GB/s.
    pub gbytes: f64,
}

impl Rates {
    pub fn measure(place: &str, threads: usize) -> Self {
        let said = Side::ours(place).rates(threads);
        let number = |name: &str| said[name].as_f64().expect("a number");
        let bf16_gflops = said["bf16_gflops"].as_f64();
        Rates { threads, gflops: number("gflops"), bf16_gflops, gbytes: number("gbytes") }
    }

    /// The time below which no implementation can do the work here.
    pub fn floor_ms(&self, work: Work, in_bf16: bool) -> f64 {
        let gflops = self.bf16_gflops.filter(|_| in_bf16).unwrap_or(self.gflops);
        (work.flops / gflops).max(work.bytes / self.gbytes) / 1e6
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} threads: {:.0} GFLOP/s, ", self.threads, self.gflops)?;
        if let Some(gflops) = self.bf16_gflops {
            write!(f, "in bf16 {gflops:.0} GFLOP/s, ")?;
        }
        write!(f, "{:.1} GB/s copied", self.gbytes)
    }
}

/// What the asked process finds, on its threads.
pub fn measured() -> Value {
    const SIZE: usize = 1536;
    const FLOATS: usize = 1 << 25;
    let best = |rounds: usize, work: &mut dyn FnMut()| {
        let took = (0..rounds).map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64()
        });
        took.fold(f64::MAX, f64::min)
    };
    let (a, b) = (vec![0.5f32; SIZE * SIZE], vec![0.25f32; SIZE * SIZE]);
    let mut c = vec![0.0f32; SIZE * SIZE];
    let (a, b) = (View::new(&a, SIZE, SIZE), View::new(&b, SIZE, SIZE));
    let mut products = || {
        let secs = best(20, &mut || matmul(1.0, a, b, 0.0, &mut c));
        2.0 * (SIZE as f64).powi(3) / secs / 1e9
    };
    let gflops = products();
    let bf16_gflops = bf16::available().then(|| {
        bf16::take(true);
        let gflops = products();
        bf16::take(false);
        gflops
    });
    let (from, mut to) = (vec![1.0f32; FLOATS], vec![0.0f32; FLOATS]);
    let part = FLOATS / kernels::threads::count();
    let secs = best(8, &mut || {
        std::thread::scope(|scope| {
            for (to, from) in to.chunks_mut(part).zip(from.chunks(part)) {
                scope.spawn(|| to.copy_from_slice(from));
            }
        });
    });
    json!({"gflops": gflops, "bf16_gflops": bf16_gflops, "gbytes": 8.0 * FLOATS as f64 / secs / 1e9})
}

/// The processor's name and cores, for the table's head.
pub fn name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let flags = ["avx512f", "avx512_bf16", "amx_bf16"].map(|flag| {
        let has = text.split_whitespace().any(|word| word == flag);
        format!("{flag} {}", if has { "yes" } else { "no" })
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores; {}", name.map_or(std::env::consts::ARCH, |(_, name)| name), flags.join(", "))
}
