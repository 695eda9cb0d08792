//! Which device a run takes: what was asked for, beside what this program and this machine have.
//!
//! Nothing is opened here: a plan may ask. Not for: working on it (`start.rs`), whether there is room on it (`room.rs`). Start at [`effective_device`].

use std::fmt;

use super::TrainError;
use kernels::matmul::bf16;

use crate::plan::{DeviceChoice, Plan, Precision};
use crate::record::units::bytes;

/// The device that a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    Cpu,
    /// The GPU of this number.
    Cuda(usize),
}

impl Chosen {
    /// That GPU, or the CPU.
    fn of(gpu: Option<&Gpu>) -> Self {
        gpu.map_or(Chosen::Cpu, |gpu| Chosen::Cuda(gpu.index))
    }
}

/// As it stands in run.json: `cpu`, `cuda:0`.
impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chosen::Cpu => f.write_str("cpu"),
            Chosen::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// What is asked for, and by which option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Where to compute.
    pub device: DeviceChoice,
    /// How products are computed.
    pub precision: Precision,
    /// Whether the experiment asks, rather than an option of the command.
    of_plan: bool,
}

impl Wanted {
    /// By an experiment.
    pub fn of(plan: &Plan) -> Self {
        Wanted { device: plan.run.device, precision: plan.run.precision, of_plan: true }
    }

    /// By `--device`, of a command that judges or makes sound: in 32 bits.
    pub fn by_option(device: DeviceChoice) -> Self {
        Wanted { device, precision: Precision::F32, of_plan: false }
    }

    /// The same for another device.
    pub fn on(self, device: DeviceChoice) -> Self {
        Wanted { device, ..self }
    }
}

/// As it is written: `run.device = "cuda:1"`, `--device cuda:1`.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of_plan {
            true => write!(f, "run.device = \"{}\"", self.device),
            false => write!(f, "--device {}", self.device),
        }
    }
}

/// Why no GPU can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// The program has nothing to do with GPUs.
    Program,
    /// Ops that have no CUDA kernel yet.
    Kernels(Vec<&'static str>),
    /// The machine has none, or not this one; in the driver's words.
    Gpu(String),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lack::Program => f.write_str("this program was built without CUDA"),
            Lack::Kernels(ops) => {
                write!(f, "{} ops have no CUDA kernel yet: {}", ops.len(), ops.join(", "))
            }
            Lack::Gpu(why) => f.write_str(why),
        }
    }
}

/// A GPU as a plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// Its number, from 0.
    pub index: usize,
    /// As its maker calls it.
    pub name: String,
    /// All of its memory.
    pub memory_bytes: u64,
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", Chosen::Cuda(self.index), self.name)
    }
}

/// The device that a request for `auto`, `cpu` or `cuda` comes to in this program, on this machine.
///
/// # Errors
/// CUDA was asked for, and there is no such GPU for this program.
pub fn effective_device(plan: &Plan) -> Result<Chosen, TrainError> {
    chosen(Wanted::of(plan))
}

/// The same of any request.
///
/// # Errors
/// As [`effective_device`].
pub fn chosen(wanted: Wanted) -> Result<Chosen, TrainError> {
    Ok(Chosen::of(choose(wanted, look)?.as_ref()))
}

/// The GPU that the plan's run takes; `None`: it takes the CPU.
///
/// # Errors
/// As [`effective_device`].
pub fn effective_gpu(plan: &Plan) -> Result<Option<Gpu>, TrainError> {
    choose(Wanted::of(plan), look)
}

fn choose(wanted: Wanted, look: impl Fn(usize) -> Result<Gpu, Lack>) -> Result<Option<Gpu>, TrainError> {
    match wanted.device {
        DeviceChoice::Cpu => Ok(None),
        DeviceChoice::Auto => Ok(look(0).ok()),
        DeviceChoice::Cuda(index) => {
            look(index).map(Some).map_err(|lack| TrainError::NoDevice { wanted, lack })
        }
    }
}

/// The GPU of this number, if this program can use it.
#[cfg(not(feature = "cuda"))]
fn look(_: usize) -> Result<Gpu, Lack> {
    Err(Lack::Program)
}

/// The GPU of this number, if this program can use it.
#[cfg(feature = "cuda")]
fn look(index: usize) -> Result<Gpu, Lack> {
    let pending = kernels::pending();
    if !pending.is_empty() {
        return Err(Lack::Kernels(pending));
    }
    let gpu = kernels::cuda::look(index).map_err(|failure| Lack::Gpu(failure.to_string()))?;
    Ok(Gpu { index: gpu.index, name: gpu.name, memory_bytes: gpu.memory_bytes })
}

/// The arithmetic asked for, and what it comes to on the device that the plan's run takes.
///
/// # Errors
/// As [`effective_device`].
pub fn effective_precision(plan: &Plan) -> Result<String, TrainError> {
    Ok(precision_on(plan.run.precision, effective_device(plan)?))
}

/// A GPU that is taken knows all of it, a CPU with matrix tiles bf16; what else is asked of a CPU is computed in f32.
fn precision_on(asked: Precision, device: Chosen) -> String {
    let word = match asked {
        Precision::F32 => "f32",
        Precision::Tf32 => "tf32",
        Precision::Bf16 => "bf16",
    };
    match (asked, device) {
        (Precision::F32, _) | (_, Chosen::Cuda(_)) => word.to_owned(),
        (Precision::Bf16, Chosen::Cpu) if bf16::available() => word.to_owned(),
        (_, Chosen::Cpu) => format!("{word} → f32"),
    }
}

/// What a run says of its device at its start; nothing where there is no choice, in a program without CUDA.
///
/// # Errors
/// As [`effective_device`].
pub fn remark(plan: &Plan) -> Result<Option<String>, TrainError> {
    Ok(match effective_gpu(plan)? {
        Some(gpu) => Some(taken(&gpu, &precision_on(plan.run.precision, Chosen::of(Some(&gpu))))),
        None if cfg!(feature = "cuda") && plan.run.device == DeviceChoice::Auto => {
            look(0).err().map(|lack| spared(&lack))
        }
        None => None,
    })
}

fn taken(gpu: &Gpu, precision: &str) -> String {
    format!("computes on {gpu}, which has {}; products in {precision}", bytes(gpu.memory_bytes))
}

fn spared(lack: &Lack) -> String {
    format!("`run.device = \"auto\"` takes the CPU: {lack}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_gpus(index: usize) -> Result<Gpu, Lack> {
        match index {
            0 | 1 => Ok(Gpu { index, name: "NVIDIA H200".into(), memory_bytes: 150_000_000_000 }),
            _ => Err(Lack::Gpu(format!("there is no GPU {index}: there are 2, numbered from 0"))),
        }
    }

    #[test]
    fn what_is_asked_for_and_what_it_comes_to() {
        let said =
            |asked, look: &dyn Fn(usize) -> Result<Gpu, Lack>| match choose(Wanted::by_option(asked), look) {
                Ok(gpu) => Chosen::of(gpu.as_ref()).to_string(),
                Err(error) => error.to_string(),
            };
        let none = |_: usize| Err(Lack::Program);
        assert_eq!(said(DeviceChoice::Cpu, &two_gpus), "cpu");
        assert_eq!(said(DeviceChoice::Auto, &two_gpus), "cuda:0");
        assert_eq!(said(DeviceChoice::Auto, &none), "cpu");
        assert_eq!(said(DeviceChoice::Cuda(1), &two_gpus), "cuda:1");
        assert_eq!(
            said(DeviceChoice::Cuda(3), &two_gpus),
            "`--device cuda:3`, but there is no GPU 3: there are 2, numbered from 0"
        );
        assert_eq!(
            said(DeviceChoice::Cuda(0), &none),
            "`--device cuda`, but this program was built without CUDA"
        );
        let pending = |_: usize| Err(Lack::Kernels(vec!["fft_conv", "s4_kernel"]));
        assert_eq!(said(DeviceChoice::Auto, &pending), "cpu");
        assert_eq!(
            said(DeviceChoice::Cuda(0), &pending),
            "`--device cuda`, but 2 ops have no CUDA kernel yet: fft_conv, s4_kernel"
        );
    }

    #[test]
    fn arithmetic_is_told_as_the_device_does_it() {
        use Precision::{Bf16, F32, Tf32};
        let said = |device| [F32, Tf32, Bf16].map(|asked| precision_on(asked, device));
        let bf16 = if bf16::available() { "bf16" } else { "bf16 → f32" };
        assert_eq!(said(Chosen::Cpu), ["f32", "tf32 → f32", bf16]);
        assert_eq!(said(Chosen::Cuda(1)), ["f32", "tf32", "bf16"]);
    }

    #[test]
    fn a_run_says_where_it_computes() {
        let gpu = two_gpus(0).unwrap();
        assert_eq!(
            taken(&gpu, "bf16"),
            "computes on `cuda:0` (NVIDIA H200), which has 150 GB; products in bf16"
        );
        let words = spared(&Lack::Gpu("the NVIDIA driver finds no GPU".into()));
        assert_eq!(words, "`run.device = \"auto\"` takes the CPU: the NVIDIA driver finds no GPU");
    }
}
