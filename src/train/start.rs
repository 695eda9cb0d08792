//! The one place where the device is chosen.

use kernels::{Cpu, OpError};

use super::follow::follow;
use super::profile::{Extent, Forward, Measured, forward, measure, patches};
use super::ranks::Transport;
use super::run::{Outcome, Session, Stop, run};
use super::{Job, TrainError};
use crate::plan::{DeviceChoice, Plan};
use crate::record::Sink;

/// The device that a request for `auto`, `cpu` or `cuda` comes to in this program.
///
/// # Errors
/// CUDA was asked for and this program has none.
pub fn effective_device(plan: &Plan) -> Result<&'static str, TrainError> {
    match plan.run.device {
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok("cpu"),
        DeviceChoice::Cuda => Err(no_device()),
    }
}

/// Why there is no GPU in this program.
#[cfg(not(feature = "cuda"))]
fn no_device() -> TrainError {
    TrainError::NoDevice
}

/// Why there is no GPU in this program. `Cuda` becomes a `Backend`, and the functions below choose between both, when no op is pending.
#[cfg(feature = "cuda")]
fn no_device() -> TrainError {
    TrainError::DevicePending { ops: kernels::pending() }
}

/// Trains the job's plan on the device it asks for, as rank 0 of those behind `transport`.
///
/// # Errors
/// As [`run`], or the device is not there.
pub fn start(
    job: &Job<'_>,
    session: &Session<'_>,
    transport: &mut impl Transport<Cpu>,
    sink: &mut dyn Sink,
) -> Result<Outcome, TrainError> {
    effective_device(job.plan)?;
    run(&Cpu::default(), job, session, transport, sink)
}

/// Takes part in the updates of the job's run, on the device it asks for, as another rank than 0.
///
/// # Errors
/// As [`follow`], or the device is not there.
pub fn start_helper(job: &Job<'_>, transport: &mut impl Transport<Cpu>) -> Result<(), TrainError> {
    effective_device(job.plan)?;
    follow(&Cpu::default(), job, transport)
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
    effective_device(job.plan)?;
    measure(&Cpu::default(), job, extent, stop, sink)
}

/// Measures passes forward of the plan's model on the device it asks for.
///
/// # Errors
/// As [`forward`], the device is not there, or the model is not one of patches.
pub fn start_forward(plan: &Plan, extent: Extent) -> Result<Forward, TrainError> {
    effective_device(plan)?;
    let patches = patches(plan).ok_or_else(|| OpError::device("forward", "the model has no patches"))?;
    forward(&Cpu::default(), plan, patches, extent)
}
