//! `runner data prepare`: what is said, what is written, and what a killed preparation leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use runner::corpora::RECIPES;
use serde_json::Value;
use tempfile::TempDir;

use super::support::{Said, command, root, runner, runs_in, said};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn read(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn prepare(corpus: &str, to: &Path, more: &[&str]) -> Said {
    let from = format!("tests/fixtures/{corpus}");
    runner(&[&["data", "prepare", corpus, "--from", &from, "--to", text(to)], more].concat())
}

/// Every file below `dir` with its bytes, in order.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((
                    path.strip_prefix(dir).expect("below").to_owned(),
                    fs::read(&path).expect("bytes"),
                ));
            }
        }
    }
    found.sort();
    found
}

/// What is known of a corpus' fixture, by file: all that its preparation writes but the sounds (`sounds.txt` names those), what it says
/// (`said.txt`), and what is said where the corpus is missing (`missing.txt`).
fn letters(corpus: &str) -> BTreeMap<String, String> {
    let folder = TempDir::new().expect("a folder");
    let (none, out) = (folder.path().join("none"), folder.path().join("out"));
    let missing = runner(&["data", "prepare", corpus, "--from", text(&none), "--to", text(&out)]);
    assert_eq!((missing.code, missing.out.as_str(), out.exists()), (66, "", false), "{}", missing.err);
    let said = prepare(corpus, &out, &[]);
    assert_eq!(said.code, 0, "{}", said.err);

    let mut sounds = String::new();
    let mut letters = BTreeMap::from([
        ("missing.txt".to_owned(), missing.err.replace(text(&none), "SOURCE")),
        ("said.txt".to_owned(), (said.out + &said.err).replace(text(&out), "OUT")),
    ]);
    for (path, bytes) in files(&out) {
        match String::from_utf8(bytes) {
            Ok(list) => _ = letters.insert(text(&path).to_owned(), list.replace(text(&root()), "ROOT")),
            Err(_) => sounds += &format!("{}\n", path.display()),
        }
    }
    letters.insert("sounds.txt".to_owned(), sounds);
    letters
}

/// After a change, or for a new corpus: `RUNNER_UPDATE=1 cargo test --test cli every_corpus_is_prepared_to_the_letter`; then read, beside
/// the source, what it has written.
#[test]
fn every_corpus_is_prepared_to_the_letter() {
    let update = std::env::var_os("RUNNER_UPDATE").is_some_and(|value| value == "1");
    for corpus in RECIPES {
        let folder = root().join("tests/fixtures/expected").join(corpus.name);
        let letters = letters(corpus.name);
        if update {
            _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).expect("a folder");
            for (file, text) in &letters {
                let place = folder.join(file);
                fs::create_dir_all(place.parent().expect("a parent")).expect("a folder");
                fs::write(place, text).expect("a file");
            }
        }
        assert!(folder.is_dir(), "{}: nothing is expected of its fixture", corpus.name);
        let listed = |dir: &Path| -> Vec<String> {
            files(dir).iter().map(|(file, _)| text(file).to_owned()).collect()
        };
        assert_eq!(listed(&folder), letters.keys().cloned().collect::<Vec<_>>(), "{}", corpus.name);
        for (file, text) in &letters {
            assert_eq!(*text, read(&folder, file), "{}: {file}", corpus.name);
        }
        // No fixture without faults, and no advice without a place.
        assert!(letters["bad_files.tsv"].lines().count() > 1, "{}", corpus.name);
        assert!(letters["missing.txt"].contains("\nhelp: "), "{}", corpus.name);
    }
}

#[test]
fn a_finished_folder_is_left_and_others_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out");
    let said = prepare("voxceleb1", &out, &["-q", "--json"]);
    let told: Value = serde_json::from_str(&said.out).expect("JSON on standard output");
    assert_eq!((&told["already"], &told["classes"]), (&false.into(), &serde_json::json!([1251])));
    let made = files(&out);
    let again = prepare("voxceleb1", &out, &[]);
    assert_eq!(
        (again.code, again.err.contains("was already prepared: 14 utterances")),
        (0, true),
        "{}",
        again.err
    );
    assert_eq!(files(&out), made);
    let other = prepare("voxceleb1", &out, &["--link"]);
    assert_eq!(other.code, 73, "{}", other.err);
    assert!(other.err.contains("holds another preparation, of voxceleb1 from"), "{}", other.err);
    assert!(other.err.contains("help: name another folder, or move this one away"), "{}", other.err);
    fs::write(folder.path().join("mine"), b"mine").expect("a file");
    assert_eq!(prepare("tedlium", folder.path(), &[]).code, 73);
}

#[test]
fn what_is_missing_or_wrong_is_said_and_nothing_written() {
    let folder = TempDir::new().expect("a folder");
    let (from, to) = (folder.path().join("none"), folder.path().join("to"));
    let said = runner(&["data", "prepare", "table", "--from", text(&from), "--to", text(&to)]);
    assert_eq!((said.code, said.err.contains("cannot read the table")), (66, true), "{}", said.err);
    let said = runner(&["data", "prepare", "tedlium", "--to", text(&to)]);
    assert_eq!((said.code, said.err.contains("--from <SOURCE>")), (2, true), "{}", said.err);
    let said = prepare("tedlium", &to, &["--threads", "0"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is written");
}

#[test]
fn a_table_is_prepared_like_the_rest() {
    let folder = TempDir::new().expect("a folder");
    let (table, out) = (folder.path().join("clips.csv"), folder.path().join("out"));
    fs::write(
        &table,
        "path,text,labels,split\nf01/f01_00000009.ogg,Two FOUR,a,train\nf02/f02_00000007,five,b,dev\n",
    )
    .expect("a table");
    let said = runner(&[
        "data",
        "prepare",
        "table",
        "--from",
        text(&table),
        "--audio",
        "corpora/smoke",
        "--to",
        text(&out),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(read(&out, "meta.train.nltLa.txt"), "f01_f01_00000009|30624|two four|a|und\n");
    assert!(out.join("f01_f01/f01_f01_00000009.flac").is_file());
}

/// A tree of VoxCeleb1 large enough to be interrupted: one recording under many names.
fn large(folder: &Path) -> PathBuf {
    const CLIPS: usize = 400;
    let source = folder.join("large");
    let clip = root().join("tests/fixtures/voxceleb1/wav/id10001/1zcIwhmdeo4/00001.wav");
    let mut splits = String::new();
    for at in 0..CLIPS {
        let path = format!("id10001/video{at:05}/00001.wav");
        let target = source.join("wav").join(&path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("a folder");
        std::os::unix::fs::symlink(&clip, target).expect("a link");
        splits += &format!("{} {path}\n", at % 3 + 1);
    }
    fs::write(source.join("iden_split.txt"), splits).expect("a list");
    source
}

/// Starts a preparation and waits until some more of it is done.
fn under_way(source: &Path, out: &Path) -> Child {
    let journal = out.with_extension("partial").join("journal.jsonl");
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let before = lines();
    let arguments =
        ["data", "prepare", "voxceleb1", "--from", text(source), "--to", text(out), "--threads", "1"];
    let child = command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begun = Instant::now();
    while lines() < before + 5 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is done");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn a_killed_preparation_ends_as_an_undisturbed_one() {
    let folder = TempDir::new().expect("a folder");
    let source = large(folder.path());
    let (undisturbed, out) = (folder.path().join("undisturbed"), folder.path().join("out"));
    let whole =
        |out: &Path| runner(&["data", "prepare", "voxceleb1", "--from", text(&source), "--to", text(out)]);
    assert_eq!(whole(&undisturbed).code, 0);

    let mut child = under_way(&source, &out);
    child.kill().expect("a kill");
    child.wait().expect("it ended");
    assert!(!out.exists() && out.with_extension("partial").is_dir(), "killed before the end");

    let child = under_way(&source, &out);
    interrupt(&child);
    let stopped = said(child.wait_with_output().expect("it ended"));
    assert_eq!(stopped.code, 75, "{}", stopped.err);
    assert!(
        stopped.err.contains("of 400 files") && stopped.err.contains("the same command goes on from here")
    );
    assert!(!out.exists());

    let last = whole(&out);
    assert_eq!(last.code, 0, "{}", last.err);
    assert!(last.err.contains("of 400 files are done"), "{}", last.err);
    assert_eq!(files(&out), files(&undisturbed));
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -INT");
}

/// One experiment of each family on its prepared fixture, with the lists and classes that `tests/fixtures/FAMILY.toml` names, and those that are
/// called like a file there. All of them: `.ci/fixtures`.
#[test]
fn experiments_run_on_what_was_prepared() {
    let folder = TempDir::new().expect("a folder");
    for corpus in RECIPES {
        assert_eq!(prepare(corpus.name, &folder.path().join("data").join(corpus.name), &["-q"]).code, 0);
    }
    assert_eq!(prepare("urban8k", &folder.path().join("data/urban8k_streams"), &["-q", "--streams"]).code, 0);
    let here = |arguments: &[&str]| {
        said(command(arguments).current_dir(folder.path()).output().expect("the program starts"))
    };
    for (file, _) in files(&root().join("tests/fixtures")) {
        let Some(name) = text(&file).strip_suffix(".toml").filter(|name| !name.contains('/')) else {
            continue;
        };
        let of_that_name = root().join(format!("experiments/{name}.toml"));
        let of_the_family = root().join(format!("experiments/{name}_direct.toml"));
        let shipped = if of_that_name.is_file() { of_that_name } else { of_the_family };
        let experiment = folder.path().join(shipped.file_name().expect("a name"));
        let fixture = root().join(format!("tests/fixtures/{name}.toml"));
        fs::write(&experiment, format!("extends = [{shipped:?}, {fixture:?}]\n")).expect("an experiment");
        let request = [text(&experiment), "--profile", "ci"];
        let checked = here(&[&["check", "--data"][..], &request].concat());
        assert_eq!(checked.code, 0, "{}", checked.err);
        assert!(
            checked.err.contains(" files there, ") && !checked.err.contains("left out"),
            "{}",
            checked.err
        );
        let runs = runs_in(folder.path());
        let short = ["--json", "-s", &runs, "-s", "train.max_steps=2", "-s", "eval.eval_interval=2"];
        let ran = here(&[&["run"][..], &request, &short].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(report["state"], "finished", "{report}");
    }
}
