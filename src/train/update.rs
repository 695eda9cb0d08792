//! One update: accumulate micro-batches, clip, step.

use std::collections::BTreeMap;
use std::time::Instant;

use kernels::{Array, Backend, Grads, Tape, trace};

use super::teacher::Teacher;
use super::{State, TrainError};
use crate::data::Batch;
use crate::model::Input;
use crate::nn::Pass;
use crate::plan::{Plan, Recompute};
use crate::record::StepDone;
use crate::seed::{Purpose, stream};
use crate::task::{Objective, Shares};

/// The parts of an update that a profile tells apart.
const TEACHER: &str = "teacher forward";
const FORWARD: &str = "forward";
const OBJECTIVE: &str = "objective";
const BACKWARD: &str = "backward";
const OPTIMISER: &str = "optimiser";

/// What an update did.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    pub lr: f64,
    /// Loss terms by name, normalised as the gradient is.
    pub losses: BTreeMap<String, f64>,
    pub grad_norm: f64,
    /// False where the gradients were not finite: nothing was changed.
    pub taken: bool,
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
            taken: self.taken,
            utterances: self.utterances as u64,
            infinite: self.infinite as u64,
            audio_secs: self.audio_secs,
            step_secs: started.elapsed().as_secs_f64(),
        }
    }
}

/// A batch's waveforms on the device.
///
/// # Errors
/// The device has no room.
pub fn input<D: Backend>(device: &D, batch: &Batch) -> Result<Input<D>, TrainError> {
    let shape = [batch.len(), batch.padded_samples, 1];
    let waveforms = Array::from_vec(device, batch.waveforms.clone(), shape)?;
    Ok(Input { waveforms, samples: batch.samples.clone() })
}

/// Takes one update on `batches`.
///
/// # Errors
/// The device failed, or shapes do not fit.
pub fn update<D: Backend>(
    state: &mut State<D>,
    device: &D,
    plan: &Plan,
    teacher: Option<&Teacher<D>>,
    batches: &[Batch],
) -> Result<Updated, TrainError> {
    let shares = Shares::of(batches, &plan.model);
    let objective =
        Objective { plan: &plan.train.objective, heads: &plan.model.heads, distill: plan.distill.as_ref() };
    let mut grads: Option<Grads<D>> = None;
    let (mut count, mut total) = (0.0, 0.0);
    let mut updated = Updated {
        lr: plan.train.schedule.lr(state.step),
        losses: BTreeMap::new(),
        grad_norm: 0.0,
        taken: false,
        utterances: shares.utterances,
        infinite: 0,
        audio_secs: batches.iter().map(|batch| batch.audio_secs(plan.data.sample_rate_hz)).sum(),
    };
    for (index, batch) in batches.iter().enumerate() {
        let draws = |purpose| stream(plan.run.seed, purpose, state.step, index as u64);
        let input = input(device, batch)?;
        let taught = match teacher {
            Some(teacher) => {
                Some(trace::phase(TEACHER, || teacher.forward(&input, draws(Purpose::Teacher)))?)
            }
            None => None,
        };
        let mut tape = match grads.take() {
            None => Tape::recording(),
            Some(grads) => Tape::recording_onto(grads),
        };
        let model = &state.model;
        let mut pass = Pass::training(&model.params, &mut tape, draws(Purpose::Student))
            .recomputing(plan.train.recompute == Recompute::Block);
        let student = trace::phase(FORWARD, || model.network.forward(&mut pass, &input))?;
        let micro = trace::phase(OBJECTIVE, || {
            trace::within(OBJECTIVE, || {
                objective.micro_batch(&mut tape, &student, taught.as_ref(), batch, &shares)
            })
        })?;
        drop((student, taught));
        grads = Some(trace::phase(BACKWARD, || tape.backward(device, micro.seeds))?);
        count += micro.count;
        total += micro.total;
        updated.infinite += micro.infinite;
        for (name, value) in micro.losses {
            *updated.losses.entry(name.to_owned()).or_default() += value;
        }
    }
    // The reference divides only where more than one character or utterance counts.
    let divisor = if count > 1.0 { count } else { 1.0 };
    for loss in updated.losses.values_mut() {
        *loss /= divisor;
    }
    updated.losses.insert("loss".into(), total / divisor);
    if let Some(mut grads) = grads
        && count > 0.0
    {
        let params = &mut state.model.params;
        let stepped = trace::phase(OPTIMISER, || {
            state.optimizer.step(params, &mut grads, divisor, updated.lr, &plan.train)
        })?;
        updated.grad_norm = stepped.grad_norm;
        updated.taken = stepped.taken;
    }
    Ok(updated)
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;
    use kernels::trace::{Kind, Recording, Trace};

    use super::*;
    use crate::config;
    use crate::data::{Prefetch, Stream};
    use crate::model::Model;
    use crate::plan::resolve;
    use crate::train::Job;

    /// An experiment under `ci` with small batches and `more` overrides.
    fn plan(experiment: &str, more: &[&str]) -> Plan {
        let root = crate::checkout();
        let mut sets = vec![
            format!("data.dir=\"{}\"", root.join("corpora/smoke").display()),
            "data.batch_size=2".to_owned(),
            "model.wav2vec2.num_hidden_layers=1".to_owned(),
        ];
        sets.extend(more.iter().map(|set| (*set).to_owned()));
        let request = config::Request { profile: Some("ci".to_owned()), sets, ..Default::default() };
        let loaded = config::load(&root.join(format!("experiments/{experiment}.toml")), &request)
            .unwrap_or_else(|problems| panic!("{problems}"));
        resolve(&loaded.experiment, Vec::new()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// What some updates came to.
    #[derive(PartialEq)]
    struct Trained {
        updates: Vec<Updated>,
        /// Weights and moments.
        bytes: Vec<u8>,
    }

    fn trained(plan: &Plan, updates: usize) -> Trained {
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
            done.push(update(&mut state, &device, plan, teacher.as_ref(), &batches).unwrap());
            assert!(done.iter().all(|updated| updated.taken));
            assert!(places == self::places(&state), "an update writes where the weights are");
        }
        let mut bytes = Vec::new();
        state.write_model(&mut bytes).unwrap();
        state.write_optimizer(&mut bytes).unwrap();
        Trained { updates: done, bytes }
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
}
