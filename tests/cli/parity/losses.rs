//! Loss terms, heads and the mixers' wrapper against torch: goldens made by tests/parity/make_losses.py.

use std::collections::BTreeMap;

use kernels::padding::reverse_padded;
use kernels::{Array, Cpu, Tape};
use runner::data::{Batch, Labels, Target};
use runner::model::weights::{Tensors, read_tensors};
use runner::model::{Activations, Pooled};
use runner::nn::{Bidirectional, Declaration, Mamba2Sizes, MixerSizes, Params, Pass, Scope};
use runner::plan::{Behaviour, ClassifierLoss, DistillPlan, Heads, Objective, Pooling, Teacher};
use runner::task::{Judge, Judging, Losses, Scores, Shares};
use runner::text::CtcTokenizer;

use crate::support::root;

const FRAMES: [usize; 3] = [7, 5, 3];

fn golden() -> Tensors {
    read_tensors(&root().join("tests/parity/losses/golden.safetensors")).unwrap()
}

fn array(golden: &Tensors, name: &str) -> Array<Cpu> {
    let (dims, values) = &golden[name];
    let device = Cpu::default();
    match dims[..] {
        [a, b] => Array::from_vec(&device, values.clone(), [a, b]),
        [a, b, c] => Array::from_vec(&device, values.clone(), [a, b, c]),
        _ => panic!("{name} is {dims:?}"),
    }
    .unwrap()
}

/// Holds `got` to `want`, relative to the largest of `want`; returns the largest difference.
fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) -> f32 {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    let pairs = got.iter().zip(want);
    let worst = pairs.map(|(got, want)| (got - want).abs() / largest).fold(0.0f32, f32::max);
    assert!(worst <= tolerance, "{what}: {worst:e}");
    worst
}

fn activations(golden: &Tensors, who: &str) -> Activations<Cpu> {
    let of = |name: &str| array(golden, &format!("{who}.{name}")).tracked();
    let classes = if who == "student" { ["class.0", "class.1"].as_slice() } else { &[] };
    Activations {
        extract_features: of("h0"),
        hidden_states: vec![of("h0"), of("h1"), of("h2")],
        logits: Some(of("logits")),
        pooled: None,
        class_logits: classes.iter().map(|name| array(golden, name).tracked()).collect(),
        frames: FRAMES.to_vec(),
    }
}

/// Three utterances; the last one's transcript does not fit into its three frames. Two class labels are missing.
fn batch() -> Batch {
    let symbols = [vec![1, 2, 2], vec![3, 1], vec![1, 1, 1]];
    let classes = [[Some(2), Some(1)], [None, Some(0)], [Some(3), None]];
    let labels = symbols.into_iter().zip(classes).map(|(symbols, classes)| Labels {
        text: String::new(),
        chars: symbols.len(),
        symbols,
        classes: classes.map(Target::of).to_vec(),
    });
    Batch {
        names: ["a", "b", "c"].map(str::to_owned).to_vec(),
        waveforms: Vec::new(),
        features: vec![None; 3],
        samples: Vec::new(),
        padded_samples: 0,
        labels: labels.collect(),
    }
}

/// The loss terms of one case and their gradients against the golden's; returns the largest difference.
fn case(golden: &Tensors, name: &str, per_sample: bool, ctc_weight: f64, logits_mask: Behaviour) -> f32 {
    let plan = Objective {
        padding_loss: Behaviour::Sound,
        first_sample: Behaviour::Sound,
        per_sample,
        ctc_weight,
        classifier_weight: 2.0,
        classifier_norm: Behaviour::Reference,
        classifier_loss: ClassifierLoss::CrossEntropy,
    };
    let heads = Heads { vocab_size: 5, blank: 0, classes: vec![4, 3], pooling: Pooling::Mean };
    let distill = DistillPlan {
        teacher: Teacher::Fixed,
        teacher_dir: Default::default(),
        start_from_teacher: false,
        alpha_layer: 1.5,
        alpha_logits: 0.25,
        alpha_scaling: Behaviour::Reference,
        teacher_mode: Behaviour::Sound,
        logits_mask,
    };
    let objective = runner::task::Objective { plan: &plan, heads: &heads, distill: Some(&distill) };
    // Another micro-batch of the update has eleven frames.
    let shares = Shares { frames: FRAMES.iter().sum::<usize>() + 11, chars: 12, utterances: 4 };
    let (student, teacher) = (activations(golden, "student"), activations(golden, "teacher"));
    let mut tape = Tape::recording();
    let mut micro = objective.micro_batch(&mut tape, &student, Some(&teacher), &batch(), &shares).unwrap();
    Losses::read(std::slice::from_mut(&mut micro.losses)).unwrap();

    let of = |term: &str| micro.losses.by_name.get(term).copied().unwrap_or(0.0) as f32;
    let mut want = golden[&format!("{name}.terms")].1.clone();
    if ctc_weight == 0.0 {
        // Not computed here, where the reference computes it and weighs it with 0.
        want[0] = 0.0;
    }
    let got = [
        of("ctc"),
        of("layer_distill"),
        of("logits_distill"),
        of("classifier"),
        micro.losses.total as f32,
        micro.count as f32,
    ];
    let mut worst = 0.0f32;
    for (got, want) in got.iter().zip(&want) {
        let difference = if *want == 0.0 { got.abs() } else { (got - want).abs() / want.abs() };
        assert!(difference <= 1e-5, "{name}: {got}, want {want}");
        worst = worst.max(difference);
    }
    assert_eq!(micro.infinite, usize::from(ctc_weight > 0.0), "{name}");

    let mut grads = tape.backward(&Cpu::default(), micro.seeds).unwrap();
    for (of, array) in [
        ("student.h1", &student.hidden_states[1]),
        ("student.h2", &student.hidden_states[2]),
        ("student.logits", student.ctc().unwrap()),
        ("class.0", &student.class_logits[0]),
        ("class.1", &student.class_logits[1]),
    ] {
        let (what, got) = (format!("{name}.{of}"), grads.to_vec(array).unwrap());
        worst = worst.max(close(&what, &got, &golden[&what].1, 1e-5));
    }
    worst
}

#[test]
fn the_objective_of_a_micro_batch_and_its_gradients_are_those_of_the_equations() {
    let golden = golden();
    for (name, per_sample, ctc_weight, mask) in [
        ("sample", true, 1.0, Behaviour::Sound),
        ("sample half", true, 0.5, Behaviour::Sound),
        ("sample without ctc", true, 0.0, Behaviour::Reference),
        ("utterance", false, 1.0, Behaviour::Sound),
        ("utterance unmasked", false, 1.0, Behaviour::Reference),
    ] {
        println!("{name} {:e}", case(&golden, name, per_sample, ctc_weight, mask));
    }
}

/// Parameters whose values are the golden's, named with `prefix` there.
fn filled(golden: &Tensors, declarations: &[Declaration], prefix: &str) -> Params<Cpu> {
    let mut params = Params::draw(&Cpu::default(), declarations, 0).unwrap();
    for param in params.iter_mut() {
        let (dims, values) = &golden[&format!("{prefix}{}", param.name())];
        assert_eq!(dims, param.array().shape().dims(), "{}", param.name());
        param.array_mut().copy_from(values).unwrap();
    }
    params
}

#[test]
fn classifiers_pool_valid_frames_or_take_the_first() {
    let golden = golden();
    for (pooling, name) in [(Pooling::Mean, "mean"), (Pooling::First, "first")] {
        let heads = Heads { vocab_size: 5, blank: 0, classes: vec![4, 3], pooling };
        let mut declarations = Vec::new();
        let pooled = Pooled::declare(&mut Scope::root(&mut declarations), 6, &heads);
        let params = filled(&golden, &declarations, "pool.");
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&params, &mut tape);
        let classed = pooled.forward(&mut pass, &array(&golden, "student.h2"), &FRAMES).unwrap();
        for (head, scores) in classed.logits.iter().enumerate() {
            let what = format!("pool.{name}.{head}");
            println!("{what} {:e}", close(&what, &scores.to_vec(), &golden[&what].1, 1e-6));
        }
    }
}

#[test]
fn two_mixers_make_a_bidirectional_one() {
    let golden = golden();
    let sizes = MixerSizes::Mamba2(Mamba2Sizes {
        width: 8,
        inner: 8,
        head_dim: 4,
        state: 4,
        taps: 4,
        chunk: 4,
        simple: false,
    });
    for residual_inside in [false, true] {
        let mut declarations = Vec::new();
        let layer = Bidirectional::declare(&mut Scope::root(&mut declarations), sizes, residual_inside);
        let params = filled(&golden, &declarations, "mixers.");
        for (name, lens) in [("ragged", [9, 5, 1]), ("full", [9, 9, 9])] {
            let mut tape = Tape::silent();
            let mut pass = Pass::at_rest(&params, &mut tape);
            let y = layer.forward(&mut pass, &array(&golden, "mixers.u"), &lens).unwrap().to_vec();
            let what = format!("mixers.{name}.{residual_inside}");
            println!("{what} {:e}", close(&what, &y, &golden[&what].1, 1e-5));
            for (row, &len) in lens.iter().enumerate() {
                let padding = &y[(row * 9 + len) * 8..(row + 1) * 9 * 8];
                assert!(padding.iter().all(|value| *value == 0.0), "{what}, row {row}");
            }
        }
    }
}

#[test]
fn reversal_turns_valid_frames_and_drops_padding() {
    let u: Vec<f32> = (6..=10).map(|value| value as f32).collect();
    for (len, want) in [
        (3, [8.0, 7.0, 6.0, 0.0, 0.0]),
        (0, [0.0; 5]),
        (1, [6.0, 0.0, 0.0, 0.0, 0.0]),
        (5, [10.0, 9.0, 8.0, 7.0, 6.0]),
    ] {
        let mut tape = Tape::silent();
        let once = Array::from_vec(&Cpu::default(), u.clone(), [1, 5, 1]).unwrap();
        let once = reverse_padded(&mut tape, &once, &[len]).unwrap();
        assert_eq!(once.to_vec(), want);
        let mut back = vec![0.0; 5];
        back[..len].copy_from_slice(&u[..len]);
        assert_eq!(reverse_padded(&mut tape, &once, &[len]).unwrap().to_vec(), back);
    }
}

#[test]
fn accuracy_is_the_mean_over_heads_and_a_missing_label_counts_as_wrong() {
    let golden = golden();
    let tokenizer = CtcTokenizer::read(&root().join("corpora/smoke/vocab.json")).unwrap();
    let mut judge = Judge::new(Judging {
        tokenizer: Some(&tokenizer),
        vocab_size: 32,
        transcribes: false,
        classifier_loss: ClassifierLoss::CrossEntropy,
    });
    let (labels, right) = (&golden["judge.labels"].1, &golden["judge.right"].1);
    let scores: Vec<&[f32]> = (0..2).map(|head| &golden[&format!("judge.scores.{head}")].1[..]).collect();
    let rows = scores[0].chunks(4).zip(scores[1].chunks(3)).zip(labels.chunks(2));
    for ((first, second), labels) in rows {
        let class = |&class: &f32| Target::of((class >= 0.0).then_some(class as usize));
        let classes = labels.iter().map(class).collect();
        let labels = Labels { text: String::new(), symbols: Vec::new(), chars: 0, classes };
        judge.add("u", &labels, &Scores { logits: &[], frames: 0, classes: vec![first, second], loss: None });
    }
    let metrics: BTreeMap<String, f64> = judge.metrics();
    assert_eq!(metrics["clf_acc"], f64::from(right[0]) / f64::from(right[1]));
    assert_eq!(metrics["clf_joint"], f64::from(right[2]) / f64::from(right[3]));
    assert!(labels.iter().any(|label| *label < 0.0) && right[2] < right[0]);
}
