//! `runner sweep --on slurm` and `runner status` against programs that answer as Slurm does. A real one is in `tests/slurm/`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Said, command, root, said};

/// A folder with a sweep of two points, and a cluster whose queue is the file `queue`.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let text = format!(
        "extends = [\"{}\"]
[sweep]
seeds = 2
[profile.ci]
train.max_steps = 2
output.runs_dir = \"{}\"
slurm = {{ time_limit = \"1h\", max_parallel = 3, setup = [\"module load flac\"] }}
",
        root().join("experiments/speech_commands_classifier.toml").display(),
        folder.path().join("runs").display()
    );
    fs::write(folder.path().join("study.toml"), text).unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    folder
}

/// Puts a program of Slurm onto the path of the commands of this folder.
fn program(folder: &TempDir, name: &str, script: &str) {
    let path = folder.path().join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn cluster(folder: &TempDir) {
    program(folder, "sbatch", "echo \"$@\" >> asked; echo 17");
    program(folder, "squeue", "echo asked >> looked; cat queue 2>/dev/null || true");
    program(folder, "scontrol", "echo 'MaxArraySize            = 1001'");
}

fn call(folder: &TempDir, arguments: &[&str]) -> Said {
    let path = format!("{}:/usr/bin:/bin", folder.path().join("bin").display());
    said(command(arguments).env("PATH", path).output().expect("the program starts"))
}

fn sweep(folder: &TempDir, more: &[&str]) -> Said {
    let file = folder.path().join("study.toml").display().to_string();
    call(folder, &[&["sweep", &file, "--profile", "ci", "--on", "slurm"], more].concat())
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

fn states(report: &Value) -> Vec<&str> {
    report["points"].as_array().unwrap().iter().map(|point| point["state"].as_str().unwrap()).collect()
}

#[test]
fn resources_of_the_command_line_are_those_of_needed_runs_too() {
    let folder = folder();
    let student = root().join("experiments/tedlium_waypoint.toml").display().to_string();
    let file = folder.path().join("taught.toml").display().to_string();
    let axes =
        format!("[sweep.axes]\nexperiment = [\"{student}\"]\ndistill.alpha_layer_distill_loss = [0.5, 1]\n");
    fs::write(&file, axes).expect("a file");
    let more = [
        "--profile",
        "ci",
        "--on",
        "slurm",
        "--dry-run",
        "-s",
        "slurm.cpus_per_task=3",
        "-s",
        "slurm.partition=short",
    ];
    let shown = call(&folder, &[&["sweep", file.as_str()], &more[..]].concat());
    assert_eq!(shown.code, 0, "{}", shown.err);
    // The teacher's job and the students' array.
    for line in ["#SBATCH --cpus-per-task=3", "#SBATCH --partition=short"] {
        assert_eq!(shown.out.lines().filter(|shown| *shown == line).count(), 2, "{line}: {}", shown.out);
    }
}

#[test]
fn without_a_cluster_it_says_so_and_shows_scripts_all_the_same() {
    let folder = folder();
    let none = sweep(&folder, &[]);
    assert_eq!(none.code, 66);
    assert_eq!(
        none.err,
        "error: `sbatch` is not on the path: there is no Slurm here\n\
         help: give the command on a node of the cluster from which jobs are submitted, or without `--on slurm` to work here\n"
    );
    let shown = sweep(&folder, &["--dry-run"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for line in ["#SBATCH --array=0-1%3", "#SBATCH --time=0-01:00:00", "module load flac", "runs=("] {
        assert!(shown.out.lines().any(|shown| shown == line), "{line}: {}", shown.out);
    }
    assert!(
        shown.err.contains("`sbatch` is not on the path, so no cluster has judged them"),
        "{}",
        shown.err
    );
    assert!(!folder.path().join("sweeps").exists(), "a dry run writes nothing");
    let stop = sweep(&folder, &["--on-failure", "stop"]);
    assert_eq!(stop.code, 2, "{}", stop.err);
}

#[test]
fn what_is_in_the_queue_is_not_submitted_again() {
    let folder = folder();
    cluster(&folder);
    let first = sweep(&folder, &["--json", "--jobs", "1"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let first = json_of(&first);
    assert_eq!(states(&first), ["submitted", "submitted"]);
    assert_eq!(first["submitted"][0]["job"], "17");
    let dir = Path::new(first["dir"].as_str().unwrap()).to_owned();
    let script = fs::read_to_string(dir.join("slurm/1.sh")).unwrap();
    assert!(script.contains("#SBATCH --array=0-1%1\n"), "{script}");
    let program = script.lines().last().unwrap().split_whitespace().nth(1).unwrap();
    assert!(Path::new(program).is_file(), "the program is frozen: {program}");
    assert_eq!(fs::read_to_string(folder.path().join("asked")).unwrap().lines().count(), 1);

    // Both wait: nothing is submitted. One is gone, without a run: it is submitted again.
    let name = first["submitted"][0]["name"].as_str().unwrap();
    let queue = |tasks: &[usize]| -> String {
        tasks.iter().map(|task| format!("17|{task}|{name}|PENDING|0:00|1:00:00|N/A||Priority\n")).collect()
    };
    fs::write(folder.path().join("queue"), queue(&[0, 1])).unwrap();
    assert_eq!(states(&json_of(&sweep(&folder, &["--json"]))), ["queued", "queued"]);
    fs::write(folder.path().join("queue"), queue(&[1])).unwrap();
    assert_eq!(states(&json_of(&sweep(&folder, &["--json"]))), ["submitted", "queued"]);
    assert_eq!(fs::read_to_string(folder.path().join("asked")).unwrap().lines().count(), 2);

    // The status asks once, and again only after a while.
    fs::write(folder.path().join("queue"), queue(&[0, 1])).unwrap();
    fs::remove_file(folder.path().join("looked")).unwrap();
    let dir = dir.display().to_string();
    for _ in 0..3 {
        let status = call(&folder, &["status", &dir]);
        assert_eq!(status.code, 0, "{}", status.err);
        assert!(
            status.out.lines().nth(1).unwrap().ends_with("pending  0/2   17_0  others are before it"),
            "{}",
            status.out
        );
    }
    assert_eq!(fs::read_to_string(folder.path().join("looked")).unwrap().lines().count(), 1);
    let by_name = call(
        &folder,
        &["status", "study.toml", "--runs-dir", &folder.path().join("runs").display().to_string(), "--json"],
    );
    assert_eq!(json_of(&by_name)["points"][1]["job"], json!("17_1"), "{}", by_name.err);
}

#[test]
fn a_refusal_is_told_in_the_clusters_words() {
    let folder = folder();
    cluster(&folder);
    program(
        &folder,
        "sbatch",
        "echo 'sbatch: error: invalid partition specified: nowhere' >&2; echo 'sbatch: error: Batch job submission failed: Invalid partition name specified' >&2; exit 1",
    );
    let refused = sweep(&folder, &["-s", "slurm.partition=nowhere"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.starts_with(
            "error: `sbatch` refuses: invalid partition specified: nowhere; Batch job submission failed: Invalid partition name specified\n"
        ),
        "{}",
        refused.err
    );
    let wrong = sweep(
        &folder,
        &[
            "-s",
            "slurm.time_limit=2m",
            "-s",
            "slurm.sbatch=[\"--array=0-3\"]",
            "-s",
            "slurm.mem=16 gigabytes",
        ],
    );
    assert_eq!(wrong.code, 2);
    for words in [
        "`mem` in `[slurm]` is `\"16 gigabytes\"`, but takes a number with `K`, `M`, `G` or `T`, for example `16G`",
        "`--array` is set by the sweep itself",
        "a job of `2m` is told 120 s before its end, and Slurm may be 60 s early: nothing is left to train",
    ] {
        assert!(wrong.err.contains(words), "{words}: {}", wrong.err);
    }
}
