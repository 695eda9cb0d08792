//! How much memory training will take.
//!
//! What each part of the model keeps until backward its network says (`model::Stage`); the walk is [`peak`]: forward through the stages, which keep
//! it, and back again, when they let go. Not for: what was measured (`runner profile`). Start at [`memory_bytes`].

use super::run::AHEAD;
use crate::data::{first_epoch, kept_samples};
use crate::model::{Network, Stage, Step, declare};
use crate::nn::Declaration;
use crate::plan::{Body, DataPlan, ModelPlan, PatchTask, PatchesPlan, Plan, Recompute};

const FLOAT_BYTES: f64 = 4.0;
/// The program with its threads, measured next to no model (70 MB), and what the allocator has kept of blocks of other sizes at the end of whole runs
/// of small models, measured too (70 MB, 35 to 130; another run of the same experiment may keep 30 MB more or less).
const PROGRAM_BYTES: f64 = 140e6;
/// What a process takes of a GPU before its first tensor: the driver's context, the kernels' machine code, what cuBLAS works in. An assumption:
/// nothing has been measured on a GPU yet.
const CONTEXT_BYTES: f64 = 600e6;
/// What decoding leaves in the allocator beside the sound that stays, as a share of it: measured.
const BESIDE_SOUND: f64 = 0.25;
/// What the allocator keeps of blocks of other sizes where each layer's are as long as the sound and every batch is of another length, as a share
/// of a micro-batch: measured over SaShiMi's and DiffWave's first 70 updates.
const BESIDE_WAVES: f64 = 0.15;

/// A network and what it declares.
type Declared = (Network, Vec<Declaration>);

/// Bytes that a training run holds at its peak, in `processes` processes together, with `at_a_time` micro-batches under way at a time in each.
///
/// The largest batch is that of the corpus; where the corpus is not there, one at the limits with utterances of up to 20 s. Of several at a
/// time all are counted as the largest, and their peaks as if they fell together. Every process has all weights and moments.
pub fn memory_bytes(plan: &Plan, processes: usize, at_a_time: usize) -> u64 {
    one_process(plan, processes, at_a_time) * processes as u64
}

/// Bytes that a training run holds at its peak on a GPU, in `processes` processes that share it.
///
/// What layers keep is what they keep on the CPU, which nobody has compared with a GPU yet.
pub fn gpu_bytes(plan: &Plan, processes: usize) -> u64 {
    let held = held(plan, processes, 1);
    (CONTEXT_BYTES + held.device * FLOAT_BYTES) as u64 * processes as u64
}

/// Bytes that a training run on a GPU holds at its peak in the machine's own memory, all processes together.
pub fn beside_gpu_bytes(plan: &Plan, processes: usize) -> u64 {
    let held = held(plan, processes, 1);
    (PROGRAM_BYTES + held.host * FLOAT_BYTES) as u64 * processes as u64
}

/// Floats that one process holds at its peak.
struct Held {
    /// What stays in the machine's own memory, whatever computes.
    host: f64,
    /// What lies where it is computed with.
    device: f64,
}

/// Bytes that one of the processes holds.
fn one_process(plan: &Plan, processes: usize, at_a_time: usize) -> u64 {
    let Held { host, device } = held(plan, processes, at_a_time);
    (PROGRAM_BYTES + (host + device) * FLOAT_BYTES) as u64
}

fn held(plan: &Plan, processes: usize, at_a_time: usize) -> Held {
    let samples = largest(plan).unwrap_or_else(|| at_the_limits(&plan.data));
    let student = declare(&plan.model);
    let learns = |declaration: &&Declaration| !frozen(plan, &declaration.name);
    let learning = floats(student.1.iter().filter(learns));
    let mut device = floats(student.1.iter()) + 2.0 * learning;
    // Decoded sound of the corpus.
    let mut host = kept_samples(&plan.data) as f64 * (1.0 + BESIDE_SOUND);
    // Micro-batches of this update, and those prepared ahead.
    host += samples * (AHEAD + plan.train.accumulation_steps) as f64;
    let mut micro_batch = peak(&stages(plan, &student, samples));
    if let Some(distill) = plan.distill.as_ref().filter(|distill| distill.listens()) {
        let model = plan.teacher_model();
        let teacher = declare(&model);
        device += floats(teacher.1.iter());
        let forward = stages(plan, &teacher, samples);
        let forward = forward.iter().map(|stage| stage.made).fold(0.0, f64::max);
        // Its hidden states wait for the student's; its scores do, too.
        micro_batch = micro_batch.max(forward) + answers(&model, distill.alpha_layer > 0.0, samples);
    }
    if matches!(plan.model.body, Body::Sashimi(_) | Body::Diffwave(_)) {
        micro_batch *= 1.0 + BESIDE_WAVES;
    }
    // The sum so far is there while the next ones make their gradients.
    if plan.train.accumulation_steps > at_a_time {
        device += learning;
    }
    // Gradients on their way from one process to another.
    if processes > 1 {
        host += learning;
    }
    Held { host, device: device + (micro_batch + samples) * at_a_time as f64 }
}

/// Bytes that one process holds whatever its batches: the program, weights and moments.
pub fn fixed_bytes(plan: &Plan) -> u64 {
    (PROGRAM_BYTES + fixed_floats(plan) * FLOAT_BYTES) as u64
}

/// The same on a GPU.
pub fn fixed_gpu_bytes(plan: &Plan) -> u64 {
    (CONTEXT_BYTES + fixed_floats(plan) * FLOAT_BYTES) as u64
}

/// Weights, gradients and moments.
fn fixed_floats(plan: &Plan) -> f64 {
    let (_, declarations) = declare(&plan.model);
    let learning = floats(declarations.iter().filter(|declaration| !frozen(plan, &declaration.name)));
    floats(declarations.iter()) + 3.0 * learning
}

/// Bytes that a pass forward at rest takes beyond the program itself, of one batch of a model of patches; other models' lengths are their corpus'.
pub fn forward_bytes(plan: &Plan) -> u64 {
    let mut plan = plan.clone();
    let Body::Patches(patches) = &mut plan.model.body else { return 0 };
    // One question is one pass.
    if patches.task == PatchTask::PretrainJoint {
        patches.task = PatchTask::PretrainMpc;
    }
    let clips = plan.data.batch_size as f64;
    let (clip, given) = (clip_samples(patches), clips * (patches.patches() * patches.patch_len()) as f64);
    let declared = declare(&plan.model);
    let stages = stages(&plan, &declared, clips * clip);
    let made = stages.iter().map(|stage| stage.made).fold(0.0, f64::max);
    ((floats(declared.1.iter()) + given + made) * FLOAT_BYTES) as u64
}

/// Samples of a clip as a model of patches brings all to one length.
fn clip_samples(patches: &PatchesPlan) -> f64 {
    patches.features.frames as f64 * f64::from(patches.features.rate_hz) / 100.0
}

/// The most floats at a time on the way forward and back.
fn peak(stages: &[Stage]) -> f64 {
    let (mut held, mut peak) = (0.0, 0.0_f64);
    for stage in stages {
        peak = peak.max(held + stage.made);
        held += stage.kept;
    }
    held += stages.iter().map(|stage| stage.owed).sum::<f64>();
    let mut gradients = 0.0;
    for stage in stages.iter().rev() {
        gradients += stage.params;
        peak = peak.max(gradients + held + stage.under_way);
        held -= stage.kept + stage.owed;
    }
    // The optimiser finds all gradients.
    peak.max(gradients)
}

/// The stages of a model on a batch of `samples`, padding included, in the order of forward.
fn stages(plan: &Plan, (network, declarations): &Declared, samples: f64) -> Vec<Stage> {
    let learning = |prefix: &str| {
        let belongs = |declaration: &&Declaration| {
            declaration.name.starts_with(prefix) && !frozen(plan, &declaration.name)
        };
        floats(declarations.iter().filter(belongs))
    };
    network.told().stages(&Step {
        samples,
        recomputes: plan.train.recompute == Recompute::Block,
        layers_compared: plan.distill.as_ref().is_some_and(|distill| distill.alpha_layer > 0.0),
        learning: &learning,
    })
}

/// What a teacher's answer takes: its hidden states, where they are compared, and its scores.
fn answers(teacher: &ModelPlan, layers: bool, samples: f64) -> f64 {
    let Some(teacher) = teacher.wav2vec2() else { return 0.0 };
    let width = if layers { (teacher.layers + 1) * teacher.width } else { 0 };
    samples / teacher.hop_samples() as f64 * (width + teacher.heads.vocab_size) as f64
}

fn floats<'a>(declarations: impl Iterator<Item = &'a Declaration>) -> f64 {
    declarations.map(|declaration| declaration.shape.len()).sum::<usize>() as f64
}

/// Whether a parameter never learns.
fn frozen(plan: &Plan, name: &str) -> bool {
    let train = &plan.train;
    let prefix = train.freeze_prefix.as_ref().filter(|_| train.freeze_steps >= train.max_steps);
    plan.model.freezes(name) || prefix.is_some_and(|prefix| name.starts_with(prefix))
}

/// Samples of the corpus' largest batch; `None` where the corpus is not there.
fn largest(plan: &Plan) -> Option<f64> {
    let batches = first_epoch(&plan.data, plan.run.seed).ok()?;
    batches.into_iter().max().map(|samples| samples as f64)
}

/// Samples of a batch that the limits allow; utterances longer than 20 s are rare.
fn at_the_limits(data: &DataPlan) -> f64 {
    let most = data.clips.map_or(data.max_input_samples, |clips| clips.samples.min(data.max_input_samples));
    let longest = (20.0 * f64::from(data.sample_rate_hz)).min(most as f64);
    data.batch_frame_limit.min(data.batch_size as f64 * longest)
}

#[cfg(test)]
mod tests {
    use kernels::trace::Kind;

    use super::*;
    use crate::plan::under_ci;
    use crate::record::Event;
    use crate::train::profile::{Extent, Measured, measure};
    use crate::train::{Job, Stop};

    fn plan(experiment: &str, more: &[&str]) -> Plan {
        under_ci(experiment, &[&["data.batch_size=2", "train.accumulation_steps=1"], more].concat())
    }

    fn measured(plan: &Plan) -> Measured {
        let job = Job::open(plan).unwrap();
        let mut sink: Vec<Event> = Vec::new();
        measure(&kernels::Cpu::default(), &job, Extent { warmup: 0, steps: 1 }, &Stop::default(), &mut sink)
            .unwrap()
    }

    /// What is foreseen that ops keep of one batch, by what they kept.
    fn foreseen_by_kept(plan: &Plan) -> f64 {
        let trace = measured(plan).trace;
        let forward = || trace.spans.iter().filter(|span| span.kind == Kind::Forward);
        let kept: u64 = forward().map(|span| span.saved_bytes).sum();
        let first = forward().next().unwrap();
        let (samples, given) = match &plan.model.body {
            // Patches themselves are made by no op.
            Body::Patches(patches) => {
                let clips = plan.data.batch_size as f64;
                (clips * clip_samples(patches), clips * (patches.patches() * patches.patch_len()) as f64)
            }
            // As many samples as the mel frames that are made stand for.
            Body::Tacomamba(speech) => {
                let shapes = forward().filter_map(|span| span.shape);
                let frames =
                    shapes.filter(|shape| shape.last() == speech.mel.bands).map(|shape| shape.rows()).max();
                ((frames.unwrap() * speech.mel.hop_samples) as f64, 0.0)
            }
            // Nothing has more rows than there are samples.
            Body::Sashimi(_) | Body::Diffwave(_) => {
                let rows = forward().filter_map(|span| span.shape).map(|shape| shape.rows());
                (rows.max().unwrap() as f64, 0.0)
            }
            // As many samples as the steps that are told stand for, but for those that end a sequence.
            Body::CodecLm(speech) => {
                let shapes =
                    forward().filter(|span| span.name == "cross_entropy").filter_map(|span| span.shape);
                let clips = plan.data.batch_size;
                let codes = shapes.map(|shape| shape.len()).max().unwrap();
                ((codes / speech.levels - clips) as f64 * speech.hop_samples as f64, 0.0)
            }
            // The first op is the first convolution, or all of them; its frames tell which batch it was.
            _ => {
                let (rows, encoder) = (first.shape.unwrap().rows(), plan.model.wav2vec2().unwrap());
                let clips = plan.data.batch_size;
                let is_it = |samples: &usize| clips * encoder.frames(samples / clips) == rows;
                let samples = match first.name {
                    "conv_stack" => {
                        first_epoch(&plan.data, plan.run.seed).unwrap().into_iter().find(is_it).unwrap()
                    }
                    _ => rows * encoder.convs[0].stride,
                };
                (samples as f64, 0.0)
            }
        };
        let foreseen: f64 = stages(plan, &declare(&plan.model), samples).iter().map(|stage| stage.kept).sum();
        (foreseen - given) * FLOAT_BYTES / kept as f64
    }

    #[test]
    fn what_ops_keep_is_foreseen() {
        let mamba1 = "model.wav2vec2.asr_mamba_use_mamba2=false";
        let stable = "model.wav2vec2.do_stable_layer_norm=true";
        let frozen = "model.wav2vec2.freeze_feature_encoder=true";
        let block = "train.recompute=\"block\"";
        let words = format!("data.dir=\"{}\"", crate::checkout().join("corpora/smoke/words").display());
        let ways: [(&str, &[&str]); 18] = [
            ("sashimi_sc09", &[&words]),
            ("diffwave_sashimi_sc09", &[&words]),
            ("tedlium_direct", &[]),
            ("tedlium_direct", &[stable]),
            ("tedlium_direct", &[frozen]),
            ("tedlium_direct", &[frozen, block]),
            ("tedlium_unguided", &[frozen]),
            ("tedlium_unguided", &[frozen, block]),
            ("tedlium_unguided", &[frozen, mamba1]),
            ("tedlium_waypoint", &[frozen]),
            ("ssast_pretrain_tiny", &[]),
            ("ssast_pretrain_tiny", &[block]),
            ("ssamba_pretrain_tiny", &["model.ssamba.embed_dim=64"]),
            ("tacomamba_ljspeech", &[]),
            ("tacomamba_ljspeech", &["model.tacomamba.mixer=\"mamba2\"", "model.tacomamba.headdim=16"]),
            ("tacomamba_ljspeech", &["model.tacomamba.design=\"repeat\""]),
            ("tacomamba_ljspeech", &["model.tacomamba.design=\"prefix\""]),
            ("codec_lm", &[]),
        ];
        // The scans' chunks are counted as if utterances were whole numbers of them.
        let ratios = ways.map(|(experiment, more)| foreseen_by_kept(&plan(experiment, more)));
        assert!(ratios.iter().all(|ratio| (0.9..1.1).contains(ratio)), "{ratios:.3?}");
    }

    #[test]
    fn recomputed_blocks_are_foreseen_to_take_less() {
        for experiment in ["tedlium_direct", "tedlium_unguided"] {
            let bytes = ["none", "block"].map(|recompute| {
                let more = ["data.batch_size=12", &format!("train.recompute=\"{recompute}\"")];
                memory_bytes(&plan(experiment, &more), 1, 1)
            });
            assert!(bytes[1] < bytes[0], "{experiment}: {bytes:?}");
        }
    }

    /// Without the corpus a batch is at the limits, which the bundled one is far from.
    #[test]
    fn without_the_corpus_the_limits_count() {
        let there = plan("tedlium_direct", &[]);
        let absent = plan("tedlium_direct", &["data.dir=\"absent\""]);
        assert!(memory_bytes(&absent, 1, 1) > memory_bytes(&there, 1, 1));
    }

    #[test]
    fn micro_batches_side_by_side_take_a_tape_and_gradients_each() {
        let plan = |batches: &str| plan("tedlium_direct", &[&format!("train.accumulation_steps={batches}")]);
        let bytes = |batches: &str, at_a_time: usize| memory_bytes(&plan(batches), 1, at_a_time);
        let learning = {
            let plan = plan("2");
            let learns = |declaration: &&Declaration| !frozen(&plan, &declaration.name);
            (floats(declare(&plan.model).1.iter().filter(learns)) * FLOAT_BYTES) as u64
        };
        // In turn the sum so far is there; side by side there is none before all are done, but for the groups before.
        let [in_turn, two, three] = [bytes("3", 1), bytes("3", 2), bytes("3", 3)];
        assert!(three > two && two > in_turn + learning, "{in_turn}, {two}, {three}; {learning}");
        assert!(bytes("2", 1) > bytes("1", 1) + learning);
        assert_eq!(bytes("3", 2) - bytes("2", 2) - learning, bytes("4", 2) - bytes("3", 2));
        // Each process has all weights and moments, and gradients of others besides its own.
        let two_processes = memory_bytes(&plan("3"), 2, 1);
        assert!(
            two_processes.abs_diff(2 * (in_turn + learning)) <= 2,
            "{two_processes}, {in_turn}; {learning}"
        );
    }
}
