//! `runner check`, `show`, `plan`, `schema`: what is said about a request before anything runs.

use std::fs;

use crate::support::{runner, runs_in};

#[test]
fn every_shipped_experiment_is_in_order() {
    let experiments = experiments();
    for profile in [&[][..], &["--profile", "smoke"], &["--profile", "study"], &["--profile", "ci"]] {
        let mut arguments = vec!["check"];
        arguments.extend(experiments.iter().map(String::as_str));
        arguments.extend(profile);
        let said = runner(&arguments);
        assert_eq!(said.code, 0, "{profile:?}: {}", said.err);
    }
}

fn experiments() -> Vec<String> {
    let folders = ["experiments", "experiments/sweeps"].map(|name| crate::support::root().join(name));
    let mut paths: Vec<String> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.display().to_string())
        .collect();
    paths.sort();
    assert!(paths.len() >= 5);
    paths
}

#[test]
fn a_misspelt_key_is_named_with_its_place_and_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("typo.toml");
    fs::write(&file, "[data]\ndir = \"corpora/smoke\"\n\n[train]\nmax_lrr = 1e-3\n").unwrap();
    let path = file.display().to_string();
    let said = runner(&["check", &path]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains(&format!("{path}:5:1")), "{}", said.err);
    assert!(said.err.contains("`max_lr`"), "{}", said.err);
    let said = runner(&["check", &path, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(
        (json["problems"][0]["line"].as_u64(), json["problems"][0]["col"].as_u64()),
        (Some(5), Some(1))
    );
}

#[test]
fn contradictions_point_at_a_key() {
    let said = runner(&[
        "check",
        "experiments/tedlium_direct.toml",
        "--profile",
        "smoke",
        "-s",
        "model.wav2vec2.num_attention_heads=5",
    ]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("`num_attention_heads` is 5, which does not divide hidden_size"),
        "{}",
        said.err
    );
    assert!(said.err.contains("-s model.wav2vec2.num_attention_heads"), "{}", said.err);
}

#[test]
fn a_missing_corpus_exits_66_with_the_two_ways_on() {
    let runs = tempfile::tempdir().unwrap();
    for experiment in ["tedlium_direct", "tedlium_waypoint"] {
        let path = format!("experiments/{experiment}.toml");
        let said = runner(&["run", &path, "-s", &runs_in(runs.path()), "-s", "data.dir=/no/such/folder"]);
        assert_eq!(said.code, 66, "{}", said.err);
        assert!(said.err.contains("there is no corpus at `/no/such/folder`"), "{}", said.err);
        assert!(said.err.contains("help: prepare it: `runner data prepare table"), "{}", said.err);
        assert!(said.err.contains(&format!("runner run {path} --profile smoke")), "{}", said.err);
    }
    assert_eq!(
        fs::read_dir(runs.path()).unwrap().count(),
        0,
        "nothing is written for a request that cannot start"
    );
}

#[test]
fn a_need_without_a_profile_is_named_with_its_command() {
    let runs = tempfile::tempdir().unwrap();
    let said = runner(&[
        "run",
        "experiments/tedlium_waypoint.toml",
        "-s",
        &runs_in(runs.path()),
        "-s",
        "data.dir=corpora/smoke",
    ]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("needs the run of `tedlium_direct`, which is not there"), "{}", said.err);
    assert!(
        said.err.contains("help: run it first: `runner run experiments/tedlium_direct.toml`"),
        "{}",
        said.err
    );
}

#[test]
fn a_missing_experiment_exits_66() {
    assert_eq!(runner(&["run", "experiments/no_such.toml"]).code, 66);
}

#[test]
fn the_paper_sized_model_has_the_papers_parameters() {
    let params = |experiment: &str| {
        let said = runner(&["plan", &format!("experiments/{experiment}.toml"), "--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        json["params"].as_u64().unwrap()
    };
    // wav2vec2-large with attention and with bidirectional Mamba-2, 32 outputs (CALD's models).
    assert_eq!(params("tedlium_direct"), 315_471_520);
    assert_eq!(params("tedlium_waypoint"), 379_432_864);
}

#[test]
fn an_experiment_takes_the_base_model_by_one_line() {
    let dir = tempfile::tempdir().unwrap();
    for (of, params) in [("tedlium_direct", 94_396_320), ("tedlium_unguided", 113_597_184)] {
        let file = dir.path().join(format!("{of}_base.toml"));
        let experiments = crate::support::root().join("experiments").display().to_string();
        let lines =
            format!("extends = [\"{experiments}/{of}.toml\", \"{experiments}/base/wav2vec2_base.toml\"]\n");
        fs::write(&file, lines).unwrap();
        let said = runner(&["plan", &file.display().to_string(), "--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(json["params"], params, "{of}");
    }
}

#[test]
fn what_show_prints_can_be_checked_again_and_is_the_same_run() {
    let dir = tempfile::tempdir().unwrap();
    let shown = runner(&["show", "experiments/tedlium_direct.toml", "--profile", "smoke"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let file = dir.path().join("tedlium_direct.toml");
    fs::write(&file, &shown.out).unwrap();
    let id = |arguments: &[&str]| {
        let json: serde_json::Value = serde_json::from_str(&runner(arguments).out).unwrap();
        json["id"].as_str().unwrap().to_owned()
    };
    let before = id(&["plan", "experiments/tedlium_direct.toml", "--profile", "smoke", "--json"]);
    let after = id(&["plan", &file.display().to_string(), "--json"]);
    assert_eq!(before, after);
    let moved = id(&[
        "plan",
        &file.display().to_string(),
        "--json",
        "-s",
        "data.dir=elsewhere",
        "-s",
        "run.threads=1",
    ]);
    assert_eq!(before, moved, "where things lie and run does not change what they are");
    let reseeded = id(&["plan", &file.display().to_string(), "--json", "-s", "run.seed=1"]);
    assert_ne!(before, reseeded);
}

#[test]
fn the_schema_is_json_and_closed() {
    let said = runner(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}
