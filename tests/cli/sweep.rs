//! `runner sweep`: points, their workers, and that each comes to its end once, whatever happens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Said, command, root, runner, said};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with a classifier so small that two updates take no time, as an experiment `tiny.toml`.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let base = root().join("experiments/speech_commands_classifier.toml");
    let tiny = format!(
        "extends = [\"{}\"]
[profile.ci]
model.keyword = {{ width = 16, layers = 1, head_dim = 8 }}
data.batch_size = 1
train.max_steps = 2
eval = {{ max_eval_batches = 1, checkpoint_interval = 1 }}
output.runs_dir = \"{}\"
",
        base.display(),
        folder.path().join("runs").display()
    );
    fs::write(folder.path().join("tiny.toml"), tiny).unwrap();
    folder
}

/// Writes `sweep.toml` over `tiny.toml` and gives its path.
fn sweep_file(folder: &TempDir, text: &str) -> String {
    let path = folder.path().join("study.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn sweep(file: &str, more: &[&str]) -> Said {
    runner(&[&["sweep", file, "--profile", "ci"], more].concat())
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

fn states(report: &Value) -> Vec<&str> {
    report["points"].as_array().unwrap().iter().map(|point| point["state"].as_str().unwrap()).collect()
}

fn ids(report: &Value) -> Vec<&str> {
    report["points"].as_array().unwrap().iter().map(|point| point["id"].as_str().unwrap()).collect()
}

/// Every file below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_dry_run_lists_points_that_are_the_plain_runs_and_writes_nothing() {
    let folder = folder();
    let file = sweep_file(
        &folder,
        "[sweep]\nseeds = 2\nexclude = [{ train.max_lr = 2e-3, run.seed = 1 }]\n[sweep.axes]\nexperiment = [\"tiny.toml\"]\ntrain.max_lr = [1e-3, 2e-3]\n",
    );
    let before = files(folder.path()).len();
    let text = sweep(&file, &["--dry-run"]);
    let report = json(&sweep(&file, &["--dry-run", "--json"]));
    assert_eq!(text.code, 0, "{}", text.err);
    let tiny = folder.path().join("tiny.toml").display().to_string();
    let plain = |lr: &str, seed: &str| {
        let sets = [format!("train.max_lr={lr}"), format!("run.seed={seed}")];
        let said = runner(&["id", &tiny, "--profile", "ci", "-s", &sets[0], "-s", &sets[1]]);
        said.out.trim().to_owned()
    };
    let expected = [plain("1e-3", "0"), plain("1e-3", "1"), plain("2e-3", "0")];
    assert_eq!(ids(&report), expected);
    let [one, two, three] = &expected;
    assert_eq!(
        text.out,
        format!(
            "point  run            state  train.max_lr  run.seed
1      tiny-{one}  new    0.001         0
2      tiny-{two}  new    0.001         1
3      tiny-{three}  new    0.002         0
"
        )
    );
    assert_eq!(text.err, format!("3 points in {}: 3 new\n", folder.path().join("runs").display()));
    assert_eq!(report["points"][1]["settings"]["run.seed"], 1);
    assert_eq!(files(folder.path()).len(), before, "a dry run writes nothing");
}

#[test]
fn a_failing_point_takes_no_other_along() {
    let folder = folder();
    let file = sweep_file(
        &folder,
        "[sweep.axes]\nexperiment = [\"tiny.toml\"]\ndata.dev_meta = [\"gone.txt\", \"meta.dev.digits.nltLa.txt\"]\n",
    );
    let first = sweep(&file, &["--json", "--jobs", "2"]);
    assert_eq!(first.code, 1, "{}", first.err);
    let report = json(&first);
    assert_eq!(states(&report), ["failed", "done"]);
    let log = report["points"][0]["log"].as_str().unwrap();
    let error = report["points"][0]["error"].as_str().unwrap();
    assert!(error.contains("gone.txt"), "{error}");
    assert!(fs::read_to_string(log).unwrap().contains(error));
    assert!(
        first.err.contains(&format!("failed: point 1, tiny-{}: {error}\n        {log}", ids(&report)[0])),
        "{}",
        first.err
    );
    assert!(
        first.err.contains("2 points: 1 done, 1 failed; the same command goes on from here"),
        "{}",
        first.err
    );

    // Given again, what is done is left alone and what failed is tried again.
    let second = sweep(&file, &["--json"]);
    assert_eq!((second.code, states(&json(&second))), (1, vec!["failed", "done"]));
    assert_eq!(json(&second)["points"][1]["reused"], true);

    // The table is that of its points.
    let rows = runner(&["results", report["dir"].as_str().unwrap(), "--columns", "id,state", "--json"]);
    assert_eq!(json(&rows), serde_json::json!([{"id": ids(&report)[1], "state": "finished"}]));
}

#[test]
fn a_new_value_runs_only_new_points_and_plain_runs_count() {
    let folder = folder();
    let tiny = folder.path().join("tiny.toml").display().to_string();
    let plain =
        runner(&["run", &tiny, "--profile", "ci", "-s", "run.seed=1", "-s", "name=\"by_hand\"", "--json"]);
    assert_eq!(plain.code, 0, "{}", plain.err);
    let axes =
        |seeds: &str| format!("[sweep]\nseeds = {seeds}\n[sweep.axes]\nexperiment = [\"tiny.toml\"]\n");
    let said = sweep(&sweep_file(&folder, &axes("[0, 1]")), &["--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report = json(&said);
    let reused = |report: &Value| -> Vec<bool> {
        report["points"].as_array().unwrap().iter().map(|point| point["reused"].as_bool().unwrap()).collect()
    };
    assert_eq!(reused(&report), [false, true], "the run called `by_hand` is the same run");
    assert_eq!(report["points"][1]["dir"], json(&plain)["dir"]);
    let wider = sweep(&sweep_file(&folder, &axes("[0, 1, 2]")), &["--json"]);
    assert_eq!(wider.code, 0, "{}", wider.err);
    assert_eq!(reused(&json(&wider)), [true, true, false]);
    assert!(wider.err.contains("3 points: 1 done, 2 done before; `runner results "), "{}", wider.err);
    let runs = fs::read_dir(folder.path().join("runs")).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(runs.filter(|path| path.is_dir()).count(), 3);

    // A value taken out leaves its run, and is out of the table.
    let narrow = sweep(&sweep_file(&folder, &axes("[2]")), &["--json"]);
    let table =
        runner(&["results", json(&narrow)["dir"].as_str().unwrap(), "--columns", "run.seed", "--json"]);
    assert_eq!(json(&table), serde_json::json!([{"run.seed": 2}]));
    let newest =
        runner(&["results", &folder.path().join("runs").display().to_string(), "--sweep", "study", "--json"]);
    assert_eq!(json(&newest).as_array().unwrap().len(), 1);
}

#[test]
fn what_a_check_says_of_a_sweep() {
    let folder = folder();
    let file = sweep_file(&folder, "extends = [\"tiny.toml\"]\n[sweep]\nseeds = 2\n");
    let said = runner(&["check", &file, "--profile", "ci"]);
    assert_eq!((said.code, said.err), (0, format!("{file}: ok, a sweep of 2 runs\n")));
    let said = runner(&["run", &file, "--profile", "ci"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains(&format!("error[E015]: `{file}` is a sweep: many runs, not one")),
        "{}",
        said.err
    );
    let tiny = folder.path().join("tiny.toml").display().to_string();
    let said = sweep(&tiny, &[]);
    assert_eq!(said.code, 2);
    assert!(said.err.starts_with(&format!("error: `{tiny}` has no `[sweep]`\n")), "{}", said.err);
}

#[test]
fn axes_that_tell_no_runs_apart_are_refused() {
    let folder = folder();
    let file = sweep_file(
        &folder,
        "extends = [\"tiny.toml\"]\n[sweep.axes]\nrun.threads = [1, 2]\ndistill.alpha_layer_distill_loss = [1, 2]\n",
    );
    let said = sweep(&file, &["--dry-run"]);
    assert_eq!(said.code, 2);
    assert_eq!(
        said.err,
        format!(
            "error[E016]: `run.threads` tells no runs apart: another value makes no other run
 --> {file}:3:5
  |
3 | run.threads = [1, 2]
  |     ^^^^^^^
  = help: set it for the whole sweep: in the file, or with `-s run.threads=VALUE`

error[E016]: nothing in any run of this sweep reads `distill.alpha_layer_distill_loss`
 --> {file}:4:9
  |
4 | distill.alpha_layer_distill_loss = [1, 2]
  |         ^^^^^^^^^^^^^^^^^^^^^^^^
  = help: take it out, or name experiments that have it

2 errors
"
        )
    );
}

#[test]
fn a_contradiction_points_at_the_value() {
    let folder = folder();
    let file =
        sweep_file(&folder, "extends = [\"tiny.toml\"]\n[sweep.axes]\nmodel.keyword.head_dim = [8, 7]\n");
    let said = sweep(&file, &["--dry-run"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains(&format!(" --> {file}:3:30")), "{}", said.err);
    assert!(said.err.ends_with("1 error\n"), "{}", said.err);
}

/// What is wrong in the file is found with what is wrong at its points, once.
#[test]
fn mistakes_of_file_and_points_come_together() {
    let folder = folder();
    let file = sweep_file(
        &folder,
        "extends = [\"tiny.toml\"]\n[train]\nmax_lrr = 1\n[sweep]\nseeds = 2\n[sweep.axes]\nmodel.keyword.head_dim = [8, 7]\n",
    );
    for verb in [&["check", &file][..], &["sweep", &file, "--dry-run"]] {
        let said = runner(&[verb, &["--profile", "ci"]].concat());
        let errors: Vec<&str> = said.err.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(said.code, 2, "{}", said.err);
        assert_eq!(errors.len(), 2, "{}", said.err);
        assert!(
            errors[0].contains("unknown key `max_lrr`") && errors[1].contains("`head_dim`"),
            "{}",
            said.err
        );
    }
}

/// Rows of metrics by run id.
fn metrics(runs: &Path) -> BTreeMap<String, String> {
    let runs = fs::read_dir(runs).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let read = |run: PathBuf| {
        let id = run.to_string_lossy().rsplit('-').next().unwrap().to_owned();
        (id, fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default())
    };
    runs.map(read).collect()
}

/// Waits until `seen`, at most two minutes.
fn wait_until(seen: impl Fn() -> bool) {
    let began = Instant::now();
    while !seen() {
        assert!(began.elapsed() < Duration::from_secs(120), "not in two minutes");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(signal: &str, process: u64) {
    // It may have ended by itself.
    _ = Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// Checkpoints in all runs.
fn saved(runs: &Path) -> usize {
    files(runs).iter().filter(|file| file.ends_with("state.json")).count()
}

/// Who holds a run that has begun.
fn holders(runs: &Path) -> Vec<u64> {
    let locks = files(runs).into_iter().filter(|file| file.ends_with(".lock"));
    let holder = |file| serde_json::from_str::<Value>(&fs::read_to_string(file).ok()?).ok()?["pid"].as_u64();
    locks.filter_map(holder).collect()
}

#[cfg(unix)]
#[test]
fn killed_anywhere_and_given_again_each_point_is_done_once() {
    let folder = folder();
    let file = sweep_file(&folder, "extends = [\"tiny.toml\"]\n[sweep]\nseeds = 3\n");
    let runs = folder.path().join("runs");
    let steps = ["-s", "train.max_steps=6", "-s", "train.decay_steps=4"];
    let arguments = [&["sweep", &file, "--profile", "ci", "--jobs", "2"][..], &steps].concat();
    for round in 0..3 {
        let mut child = command(&arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let before = saved(&runs);
        wait_until(|| saved(&runs) > before || child_ended(child.id()));
        match round {
            // The sweep alone: its workers see that it is gone.
            0 => kill("-9", child.id().into()),
            // A worker: the sweep goes on with the others.
            1 => holders(&runs).first().into_iter().for_each(|worker| kill("-9", *worker)),
            // Both at once.
            _ => {
                holders(&runs).into_iter().for_each(|worker| kill("-9", worker));
                kill("-9", child.id().into());
            }
        }
        child.wait().unwrap();
    }
    let last = runner(&[&arguments[..], &["--json"]].concat());
    assert_eq!(last.code, 0, "{}", last.err);
    assert_eq!(states(&json(&last)), ["done"; 3]);

    let whole = folder.path().join("whole");
    let elsewhere = format!("output.runs_dir=\"{}\"", whole.display());
    let undisturbed = runner(&[&arguments[..], &["-s", &elsewhere]].concat());
    assert_eq!(undisturbed.code, 0, "{}", undisturbed.err);
    assert_eq!(metrics(&runs), metrics(&whole), "as if nothing had happened");
}

#[cfg(unix)]
fn child_ended(pid: u32) -> bool {
    // A process that ended and was not waited for yet has no command line.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty())
}

#[cfg(unix)]
#[test]
fn asked_to_stop_it_saves_what_it_has_and_goes_on_later() {
    let folder = folder();
    let file = sweep_file(&folder, "extends = [\"tiny.toml\"]\n[sweep]\nseeds = 2\n");
    let runs = folder.path().join("runs");
    let long = ["-s", "train.max_steps=100000"];
    let arguments = [&["sweep", &file, "--profile", "ci", "--jobs", "1", "--json"][..], &long].concat();
    let child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| saved(&runs) > 0);
    let second = runner(&arguments);
    assert_eq!(second.code, 73, "{}", second.err);
    assert!(
        second.err.contains("sweeps/study-") && second.err.contains("` is already worked on by process "),
        "{}",
        second.err
    );
    kill("-TERM", child.id().into());
    let first = said(child.wait_with_output().unwrap());
    assert_eq!(first.code, 75, "{}", first.err);
    assert_eq!(states(&json(&first)), ["interrupted", "new"]);
    assert!(
        first.err.contains("2 points: 1 interrupted, 1 not begun; the same command goes on from here"),
        "{}",
        first.err
    );
    // Left as it is on request.
    let left = [&arguments[..], &["--retry", "failed", "--dry-run"]].concat();
    assert_eq!(states(&json(&runner(&left))), ["resumable", "new"]);
    // Shorter, it is done at once or goes on to its end: the same run.
    let shorter = sweep(&file, &["--json"]);
    assert_eq!((shorter.code, states(&json(&shorter))), (0, vec!["done", "done"]), "{}", shorter.err);
}

/// Writes an experiment over a shipped one, with a model that takes no time.
fn small(folder: &TempDir, name: &str, base: &str, more: &str) {
    let text = format!(
        "extends = [\"{}\"]\n{more}
[profile.ci]
output.runs_dir = \"{}\"
data = {{ batch_size = 1, input_length_upper_bound = 30000 }}
train.max_steps = 2
eval = {{ max_eval_batches = 1, checkpoint_interval = 2 }}
[profile.ci.model.wav2vec2]
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 16
conv_dim = [8, 8, 8]
feat_extract_norm = \"layer\"
num_conv_pos_embedding_groups = 4
mamba_headdim = 8
mamba_d_state = 8
",
        root().join("experiments").join(base).display(),
        folder.path().join("runs").display()
    );
    fs::write(folder.path().join(name), text).unwrap();
}

#[test]
fn students_share_a_teacher_that_comes_first() {
    let folder = folder();
    small(&folder, "teacher.toml", "tedlium_direct.toml", "");
    small(&folder, "student.toml", "tedlium_waypoint.toml", "distill.teacher = \"teacher\"");
    let axes = "[sweep.axes]\nexperiment = [\"student.toml\", \"teacher.toml\"]\n\
                distill.alpha_layer_distill_loss = [0.5, 1]\n";
    let file = sweep_file(&folder, axes);
    let said = sweep(&file, &["--jobs", "2", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report = json(&said);
    let points = report["points"].as_array().unwrap();
    // The teacher, to which the axis means nothing, is one point, and what the others need.
    let names: Vec<&str> = points.iter().map(|point| point["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["student", "student", "teacher"]);
    assert_eq!(points[2]["also"].as_array().unwrap().len(), 1);
    assert_eq!(report["needed"].as_array().unwrap().len(), 0);
    for point in &points[..2] {
        assert_eq!(point["needs"], serde_json::json!([points[2]["id"]]));
    }
    let begins: Vec<&str> = said.err.lines().filter(|line| line.contains(" starts on ")).collect();
    assert_eq!(begins.len(), 3, "{}", said.err);
    assert!(begins[0].starts_with("[3/3] teacher-"), "{}", said.err);

    // A plain run with a point's options set is that run, found at its end, and tells where its options came from.
    let student = folder.path().join("student.toml").display().to_string();
    let plain =
        runner(&["run", &student, "--profile", "ci", "-s", "distill.alpha_layer_distill_loss=0.5", "--json"]);
    assert_eq!(plain.code, 0, "{}", plain.err);
    assert_eq!((&json(&plain)["id"], &json(&plain)["dir"]), (&points[0]["id"], &points[0]["dir"]));
    let run = PathBuf::from(points[0]["dir"].as_str().unwrap());
    let origins = fs::read_to_string(run.join("origin.json")).unwrap();
    assert!(origins.contains(&format!("{file}:3")), "{origins}");
    let identity: Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    assert_eq!((&identity["experiment"], &identity["profile"]), (&Value::from(student), &Value::from("ci")));
}
