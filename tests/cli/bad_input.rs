//! Whatever is put in front of it: a sentence, exit code 2 or 66, nothing written, no panic, no hang.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::support::{Said, runner};

/// What `check` says of a file with these bytes, once it is sure that nothing was written beside it.
fn checked(bytes: &[u8]) -> Said {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("x.toml");
    fs::write(&file, bytes).expect("a file");
    let said = runner(&["check", file.to_str().expect("UTF-8")]);
    assert_untouched(folder.path(), &["x.toml"]);
    assert!(!said.err.contains("panicked") && !said.err.contains("internal error"), "{}", said.err);
    said
}

fn assert_untouched(folder: &Path, files: &[&str]) {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, files);
}

/// Exit code 2 and a sentence that has these words.
fn refused(bytes: &[u8], words: &str) {
    let said = checked(bytes);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains(words), "no `{words}` in\n{}", said.err);
}

#[test]
fn bytes_that_are_no_text() {
    let said = checked(b"[data]\ndir = \"\xff\xfe\"\n");
    assert_eq!((said.code, said.err.contains("it is not UTF-8 text")), (66, true), "{}", said.err);
}

#[test]
fn an_empty_file() {
    refused(b"", "`dir` in `[data]` is not set");
}

#[test]
fn megabytes_of_nesting() {
    let nested = |open: &str, count: usize| format!("[data]\ndir = {}", open.repeat(count));
    refused(nested("[", 3_000_000).as_bytes(), "error[E001]");
    refused(nested("{a=", 1_000_000).as_bytes(), "error[E001]");
    refused(format!("{} = 1", "a.".repeat(300_000) + "a").as_bytes(), "error[E00");
    let said = checked(nested("[", 10_000_000).as_bytes());
    assert_eq!((said.code, said.err.contains("larger than 4 MiB")), (66, true), "{}", said.err);
}

#[test]
fn keys_with_dots_and_quotes() {
    refused(b"[data]\ndir = \"d\"\n\"batch.size\" = 3\n", "unknown key `batch.size` in `[data]`");
    refused(b"[data]\ndir = \"d\"\n'it''s' = 3\n", "error[E001]");
    refused("[data]\ndir = \"d\"\n\"b\u{e4}tch_size\" = 3\n".as_bytes(), "did you mean `batch_size`?");
}

#[test]
fn numbers_that_are_none() {
    refused(
        b"[data]\ndir = \"d\"\n[train]\nmax_lr = nan\n",
        "`max_lr` in `[train]` must be a finite number, but is nan",
    );
    refused(b"[data]\ndir = \"d\"\n[train]\nmax_lr = inf\n", "must be a finite number, but is inf");
    refused(
        b"[data]\ndir = \"d\"\n[train]\nmax_steps = 99999999999999999999\n",
        "not an integer beyond 64 bits",
    );
    refused(b"[data]\ndir = \"d\"\n[train]\nmax_steps = 1979-05-27\n", "takes an integer, not a date");
}

#[test]
fn tables_and_keys_written_twice() {
    refused(b"[data]\ndir = \"d\"\n[data]\nsr = 8000\n", "error[E001]: duplicate key");
    refused(b"[data]\ndir = \"d\"\ndir = \"e\"\n", "error[E001]: duplicate key");
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let said = checked("\u{feff}[data]\ndir = \"d\"\n".as_bytes());
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn a_folder_a_pipe_and_a_device() {
    let folder = TempDir::new().expect("a folder");
    let said = runner(&["check", folder.path().to_str().expect("UTF-8")]);
    assert_eq!((said.code, said.err.contains("it is a folder")), (66, true), "{}", said.err);
    let pipe = folder.path().join("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let said = runner(&["check", pipe.to_str().expect("UTF-8")]);
    assert_eq!((said.code, said.err.contains("it is no ordinary file")), (66, true), "{}", said.err);
    let said = runner(&["check", "/dev/zero"]);
    assert_eq!((said.code, said.err.contains("it is no ordinary file")), (66, true), "{}", said.err);
}

#[test]
fn files_that_extend_each_other() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("a.toml"), "extends = [\"b.toml\"]\n").expect("a file");
    fs::write(folder.path().join("b.toml"), "extends = [\"a.toml\"]\n").expect("a file");
    let said = runner(&["check", folder.path().join("a.toml").to_str().expect("UTF-8")]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("extends itself") && said.err.contains(" → "), "{}", said.err);
}

#[test]
fn run_refuses_what_check_refuses_and_writes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("x.toml");
    fs::write(&file, "[data]\ndir = \"d\"\nbatch_sise = 8\n").expect("a file");
    let runs = format!("output.runs_dir={:?}", folder.path().join("runs"));
    let said = runner(&["run", file.to_str().expect("UTF-8"), "-s", &runs]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert_untouched(folder.path(), &["x.toml"]);
}

/// Inputs that once were, or might be, trouble: kept small, found by hand and by fuzzing.
#[test]
fn the_fuzzers_corpus_replays() {
    let corpus = super::support::root().join("fuzz/corpus/load");
    let mut count = 0;
    for entry in fs::read_dir(corpus).expect("the corpus") {
        let said = checked(&fs::read(entry.expect("an entry").path()).expect("bytes"));
        assert!([0, 2, 66].contains(&said.code), "{} {}", said.code, said.err);
        count += 1;
    }
    assert!(count >= 10);
}

#[test]
#[cfg(not(feature = "datasets"))]
fn a_build_without_data_sets_says_how_to_get_one() {
    let request =
        ["data", "prepare", "dataset", "--from", "x", "--to", "y", "--audio", "audio", "--text", "text"];
    let said = runner(&request);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("`cargo build --release --features datasets`"), "{}", said.err);
}

#[test]
fn splits_of_a_data_set_that_mean_nothing() {
    let request = |split| {
        let head = [
            "data",
            "prepare",
            "dataset",
            "--from",
            "x",
            "--to",
            "y",
            "--audio",
            "audio",
            "--text-constant",
            "1",
        ];
        runner(&[&head[..], &["--split", split]].concat())
    };
    for (split, words) in [("train", "`validation=dev`"), ("train=train,a=b", "`b` is not a split")] {
        let said = request(split);
        assert_eq!((said.code, said.err.contains(words)), (2, true), "{}", said.err);
    }
}

/// As where `2>` leads to a full disk: the exit code is all that is left to tell by.
#[test]
#[cfg(target_os = "linux")]
fn a_standard_error_that_takes_nothing_changes_no_exit_code() {
    let full = || fs::File::options().write(true).open("/dev/full").expect("a device");
    let ended = |arguments: &[&str]| {
        let mut command = super::support::command(arguments);
        command
            .stderr(full())
            .stdout(std::process::Stdio::null())
            .status()
            .expect("the program starts")
            .code()
    };
    assert_eq!(ended(&["check", "experiments/absent.toml"]), Some(66));
    let folder = TempDir::new().expect("a folder");
    let runs = super::support::runs_in(folder.path());
    let run =
        ["run", "experiments/tedlium_direct.toml", "--profile", "ci", "-s", &runs, "-s", "train.max_steps=2"];
    assert_eq!(ended(&run), Some(0));
}
