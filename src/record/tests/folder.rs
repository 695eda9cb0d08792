//! The lock, fresh starts, and files that are replaced whole.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::{home, names};
use crate::record::{Folder, RecordError, folder, host};

/// Names the run that [`other_process`] is to hold.
const HELD: &str = "RUNNER_TEST_HELD_RUN";

/// Holds a run until its standard input ends.
#[test]
#[ignore = "the other process of the next test"]
fn other_process() {
    let folder = Folder::at(std::env::var_os(HELD).unwrap());
    let _lock = folder.lock().unwrap();
    println!("held");
    io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_second_process_is_told_who_holds_the_run() {
    let home = home();
    assert!(!home.folder.is_locked());
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "record::tests::folder::other_process"])
        .env(HELD, home.folder.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().ends_with("held")));

    assert!(home.folder.is_locked());
    let error = home.folder.lock().unwrap_err();
    let (dir, pid, host) = (home.folder.dir().display(), other.id(), host::name());
    assert_eq!(error.to_string(), format!("the run in `{dir}` is already running (process {pid} on {host})"));
    assert_eq!(error.help().unwrap(), format!("wait for it, or stop process {pid} on {host}"));
    assert!(matches!(home.folder.move_aside(), Err(RecordError::AlreadyRunning { .. })));

    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    let lock = home.folder.lock().unwrap();
    assert!(home.folder.is_locked());
    drop(lock);
    assert!(!home.folder.is_locked());
}

#[test]
fn a_fresh_start_moves_the_folder_aside() {
    let home = home();
    let dir = home.folder.dir().to_owned();
    for n in 1..=2 {
        fs::write(dir.join("config.toml"), n.to_string()).unwrap();
        let aside = home.folder.move_aside().unwrap().unwrap();
        assert_eq!(aside, dir.with_file_name(format!("tiny-0badcafe.aside-{n}")));
        assert_eq!(fs::read_to_string(aside.join("config.toml")).unwrap(), n.to_string());
        assert!(!dir.exists());
        home.folder.create().unwrap();
    }
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(home.folder.move_aside().unwrap(), None);
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let home = home();
    let path = home.folder.config_toml();
    folder::write_whole(&path, b"old").unwrap();
    folder::write_whole(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(home.folder.dir()), ["checkpoints", "config.toml"]);
    let blocked = home.folder.checkpoints().join("nowhere/config.toml");
    let error = folder::write_whole(&blocked, b"x").unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot write `{}`: ", blocked.display())), "{error}");
    assert!(fs::metadata(&path).unwrap().permissions().mode() & 0o200 != 0);
}
