//! What lies over what.

use std::path::PathBuf;

use serde_json::json;

use super::{LEAST, load_files, loaded};
use crate::config::schema::Schema;
use crate::config::tree::Table;
use crate::config::{Loaded, Model, Request, load, origins, resolved_toml, variants};

/// Loads the first of `files` under a profile.
fn under(profile: Option<&str>, files: &[(&str, &str)]) -> Loaded {
    let request = Request { profile: profile.map(str::to_owned), ..Request::default() };
    load_files(files, &request).expect("a sound experiment")
}

#[test]
fn each_layer_lies_over_the_one_before() {
    let file =
        format!("extends = [\"low.toml\", \"high.toml\"]\n{LEAST}[train]\nmax_steps = 3\nwarmup_steps = 3\n");
    let files = [
        ("x.toml", format!("{file}decay_steps = 3\n[profile.p.train]\nwarmup_steps = 4\ndecay_steps = 4\n")),
        ("low.toml", "[run]\nseed = 1\nthreads = 1\n[train]\nmax_steps = 1".to_owned()),
        ("high.toml", "[run]\nseed = 2\n[train]\nmax_steps = 2".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let request = Request {
        profile: Some("p".to_owned()),
        env: vec![
            ("RUNNER__TRAIN__DECAY_STEPS".to_owned(), "5".to_owned()),
            ("RUNNER_UPDATE".to_owned(), "1".to_owned()),
        ],
        hparams: Some("reset_period=6,reset_times=6".to_owned()),
        sets: vec!["train.reset_times=7".to_owned(), "train.reset_times=8".to_owned()],
        ..Request::default()
    };
    let loaded = load_files(&files, &request).expect("a sound experiment");
    let (run, train) = (&loaded.experiment.run, &loaded.experiment.train);
    assert_eq!((run.threads, run.seed), (1, 2));
    assert_eq!((train.max_steps, train.warmup_steps, train.decay_steps), (3, 4, 5));
    assert_eq!((train.reset_period, train.reset_times, train.plateau_steps), (6, 8, 0));
}

#[test]
fn a_profile_s_parts_merge_along_the_bases_and_then_lie_over_the_file() {
    let base = "[train]\nmax_steps = 1\n[profile.smoke.train]\nmax_steps = 10\nwarmup_steps = 10\n";
    let file = format!(
        "extends = [\"base.toml\"]\n{LEAST}[train]\nmax_steps = 2\n[profile.smoke.train]\nwarmup_steps = 20\n"
    );
    let files = [("x.toml", file.as_str()), ("base.toml", base)];
    let steps = |loaded: Loaded| (loaded.experiment.train.max_steps, loaded.experiment.train.warmup_steps);
    assert_eq!(steps(under(None, &files)), (2, 5000));
    assert_eq!(steps(under(Some("smoke"), &files)), (10, 20));
}

#[test]
fn a_profile_lies_over_the_one_it_inherits() {
    let base = "[profile.ci]\ninherits = \"smoke\"\n[profile.ci.train]\nmax_steps = 1\n";
    let smoke = "[profile.smoke.train]\nmax_steps = 10\nwarmup_steps = 10\n";
    let file = format!("extends = [\"base.toml\"]\n{LEAST}{smoke}[profile.smoke.run]\nseed = 3\n");
    let files = [("x.toml", file.as_str()), ("base.toml", base)];
    let values = |loaded: Loaded| {
        let (run, train) = (loaded.experiment.run, loaded.experiment.train);
        (train.max_steps, train.warmup_steps, run.seed)
    };
    assert_eq!(values(under(Some("ci"), &files)), (1, 10, 3));
    assert_eq!(values(under(Some("smoke"), &files)), (10, 10, 3));
}

#[test]
fn a_base_shared_by_two_bases_lies_under_both() {
    let x = format!("extends = [\"a.toml\", \"b.toml\"]\n{LEAST}");
    let a = "extends = [\"shared.toml\"]\n[run]\nseed = 1\n";
    let b = "extends = [\"shared.toml\"]\n[run]\nthreads = 2\n";
    let loaded = under(
        None,
        &[("x.toml", &x), ("a.toml", a), ("b.toml", b), ("shared.toml", "[run]\nseed = 9\nthreads = 9\n")],
    );
    assert_eq!((loaded.experiment.run.seed, loaded.experiment.run.threads), (1, 2));
}

#[test]
fn arrays_are_replaced() {
    let base = "[eval]\neval_steps = [1, 2, 3]\n";
    let loaded = under(
        None,
        &[
            ("x.toml", &format!("extends = [\"base.toml\"]\n{LEAST}[eval]\neval_steps = [7]\n")),
            ("base.toml", base),
        ],
    );
    assert_eq!(loaded.experiment.eval.eval_steps, [7]);
}

#[test]
fn the_name_is_the_file_s_unless_given() {
    assert_eq!(loaded(LEAST, &[]).experiment.name, "x");
    assert_eq!(loaded(&format!("name = \"y\"\n{LEAST}"), &[]).experiment.name, "y");
}

#[test]
fn a_resolved_experiment_loads_as_itself() {
    let text = format!("{LEAST}[train]\nmax_lr = 1e-8\n[distill]\nteacher = \"t\"\n");
    let first = loaded(&text, &["data.batch_quad_frame_limit=6e11", "train.final_lr=1.5e-6"]).experiment;
    let again = loaded(&resolved_toml(&first, &[]).expect("TOML"), &[]).experiment;
    assert_eq!(again, first);
    let none = loaded(LEAST, &[]).experiment;
    assert_eq!(none.distill, None);
    assert_eq!(loaded(&resolved_toml(&none, &[]).expect("TOML"), &[]).experiment, none);
}

#[test]
fn every_value_knows_its_origin() {
    let request = Request {
        env: vec![("RUNNER__RUN__THREADS".to_owned(), "2".to_owned())],
        hparams: Some("batch_size=8".to_owned()),
        sets: vec!["eval.eval_steps=[1, 2]".to_owned()],
        ..Request::default()
    };
    let x = format!("extends = [\"base.toml\"]\n{LEAST}");
    let loaded = load_files(&[("x.toml", &x), ("base.toml", "[run]\nseed = 3\nthreads = 1\n")], &request)
        .expect("sound");
    let origins = origins(&loaded).expect("TOML");
    let origin = |path: &str| {
        let found = origins.iter().find(|origin| origin.path == path).expect("the option");
        let place = found.origin.rsplit('/').next().unwrap_or_default();
        format!("{} from {place}", found.value)
    };
    assert_eq!(origin("run.seed"), "3 from base.toml:2");
    assert_eq!(origin("data.dir"), "\"corpora/smoke\" from x.toml:3");
    assert_eq!(origin("run.threads"), "2 from RUNNER__RUN__THREADS");
    assert_eq!(origin("data.batch_size"), "8 from --hparams");
    assert_eq!(origin("eval.eval_steps"), "[1, 2] from -s eval.eval_steps");
    assert_eq!(origin("train.max_steps"), "90000 from default");
    assert!(!origins.iter().any(|origin| origin.path.starts_with("distill")), "there is no teacher");
    let problem = loaded.provenance.problem(crate::config::CODES[3], "run.seed", "is odd".to_owned());
    assert_eq!((problem.line, problem.col, problem.len, problem.excerpt.as_str()), (2, 1, 8, "seed = 3"));
}

#[test]
fn a_missing_experiment_is_named() {
    let problems = load(&PathBuf::from("nowhere/x.toml"), &Request::default()).expect_err("there is none");
    let expected =
        "error[E008]: cannot read `nowhere/x.toml`: there is no such file\n --> nowhere/x.toml\n\n1 error";
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn a_model_layer_merges_with_one_of_the_same_model() {
    let base = "[model.wav2vec2]\nhidden_size = 64\nconv_bias = false\n";
    let x = format!("extends = [\"base.toml\"]\n{LEAST}[model.wav2vec2]\nhidden_size = 128\n");
    let Model::Wav2vec2(model) = under(None, &[("x.toml", &x), ("base.toml", base)]).experiment.model else {
        panic!("another family")
    };
    assert_eq!((model.hidden_size, model.conv_bias), (128, false));
}

/// A schema with a choice between two models, `attention` and `mamba`.
fn two_models() -> Schema {
    let sizes = |name: &str| json!({ "type": "object", "properties": { name: { "type": "integer" } } });
    let models = json!({ "attention": sizes("heads"), "mamba": sizes("states") });
    let model = json!({ "type": "object", "properties": models, "minProperties": 1, "maxProperties": 1 });
    Schema::new(json!({ "$defs": { "Layer": { "type": "object", "properties": { "model": model } } } }))
}

/// What is left of layers, lowest first, once replaced variants are gone: `model` keys with their option.
fn left(layers: &[&str]) -> Vec<Vec<String>> {
    let mut tables: Vec<Table> = layers.iter().map(|text| Table::parse(text).0).collect();
    variants::drop_replaced(&mut tables, &two_models());
    let keys = |table: &Table| table.entries.iter().map(|entry| entry.key.clone()).collect();
    tables
        .iter()
        .map(|table| table.get("model").and_then(|entry| entry.node.table()).map(keys).unwrap_or_default())
        .collect()
}

#[test]
fn a_layer_that_names_another_model_replaces_the_one_below() {
    let (attention, mamba) = ("[model.attention]\nheads = 1\n", "[model.mamba]\nstates = 1\n");
    assert_eq!(left(&[attention, mamba]), [vec![], vec!["mamba"]]);
    assert_eq!(left(&[mamba, attention]), [vec![], vec!["attention"]]);
    assert_eq!(left(&[mamba, "[run]\n", mamba]), [vec!["mamba"], vec![], vec!["mamba"]]);
    // What comes back starts afresh: nothing shows through from under the other model.
    assert_eq!(left(&[mamba, attention, mamba]), [vec![], vec![], vec!["mamba"]]);
}
