//! The index against the folders: whatever happens to either, a table says what the folders say.

use std::fs;
use std::path::Path;

use super::{run, write};
use crate::record::{Folder, RunState};
use crate::report::index::NAME;
use crate::report::{Run, load};

/// Ten runs in a folder that was looked at once.
fn ten() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for number in 0..10 {
        let wer = f64::from(number) / 100.0;
        write(
            root.path(),
            &run("a", &format!("{number:08}"), "model", RunState::Finished, &[("test/wer", wer)]),
        );
    }
    load(root.path()).unwrap();
    root
}

/// What the folder says when the index has had its say, and what it says without one.
fn both(root: &Path) -> (Vec<Run>, Vec<Run>) {
    let by_index = load(root).unwrap().runs;
    let index = root.join(NAME);
    let kept = fs::read(&index).ok();
    fs::remove_file(&index).ok();
    let afresh = load(root).unwrap().runs;
    if let Some(kept) = kept {
        fs::write(index, kept).unwrap();
    }
    (by_index, afresh)
}

#[test]
fn an_index_never_says_what_the_folders_do_not() {
    let root = ten();
    let dir = root.path();
    let same = |count: usize| {
        let (by_index, afresh) = both(dir);
        assert_eq!((by_index.len(), &by_index), (count, &afresh));
        by_index
    };
    same(10);
    // What was just written is not yet remembered; once it is at rest, it is.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    same(10);
    let index = fs::read_to_string(dir.join(NAME)).unwrap();
    assert_eq!(index.lines().count(), 11, "a head and ten runs");

    fs::remove_dir_all(dir.join("a-00000003")).unwrap();
    same(9);
    write(dir, &run("b", "bbbbbbbb", "model", RunState::Finished, &[]));
    same(10);
    write(dir, &run("a", "00000004", "model", RunState::Failed, &[("test/wer", 0.5)]));
    let runs = same(10);
    assert_eq!(runs[3].status.as_ref().unwrap().metrics["test/wer"], 0.5);
    // Edited in place, to the same length.
    let status = Folder::at(dir.join("a-00000005")).status_json();
    let text = fs::read_to_string(&status).unwrap().replace("0.05", "0.75");
    fs::write(&status, text).unwrap();
    assert_eq!(same(10)[4].status.as_ref().unwrap().metrics["test/wer"], 0.75);
    fs::write(Folder::at(dir.join("a-00000006")).run_json(), "{\"name\": \"a\", \"id\": \"0000").unwrap();
    same(9);
    assert_eq!(load(dir).unwrap().unreadable.len(), 1);
    fs::remove_file(Folder::at(dir.join("a-00000007")).run_json()).unwrap();
    same(8);
}

#[test]
fn a_damaged_index_is_as_good_as_none() {
    let root = ten();
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let want = load(root.path()).unwrap().runs;
    let index = root.path().join(NAME);
    let whole = fs::read(&index).unwrap();
    let one_letter = {
        let mut bytes = whole.clone();
        let at = whole.len() - 100;
        bytes[at] = bytes[at].wrapping_add(1);
        bytes
    };
    let halves = whole[..whole.len() / 2].to_vec();
    for damaged in [one_letter, halves, Vec::new(), b"\xff\n\xfe".to_vec(), b"runner index 0 1234\n".to_vec()]
    {
        fs::write(&index, damaged).unwrap();
        assert_eq!(load(root.path()).unwrap().runs, want);
        assert_eq!(fs::read(&index).unwrap(), whole, "mended");
    }
    fs::remove_file(&index).unwrap();
    fs::create_dir(&index).unwrap();
    assert_eq!(load(root.path()).unwrap().runs, want, "a place that takes no file");
}

#[test]
fn many_readers_and_writers_of_an_index_agree() {
    let root = ten();
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let want = load(root.path()).unwrap().runs;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    fs::remove_file(root.path().join(NAME)).ok();
                    assert_eq!(load(root.path()).unwrap().runs, want);
                }
            });
        }
    });
}
