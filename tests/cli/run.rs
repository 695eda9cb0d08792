//! `runner run`, `eval`, `results`: what a run leaves, resumes from, and comes to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::{command, runner, runs_in, said};
use serde_json::Value;

/// A run of the direct experiment under `ci`, with more overrides.
fn direct(runs: &Path, more: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["run", "experiments/tedlium_direct.toml", "--profile", "ci", "--json", "-s"]
            .map(str::to_owned)
            .to_vec();
    arguments.push(runs_in(runs));
    for set in more {
        arguments.extend(["-s".to_owned(), (*set).to_owned()]);
    }
    arguments
}

fn run(arguments: &[String]) -> Value {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = runner(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

fn dir(report: &Value) -> PathBuf {
    PathBuf::from(report["dir"].as_str().unwrap())
}

fn bytes(report: &Value, file: &str) -> Vec<u8> {
    let path = dir(report).join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_run_leaves_everything_and_a_second_one_only_reports() {
    let runs = tempfile::tempdir().unwrap();
    let report = run(&direct(runs.path(), &[]));
    assert_eq!((report["state"].as_str(), report["step"].as_u64()), (Some("finished"), Some(10)));
    assert!(report["metrics"]["test/wer"].is_f64());
    for file in [
        "config.toml",
        "origin.json",
        "run.json",
        "status.json",
        "metrics.jsonl",
        "timings.jsonl",
        "preds.jsonl",
        "metrics.json",
        "log.txt",
        "checkpoints/latest/model.safetensors",
        "checkpoints/best/state.json",
    ] {
        assert!(dir(&report).join(file).exists(), "{file} is missing");
    }
    let first: Value =
        serde_json::from_slice(bytes(&report, "preds.jsonl").split(|&b| b == b'\n').next().unwrap()).unwrap();
    assert!(first["name"].is_string() && first["pred"].is_string() && first["label"].is_string());

    let model = dir(&report).join("checkpoints/latest/model.safetensors");
    let written = fs::metadata(&model).unwrap().modified().unwrap();
    let again = run(&direct(runs.path(), &[]));
    assert_eq!(report, again);
    assert_eq!(written, fs::metadata(&model).unwrap().modified().unwrap(), "nothing is done twice");
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_one_and_two_threads() {
    let runs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = run(&direct(runs[0].path(), &["run.threads=1"]));
    let two = run(&direct(runs[1].path(), &["run.threads=2"]));
    for file in [
        "metrics.jsonl",
        "preds.jsonl",
        "checkpoints/step-10/model.safetensors",
        "checkpoints/step-10/optimizer.safetensors",
    ] {
        assert!(bytes(&one, file) == bytes(&two, file), "{file} differs");
    }
}

/// Where the processor has tiles, products of bfloat16 change what is learnt, the same way on one thread and on two; elsewhere they are those of f32.
#[test]
fn bfloat16_is_computed_where_the_processor_has_it_and_told() {
    let runs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let model = "checkpoints/step-2/model.safetensors";
    let with = |runs: &Path, more: &[&str]| {
        run(&direct(runs, &[&["train.max_steps=2", "eval.max_eval_batches=1"], more].concat()))
    };
    let plain = with(runs[0].path(), &[]);
    let one = with(runs[1].path(), &["run.precision=bf16", "run.threads=1"]);
    let two = with(runs[2].path(), &["run.precision=bf16", "run.threads=2"]);
    assert!(bytes(&one, model) == bytes(&two, model), "threads make a difference");
    let told: Value = serde_json::from_slice(&bytes(&one, "run.json")).unwrap();
    let has_tiles = kernels::matmul::bf16::available();
    assert_eq!(told["precision"], if has_tiles { "bf16" } else { "bf16 → f32" });
    assert_eq!(bytes(&plain, model) != bytes(&one, model), has_tiles, "the weights tell what was computed");
}

/// One run with recomputed blocks on one thread, and one that begins without and goes on with them, on two.
#[test]
fn recomputed_blocks_give_the_same_bytes_whatever_the_threads_and_wherever_they_begin() {
    let runs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let sets = |more: &[&'static str]| -> Vec<&'static str> {
        [&["data.batch_size=2", "eval.max_eval_batches=1", "model.wav2vec2.hidden_dropout=0.1"], more]
            .concat()
    };
    let block = "train.recompute=\"block\"";
    let one = run(&direct(runs[0].path(), &sets(&["train.max_steps=4", "run.threads=1", block])));
    let begun = run(&direct(runs[1].path(), &sets(&["train.max_steps=2", "run.threads=2"])));
    let two = run(&direct(runs[1].path(), &sets(&["train.max_steps=4", "run.threads=2", block])));
    assert_eq!((&one["id"], &begun["id"]), (&two["id"], &two["id"]));
    for file in
        ["metrics.jsonl", "checkpoints/step-4/model.safetensors", "checkpoints/step-4/optimizer.safetensors"]
    {
        assert!(bytes(&one, file) == bytes(&two, file), "{file} differs");
    }
}

/// One run in turn on one thread, and one that begins in turn and goes on side by side: on two threads, of three batches one is left over.
#[test]
fn batches_side_by_side_give_the_same_bytes_whatever_the_threads_and_wherever_they_begin() {
    let runs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let sets = |more: &[&'static str]| -> Vec<&'static str> {
        let common = [
            "data.batch_size=2",
            "eval.max_eval_batches=1",
            "model.wav2vec2.hidden_dropout=0.1",
            "train.accumulation_steps=3",
        ];
        [&common, more].concat()
    };
    let (in_turn, side_by_side) = ("run.micro_batches=\"in_turn\"", "run.micro_batches=\"side_by_side\"");
    let one = run(&direct(runs[0].path(), &sets(&["train.max_steps=4", "run.threads=1"])));
    let begun = run(&direct(runs[1].path(), &sets(&["train.max_steps=2", "run.threads=2", in_turn])));
    let two = run(&direct(runs[1].path(), &sets(&["train.max_steps=4", "run.threads=2", side_by_side])));
    assert_eq!((&one["id"], &begun["id"]), (&two["id"], &two["id"]));
    for file in
        ["metrics.jsonl", "checkpoints/step-4/model.safetensors", "checkpoints/step-4/optimizer.safetensors"]
    {
        assert!(bytes(&one, file) == bytes(&two, file), "{file} differs");
    }
}

#[test]
fn a_longer_run_continues_the_shorter_one_bit_for_bit() {
    let runs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let short = run(&direct(runs[0].path(), &["train.max_steps=6"]));
    assert_eq!(short["step"].as_u64(), Some(6));
    let continued = run(&direct(runs[0].path(), &[]));
    let whole = run(&direct(runs[1].path(), &[]));
    assert_eq!(continued["id"], whole["id"]);
    for file in
        ["checkpoints/step-10/model.safetensors", "checkpoints/step-10/optimizer.safetensors", "preds.jsonl"]
    {
        assert!(bytes(&continued, file) == bytes(&whole, file), "{file} differs");
    }
}

/// Whether a folder of runs, which holds other files, too, has a run with this file.
fn some_run_has(runs: &Path, file: &str) -> bool {
    fs::read_dir(runs)
        .is_ok_and(|mut runs| runs.any(|run| run.is_ok_and(|run| run.path().join(file).exists())))
}

#[test]
fn a_killed_run_goes_on_and_ends_as_if_nothing_had_happened() {
    let runs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let steps = ["train.max_steps=40"];
    let arguments = direct(runs[0].path(), &steps);
    let mut child = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
    let started = Instant::now();
    while !some_run_has(runs[0].path(), "checkpoints/step-4/state.json") {
        assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint in two minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = run(&arguments);
    let whole = run(&direct(runs[1].path(), &steps));
    assert_eq!(resumed["state"], "finished");
    for file in ["metrics.jsonl", "preds.jsonl", "checkpoints/step-40/model.safetensors"] {
        assert!(bytes(&resumed, file) == bytes(&whole, file), "{file} differs");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_exits_75_and_a_second_process_73() {
    let runs = tempfile::tempdir().unwrap();
    let arguments = direct(runs.path(), &["train.max_steps=100000"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let child = command(&arguments).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while !some_run_has(runs.path(), "checkpoints/latest") {
        assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint in two minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = runner(&arguments);
    assert_eq!(second.code, 73, "{}", second.err);
    assert!(second.err.contains("is already running"), "{}", second.err);
    let signalled =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let first = said(child.wait_with_output().unwrap());
    assert_eq!(first.code, 75, "{}", first.err);
    let report: Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(report["state"], "interrupted");
}

#[test]
fn a_student_runs_its_teacher_first_and_reuses_it() {
    let runs = tempfile::tempdir().unwrap();
    let runs_dir = runs_in(runs.path());
    for experiment in ["tedlium_waypoint", "tedlium_target", "tedlium_hybrid", "tedlium_unguided"] {
        let said =
            runner(&["run", &format!("experiments/{experiment}.toml"), "--profile", "ci", "-s", &runs_dir]);
        assert_eq!(said.code, 0, "{experiment}: {}", said.err);
        assert!(said.out.contains(experiment), "{}", said.out);
    }
    let mut names: Vec<String> = fs::read_dir(runs.path())
        .unwrap()
        .map(|run| run.unwrap())
        // Beside the runs lies what TensorBoard shows of all of them.
        .filter(|run| run.path().is_dir())
        .map(|run| run.file_name().into_string().unwrap())
        .collect();
    names.sort();
    let stems: Vec<&str> = names.iter().map(|name| name.rsplit_once('-').unwrap().0).collect();
    assert_eq!(
        stems,
        ["tedlium_direct", "tedlium_hybrid", "tedlium_target", "tedlium_unguided", "tedlium_waypoint"],
        "one teacher and one target-guided run serve all"
    );

    let rows = runner(&["results", &runs.path().display().to_string(), "--json"]);
    let rows: Value = serde_json::from_str(&rows.out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 5);

    let waypoint = runs.path().join(names.iter().find(|name| name.starts_with("tedlium_waypoint")).unwrap());
    let metrics = fs::read_to_string(waypoint.join("metrics.jsonl")).unwrap();
    assert!(metrics.contains("train/layer_distill") && metrics.contains("train/logits_distill"), "{metrics}");
    let switches = metrics.lines().filter(|line| line.contains("train/teacher_step")).count();
    assert_eq!(switches, 5, "a waypoint every fifth of the steps");

    // The run's own config.toml names its teacher by folder: it is the same run, found finished.
    let again = runner(&["run", &waypoint.join("config.toml").display().to_string(), "--json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    let again: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(PathBuf::from(again["dir"].as_str().unwrap()), waypoint);

    // Evaluation of the finished run gives what the run itself reported.
    let output = runs.path().join("judged");
    let judged = runner(&[
        "eval",
        &waypoint.display().to_string(),
        "--split",
        "test",
        "-o",
        &output.display().to_string(),
        "--json",
    ]);
    assert_eq!(judged.code, 0, "{}", judged.err);
    let judged: Value = serde_json::from_str(&judged.out).unwrap();
    assert_eq!(judged["metrics"]["test/wer"], again["metrics"]["test/wer"]);
    assert_eq!(
        fs::read(output.join("preds.jsonl")).unwrap(),
        fs::read(waypoint.join("preds.jsonl")).unwrap()
    );
}

#[test]
fn mamba_1_students_train_too() {
    let runs = tempfile::tempdir().unwrap();
    let said = runner(&[
        "run",
        "experiments/tedlium_unguided.toml",
        "--profile",
        "ci",
        "--hparams",
        "asr_mamba_use_mamba2=False,mamba_d_state=8",
        "-s",
        &runs_in(runs.path()),
        "--json",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert!(report["metrics"]["test/loss"].as_f64().unwrap().is_finite());
}

#[test]
fn a_corpus_that_changed_stops_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let corpus = dir.path().join("corpus");
    copy_meta(&corpus);
    let data = format!("data.dir=\"{}\"", corpus.display());
    let runs = dir.path().join("runs");
    run(&direct(&runs, &[&data, "train.max_steps=2"]));
    let meta = corpus.join("meta.train.txt");
    let fewer: Vec<String> = fs::read_to_string(&meta).unwrap().lines().skip(1).map(str::to_owned).collect();
    fs::write(&meta, fewer.join("\n")).unwrap();
    let arguments = direct(&runs, &[&data]);
    let said = runner(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("the train file of the corpus has changed since this run began"),
        "{}",
        said.err
    );
}

/// The smoke corpus' lists, over links to its audio.
fn copy_meta(to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in
        fs::read_dir(crate::support::root().join("corpora/smoke")).unwrap().map(|entry| entry.unwrap().path())
    {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(&entry, &target).unwrap();
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

/// Shuffled epochs may refuse nearly twice the corpus in a row before the one admitted utterance comes again.
#[test]
fn a_single_admitted_utterance_is_enough_to_train_on() {
    let runs = tempfile::tempdir().unwrap();
    for bound in [44_071, 10_000_000] {
        let said = runner(&[
            "run",
            "experiments/tedlium_direct.toml",
            "--profile",
            "ci",
            "-s",
            "data.data_warmup_steps=1000",
            "-s",
            "data.input_length_upper_bound=10000000",
            "-s",
            &format!("data.input_length_lower_bound={bound}"),
            "-s",
            "data.bucket_size=1",
            "-s",
            &runs_in(runs.path()),
        ]);
        match bound {
            44_071 => assert_eq!(said.code, 0, "{}", said.err),
            _ => {
                assert_eq!(said.code, 1);
                assert!(said.err.contains("none of the 1060 utterances of `"), "{}", said.err);
            }
        }
    }
}
