//! The one place where a device is opened, and where all that follows is made for it.
//!
//! Not for: which device it is (`device.rs`). Start at [`start`].

#[cfg(feature = "cuda")]
use kernels::Cuda;
use kernels::matmul::bf16;
use kernels::{Cpu, OpError};

use super::device::Wanted;
use super::follow::follow;
use super::profile::{Extent, Forward, Measured, forward, measure, patches};
use super::ranks::Transport;
use super::room::{crowded, told};
use super::run::{Outcome, Session, Stop, run};
use super::{Job, TrainError};
use crate::plan::{Plan, Precision};
use crate::record::{Event, Sink};

/// Carries the updates of every device that this program has.
#[cfg(not(feature = "cuda"))]
pub trait Carrier: Transport<Cpu> {}
#[cfg(not(feature = "cuda"))]
impl<T: Transport<Cpu>> Carrier for T {}

/// Carries the updates of every device that this program has.
#[cfg(feature = "cuda")]
pub trait Carrier: Transport<Cpu> + Transport<Cuda> {}
#[cfg(feature = "cuda")]
impl<T: Transport<Cpu> + Transport<Cuda>> Carrier for T {}

/// Does `$work` with `$device`, the one that is `$wanted`, in a function whose errors can be a [`TrainError`]; `$work` is compiled for each device
/// that the program has.
macro_rules! on_device {
    ($wanted:expr, |$device:ident| $work:expr) => {{
        let wanted: $crate::train::Wanted = $wanted;
        match $crate::train::chosen(wanted)? {
            $crate::train::Chosen::Cpu => {
                let $device = &$crate::train::processor(wanted);
                $work
            }
            #[cfg(feature = "cuda")]
            $crate::train::Chosen::Cuda(index) => {
                let $device = &$crate::train::open(index, wanted)?;
                $work
            }
            #[cfg(not(feature = "cuda"))]
            $crate::train::Chosen::Cuda(_) => {
                let lack = $crate::train::Lack::Program;
                Err($crate::train::TrainError::NoDevice { wanted, lack }.into())
            }
        }
    }};
}
pub(crate) use on_device;

/// The processor, at the precision that is wanted, where it has that.
pub(crate) fn processor(wanted: Wanted) -> Cpu {
    bf16::take(wanted.precision == Precision::Bf16 && bf16::available());
    Cpu::default()
}

/// The GPU of this number, at the precision that is wanted.
#[cfg(feature = "cuda")]
pub(crate) fn open(index: usize, wanted: Wanted) -> Result<Cuda, TrainError> {
    use crate::plan::Precision as Asked;
    use kernels::cuda::{Driver, Failure, Precision};
    let open = || -> Result<Cuda, Failure> {
        let gpu = kernels::device::cuda::open(index)?;
        Driver::current()?.set_precision(match wanted.precision {
            Asked::F32 => Precision::F32,
            Asked::Tf32 => Precision::Tf32,
            Asked::Bf16 => Precision::Bf16,
        });
        Ok(gpu)
    };
    open().map_err(|failure| TrainError::NoDevice { wanted, lack: super::Lack::Gpu(failure.to_string()) })
}

/// Trains the job's plan on the device it asks for, as rank 0 of those behind `transport`.
///
/// # Errors
/// As [`run`], or the device is not there.
pub fn start(
    job: &Job<'_>,
    session: &Session<'_>,
    transport: &mut impl Carrier,
    sink: &mut dyn Sink,
) -> Result<Outcome, TrainError> {
    on_device!(Wanted::of(job.plan), |device| {
        if let Some(text) = crowded(device, job.plan, Transport::<Cpu>::rank(transport).ranks) {
            sink.emit(&Event::Warning { text })?;
        }
        run(device, job, session, transport, sink).map_err(told)
    })
}

/// Takes part in the updates of the job's run, on the device it asks for, as another rank than 0.
///
/// # Errors
/// As [`follow`], or the device is not there.
pub fn start_helper(job: &Job<'_>, transport: &mut impl Carrier) -> Result<(), TrainError> {
    on_device!(Wanted::of(job.plan), |device| follow(device, job, transport).map_err(told))
}

/// Measures some updates of the job's plan on the device it asks for.
///
/// # Errors
/// As [`measure`], or the device is not there.
pub fn start_profile(
    job: &Job<'_>,
    extent: Extent,
    stop: &Stop,
    sink: &mut dyn Sink,
) -> Result<Measured, TrainError> {
    on_device!(Wanted::of(job.plan), |device| measure(device, job, extent, stop, sink).map_err(told))
}

/// Measures passes forward of the plan's model on the device it asks for.
///
/// # Errors
/// As [`forward`], the device is not there, or the model is not one of patches.
pub fn start_forward(plan: &Plan, extent: Extent) -> Result<Forward, TrainError> {
    let patches = patches(plan).ok_or_else(|| OpError::device("forward", "the model has no patches"))?;
    on_device!(Wanted::of(plan), |device| forward(device, plan, patches, extent).map_err(told))
}

/// Whole updates on a GPU beside the CPU's: in a program built for CUDA, where `RUNNER_GPU` is the number of one; `just gpu` sets it.
#[cfg(feature = "cuda")]
#[cfg(test)]
mod tests {
    use kernels::{Array, Backend, OpError};

    use super::*;
    use crate::data::{Batch, Prefetch, Stream};
    use crate::model::Model;
    use crate::plan::under_ci;
    use crate::train::State;
    use crate::train::ranks::Alone;
    use crate::train::teacher::Teacher;
    use crate::train::update::{Updated, update};

    /// The GPU that is asked for: then it has to be there.
    fn gpu(plan: &Plan) -> Option<Cuda> {
        let Ok(number) = std::env::var("RUNNER_GPU") else {
            eprintln!("updates on a GPU: not run (RUNNER_GPU is not set)");
            return None;
        };
        let number = number.parse().expect("RUNNER_GPU is the number of a GPU");
        Some(open(number, Wanted::of(plan)).unwrap_or_else(|error| panic!("{error}")))
    }

    fn plan(experiment: &str, more: &[&str]) -> Plan {
        under_ci(experiment, &[&["data.batch_size=2", "train.accumulation_steps=2"], more].concat())
    }

    /// What three updates do, and the weights behind them.
    fn trained<D: Backend>(device: &D, plan: &Plan) -> (Vec<Updated>, Vec<u8>) {
        let mut state = State::fresh(Model::draw(device, &plan.model, plan.run.seed).unwrap());
        let distill = plan.distill.as_ref().filter(|distill| distill.listens());
        let teacher = distill.map(|distill| Teacher::untrained(device, plan, distill).unwrap());
        let loader = Job::open(plan).unwrap().train_loader().unwrap();
        let count = plan.train.accumulation_steps;
        let prefetch =
            Prefetch::start(Stream::new(loader, &plan.data, plan.run.seed, count, state.position), 1);
        let done = (0..3).map(|_| {
            let batches: Vec<Batch> = (0..count).map(|_| prefetch.next_batch().unwrap().0).collect();
            state.thaw(&plan.train);
            // The first step's learning rate is 0.
            state.step += 1;
            update(&mut state, device, plan, teacher.as_ref(), &batches, None, &mut Alone).unwrap()
        });
        let done = done.collect();
        let mut bytes = Vec::new();
        state.write_model(&mut bytes).unwrap();
        (done, bytes)
    }

    /// The losses and norms of three updates agree, masks and dropout included; two runs on the GPU have the same bytes.
    fn agrees(experiment: &str, more: &[&str]) {
        const FAR: f64 = 2e-3;
        let plan = plan(experiment, more);
        let Some(gpu) = gpu(&plan) else { return };
        let (there, bytes) = trained(&gpu, &plan);
        let (here, _) = trained(&Cpu::default(), &plan);
        for (step, (there, here)) in there.iter().zip(&here).enumerate() {
            let near = |what: &str, there: f64, here: f64| {
                assert!(
                    (there - here).abs() <= FAR * here.abs(),
                    "{experiment}, {step}, {what}: {there} and {here}"
                );
            };
            assert_eq!((there.fault, there.infinite), (here.fault, here.infinite), "{experiment}, {step}");
            here.losses.iter().for_each(|(name, value)| near(name, there.losses[name], *value));
            near("norm", there.grad_norm, here.grad_norm);
        }
        assert!(trained(&gpu, &plan).1 == bytes, "{experiment}: two runs on the GPU differ");
    }

    #[test]
    fn updates_of_recognisers_agree_on_a_gpu() {
        agrees("tedlium_direct", &["model.wav2vec2.hidden_dropout=0.1"]);
        agrees("tedlium_direct", &["train.recompute=\"block\"", "model.wav2vec2.do_stable_layer_norm=true"]);
        agrees("tedlium_unguided", &[]);
        agrees("tedlium_unguided", &["model.wav2vec2.asr_mamba_use_mamba2=false"]);
    }

    #[test]
    fn updates_with_a_teacher_agree_on_a_gpu() {
        agrees("tedlium_waypoint", &[]);
    }

    #[test]
    fn updates_of_patches_agree_on_a_gpu() {
        agrees("ssast_pretrain_tiny", &[]);
        agrees("ssamba_pretrain_tiny", &["model.ssamba.embed_dim=64"]);
    }

    #[test]
    fn updates_of_speakers_agree_on_a_gpu() {
        agrees("tacomamba_ljspeech", &[]);
        agrees("tacomamba_ljspeech", &["model.tacomamba.design=\"prefix\""]);
        agrees("codec_lm", &[]);
    }

    #[test]
    fn updates_of_models_of_sound_agree_on_a_gpu() {
        let words = format!("data.dir=\"{}\"", crate::checkout().join("corpora/smoke/words").display());
        agrees("sashimi_sc09", &[&words]);
        agrees("diffwave_sashimi_sc09", &[&words]);
    }

    #[test]
    fn what_there_is_no_room_for_on_a_gpu_is_an_error_of_its_own() {
        let Some(gpu) = gpu(&plan("tedlium_direct", &[])) else { return };
        let [free, all] = kernels::Device::memory_bytes(&gpu).expect("a GPU has memory of its own");
        assert!(free <= all && free > 0);
        match Array::zeros(&gpu, [all as usize]) {
            Err(OpError::NoRoom { asked_bytes, .. }) => assert_eq!(asked_bytes, 4 * all),
            other => panic!("{other:?}"),
        }
        assert!(Array::zeros(&gpu, [1024]).is_ok(), "it goes on");
    }
}
