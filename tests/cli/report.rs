//! `runner report`: which runs a name stands for, what is written where, and what is refused.

use std::fs;
use std::path::Path;

use crate::support::{Said, runner};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of small runs, as they lie after training: `a_x-1`, `a_y-2`, `b-3`, and a sweep over two of them and one that has not begun.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let runs = folder.path().join("runs");
    for (name, id, wer) in [("a_x", "1", 0.1), ("a_y", "2", 0.2), ("b", "3", 0.3)] {
        let dir = runs.join(format!("{name}-{id}"));
        fs::create_dir_all(&dir).unwrap();
        write(
            &dir.join("run.json"),
            &json!({ "format": 1, "name": name, "id": id, "started": "2026-11-21T07:34:59Z" }),
        );
        let metrics = json!({ "dev/wer": wer });
        write(
            &dir.join("status.json"),
            &json!({ "state": "finished", "step": 2, "max_steps": 2, "metrics": metrics }),
        );
        fs::write(dir.join("metrics.jsonl"), format!("{}\n", json!({ "step": 2, "dev/wer": wer }))).unwrap();
    }
    let sweep = folder.path().join("sweeps/study-0011aabb");
    fs::create_dir_all(&sweep).unwrap();
    let point = |number: u64, dir: &str| json!({ "number": number, "dir": runs.join(dir) }).to_string();
    let points = [point(1, "a_y-2"), point(2, "b-3"), point(3, "c-4")].join("\n");
    fs::write(sweep.join("points.jsonl"), points + "\n").unwrap();
    folder
}

fn write(path: &Path, value: &Value) {
    fs::write(path, value.to_string()).unwrap();
}

fn report(folder: &TempDir, names: &[&str], output: &str, more: &[&str]) -> Said {
    let (runs, output) =
        (folder.path().join("runs").display().to_string(), folder.path().join(output).display().to_string());
    let names: Vec<String> =
        names.iter().map(|name| name.replace("FOLDER", &folder.path().display().to_string())).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    runner(&[&["report"], &names[..], &["--runs-dir", &runs, "-o", &output], more].concat())
}

#[test]
fn names_stand_for_runs_sweeps_and_patterns() {
    let folder = folder();
    let cases: [(&[&str], u64); 8] = [
        (&[], 3),
        (&["FOLDER/runs/b-3"], 1),
        (&["FOLDER/runs"], 3),
        (&["a_"], 2),
        (&["*-3", "a_x"], 2),
        (&["study"], 2),
        (&["FOLDER/sweeps/study-0011aabb"], 2),
        (&["b", "b-3", "FOLDER/runs/b-3"], 1),
    ];
    for (names, runs) in cases {
        let said = report(&folder, names, "page.html", &["--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        let told: Value = serde_json::from_str(&said.out).unwrap();
        let page = folder.path().join("page.html");
        assert_eq!(told["runs"], runs, "{names:?}");
        assert_eq!(told["path"], page.display().to_string());
        assert_eq!(told["bytes"], fs::metadata(&page).unwrap().len());
    }
    let said = report(&folder, &["study"], "page.html", &[]);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(said.err.contains("note: one point of the sweep has not begun\n"), "{}", said.err);
    assert!(
        page.contains("<h1>study-0011aabb</h1>") && page.contains("one point of the sweep has not begun")
    );
    assert!(said.out.is_empty(), "{}", said.out);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 3, "nothing but the page is left behind");
}

#[test]
fn only_a_page_is_replaced() {
    let folder = folder();
    assert_eq!(report(&folder, &["b"], "page.html", &[]).code, 0);
    assert_eq!(report(&folder, &["b"], "page.html", &[]).code, 0, "an older page makes room");
    let other = folder.path().join("mine.html");
    fs::write(&other, "<html>of great worth</html>").unwrap();
    let said = report(&folder, &["b"], "mine.html", &[]);
    assert_eq!(said.code, 73, "{}", said.err);
    assert!(said.err.contains("exists already, and is no page of `runner report`"), "{}", said.err);
    assert_eq!(fs::read_to_string(other).unwrap(), "<html>of great worth</html>");
    assert_eq!(report(&folder, &["b"], "no/such/page.html", &[]).code, 74);
    assert_eq!(report(&folder, &["b"], "runs", &[]).code, 74);
}

#[test]
fn names_without_runs_and_pictures_that_are_none_are_refused() {
    let folder = folder();
    let said = report(&folder, &["nothing"], "page.html", &[]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(
        said.err.contains("`nothing` is no run, no sweep, and no part of a run's name in"),
        "{}",
        said.err
    );
    assert!(said.err.contains("help: `runner results` lists them, for example `b-3`"), "{}", said.err);
    let said = runner(&[
        "report",
        "--runs-dir",
        "no/runs",
        "-o",
        &folder.path().join("page.html").display().to_string(),
    ]);
    assert_eq!(said.code, 66, "{}", said.err);
    let none = "error: there are no runs in `no/runs`\nhelp: `runner run EXPERIMENT` makes one; `--runs-dir DIR` names another folder\n";
    assert_eq!(said.err, none);
    let picture = folder.path().join("picture.svg");
    fs::write(&picture, "no picture").unwrap();
    let said = report(&folder, &["b"], "page.html", &["--figure", &picture.display().to_string()]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("it is neither SVG nor PNG"), "{}", said.err);
    assert_eq!(report(&folder, &["b"], "page.html", &["--figure", "no/such.png"]).code, 66);
    assert!(!folder.path().join("page.html").exists());
    fs::write(&picture, "<svg xmlns='x'></svg>").unwrap();
    let said = report(
        &folder,
        &["b"],
        "page.html",
        &["--figure", &format!("{}=<Time> by length", picture.display())],
    );
    assert_eq!(said.code, 0, "{}", said.err);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("src=\"data:image/svg+xml;base64,") && page.contains("&lt;Time&gt; by length"));
}

/// The bundled corpus is beside the tests, and a run that was judged on it is heard.
#[test]
fn the_worst_utterances_are_heard_where_their_corpus_is() {
    let folder = folder();
    let dir = folder.path().join("runs/b-3");
    let shown = runner(&["show", "experiments/tedlium_direct.toml", "--profile", "ci"]);
    fs::write(dir.join("config.toml"), shown.out).unwrap();
    write(
        &dir.join("status.json"),
        &json!({ "state": "finished", "step": 2, "max_steps": 2, "metrics": { "test/wer": 0.5 } }),
    );
    let line = fs::read_to_string(crate::support::root().join("corpora/smoke/meta.test.txt")).unwrap();
    let name = line.split('|').next().unwrap().to_owned();
    write(
        &dir.join("preds.jsonl"),
        &json!({ "name": name, "pred": "something else", "label": "what was said" }),
    );
    for (audio, clips) in [("1", 1), ("0", 0)] {
        let said = report(&folder, &["b"], "page.html", &["--audio", audio]);
        assert_eq!(said.code, 0, "{}", said.err);
        let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
        assert_eq!(page.matches("<audio").count(), clips, "{}", said.err);
    }
    fs::remove_file(dir.join("config.toml")).unwrap();
    let said = report(&folder, &["b"], "page.html", &[]);
    assert!(
        said.err.contains("note: what b-3 was judged on cannot be heard: there is no `config.toml`"),
        "{}",
        said.err
    );
}
