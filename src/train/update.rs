//! One update: micro-batches, in turn or side by side, then clip and step.
//!
//! Not for: what a micro-batch does (`micro_batch.rs`), whether they run side by side (`lanes.rs`), how sums of several processes come together
//! (`ranks.rs`). Start at [`update`].

use std::collections::BTreeMap;
use std::time::Instant;

use kernels::device::Shared;
use kernels::threads::Lanes;
use kernels::{Backend, trace};

use super::lost::Fault;
use super::micro_batch::Lesson;
use super::optimizer::{Rates, grad_norm};
use super::ranks::{Sum, Transport};
use super::teacher::Teacher;
use super::{State, TrainError};
use crate::data::Batch;
use crate::plan::Plan;
use crate::record::StepDone;
use crate::task::Shares;

/// The part of an update that a profile tells apart, besides those of a micro-batch and their sum.
const OPTIMISER: &str = "optimiser";

/// What an update did.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    pub lr: f64,
    /// Loss terms by name, normalised as the gradient is.
    pub losses: BTreeMap<String, f64>,
    pub grad_norm: f64,
    /// Why nothing was changed; `None`: the update was taken.
    pub fault: Option<Fault>,
    pub utterances: usize,
    pub infinite: usize,
    pub audio_secs: f64,
}

impl Updated {
    /// What to say about the update after which the run is at `step`, begun at `started`.
    pub fn into_event(self, step: u64, started: Instant) -> StepDone {
        StepDone {
            step,
            lr: self.lr,
            losses: self.losses,
            grad_norm: self.grad_norm,
            taken: self.fault.is_none(),
            utterances: self.utterances as u64,
            infinite: self.infinite as u64,
            audio_secs: self.audio_secs,
            step_secs: started.elapsed().as_secs_f64(),
        }
    }
}

/// Takes one update on `batches`, of which this process computes those of its rank: with `lanes`, as many of them at a time as there are
/// lanes, as long as there are that many left; the others in turn, each on all threads. Results depend on neither. Where the loss or the gradient
/// is not finite, or nothing counts, only `state.lost` changes.
///
/// # Errors
/// The device failed, or shapes do not fit; of several errors, that of the first batch. Another process is lost. Nothing was changed.
pub fn update<D: Backend>(
    state: &mut State<D>,
    device: &D,
    plan: &Plan,
    teacher: Option<&Teacher<D>>,
    batches: &[Batch],
    lanes: Option<&Lanes>,
    transport: &mut dyn Transport<D>,
) -> Result<Updated, TrainError> {
    let shares = Shares::of(batches, &plan.model);
    let lowered = plan.train.nonfinite.lr_share(state.lost.falls);
    let mut updated = Updated {
        lr: plan.train.schedule.lr(state.step, state.plateau.falls) * lowered,
        losses: BTreeMap::new(),
        grad_norm: 0.0,
        fault: Some(Fault::NothingCounts),
        utterances: shares.utterances,
        infinite: 0,
        audio_secs: batches.iter().map(|batch| batch.audio_secs(plan.data.sample_rate_hz)).sum(),
    };
    let lesson = Lesson {
        device: Shared(device),
        plan,
        model: &state.model,
        teacher,
        shares: &shares,
        step: state.step,
    };
    let mut sum = Sum {
        device,
        params: &state.model.params,
        batches: batches.len(),
        step: state.step,
        falls: state.plateau.falls,
        whole: None,
    };
    add_up(&lesson, batches, lanes, &mut sum, transport)?;
    let Sum { falls, whole, .. } = sum;
    state.plateau.falls = falls;
    let Some(mut whole) = whole else { return Ok(updated) };
    updated.infinite = whole.infinite;
    // The reference divides only where more than one character or utterance counts.
    let divisor = if whole.count > 1.0 { whole.count } else { 1.0 };
    let params = &mut state.model.params;
    // Here an update waits for the device, and nowhere else: the norm comes last of all, so the losses are there when it is.
    let grad_norm = trace::phase(OPTIMISER, || grad_norm(params, &whole.grads, divisor))?;
    let losses = whole.read_losses()?;
    let total = losses.total;
    let named = losses.by_name.iter().map(|(name, value)| (name.clone(), *value));
    let named = named.chain([("loss".to_owned(), total)]);
    updated.losses = named.map(|(name, value)| (name, value / divisor)).collect();
    if whole.count > 0.0 && !total.is_finite() {
        updated.grad_norm = f64::NAN;
        updated.fault = Some(Fault::Loss);
    } else if whole.count > 0.0 {
        let grads = &mut whole.grads;
        let rates = Rates { plan, step: state.step, falls, lowered };
        let step = || state.optimizer.step(params, grads, [grad_norm, divisor], &rates);
        let taken = trace::phase_on(device, OPTIMISER, step)?;
        updated.grad_norm = grad_norm;
        updated.fault = (!taken).then_some(Fault::Gradient);
    }
    state.lost.note(updated.fault, &plan.train.nonfinite);
    Ok(updated)
}

/// Computes the micro-batches of this process and has them added to those of all others.
fn add_up<D: Backend>(
    lesson: &Lesson<'_, D>,
    batches: &[Batch],
    lanes: Option<&Lanes>,
    sum: &mut Sum<'_, D>,
    transport: &mut dyn Transport<D>,
) -> Result<(), TrainError> {
    let (rank, at_a_time) = (transport.rank(), lanes.map_or(1, Lanes::count));
    let own: Vec<(usize, &Batch)> =
        batches.iter().enumerate().filter(|(index, _)| rank.takes(*index)).collect();
    for group in own.chunks(at_a_time) {
        match lanes {
            Some(lanes) if at_a_time > 1 && group.len() == at_a_time => {
                let parts = group.iter().map(|&(index, batch)| move || lesson.part(index, batch)).collect();
                for (&(index, _), part) in group.iter().zip(lanes.run(parts)) {
                    transport.add(sum, index, part)?;
                }
            }
            _ => {
                for &(index, batch) in group {
                    transport.add(sum, index, lesson.part(index, batch))?;
                }
            }
        }
    }
    transport.all_reduce(sum)
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;
    use kernels::threads::Pool;
    use kernels::trace::{Kind, Recording, Trace};

    use super::*;
    use crate::data::{Prefetch, Stream};
    use crate::model::Model;
    use crate::plan::under_ci;
    use crate::train::Job;
    use crate::train::micro_batch::{BACKWARD, FORWARD, OBJECTIVE};
    use crate::train::ranks::Alone;

    /// An experiment under `ci` with small batches and `more` overrides.
    fn plan(experiment: &str, more: &[&str]) -> Plan {
        under_ci(experiment, &[&["data.batch_size=2", "model.wav2vec2.num_hidden_layers=1"], more].concat())
    }

    /// What some updates came to.
    #[derive(PartialEq)]
    struct Trained {
        updates: Vec<Updated>,
        /// Weights and moments.
        bytes: Vec<u8>,
    }

    /// In turn, on all threads.
    fn trained(plan: &Plan, updates: usize) -> Trained {
        trained_in(plan, updates, None)
    }

    fn trained_in(plan: &Plan, updates: usize, lanes: Option<&Lanes>) -> Trained {
        let device = Cpu::default();
        let job = Job::open(plan).unwrap();
        let mut state = State::fresh(Model::draw(&device, &plan.model, plan.run.seed).unwrap());
        let teacher =
            plan.distill.as_ref().map(|distill| Teacher::untrained(&device, plan, distill).unwrap());
        let loader = job.train_loader().unwrap();
        let accumulated = plan.train.accumulation_steps;
        let stream = Stream::new(loader, &plan.data, plan.run.seed, accumulated, state.position);
        let prefetch = Prefetch::start(stream, 1);
        let mut done = Vec::new();
        for _ in 0..updates {
            let batches: Vec<Batch> = (0..accumulated).map(|_| prefetch.next_batch().unwrap().0).collect();
            state.thaw(&plan.train);
            let places = places(&state);
            // The first step's learning rate is 0.
            state.step += 1;
            done.push(
                update(&mut state, &device, plan, teacher.as_ref(), &batches, lanes, &mut Alone).unwrap(),
            );
            assert!(done.iter().all(|updated| updated.fault.is_none()));
            assert!(places == self::places(&state), "an update writes where the weights are");
        }
        let mut bytes = Vec::new();
        state.write_model(&mut bytes).unwrap();
        state.write_optimizer(&mut bytes).unwrap();
        Trained { updates: done, bytes }
    }

    /// The micro-batches of the first update.
    fn batches(plan: &Plan) -> Vec<Batch> {
        let loader = Job::open(plan).unwrap().train_loader().unwrap();
        let count = plan.train.accumulation_steps;
        let stream = Stream::new(loader, &plan.data, plan.run.seed, count, Default::default());
        let prefetch = Prefetch::start(stream, 1);
        (0..count).map(|_| prefetch.next_batch().unwrap().0).collect()
    }

    /// Where the weights lie: an update that finds them shared would copy them.
    fn places(state: &State<Cpu>) -> Vec<*const f32> {
        state.model.params.iter().map(|param| param.array().as_slice().as_ptr()).collect()
    }

    #[test]
    fn being_measured_changes_no_byte_of_the_weights() {
        let plan = plan("tedlium_direct", &[]);
        let without = trained(&plan, 2);
        let recording = Recording::start();
        let with = trained(&plan, 2);
        let names: Vec<&str> = recording.finish().spans.iter().map(|span| span.name).collect();
        assert!([FORWARD, OBJECTIVE, BACKWARD, OPTIMISER, "linear"].iter().all(|name| names.contains(name)));
        assert!(without == with, "something differs");
    }

    /// Three layers that drop, by two micro-batches.
    const DROPPING: [&str; 12] = [
        "model.wav2vec2.num_hidden_layers=3",
        "model.wav2vec2.hidden_size=48",
        "model.wav2vec2.intermediate_size=96",
        "model.wav2vec2.mamba_headdim=24",
        "model.wav2vec2.mamba_d_state=16",
        "model.wav2vec2.num_conv_pos_embedding_groups=8",
        "model.wav2vec2.hidden_dropout=0.1",
        "model.wav2vec2.activation_dropout=0.1",
        "model.wav2vec2.attention_dropout=0.1",
        "model.wav2vec2.feat_proj_dropout=0.1",
        "model.wav2vec2.layerdrop=0.2",
        "train.accumulation_steps=2",
    ];

    /// The same experiment with nothing recomputed, and with blocks recomputed.
    fn both(experiment: &str, more: &[&str]) -> [Plan; 2] {
        ["none", "block"].map(|recompute| {
            let recompute = format!("train.recompute=\"{recompute}\"");
            plan(experiment, &[&DROPPING, more, &[recompute.as_str()]].concat())
        })
    }

    fn recomputing_changes_nothing(experiment: &str, more: &[&str]) {
        let [none, block] = both(experiment, more);
        assert_eq!(none.id, block.id, "the runs are the same");
        assert!(trained(&none, 3) == trained(&block, 3), "{experiment}: something differs");
    }

    #[test]
    fn recomputed_blocks_of_attention_give_the_same_bytes() {
        recomputing_changes_nothing("tedlium_direct", &[]);
        recomputing_changes_nothing("tedlium_direct", &["model.wav2vec2.do_stable_layer_norm=true"]);
    }

    #[test]
    fn recomputed_blocks_of_mamba_give_the_same_bytes() {
        recomputing_changes_nothing("tedlium_unguided", &[]);
        recomputing_changes_nothing("tedlium_unguided", &["model.wav2vec2.asr_mamba_use_mamba2=false"]);
    }

    #[test]
    fn recomputed_blocks_whose_states_are_compared_with_a_teachers_give_the_same_bytes() {
        recomputing_changes_nothing("tedlium_waypoint", &[]);
    }

    /// The layers thaw before the third update.
    #[test]
    fn recomputed_blocks_that_are_frozen_give_the_same_bytes() {
        let frozen = ["train.freeze_module=\"wav2vec2.encoder\"", "train.freeze_steps=2"];
        recomputing_changes_nothing("tedlium_direct", &frozen);
        let whole_body = ["train.freeze_module=\"wav2vec2\"", "train.freeze_steps=2"];
        recomputing_changes_nothing("tedlium_direct", &whole_body);
    }

    /// Bytes that the encoder's layers hold from forward to backward, and whether any ran again.
    fn held(trace: &Trace) -> (u64, bool) {
        let of_layers = trace.spans.iter().filter(|span| trace.path(span.layer).contains("encoder.layers."));
        let again = trace.spans.iter().any(|span| span.kind == Kind::Again);
        (of_layers.filter(|span| span.kind == Kind::Forward).map(|span| span.saved_bytes).sum(), again)
    }

    #[test]
    fn recomputed_blocks_hold_their_inputs_only_and_frozen_ones_nothing() {
        let measure = |plan: &Plan| {
            let recording = Recording::start();
            trained(plan, 1);
            held(&recording.finish())
        };
        let [none, block] = both("tedlium_direct", &["model.wav2vec2.layerdrop=0"]);
        let (all, again) = measure(&none);
        assert!(!again);
        let (inputs, again) = measure(&block);
        assert!(again && inputs > 0 && inputs * 8 < all, "{inputs} of {all} bytes");

        let [_, frozen] =
            both("tedlium_direct", &["train.freeze_module=\"wav2vec2\"", "train.freeze_steps=2"]);
        // The head alone learns: it keeps the last state.
        let (last, again) = measure(&frozen);
        assert!(!again && last < inputs, "{last} of {inputs} bytes");
    }

    /// Three micro-batches an update: on two lanes a group of two and a last one alone, on three lanes one group.
    fn side_by_side_changes_nothing(experiment: &str) {
        let [none, block] = both(experiment, &["train.accumulation_steps=3"]);
        let on = |threads: usize, plan: &Plan, lanes: Option<&Lanes>| {
            Pool::new(threads).unwrap().install(|| trained_in(plan, 2, lanes))
        };
        let want = on(1, &none, None);
        assert!(want.updates.iter().all(|updated| updated.losses["loss"].is_finite()));
        let [two, three] = [2, 3].map(|count| Lanes::new(count).unwrap());
        let ways = [(2, &none, None), (3, &block, None), (2, &none, Some(&two)), (3, &block, Some(&three))];
        for (way, (threads, plan, lanes)) in ways.into_iter().enumerate() {
            assert!(on(threads, plan, lanes) == want, "{experiment}: way {way} differs");
        }
    }

    #[test]
    fn micro_batches_of_attention_side_by_side_give_the_same_bytes() {
        side_by_side_changes_nothing("tedlium_direct");
    }

    #[test]
    fn micro_batches_of_mamba_side_by_side_give_the_same_bytes() {
        side_by_side_changes_nothing("tedlium_unguided");
    }

    #[test]
    fn micro_batches_with_a_teacher_side_by_side_give_the_same_bytes() {
        side_by_side_changes_nothing("tedlium_waypoint");
    }

    /// The label is none of the model's outputs: the first batch that cannot be learned from is the one named, whoever was done first.
    #[test]
    fn of_several_errors_the_first_comes_back() {
        let plan = plan("tedlium_direct", &["train.accumulation_steps=3"]);
        let device = Cpu::default();
        let mut state = State::fresh(Model::draw(&device, &plan.model, plan.run.seed).unwrap());
        let mut batches = batches(&plan);
        for (batch, symbol) in batches[1..].iter_mut().zip([5001, 5002]) {
            batch.labels[0].symbols[0] = symbol;
        }
        let lanes = Lanes::new(3).unwrap();
        for lanes in [None, Some(&lanes)] {
            let error = update(&mut state, &device, &plan, None, &batches, lanes, &mut Alone)
                .unwrap_err()
                .to_string();
            assert!(error.contains("5001"), "{error}");
            assert_eq!(state.optimizer.moments.len(), 0, "nothing was changed");
        }
    }
}
