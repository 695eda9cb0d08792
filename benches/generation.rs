//! How fast does SaShiMi generate? Samples per second of the SC09 model with random weights, by lanes and threads.
//!
//!     cargo bench --bench generation [-- [--secs S] [--lanes 1,2,8] [--threads 1,2]]
//!
//! `step`: the network alone, both threads in each step. `generate`: whole clips with draws, lanes dealt out over threads. The rates of
//! arithmetic and of memory count what a step must do: each multiplication of a weight and of a state, and each weight and state read once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use runner::model::sashimi::stream::{Request, Sampling, StepWeights, Stepper, generate};
use runner::plan::SashimiPlan;

#[path = "../src/model/sashimi/stream/tests/drawn.rs"]
#[allow(dead_code, reason = "the tests it belongs to ask for more")]
mod drawn;

/// Where `drawn.rs` looks for them.
mod model {
    pub use runner::model::sashimi;
}
mod plan {
    pub use runner::plan::*;
}
mod seed {
    pub use runner::seed::*;
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RATE_HZ: f64 = 16_000.0;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let list = |name: &str, or: &[usize]| -> Vec<usize> {
        let given = value(name);
        given.map_or(or.to_vec(), |text| text.split(',').map(|x| x.parse().expect("numbers")).collect())
    };
    let secs = value("--secs").map_or(2.0, |text| text.parse().expect("--secs takes a number"));
    let plan = SashimiPlan::default();
    let drawn = drawn::Drawn::new(&plan);
    kernels::threads::start(0);
    let start = Instant::now();
    let weights = StepWeights::new(&plan, &|name| drawn.found(name), &|_, _| {}).expect("weights");
    println!("recurrences derived and weights packed in {:.2} s", start.elapsed().as_secs_f64());
    let weights = Arc::new(weights);
    let cost = Cost::of(&plan);
    println!(
        "| lanes | threads | step, samples/s | times real time | GFLOP/s | GB/s | generate, samples/s |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for lanes in list("--lanes", &[1, 2, 8, 32]) {
        for threads in list("--threads", &[1, 2]) {
            let stepped = step(&weights, lanes, threads, secs);
            let generated = clips(&weights, lanes, threads, stepped, secs);
            let flops = 2.0 * cost.products * stepped;
            let bytes = (cost.shared + cost.own * lanes as f64) * stepped / lanes as f64;
            println!(
                "| {lanes} | {threads} | {stepped:.0} | {:.2} | {:.1} | {:.1} | {generated:.0} |",
                stepped / RATE_HZ,
                flops / 1e9,
                bytes / 1e9
            );
        }
    }
}

/// Samples of all lanes per second.
fn step(weights: &Arc<StepWeights>, lanes: usize, threads: usize, secs: f64) -> f64 {
    let mut stepper = Stepper::new(weights, lanes, threads).expect("a stepper");
    let mut codes = vec![0u32; lanes];
    let mut turn = |count: usize| {
        for step in 0..count {
            codes
                .iter_mut()
                .enumerate()
                .for_each(|(lane, code)| *code = ((step * 37 + lane * 11) % 256) as u32);
            std::hint::black_box(stepper.step(&codes).expect("a step"));
        }
    };
    turn(512);
    let (start, mut steps) = (Instant::now(), 0);
    while start.elapsed().as_secs_f64() < secs {
        turn(512);
        steps += 512;
    }
    (steps * lanes) as f64 / start.elapsed().as_secs_f64()
}

/// Samples of all clips per second, draws included.
fn clips(weights: &Arc<StepWeights>, clips: usize, threads: usize, rate: f64, secs: f64) -> f64 {
    let samples = ((rate * secs / clips as f64) as usize).max(512);
    let sampling = Sampling::plain(1);
    let request = Request { clips, samples, prompt: &[], sampling, threads };
    let start = Instant::now();
    generate(weights, &request, &|_| ControlFlow::Continue(())).expect("clips");
    (clips * samples) as f64 / start.elapsed().as_secs_f64()
}

/// What one sample of one lane takes on average, lower tiers shared out over the samples of theirs.
struct Cost {
    /// Multiplications that are added to something.
    products: f64,
    /// Bytes of weights, read once for all lanes.
    shared: f64,
    /// Bytes of states, read and written.
    own: f64,
}

impl Cost {
    fn of(plan: &SashimiPlan) -> Self {
        let tiers = &plan.tiers;
        let mut cost = Cost { products: 0.0, shared: 0.0, own: 0.0 };
        let mut every = 1;
        for tier in 0..=tiers.pool.len() {
            let width = tiers.width_of(tier);
            let blocks = tiers.blocks * width * width * (2 + 2 * tiers.feed_forward);
            let pairs = tiers.blocks * width * tiers.s4.pairs;
            let pool = tiers
                .pool
                .get(tier)
                .map_or(0, |factor| 2 * width * factor * tiers.width_of(tier + 1) / factor);
            let often = |count: usize| count as f64 / every as f64;
            // A pair of states: ten products a sample; every fourth sample twenty coefficients, and its two parts read and written.
            cost.products += often(blocks + pool + 10 * pairs);
            cost.shared += 4.0 * often(blocks + pool + 5 * pairs);
            cost.own += 4.0 * often(pairs);
            every *= tiers.pool.get(tier).copied().unwrap_or(1);
        }
        let head = (plan.levels * tiers.width) as f64;
        Cost { products: cost.products + head, shared: cost.shared + 4.0 * head, own: cost.own }
    }
}
