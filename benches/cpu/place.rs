//! Where both sides compute: the processor, or a GPU.
//!
//! A place has a word, as `--device` takes it (`cpu`, `cuda:0`), which goes to either side. Not for: what is computed there.

use kernels::matmul::bf16;
use kernels::on_files::Table;
use kernels::{Array, Cpu};
use serde_json::Value;

use crate::machine;

pub const CPU: &str = "cpu";

/// Whether it is a word for a place.
pub fn is_place(word: &str) -> bool {
    word == CPU || word.strip_prefix("cuda:").is_some_and(|number| number.parse::<usize>().is_ok())
}

/// A device that is measured.
pub trait Place: Table {
    /// As the table's head has it.
    fn name(&self) -> String;
    /// From now on, products read their operands as bfloat16.
    fn round_products(&self);
    /// What it can do: products in f32 and bf16, and copies.
    fn rates(&self) -> Value;
    /// The most memory in use so far, in bytes.
    fn peak(&self) -> u64;
    /// Counts that from now on.
    fn forget_peak(&self);
}

impl Place for Cpu {
    fn name(&self) -> String {
        machine::name()
    }

    fn round_products(&self) {
        bf16::take(true);
    }

    fn rates(&self) -> Value {
        machine::measured()
    }

    fn peak(&self) -> u64 {
        runner::record::host::peak_bytes().unwrap_or_default()
    }

    fn forget_peak(&self) {
        _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

/// The values of an array on the host.
pub fn values<D: Table>(array: &Array<D>) -> Vec<f32> {
    array.download().expect("the device answers")
}

#[cfg(feature = "cuda")]
mod gpu {
    use std::time::Instant;

    use kernels::cuda::{Driver, Launch, Precision};
    use kernels::linear::linear;
    use kernels::{Array, Cuda, Device, Tape};
    use serde_json::{Value, json};

    use super::Place;
    use crate::cases::noise;

    /// The GPU of this process.
    fn driver() -> &'static Driver {
        Driver::current().expect("a GPU was opened")
    }

    impl Place for Cuda {
        fn name(&self) -> String {
            // Which of several it is, the command says.
            format!("An NVIDIA GPU of {}", driver().architecture())
        }

        fn round_products(&self) {
            driver().set_precision(Precision::Bf16);
        }

        fn rates(&self) -> Value {
            const SIZE: usize = 8192;
            const WORDS: usize = 1 << 28;
            let square = |seed| {
                let values = noise(seed, SIZE * SIZE, 1.0);
                Array::from_vec(self, values, [SIZE, SIZE]).expect("room")
            };
            let (x, weight) = (square(1), square(2));
            let products = |precision| {
                driver().set_precision(precision);
                let product = || drop(linear(&mut Tape::silent(), &x, &weight, None).expect("a product"));
                let secs = best(self, &product);
                2.0 * (SIZE as f64).powi(3) / secs / 1e9
            };
            let bf16_gflops = products(Precision::Bf16);
            let gflops = products(Precision::F32);
            let [from, to] = [(); 2].map(|()| driver().buffer(WORDS).expect("room"));
            let secs = best(self, &|| driver().copy(from.part(), to.part()).expect("a copy"));
            json!({"gflops": gflops, "bf16_gflops": bf16_gflops, "gbytes": 8.0 * WORDS as f64 / secs / 1e9})
        }

        fn peak(&self) -> u64 {
            self.peak_bytes().unwrap_or_default()
        }

        fn forget_peak(&self) {
            driver().forget_peak().expect("the GPU answers");
        }
    }

    /// Seconds of the fastest of some tries.
    fn best(gpu: &Cuda, work: &dyn Fn()) -> f64 {
        let took = (0..10).map(|_| {
            gpu.wait().expect("the GPU answers");
            let started = Instant::now();
            work();
            gpu.wait().expect("the GPU answers");
            started.elapsed().as_secs_f64()
        });
        took.fold(f64::MAX, f64::min)
    }
}
