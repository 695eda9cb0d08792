//! Folders of runs that programs of the past wrote: today's shows, judges, lists and goes on with them.
//!
//! tests/compat/ has one folder for each version whose format somebody may still have, never written again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{root, runner, runs_in};

/// The run of a version, copied to a folder of runs of its own.
struct Old {
    runs: TempDir,
    run: PathBuf,
}

fn all() -> Vec<Old> {
    let folders = fs::read_dir(root().join("tests/compat")).expect("the folders").flatten();
    let versions = folders.map(|entry| entry.path()).filter(|path| path.join("runs").is_dir());
    versions.map(|version| Old::copy(&version.join("runs"))).collect()
}

impl Old {
    fn copy(from: &Path) -> Self {
        let runs = TempDir::new().expect("a folder");
        let status = std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(runs.path()).status();
        assert!(status.is_ok_and(|status| status.success()));
        let mut found = fs::read_dir(runs.path()).expect("runs").flatten().map(|entry| entry.path());
        let run = found.find(|path| path.join("run.json").exists()).expect("a run");
        Old { run, runs }
    }

    fn path(&self) -> String {
        self.run.display().to_string()
    }

    /// The rows of metrics.jsonl.
    fn metrics(&self) -> Vec<String> {
        let rows = fs::read_to_string(self.run.join("metrics.jsonl")).expect("metrics");
        rows.lines().map(str::to_owned).collect()
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.run.join(file)).expect("a file")).expect("JSON")
    }
}

#[test]
fn there_is_one() {
    assert!(!all().is_empty());
}

#[test]
fn it_is_listed_with_what_it_came_to() {
    for old in all() {
        let said = runner(&["results", &old.runs.path().display().to_string(), "--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        let rows: Value = serde_json::from_str(&said.out).expect("JSON");
        let told = rows[0].to_string();
        assert!(
            told.contains(&old.json("run.json")["id"].to_string()) && told.contains("finished"),
            "{told}"
        );
        let page = old.runs.path().join("page.html");
        let said = runner(&["report", &old.path(), "-o", &page.display().to_string()]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
}

#[test]
fn it_is_the_same_run_today_and_finished() {
    for old in all() {
        let id = old.json("run.json")["id"].clone();
        let runs = runs_in(old.runs.path());
        let said = runner(&["run", "tests/compat/experiment.toml", "-s", &runs, "--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        let report: Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!((&report["id"], report["step"].as_u64()), (&id, Some(4)));
        assert_eq!(report["metrics"], old.json("status.json")["metrics"]);
    }
}

#[test]
fn it_is_judged_as_it_was_then() {
    for old in all() {
        let out = old.runs.path().join("judged");
        let said =
            runner(&["eval", &old.path(), "--split", "test", "-o", &out.display().to_string(), "--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        let judged: Value = serde_json::from_str(&said.out).expect("JSON");
        let then = old.json("metrics.json");
        let loss = |of: &Value| of["test/loss"].as_f64().expect("a loss");
        // Kernels may round in another order some day.
        assert!((loss(&judged["metrics"]) / loss(&then) - 1.0).abs() < 1e-4, "{judged} and {then}");
        assert_eq!(judged["metrics"]["test/wer"], then["test/wer"]);
    }
}

#[test]
fn it_goes_on_from_its_last_checkpoint() {
    for old in all() {
        let before = old.metrics();
        let runs = runs_in(old.runs.path());
        let said = runner(&["run", "tests/compat/experiment.toml", "-s", &runs, "-s", "train.max_steps=6"]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.err.contains("resuming step 4/6 from "), "{}", said.err);
        // What is said at the end is said anew behind the new updates.
        let (updates, end) = before.split_at(before.len() - 1);
        assert!(end[0].contains("test/loss"), "{end:?}");
        let after = old.metrics();
        assert!(after.starts_with(updates) && after.len() > before.len(), "{after:?}");
        assert_eq!(old.json("status.json")["step"], 6);
    }
}
