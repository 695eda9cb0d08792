//! `runner gc`: what goes is listed before it goes, and nothing goes that anybody could want.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use runner::record::Folder;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Said, runner};

/// A folder of runs beside which sweeps may lie.
struct Home {
    _dir: TempDir,
    runs: PathBuf,
}

impl Home {
    fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        let runs = dir.path().join("runs");
        fs::create_dir(&runs).expect("a folder");
        Home { _dir: dir, runs }
    }

    /// A run with checkpoints at these steps, the last of which is `latest`.
    fn run(&self, name: &str, state: &str, steps: &[u64], best: u64, more: Value) -> PathBuf {
        let run = self.runs.join(name);
        let id = name.rsplit_once('-').expect("a name with an id").1;
        for step in steps {
            let dir = run.join(format!("checkpoints/step-{step}"));
            fs::create_dir_all(&dir).expect("a folder");
            fs::write(dir.join("model.safetensors"), vec![0; 1_000]).expect("a file");
        }
        let last = steps.last().expect("a checkpoint");
        for (link, step) in [("latest", last), ("best", &best)] {
            symlink(format!("step-{step}"), run.join("checkpoints").join(link)).expect("a link");
        }
        let mut identity = json!({"name": name, "id": id, "config": {"output.keep_every": "20"}});
        identity.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let status = json!({"state": state, "step": last, "max_steps": last, "metrics": {}, "pid": 1, "updated": "", "cause": null});
        fs::write(run.join("run.json"), identity.to_string()).expect("a file");
        fs::write(run.join("status.json"), status.to_string()).expect("a file");
        run
    }

    fn gc(&self, more: &[&str]) -> Said {
        runner(&[&["gc", self.runs.to_str().expect("UTF-8")], more].concat())
    }

    fn there(&self, run: &str) -> Vec<String> {
        names(&self.runs.join(run).join("checkpoints"))
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

const ALL: [&str; 6] = ["best", "latest", "step-10", "step-20", "step-30", "step-40"];

#[test]
fn it_lists_and_removes_only_when_told_and_never_the_latest_or_the_best() {
    let home = Home::new();
    home.run("a-00000001", "finished", &[10, 20, 30, 40, 50], 30, json!({}));
    let whole = home.there("a-00000001");
    let said = home.gc(&[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("checkpoints/step-10") && said.out.contains("earlier"), "{}", said.out);
    assert!(!said.out.contains("step-20") && !said.out.contains("step-30"), "{}", said.out);
    assert!(
        said.err.contains("checkpoints that can go: 1, 1.0 kB of ")
            && said.err.contains("nothing was removed"),
        "{}",
        said.err
    );
    assert_eq!(home.there("a-00000001"), whole);

    let said = home.gc(&["--yes"]);
    assert!(said.err.contains("checkpoints removed: 1, 1.0 kB"), "{}", said.err);
    assert_eq!(home.there("a-00000001"), ["best", "latest", "step-20", "step-30", "step-40", "step-50"]);
    let said = home.gc(&["--yes", "--waypoints"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(home.there("a-00000001"), ["best", "latest", "step-30", "step-50"]);
    let said = home.gc(&["--yes", "--waypoints"]);
    assert!(said.err.contains("nothing is spare of "), "{}", said.err);
}

#[test]
fn what_others_build_on_stays_whole() {
    let home = Home::new();
    let steps = [10, 20, 30, 40];
    for name in ["teacher-00000001", "parent-00000002", "source-00000003", "named-00000004", "spare-00000005"]
    {
        home.run(name, "finished", &steps, 40, json!({}));
    }
    let student =
        |more| home.run(&format!("s-1000000{}", names(&home.runs).len()), "finished", &[1], 1, more);
    student(json!({"needs": {"tedlium_teacher": "00000001"}}));
    student(json!({"parent": "results/runs/parent-00000002@20"}));
    student(
        json!({"needs": {"results/runs/source-00000003/checkpoints/step-10": "results/runs/source-00000003/checkpoints/step-10"}}),
    );
    student(json!({"config": {"distill.teacher": "../runs/named-00000004"}}));
    let said = home.gc(&["--yes", "--waypoints"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for name in ["teacher-00000001", "parent-00000002", "source-00000003", "named-00000004"] {
        assert_eq!(home.there(name), ALL, "{name}");
        assert!(said.err.contains(&format!("{name}: nothing of it goes, `s-")), "{}", said.err);
    }
    assert_eq!(home.there("spare-00000005"), ["best", "latest", "step-40"]);
}

#[test]
fn a_run_that_a_sweep_still_needs_stays_whole() {
    let home = Home::new();
    home.run("teacher-00000001", "finished", &[10, 20, 30, 40], 40, json!({}));
    let sweep = home.runs.with_file_name("sweeps").join("study-0000abcd");
    fs::create_dir_all(&sweep).expect("a folder");
    let row = json!({"number": 1, "id": "99999999", "name": "student", "needs": ["00000001"]});
    fs::write(sweep.join("points.jsonl"), format!("{row}\n")).expect("a file");
    let said = home.gc(&["--yes", "--waypoints"]);
    assert!(said.err.contains("a run of a sweep builds on it"), "{}", said.err);
    assert_eq!(home.there("teacher-00000001"), ALL);
}

#[test]
fn runs_that_are_not_done_or_at_work_are_left_alone() {
    let home = Home::new();
    home.run("stopped-00000001", "interrupted", &[10, 20, 30, 40], 40, json!({}));
    let busy = home.run("busy-00000002", "running", &[10, 20, 30, 40], 40, json!({}));
    fs::create_dir(busy.join("checkpoints/step-5.damaged")).expect("a folder");
    fs::create_dir(home.runs.join("stopped-00000001/checkpoints/step-5.damaged")).expect("a folder");
    let _lock = Folder::at(&busy).lock().expect("nobody else's");
    let said = home.gc(&["--yes", "--waypoints"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("busy-00000002: nothing of it goes, a process is at work on it"),
        "{}",
        said.err
    );
    assert!(said.err.contains("stopped-00000001: nothing of it goes, it is not done"), "{}", said.err);
    assert!(home.there("busy-00000002").contains(&"step-5.damaged".to_owned()));
    assert_eq!(home.there("stopped-00000001"), ALL);
    // Named by itself it is refused.
    let said = runner(&["gc", busy.to_str().expect("UTF-8"), "--yes"]);
    assert_eq!((said.code, said.err.contains("is already running")), (73, true), "{}", said.err);
}

#[test]
fn a_cap_takes_the_oldest_and_says_what_it_cannot_reach() {
    let home = Home::new();
    home.run("a-00000001", "finished", &[1, 2, 3, 4], 4, json!({}));
    home.run("b-00000002", "finished", &[1, 2, 3, 4], 4, json!({}));
    let total = {
        let said = home.gc(&["--json"]);
        let value: Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!(value["spare"].as_array().map(Vec::len), Some(6));
        value["checkpoints_bytes"].as_u64().expect("a size")
    };
    assert!(home.gc(&["--below", "1MB"]).err.contains("nothing is spare of "));
    let said = home.gc(&["--below", &(total - 1_500).to_string(), "--yes"]);
    assert!(said.err.contains("checkpoints removed: 2, 2.0 kB"), "{}", said.err);
    let left = home.there("a-00000001").len() + home.there("b-00000002").len();
    assert_eq!(left, 2 * 6 - 2);
    let said = home.gc(&["--below", "1kB", "--yes"]);
    assert_eq!(
        (said.code, said.err.contains("of checkpoints more than were asked for")),
        (1, true),
        "{}",
        said.err
    );
    assert_eq!(home.there("a-00000001"), ["best", "latest", "step-4"]);
    assert_eq!(home.gc(&["--below", "3 parsecs"]).code, 2);
}

#[test]
fn where_a_run_cannot_be_read_nothing_goes() {
    let home = Home::new();
    home.run("a-00000001", "finished", &[10, 20, 30, 40], 40, json!({}));
    let other = home.run("b-00000002", "finished", &[1], 1, json!({}));
    fs::write(other.join("run.json"), "{").expect("a file");
    let said = home.gc(&["--yes", "--waypoints"]);
    assert_eq!(said.code, 74, "{}", said.err);
    assert!(said.err.contains("what that run builds on cannot be told, so nothing goes"), "{}", said.err);
    assert_eq!(home.there("a-00000001"), ALL);
    assert_eq!(runner(&["gc", "nowhere/at/all"]).code, 66);
}
