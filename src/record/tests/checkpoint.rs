//! Checkpoints are whole or not there, and damage is named.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{home, names};
use crate::record::RecordError;
use crate::record::checkpoint::{self, Pointer, Retention};

fn save(run: &Path, step: u64) -> Result<checkpoint::Checkpoint, RecordError> {
    let model = |to: &mut dyn Write| to.write_all(format!("weights after {step}").as_bytes());
    let moments = |to: &mut dyn Write| to.write_all(b"moments");
    let files: [(&str, checkpoint::WriteFile<'_>); 2] =
        [("model.safetensors", &model), ("optimizer.safetensors", &moments)];
    checkpoint::save(run, step, &files, &json!({"step": step}))
}

#[test]
fn a_checkpoint_is_its_files_and_their_checksums() {
    let home = home();
    let run = home.folder.dir();
    let saved = save(run, 10).unwrap();
    assert_eq!(saved.dir, run.join("checkpoints/step-10"));
    assert_eq!(names(&saved.dir), ["SHA256SUMS", "model.safetensors", "optimizer.safetensors", "state.json"]);
    assert_eq!(fs::read_to_string(saved.dir.join("state.json")).unwrap(), "{\n  \"step\": 10\n}\n");
    let total: u64 =
        names(&saved.dir).iter().map(|name| fs::metadata(saved.dir.join(name)).unwrap().len()).sum();
    assert_eq!(saved.bytes, total);
    let sums = fs::read_to_string(saved.dir.join("SHA256SUMS")).unwrap();
    // echo -n moments | sha256sum
    let line = "690a8d18f75dfaa79dd8134ac62cdad42fffe0f34cb78dd14e2d3aae3ae83ad3  optimizer.safetensors";
    assert_eq!(sums.lines().nth(1), Some(line));
    checkpoint::verify(&saved.dir).unwrap();
    assert!(checkpoint::age_secs(&saved.dir).is_some() && checkpoint::age_secs(run).is_none());
    assert_eq!(names(&home.folder.checkpoints()), ["step-10"]);
}

#[test]
fn a_failed_save_leaves_the_earlier_checkpoints_alone() {
    let home = home();
    let run = home.folder.dir();
    save(run, 10).unwrap();
    let full = |_: &mut dyn Write| Err(io::Error::from(io::ErrorKind::StorageFull));
    let files: [(&str, checkpoint::WriteFile<'_>); 1] = [("model.safetensors", &full)];
    for step in [10, 20] {
        let error = checkpoint::save(run, step, &files, &json!({})).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert!(error.help().unwrap().starts_with("free some space"));
    }
    assert_eq!(names(&home.folder.checkpoints()), ["step-10"]);
    assert_eq!(checkpoint::recover(run).unwrap().newest.unwrap().0, 10);
}

#[test]
fn saving_a_step_again_replaces_it() {
    let home = home();
    let run = home.folder.dir();
    save(run, 10).unwrap();
    let other = |to: &mut dyn Write| to.write_all(b"other");
    let files: [(&str, checkpoint::WriteFile<'_>); 1] = [("model.safetensors", &other)];
    checkpoint::save(run, 10, &files, &json!({})).unwrap();
    checkpoint::verify(&checkpoint::dir(run, 10)).unwrap();
    assert_eq!(fs::read(checkpoint::dir(run, 10).join("model.safetensors")).unwrap(), b"other");
    assert_eq!(names(&home.folder.checkpoints()), ["step-10"]);
}

#[test]
fn recovery_sweeps_half_written_checkpoints() {
    let home = home();
    let run = home.folder.dir();
    save(run, 10).unwrap();
    let half = home.folder.checkpoints().join(".step-20.tmp-4711");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("model.safetensors"), "half of the wei").unwrap();
    fs::write(run.join(".origin.json.tmp-4711"), "[{").unwrap();
    assert_eq!(checkpoint::steps(run).unwrap(), [10]);
    let recovered = checkpoint::recover(run).unwrap();
    assert_eq!(recovered.newest, Some((10, checkpoint::dir(run, 10))));
    assert!(recovered.damaged.is_empty());
    assert_eq!(names(&home.folder.checkpoints()), ["latest", "step-10"]);
    assert!(!names(run).iter().any(|name| name.contains("tmp")), "{:?}", names(run));
}

#[test]
fn recovery_names_what_is_damaged_and_falls_back() {
    let home = home();
    let run = home.folder.dir();
    for step in [10, 20, 30, 40] {
        save(run, step).unwrap();
    }
    checkpoint::point(run, Pointer::Latest, 40).unwrap();
    let damage = |step: u64, file: &str| checkpoint::dir(run, step).join(file);
    fs::write(damage(40, "model.safetensors"), "weights after 4O").unwrap();
    fs::remove_file(damage(30, "optimizer.safetensors")).unwrap();
    fs::write(damage(20, "SHA256SUMS"), "").unwrap();

    let recovered = checkpoint::recover(run).unwrap();
    assert_eq!(recovered.newest, Some((10, checkpoint::dir(run, 10))));
    let said: Vec<String> =
        recovered.damaged.iter().map(|(step, error)| format!("{step}: {error}")).collect();
    let place = home.folder.checkpoints();
    assert_eq!(
        said,
        [
            format!(
                "40: `{}/step-40/model.safetensors` is damaged: its SHA-256 is not the one it was saved with",
                place.display()
            ),
            format!(
                "30: `{}/step-30/optimizer.safetensors` is damaged: the file is missing",
                place.display()
            ),
            format!("20: `{}/step-20/SHA256SUMS` is damaged: it does not list state.json", place.display()),
        ]
    );
    assert_eq!(names(&place), ["latest", "step-10", "step-20.damaged", "step-30.damaged", "step-40.damaged"]);
    assert_eq!(checkpoint::pointed(run, Pointer::Latest), Some(10));
    assert!(checkpoint::recover(run).unwrap().damaged.is_empty());
}

/// A list that was cut, or a file that it does not know: what was saved is not what is there.
#[test]
fn a_list_of_checksums_is_whole_and_names_every_file() {
    let home = home();
    let run = home.folder.dir();
    let saved = save(run, 10).unwrap().dir;
    let sums = fs::read_to_string(saved.join("SHA256SUMS")).unwrap();
    let refused = |list: &str| {
        fs::write(saved.join("SHA256SUMS"), list).unwrap();
        let said = checkpoint::verify(&saved).unwrap_err().to_string();
        said.split(": ").last().unwrap().to_owned()
    };
    assert_eq!(refused(sums.trim_end()), "its last line is cut off");
    let lines: Vec<&str> = sums.split_inclusive('\n').collect();
    assert_eq!(refused(&lines[1..].concat()), "it does not list model.safetensors");
    assert_eq!(refused(&lines[..2].concat()), "it does not list state.json");
    for line in ["..", "/etc/passwd", "a/b", ""] {
        let line = format!("{}  {line}", "0".repeat(64));
        assert_eq!(refused(&format!("{sums}{line}\n")), format!("`{line}` is not a checksum and a name"));
    }
    assert_eq!(
        refused(&sums.replacen("  ", " ", 1)).split('`').nth(2),
        Some(" is not a checksum and a name")
    );
    fs::write(saved.join("SHA256SUMS"), &sums).unwrap();
    fs::write(saved.join(".nfs0001"), "a file system's own").unwrap();
    checkpoint::verify(&saved).unwrap();
    fs::write(saved.join("extra"), "").unwrap();
    assert_eq!(refused(&sums), "it does not list extra");
}

#[test]
fn a_run_without_checkpoints_recovers_nothing() {
    let home = home();
    assert_eq!(checkpoint::recover(home.folder.dir()).unwrap().newest, None);
    assert!(checkpoint::steps(&home.folder.dir().join("nowhere")).unwrap().is_empty());
}

#[test]
fn pointers_are_relative_links_that_change_in_one_instant() {
    let home = home();
    let run = home.folder.dir();
    assert_eq!(checkpoint::pointed(run, Pointer::Best), None);
    for step in [10, 20] {
        save(run, step).unwrap();
        checkpoint::point(run, Pointer::Best, step).unwrap();
        let link = home.folder.checkpoints().join("best");
        assert_eq!(fs::read_link(&link).unwrap(), PathBuf::from(format!("step-{step}")));
        assert_eq!(checkpoint::pointed(run, Pointer::Best), Some(step));
    }
    // A process of the same number died between making the link and renaming it.
    let leftover = home.folder.checkpoints().join(format!(".best.tmp-{}", std::process::id()));
    std::os::unix::fs::symlink("step-10", &leftover).unwrap();
    checkpoint::point(run, Pointer::Best, 20).unwrap();
    assert_eq!(names(&home.folder.checkpoints()), ["best", "step-10", "step-20"]);
    // A link to what is gone leads nowhere.
    checkpoint::point(run, Pointer::Best, 30).unwrap();
    assert_eq!(checkpoint::pointed(run, Pointer::Best), None);
}

#[test]
fn retention_keeps_the_newest_the_best_and_the_waypoints() {
    let home = home();
    let run = home.folder.dir();
    for step in (5..=60).step_by(5) {
        save(run, step).unwrap();
    }
    checkpoint::point(run, Pointer::Best, 35).unwrap();
    let removed = checkpoint::retain(run, Retention { newest: 2, every: 20 }).unwrap();
    assert_eq!(removed, [5, 10, 15, 25, 30, 45, 50]);
    assert_eq!(checkpoint::steps(run).unwrap(), [20, 35, 40, 55, 60]);
    assert_eq!(checkpoint::retain(run, Retention { newest: 0, every: 0 }).unwrap(), [20, 40, 55]);
    assert_eq!(checkpoint::steps(run).unwrap(), [35, 60]);
}
