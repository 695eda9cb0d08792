//! `run.processes`: one run in several processes, whose bytes are those of one, and none of which outlives it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Said, command, runner, runs_in, said};

/// A run of `experiment` under `ci`, three batches an update.
fn arguments(experiment: &str, runs: &Path, sets: &[&str]) -> Vec<String> {
    let experiment = format!("experiments/{experiment}.toml");
    let words = ["run", &experiment, "--profile", "ci", "--json", "-s", "train.accumulation_steps=3"];
    let mut arguments: Vec<String> = words.map(str::to_owned).to_vec();
    arguments.extend(["-s".to_owned(), runs_in(runs)]);
    arguments.extend(sets.iter().flat_map(|set| ["-s".to_owned(), (*set).to_owned()]));
    arguments
}

fn ended(arguments: &[String]) -> Said {
    runner(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The report of a run that came to its end.
fn run(experiment: &str, runs: &Path, sets: &[&str]) -> Value {
    let said = ended(&arguments(experiment, runs, sets));
    assert_eq!(said.code, 0, "{experiment} {sets:?}: {}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

fn bytes(report: &Value, file: &str) -> Vec<u8> {
    let path = Path::new(report["dir"].as_str().unwrap()).join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What was learned, counted and predicted.
const RESULTS: [&str; 4] = [
    "metrics.jsonl",
    "preds.jsonl",
    "checkpoints/latest/model.safetensors",
    "checkpoints/latest/optimizer.safetensors",
];

fn agree(a: &Value, b: &Value, files: &[&str], what: &str) {
    assert_eq!(a["id"], b["id"], "{what}");
    for file in files {
        assert!(bytes(a, file) == bytes(b, file), "{what}: {file} differs");
    }
}

const TWO: [&str; 2] = ["run.processes=2", "run.threads=2"];
const THREE: [&str; 2] = ["run.processes=3", "run.threads=3"];

fn processes_change_nothing(experiment: &str, sets: &[&str], files: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let in_ = |name: &str, processes: &[&str]| {
        run(experiment, &folder.path().join(name), &[processes, sets].concat())
    };
    let one = in_("one", &["run.threads=2"]);
    agree(&in_("two", &TWO), &one, files, &format!("{experiment} in two processes"));
    agree(&in_("three", &THREE), &one, files, &format!("{experiment} in three processes"));
}

#[test]
fn a_recogniser_that_drops_has_the_same_bytes_in_one_two_and_three_processes() {
    let sets = ["data.batch_size=2", "model.wav2vec2.hidden_dropout=0.1", "model.wav2vec2.layerdrop=0.2"];
    processes_change_nothing("tedlium_direct", &sets, &RESULTS);
}

#[test]
fn a_classifier_has_the_same_bytes_in_one_two_and_three_processes() {
    let sets = ["data.batch_size=2", "model.wav2vec2.activation_dropout=0.1", "train.max_steps=6"];
    processes_change_nothing("voxceleb_direct", &sets, &RESULTS);
}

/// The student's teacher is another snapshot every second update, and drops, too.
#[test]
fn a_student_whose_teacher_changes_has_the_same_bytes_in_one_two_and_three_processes() {
    let sets =
        ["data.batch_size=2", "distill.teacher_mode=\"reference\"", "model.wav2vec2.hidden_dropout=0.1"];
    processes_change_nothing("tedlium_waypoint", &sets, &RESULTS);
}

#[test]
fn a_model_of_sound_has_the_same_bytes_in_one_two_and_three_processes() {
    let files = &RESULTS[..1];
    processes_change_nothing("sashimi_sc09", &["train.max_steps=6", "model.sashimi.dropout=0.1"], files);
    processes_change_nothing("diffwave_sashimi_sc09", &["train.max_steps=4"], files);
}

/// Rates that fall on a plateau are rank 0's to see, and every process's to follow.
#[test]
fn rates_that_fall_on_a_plateau_fall_in_every_process() {
    let sets = [
        "data.batch_size=2",
        "train.decay_type=\"on_plateau\"",
        "train.decay_patience=0",
        "train.max_lr=0.05",
        "train.warmup_steps=0",
        "train.plateau_steps=0",
        "eval.eval_interval=1",
        "eval.max_eval_batches=1",
    ];
    let folder = tempfile::tempdir().unwrap();
    let one = run("tedlium_direct", &folder.path().join("one"), &sets);
    let rows = String::from_utf8(bytes(&one, "metrics.jsonl")).unwrap();
    let rates: Vec<f64> = rows
        .lines()
        .filter_map(|row| serde_json::from_str::<Value>(row).unwrap()["train/lr"].as_f64())
        .collect();
    assert!(rates.windows(2).any(|pair| pair[1] < pair[0]), "the rate falls: {rates:?}");
    let two = run("tedlium_direct", &folder.path().join("two"), &[&sets[..], &TWO].concat());
    agree(&two, &one, &RESULTS, "two processes");
}

#[test]
fn a_run_goes_on_with_another_number_of_processes_than_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let common = ["data.batch_size=2", "model.wav2vec2.hidden_dropout=0.1", "eval.max_eval_batches=1"];
    let until = |name: &str, steps: &str, processes: &[&str]| {
        let sets = [&common[..], &[steps], processes].concat();
        run("tedlium_direct", &folder.path().join(name), &sets)
    };
    let whole = until("whole", "train.max_steps=8", &["run.threads=1"]);
    until("parts", "train.max_steps=3", &THREE);
    until("parts", "train.max_steps=5", &["run.threads=1"]);
    let parts = until("parts", "train.max_steps=8", &TWO);
    // A run that ends early is judged once more at its end.
    agree(&parts, &whole, &RESULTS[1..], "in parts");
}

/// Processes whose parent is `pid`.
fn children(pid: u32) -> Vec<u32> {
    let of = |entry: fs::DirEntry| {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?);
        (parent.parse() == Ok(pid) && state != "Z").then_some(child)
    };
    let mut children: Vec<u32> = fs::read_dir("/proc").unwrap().flatten().filter_map(of).collect();
    children.sort_unstable();
    children
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn kill(signal: &str, target: &str) {
    assert!(Command::new("kill").args([signal, "--", target]).status().unwrap().success());
}

fn wait_until(what: &str, seen: impl Fn() -> bool) {
    let began = Instant::now();
    while !seen() {
        assert!(began.elapsed() < Duration::from_secs(120), "{what}: not in two minutes");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A run without end in a process group of its own, when it has saved a checkpoint; and its helpers.
fn begun(runs: &Path, sets: &[&str]) -> (Child, Vec<u32>) {
    let sets = [&["train.max_steps=100000", "data.batch_size=2", "eval.max_eval_batches=1"], sets].concat();
    let arguments = arguments("tedlium_direct", runs, &sets);
    let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let saved = || {
        let Ok(runs) = fs::read_dir(runs) else { return false };
        runs.flatten().any(|run| run.path().join("checkpoints/latest").exists())
    };
    wait_until("a checkpoint", saved);
    let helpers = children(child.id());
    (child, helpers)
}

#[test]
fn a_helper_that_is_killed_ends_the_run_which_goes_on_later_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let (child, helpers) = begun(&folder.path().join("runs"), &THREE);
    let [_, second] = helpers[..] else { panic!("{helpers:?}") };
    kill("-9", &second.to_string());
    let said = said(child.wait_with_output().unwrap());
    assert_eq!(said.code, 1, "{}", said.err);
    let rank = if said.err.contains("rank 1") { 1 } else { 2 };
    let cause = format!("the helper process of rank {rank} (process {second}) was killed by signal 9");
    assert!(said.err.contains(&format!("error: {cause}\n")), "{}", said.err);
    assert!(said.err.contains("help: the same command goes on from the last checkpoint"), "{}", said.err);
    wait_until("no helper is left", || !helpers.iter().any(|helper| lives(*helper)));

    let runs = folder.path().join("runs");
    let status = fs::read_dir(&runs).unwrap().flatten().find_map(|run| {
        let text = fs::read_to_string(run.path().join("status.json")).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    });
    let status = status.unwrap();
    assert_eq!((status["state"].as_str(), status["cause"].as_str()), (Some("failed"), Some(cause.as_str())));
    let steps = status["step"].as_u64().unwrap() + 3;
    let more = format!("train.max_steps={steps}");
    let sets = ["data.batch_size=2", "eval.max_eval_batches=1", &more];
    let resumed = run("tedlium_direct", &runs, &[&sets[..], &TWO].concat());
    let whole = run("tedlium_direct", &folder.path().join("whole"), &sets);
    agree(&resumed, &whole, &RESULTS, "resumed");
}

#[test]
fn when_rank_0_is_killed_no_process_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, helpers) = begun(folder.path(), &THREE);
    assert_eq!(helpers.len(), 2);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("no helper is left", || !helpers.iter().any(|helper| lives(*helper)));
}

/// Ctrl-C reaches a whole process group; rank 0 decides what becomes of it.
#[test]
fn signals_are_for_rank_0_which_saves_and_lets_the_others_go() {
    for (signal, to_the_group) in [("-INT", true), ("-TERM", false), ("-USR1", true)] {
        let folder = tempfile::tempdir().unwrap();
        let (child, helpers) = begun(folder.path(), &TWO);
        for signal in ["-INT", "-TERM", "-HUP", "-USR1", "-USR2"] {
            kill(signal, &helpers[0].to_string());
        }
        std::thread::sleep(Duration::from_millis(200));
        assert!(lives(helpers[0]) && lives(child.id()), "a helper leaves signals to rank 0");
        let group = if to_the_group { "-" } else { "" };
        kill(signal, &format!("{group}{}", child.id()));
        let said = said(child.wait_with_output().unwrap());
        assert_eq!(said.code, 75, "{signal}: {}", said.err);
        let report: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(report["state"], "interrupted");
        wait_until("no helper is left", || !lives(helpers[0]));
    }
}

/// Weights that grow without bound: the same updates are lost, and the run gives up with the same words.
#[test]
fn losses_that_are_not_finite_end_a_run_as_in_one_process() {
    let sets = ["data.batch_size=2", "train.max_lr=1e30", "train.warmup_steps=0", "train.max_steps=40"];
    let folder = tempfile::tempdir().unwrap();
    let in_ = |name: &str, processes: &[&str]| {
        let said =
            ended(&arguments("tedlium_direct", &folder.path().join(name), &[&sets[..], processes].concat()));
        assert_eq!(said.code, 1, "{}", said.err);
        let errors: Vec<String> = said
            .err
            .lines()
            .filter(|line| line.starts_with("error") || line.starts_with("help"))
            .map(str::to_owned)
            .collect();
        assert!(errors[0].contains("updates in a row changed nothing"), "{errors:?}");
        errors
    };
    assert_eq!(in_("one", &[]), in_("two", &TWO));
}

#[test]
fn processes_that_would_have_nothing_to_do_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |sets: &[&str]| {
        let said = ended(
            &arguments("tedlium_direct", folder.path(), sets)[..4]
                .iter()
                .cloned()
                .chain(sets.iter().flat_map(|set| ["-s".to_owned(), (*set).to_owned()]))
                .collect::<Vec<_>>(),
        );
        assert_eq!(said.code, 2, "{}", said.err);
        said.err
    };
    let err = refused(&["run.processes=3", "train.accumulation_steps=2"]);
    assert!(
        err.contains(
            "an update has 2 batches (`accumulation_steps`) for 3 processes: some would have nothing to do"
        ),
        "{err}"
    );
    let err = refused(&["run.processes=2"]);
    assert!(err.contains("an update has one batch (`accumulation_steps`) for 2 processes"), "{err}");
    let err = refused(&["run.processes=3", "run.threads=2", "train.accumulation_steps=3"]);
    assert!(
        err.contains("3 processes share 2 of the CPU's threads (`threads`): some would have none"),
        "{err}"
    );
    let err = refused(&["run.processes=0"]);
    assert!(err.contains("run.processes") || err.contains("processes"), "{err}");
    let err = refused(&["run.processes=1000", "train.accumulation_steps=1000"]);
    assert!(err.contains("error: `run.processes = 1000`, but this program has "), "{err}");
    assert!(err.contains("`run.threads = 1000` lets processes share cores"), "{err}");
}

#[test]
fn a_helper_nobody_asked_for_says_who_starts_them() {
    let said =
        runner(&["helper", "--id", "x", "--rank", "1", "--ranks", "2", "--threads", "1", "config.toml"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("error: nobody is there to help: "), "{}", said.err);
    assert!(
        said.err.contains("help: `runner run` starts helpers itself, where `run.processes` is 2 or more")
    );
}

#[test]
fn a_plan_says_what_its_processes_take() {
    let plan = |processes: &str, more: &[&str]| {
        let sets = ["train.accumulation_steps=4", "run.threads=3", processes];
        let mut words = vec!["plan", "experiments/tedlium_direct.toml", "--profile", "smoke"];
        words.extend(sets.iter().flat_map(|set| ["-s", set]));
        words.extend(more);
        let said = runner(&words);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    let said = plan("run.processes=2", &[]);
    assert!(
        said.contains(
            "  2 processes share the batches of an update, and 3 threads; each has all weights and moments\n"
        ),
        "{said}"
    );
    assert!(
        said.contains(" at the peak of training, in 2 processes together; a checkpoint takes "),
        "{said}"
    );
    let json = |processes: &str| serde_json::from_str::<Value>(&plan(processes, &["--json"])).unwrap();
    let (one, two) = (json("run.processes=1"), json("run.processes=2"));
    assert_eq!((&one["id"], &two["processes"], &two["threads"]), (&two["id"], &2.into(), &3.into()));
    // Rank 0 has two of the threads, and two of the four batches.
    assert_eq!(two["micro_batches"]["at_a_time"], 2);
    assert!(two["memory_bytes"].as_u64() > one["memory_bytes"].as_u64());
}

#[test]
fn points_of_a_sweep_share_their_updates_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    let base = crate::support::root().join("experiments/tedlium_direct.toml");
    let text = format!("extends = [\"{}\"]\ndescription = \"a test\"\n[sweep]\nseeds = 2\n", base.display());
    fs::write(&file, text).unwrap();
    let metrics = |name: &str, sets: &[&str], log: &str| -> Vec<Vec<u8>> {
        let runs = folder.path().join(name);
        let (file, dir) = (file.display().to_string(), runs_in(&runs));
        let mut words = vec!["sweep", &file, "--profile", "ci", "--jobs", "1", "-s", &dir];
        let common = [
            "train.accumulation_steps=2",
            "train.max_steps=2",
            "data.batch_size=2",
            "eval.max_eval_batches=1",
        ];
        words.extend(common.iter().chain(sets).flat_map(|set| ["-s", set]));
        let said = runner(&words);
        assert_eq!(said.code, 0, "{}", said.err);
        let mut runs: Vec<_> = fs::read_dir(&runs).unwrap().flatten().map(|run| run.path()).collect();
        runs.retain(|run| run.join("metrics.jsonl").exists());
        runs.sort();
        for run in &runs {
            let said = fs::read_to_string(run.join("log.txt")).unwrap();
            assert!(said.contains(log), "{said}");
        }
        runs.iter().map(|run| fs::read(run.join("metrics.jsonl")).unwrap()).collect()
    };
    let two = metrics("two", &TWO, "2 processes share the updates, and 2 threads");
    assert_eq!(two.len(), 2);
    assert!(two == metrics("one", &["run.threads=1"], ""), "the same bytes");
}
