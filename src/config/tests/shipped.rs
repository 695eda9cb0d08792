//! The experiments in `experiments/` are sound and say what the papers say.

use std::fs;
use std::path::PathBuf;

use crate::config::{
    Behaviour, DataFormat, Experiment, Guidance, Metric, Model, Point, Request, StudentInit, Wav2vec2, load,
    sweep,
};

const PROFILES: [&str; 3] = ["smoke", "study", "ci"];
const FAMILIES: [&str; 5] = ["direct", "target", "waypoint", "unguided", "hybrid"];

fn folder() -> PathBuf {
    crate::checkout().join("experiments")
}

/// Every experiment's name, without the bases.
fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).expect("experiments/").map(|entry| entry.expect("an entry").path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn experiment(name: &str, profile: Option<&str>) -> Experiment {
    let request = Request { profile: profile.map(str::to_owned), ..Request::default() };
    match load(&folder().join(name).with_extension("toml"), &request) {
        Ok(loaded) => loaded.experiment,
        Err(problems) => panic!("{name} under {profile:?}:\n{problems}"),
    }
}

fn model(experiment: &Experiment) -> &Wav2vec2 {
    let Model::Wav2vec2(model) = &experiment.model else {
        panic!("{} is of another family", experiment.name)
    };
    model
}

/// The names of CALD's experiments.
fn cald() -> Vec<String> {
    let of_cald =
        |name: &String| ["tedlium_", "slurp_", "voxceleb_"].iter().any(|corpus| name.starts_with(corpus));
    names().into_iter().filter(of_cald).collect()
}

#[test]
fn every_experiment_is_sound_as_it_is_and_under_each_profile() {
    for name in names() {
        assert_eq!(experiment(&name, None).name, name);
        for profile in PROFILES {
            let small = experiment(&name, Some(profile));
            assert!(small.data.dir.starts_with("corpora/smoke"), "{name} under {profile}");
            if let Model::Wav2vec2(model) = &small.model {
                assert!(model.pretrained.starts_with("random:"), "{name} under {profile}");
            }
        }
    }
}

#[test]
fn every_experiment_comes_with_the_program() {
    let shipped: Vec<&str> = crate::config::shipped_names().collect();
    assert_eq!(shipped, names());
    for name in shipped {
        assert_eq!(crate::config::load_shipped(name).expect("sound"), experiment(name, None));
    }
}

#[test]
fn every_file_names_the_schema_in_its_first_line() {
    let folders = [
        (folder(), "../schemas"),
        (folder().join("base"), "../../schemas"),
        (folder().join("sweeps"), "../../schemas"),
    ];
    for (files, schema) in folders {
        for path in fs::read_dir(files).expect("experiments/").map(|entry| entry.expect("an entry").path()) {
            if path.is_file() {
                let text = fs::read_to_string(&path).expect("text");
                let expected = format!("#:schema {schema}/experiment.schema.json");
                assert_eq!(text.lines().next(), Some(expected.as_str()), "{}", path.display());
            }
        }
    }
}

/// What the points of a shipped sweep load as.
fn points(name: &str, profile: Option<&str>) -> Vec<Experiment> {
    let path = folder().join("sweeps").join(name).with_extension("toml");
    let request = Request { profile: profile.map(str::to_owned), ..Request::default() };
    let sweep = sweep(&path, &request).unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
    let at = |point: Point| load(&path, &Request { point: Some(point), ..request.clone() });
    let points = sweep.expect("a sweep").points.into_iter().map(at);
    points.map(|point| point.unwrap_or_else(|problems| panic!("{name}:\n{problems}")).experiment).collect()
}

#[test]
fn every_sweep_is_sound_as_it_is_and_under_each_profile() {
    let files = fs::read_dir(folder().join("sweeps")).expect("sweeps/").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> =
        files.map(|file| file.path().file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    let shipped = [
        ("accumulation", 4),
        ("cald_alpha", 10),
        ("cald_families", 15),
        ("speakers", 12),
        ("ssamba_checkpoints", 63),
        ("ssamba_efficiency", 84),
        ("ssamba_esc50", 5),
        ("ssamba_iemocap", 5),
        ("ssamba_masks", 9),
        ("ssamba_pretraining", 12),
        ("ssamba_scenes", 6),
    ];
    assert_eq!(names, shipped.map(|(name, _)| name));
    for profile in [None, Some("smoke"), Some("study"), Some("ci")] {
        for (name, count) in shipped {
            // One size on the bundled corpus, two lengths, and what was pre-trained there beside none.
            let count = match (name, profile) {
                ("ssamba_masks", Some(_)) => 3,
                // Three seeds.
                ("cald_alpha", Some("study")) => 30,
                ("ssamba_efficiency", Some(_)) => 8,
                ("ssamba_checkpoints", Some(_)) => 14,
                _ => count,
            };
            assert_eq!(points(name, profile).len(), count, "{name} under {profile:?}");
        }
    }
    let families = points("cald_families", None);
    let mut names: Vec<String> = families.into_iter().map(|experiment| experiment.name).collect();
    names.sort();
    assert_eq!(names, cald());
    for experiment in points("accumulation", None) {
        assert_eq!(experiment.data.batch_size * experiment.train.accumulation_steps, 72);
    }
}

/// Batch size, both frame limits, accumulation and checkpoint interval.
fn batches(e: &Experiment) -> (usize, f64, f64, usize, u64) {
    let (data, train) = (&e.data, &e.train);
    (
        data.batch_size,
        data.batch_frame_limit,
        data.batch_quad_frame_limit,
        train.accumulation_steps,
        e.eval.checkpoint_interval,
    )
}

#[test]
fn the_tedlium_runs_say_what_the_published_commands_say() {
    let [direct, target, waypoint, unguided, hybrid] =
        FAMILIES.map(|family| experiment(&format!("tedlium_{family}"), None));
    assert_eq!(batches(&direct), (24, 2.5e6, 4e11, 3, 2000));
    assert_eq!(batches(&unguided), (24, 2.5e6, 4e11, 3, 5000));
    for guided in [&target, &waypoint, &hybrid] {
        assert_eq!(batches(guided), (18, 1.9e6, 3e11, 4, 2000));
        let distill = guided.distill.as_ref().expect("a teacher");
        assert_eq!((distill.teacher.as_str(), distill.teacher_snapshot_cycle), ("tedlium_direct", 10_000));
        assert_eq!(
            (distill.alpha_scaling, distill.teacher_mode),
            (Behaviour::Reference, Behaviour::Reference)
        );
        assert!(model(guided).asr_use_mamba && !model(guided).asr_mamba_residual_inside);
    }
    assert!(!model(&direct).asr_use_mamba);
    assert!(model(&unguided).asr_use_mamba && model(&unguided).asr_mamba_residual_inside);
    for e in [&direct, &target, &waypoint, &unguided, &hybrid] {
        assert_eq!(
            (e.train.max_steps, e.data.data_warmup_steps, e.eval.eval_interval),
            (90_000, 10_000, 2000)
        );
        assert_eq!(
            (e.train.weight_decay_groups, e.eval.decode_padding),
            (Behaviour::Reference, Behaviour::Reference)
        );
    }
}

#[test]
fn the_classifiers_runs_say_what_the_published_commands_say() {
    type Batches = (usize, f64, f64, usize, u64);
    let expected: [(&str, &[usize], Batches, Batches, Batches); 2] = [
        ("slurp", &[18, 46], (72, 4e6, 6e11, 1, 5000), (36, 2e6, 2e11, 2, 5000), (24, 5e6, 5e10, 3, 5000)),
        (
            "voxceleb",
            &[1251],
            (24, 3e6, 4e11, 3, 5000),
            (18, 2.25e6, 3e11, 4, 5000),
            (24, 3e6, 4e11, 3, 5000),
        ),
    ];
    for (corpus, classes, direct, guided, unguided) in expected {
        let run = |family: &str| experiment(&format!("{corpus}_{family}"), None);
        assert_eq!(batches(&run("direct")), direct);
        assert_eq!(batches(&run("unguided")), unguided);
        for family in ["target", "waypoint", "hybrid"] {
            let e = run(family);
            assert_eq!(batches(&e), guided, "{corpus}_{family}");
            let teacher = e.distill.as_ref().expect("a teacher").teacher.clone();
            assert_eq!(teacher, format!("{corpus}_direct"));
            assert!(model(&e).asr_use_mamba && !model(&e).asr_mamba_residual_inside);
        }
        assert!(!model(&run("direct")).asr_use_mamba);
        assert!(model(&run("unguided")).asr_use_mamba && model(&run("unguided")).asr_mamba_residual_inside);
        for family in FAMILIES {
            let e = run(family);
            assert_eq!((e.train.ctc_weight, e.train.classifier_norm), (0.0, Behaviour::Reference));
            assert_eq!((e.data.data_format, e.data.data_warmup_steps), (DataFormat::NltLa, 5000));
            assert_eq!((e.eval.eval_interval, e.eval.select), (5000, Metric::ClfAcc));
            assert_eq!((e.train.max_steps, e.train.warmup_steps), (90_000, 5000));
            let heads = model(&e);
            assert!(heads.use_classifier && heads.asr_vocab_size == 300);
            assert_eq!(heads.classifier_num_targets, classes, "{corpus}_{family}");
        }
    }
    assert_eq!(experiment("slurp_direct", None).data.train_meta, "meta.train.syn.txt");
}

#[test]
fn the_families_differ_in_teacher_and_start() {
    for (corpus, alphas, cut) in
        [("tedlium", (15.0, 1.0), 40_000), ("slurp", (15.0, 0.0), 30_000), ("voxceleb", (30.0, 0.0), 50_000)]
    {
        let distill = |family: &str| experiment(&format!("{corpus}_{family}"), None).distill;
        assert_eq!(distill("direct"), None);
        assert_eq!(distill("unguided"), None);
        let (target, waypoint) =
            (distill("target").expect("a teacher"), distill("waypoint").expect("a teacher"));
        assert_eq!((target.guidance, target.student_init), (Guidance::Fixed, StudentInit::Teacher));
        assert_eq!((waypoint.guidance, waypoint.student_init), (Guidance::Waypoint, StudentInit::Source));
        for guided in [target, waypoint] {
            assert_eq!((guided.alpha_layer_distill_loss, guided.alpha_logits_distill_loss), alphas);
        }
        let hybrid = experiment(&format!("{corpus}_hybrid"), None);
        assert_eq!(hybrid.continue_from, Some(format!("{corpus}_target@{cut}")));
        let hybrid = hybrid.distill.expect("a teacher");
        assert_eq!((hybrid.alpha_layer_distill_loss, hybrid.alpha_logits_distill_loss), (0.0, alphas.1));
    }
}

#[test]
fn under_a_profile_all_share_a_source_and_a_path_of_waypoints() {
    let source = model(&experiment("tedlium_direct", Some("smoke"))).pretrained.clone();
    for name in &cald() {
        for profile in PROFILES {
            let e = experiment(name, Some(profile));
            assert_eq!(model(&e).pretrained, source);
            assert!(!model(&e).freeze_feature_encoder);
            let waypoints = if profile == "study" { 10 } else { 5 };
            let cycle = experiment("tedlium_direct", Some(profile)).train.max_steps / waypoints;
            assert_eq!(e.output.keep_every, cycle, "{name} under {profile}");
            assert_eq!(cycle % e.eval.checkpoint_interval, 0, "{name} under {profile}");
            assert_eq!(
                (e.train.weight_decay_groups, e.eval.decode_padding),
                (Behaviour::Sound, Behaviour::Sound)
            );
            if let Some(distill) = &e.distill {
                assert_eq!(distill.teacher_snapshot_cycle, cycle, "{name} under {profile}");
                assert_eq!(
                    (distill.alpha_scaling, distill.teacher_mode),
                    (Behaviour::Sound, Behaviour::Sound)
                );
            }
            if name.ends_with("_hybrid") {
                let alpha = e.distill.as_ref().map(|distill| distill.alpha_layer_distill_loss);
                assert_eq!(alpha, Some(0.0), "under {profile}");
            }
            if let Some((_, step)) = e.continue_from.as_deref().and_then(|from| from.split_once('@')) {
                let step: u64 = step.parse().expect("a step");
                assert!(step.is_multiple_of(cycle) && step < e.train.max_steps, "{name} under {profile}");
            }
        }
    }
}

#[test]
fn ci_is_short() {
    for name in names() {
        let train = experiment(&name, Some("ci")).train;
        assert!(train.max_steps <= 20, "{name} takes {} steps under ci", train.max_steps);
    }
}
