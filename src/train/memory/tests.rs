//! What is foreseen is what ops keep.

use kernels::trace::Kind;

use super::*;
use crate::config;
use crate::plan::resolve;
use crate::record::Event;
use crate::train::profile::{Extent, Measured, measure};
use crate::train::{Job, Stop};

fn plan(experiment: &str, more: &[&str]) -> Plan {
    let root = crate::checkout();
    let mut sets = vec![
        format!("data.dir=\"{}\"", root.join("corpora/smoke").display()),
        "data.batch_size=2".to_owned(),
        "train.accumulation_steps=1".to_owned(),
    ];
    sets.extend(more.iter().map(|set| (*set).to_owned()));
    let request = config::Request { profile: Some("ci".to_owned()), sets, ..Default::default() };
    let loaded = config::load(&root.join(format!("experiments/{experiment}.toml")), &request)
        .unwrap_or_else(|problems| panic!("{problems}"));
    resolve(&loaded.experiment, Vec::new()).unwrap_or_else(|problems| panic!("{problems:?}"))
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
    // The first op is the first convolution; its frames tell how long the batch was.
    let first = forward().next().and_then(|span| span.shape).unwrap();
    let samples = (first.rows() * plan.model.convs[0].stride) as f64;
    let foreseen: f64 =
        stages(plan, &plan.model, &declare(&plan.model).1, samples).iter().map(|stage| stage.kept).sum();
    foreseen * FLOAT_BYTES / kept as f64
}

#[test]
fn what_ops_keep_is_foreseen() {
    let mamba1 = "model.wav2vec2.asr_mamba_use_mamba2=false";
    let stable = "model.wav2vec2.do_stable_layer_norm=true";
    let frozen = "model.wav2vec2.freeze_feature_encoder=true";
    let block = "train.recompute=\"block\"";
    let ways: [(&str, &[&str]); 8] = [
        ("tedlium_direct", &[]),
        ("tedlium_direct", &[stable]),
        ("tedlium_direct", &[frozen]),
        ("tedlium_direct", &[frozen, block]),
        ("tedlium_unguided", &[frozen]),
        ("tedlium_unguided", &[frozen, block]),
        ("tedlium_unguided", &[frozen, mamba1]),
        ("tedlium_waypoint", &[frozen]),
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
            memory_bytes(&plan(experiment, &more), 1)
        });
        assert!(bytes[1] < bytes[0], "{experiment}: {bytes:?}");
    }
}

/// Without the corpus a batch is at the limits, which the bundled one is far from.
#[test]
fn without_the_corpus_the_limits_count() {
    let there = plan("tedlium_direct", &[]);
    let absent = plan("tedlium_direct", &["data.dir=\"absent\""]);
    assert!(memory_bytes(&absent, 1) > memory_bytes(&there, 1));
}

#[test]
fn micro_batches_side_by_side_take_a_tape_and_gradients_each() {
    let plan = |batches: &str| plan("tedlium_direct", &[&format!("train.accumulation_steps={batches}")]);
    let bytes = |batches: &str, at_a_time: usize| memory_bytes(&plan(batches), at_a_time);
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
}
