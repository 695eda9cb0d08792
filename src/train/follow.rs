//! The loop of a helper process: the updates of a run whose record another process has.
//!
//! It takes the very updates that rank 0 takes, on its own share of their micro-batches, and keeps nothing: no folder, no evaluation, no
//! checkpoint. When to stop is for rank 0 to say, by letting go. Not for: what is between the processes (`ranks.rs`). Start at [`follow`].

use kernels::{Backend, threads};

use super::TrainError;
use super::job::Job;
use super::lanes::Arrangement;
use super::ranks::Transport;
use super::room::{Room, under_way};
use super::run::{AHEAD, fetch};
use super::state::State;
use super::teacher::Teacher;
use super::update::update;
use crate::data::{Prefetch, Stream};
use crate::model::Model;

/// Takes part in the updates of the job's run until its last.
///
/// # Errors
/// Whatever stops it; [`TrainError::LetGo`] where it is no longer needed.
pub fn follow<D: Backend>(
    device: &D,
    job: &Job<'_>,
    transport: &mut dyn Transport<D>,
) -> Result<(), TrainError> {
    let plan = job.plan;
    let mut state = State::fresh(Model::draw(device, &plan.model, plan.run.seed)?);
    let rank = transport.rank();
    Room::of(plan, rank.ranks, rank.ranks * threads::count())?.enter();
    transport.begin(device, &mut state)?;
    let mut teacher = match &plan.distill {
        Some(distill) if distill.listens() => Some(Teacher::open(device, plan, distill)?),
        _ => None,
    };
    let accumulated = plan.train.accumulation_steps;
    let stream = Stream::new(job.train_loader()?, &plan.data, plan.run.seed, accumulated, state.position);
    let prefetch = Prefetch::start(stream, AHEAD);
    let lanes = Arrangement::of(plan, transport.rank(), threads::count())?.lanes()?;
    while state.step < plan.train.max_steps {
        let (batches, position) = fetch(&prefetch, accumulated)?;
        under_way(state.step + 1, &batches);
        state.thaw(&plan.train);
        if let Some(teacher) = &mut teacher {
            teacher.at(state.step)?;
        }
        update(&mut state, device, plan, teacher.as_ref(), &batches, lanes.as_ref(), transport)?;
        state.step += 1;
        state.position = position;
    }
    Ok(())
}
