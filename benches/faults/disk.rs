//! Disks that refuse: a file system in memory that is too small, and one that takes nothing. Both need a mount of one's own.

use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::faults::{Fault, Tried, fresh};
use super::folder::differences;
use super::process::Subject;

/// The disk is full.
pub struct Full;
/// The disk takes nothing.
pub struct ReadOnly;

/// In a name space of its own: mounts, runs the program, changes the mount, runs it again, and copies out what came of it. Exit codes stand in
/// files.
fn scene(subject: &Subject, dir: &Path, before: &str, between: &str) -> Option<[String; 2]> {
    let at = dir.join("mount");
    std::fs::create_dir_all(&at).expect("a folder");
    let runs = at.join("runs");
    let program = subject.command(&runs, 1);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let command: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let command = command.join(" ");
    let (at, out) = (at.display(), dir.display());
    let script = format!(
        "set -u; mount -t tmpfs -o size=512m tmpfs {at} || exit 9; mkdir {at}/runs; {before}\n\
         {command} > {out}/first.out 2> {out}/first.err; echo $? > {out}/first.code\n{between}\n\
         {command} > {out}/second.out 2> {out}/second.err; echo $? > {out}/second.code\ncp -a {at}/runs {out}/runs",
        before = before.replace("AT", &at.to_string()),
        between = between.replace("AT", &at.to_string()),
    );
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .stderr(Stdio::null())
        .status();
    if status.ok()?.code() != Some(0) {
        return None;
    }
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
    Some(
        ["first", "second"].map(|which| {
            format!("{}\n{}", read(&format!("{which}.code")).trim(), read(&format!("{which}.err")))
        }),
    )
}

/// Plays a scene for every family: the first process ends as an error of the disk, the second one to the end.
fn try_out(subjects: &[Subject], home: &Path, mut scenery: impl FnMut(&Subject) -> [String; 2]) -> Tried {
    let mut tried = Tried::default();
    for subject in subjects {
        let dir = fresh(home, subject);
        let [before, between] = scenery(subject);
        let Some([first, second]) = scene(subject, &dir, &before, &between) else {
            return Tried::not_run("no name space for a mount of one's own");
        };
        tried.times += 1;
        if !first.starts_with("74\n") || !first.contains("error: ") {
            tried.note(subject, [format!("with this disk it ends with {first}")]);
        }
        if !second.starts_with("0\n") {
            tried.note(subject, [format!("afterwards it ends with {second}")]);
        }
        tried.note(subject, differences(&subject.whole, &dir.join("runs")));
    }
    tried
}

impl Fault for Full {
    fn name(&self) -> String {
        "the disk is full at some moment".into()
    }

    fn promise(&self) -> &'static str {
        "exit 74 and why; with room again the same command ends the run"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, rng: &mut Pcg64Mcg) -> Tried {
        let scenery = |subject: &Subject| {
            // Room for a part of what the runs take in the end.
            let all = size(&subject.whole);
            let left = (all as f64 * rng.random_range(0.02..0.7)) as u64 / 1024;
            [format!("mount -o remount,size={left}k AT"), "mount -o remount,size=512m AT".to_owned()]
        };
        try_out(subjects, home, scenery)
    }
}

impl Fault for ReadOnly {
    fn name(&self) -> String {
        "the disk takes nothing".into()
    }

    fn promise(&self) -> &'static str {
        "exit 74 and why, before anything is trained"
    }

    fn try_out(&self, subjects: &[Subject], home: &Path, _: &mut Pcg64Mcg) -> Tried {
        try_out(subjects, home, |_| ["mount -o remount,ro AT".into(), "mount -o remount,rw AT".into()])
    }
}

/// Bytes of everything in a folder.
fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |facts| facts.len()),
        _ => 0,
    };
    entries.map(of).sum()
}
