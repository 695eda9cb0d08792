//! The order of work, with workers that are shell commands.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Job, Needed, Outcome, Rules, Told, work};
use crate::record::folder::write_json;
use crate::record::{Folder, RunState, Status, checkpoint};
use crate::train::Stop;

/// A job whose worker runs the shell command that is its name.
fn job(dir: &Path, command: &str, needs: &[usize]) -> Job {
    let id = command.replace(|c: char| !c.is_alphanumeric(), "_");
    Job {
        folder: Folder::at(dir.join(&id)),
        log: dir.join(format!("{id}.txt")),
        id: command.to_owned(),
        max_steps: 10,
        needs: needs.iter().map(|job| Needed { job: *job, step: None }).collect(),
        threads: 0,
    }
}

const RULES: Rules =
    Rules { at_a_time: 2, cores: 4, stop_on_failure: false, retry_failed: true, retry_interrupted: true };

/// What came of the jobs, and which started with how many threads.
fn worked(jobs: &[Job], rules: Rules) -> (Vec<Outcome>, Vec<(usize, usize)>) {
    let started = RefCell::new(Vec::new());
    let shell = |job: &Job, _: usize| {
        let mut command = Command::new("sh");
        command.args(["-c", &job.id]);
        command
    };
    let mut tell = |told: Told<'_>| {
        if let Told::Started { job, threads } = told {
            started.borrow_mut().push((job, threads));
        }
    };
    let outcomes = work(jobs, &rules, &Stop::default(), &shell, &mut tell).expect("folders that can be read");
    (outcomes, started.into_inner())
}

fn failed(cause: &str) -> Outcome {
    Outcome::Failed { cause: cause.to_owned(), earlier: false }
}

#[test]
fn one_that_fails_takes_those_along_that_need_it_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = [
        job(dir.path(), "echo 'error: no such corpus' >&2; exit 66", &[]),
        job(dir.path(), "true", &[]),
        job(dir.path(), "true # a student", &[0]),
        job(dir.path(), "true # its heir", &[2]),
        job(dir.path(), "exit 3", &[1]),
        job(dir.path(), "kill -9 $$", &[]),
    ];
    let (outcomes, started) = worked(&jobs, RULES);
    assert_eq!(
        outcomes,
        [
            failed("no such corpus"),
            Outcome::Done,
            Outcome::Blocked { by: 0 },
            Outcome::Blocked { by: 2 },
            failed("its process ended with exit code 3"),
            failed("its process was killed by signal 9"),
        ]
    );
    assert!(started.iter().all(|(job, _)| ![2, 3].contains(job)), "{started:?}");
    assert_eq!(fs::read_to_string(&jobs[0].log).unwrap(), "error: no such corpus\n");
}

#[test]
fn a_checkpoint_is_enough_of_a_parent_that_failed_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut jobs = [
        job(dir.path(), "exit 1", &[]),
        job(dir.path(), "true # leaves at 4", &[0]),
        job(dir.path(), "true # leaves at 8", &[0]),
    ];
    fs::create_dir_all(checkpoint::dir(jobs[0].folder.dir(), 4)).unwrap();
    jobs[1].needs[0].step = Some(4);
    jobs[2].needs[0].step = Some(8);
    let (outcomes, _) = worked(&jobs, RULES);
    assert_eq!(outcomes[1..], [Outcome::Done, Outcome::Blocked { by: 0 }]);
}

#[test]
fn cores_are_shared_out_among_those_that_can_work() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = [
        job(dir.path(), "sleep 0.1 # teacher", &[]),
        job(dir.path(), "sleep 0.1 # first", &[0]),
        job(dir.path(), "sleep 0.3 # second", &[0]),
        job(dir.path(), "sleep 0.1 # third", &[0]),
    ];
    let (outcomes, started) = worked(&jobs, RULES);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done));
    assert_eq!(started, [(0, 4), (1, 2), (2, 2), (3, 2)], "a teacher alone has them all");
    let mut wide = jobs.to_vec();
    wide[0].threads = 3;
    assert_eq!(worked(&wide[..1], RULES).1, [(0, 3)], "what the experiment asks for counts");
    assert_eq!(worked(&jobs[..1], Rules { cores: 1, ..RULES }).1, [(0, 1)]);
}

#[test]
fn a_failure_may_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    // A worker whose standard input ends saves and says so.
    let jobs = [
        job(dir.path(), "sleep 0.2; exit 1", &[]),
        job(dir.path(), "cat; exit 75", &[]),
        job(dir.path(), "true", &[]),
    ];
    let (outcomes, started) = worked(&jobs, Rules { stop_on_failure: true, ..RULES });
    assert_eq!(
        outcomes,
        [failed("its process ended with exit code 1"), Outcome::Interrupted, Outcome::Untouched]
    );
    assert_eq!(started.len(), 2);
}

#[test]
fn what_is_done_is_reused_and_the_rest_tried_again_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let jobs =
        ["done", "short", "failed", "interrupted"].map(|name| job(dir.path(), &format!("true {name}"), &[]));
    let states =
        [(RunState::Finished, 10), (RunState::Finished, 5), (RunState::Failed, 5), (RunState::Running, 5)];
    for (job, (state, step)) in jobs.iter().zip(states) {
        job.folder.create().unwrap();
        let status = Status { state, step, cause: Some("why".into()), ..Status::default() };
        write_json(&job.folder.status_json(), &status).unwrap();
    }
    let earlier = Outcome::Failed { cause: "why".into(), earlier: true };
    for (retry_failed, retry_interrupted, expected) in [
        (true, true, [Outcome::Reused, Outcome::Done, Outcome::Done, Outcome::Done]),
        (true, false, [Outcome::Reused, Outcome::Interrupted, Outcome::Done, Outcome::Interrupted]),
        (false, true, [Outcome::Reused, Outcome::Done, earlier.clone(), Outcome::Done]),
        (false, false, [Outcome::Reused, Outcome::Interrupted, earlier, Outcome::Interrupted]),
    ] {
        assert_eq!(worked(&jobs, Rules { retry_failed, retry_interrupted, ..RULES }).0, expected);
    }
}

#[test]
fn a_run_that_another_process_holds_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = [job(dir.path(), "true", &[])];
    jobs[0].folder.create().unwrap();
    let lock = RefCell::new(Some(jobs[0].folder.lock().unwrap()));
    let told = RefCell::new(Vec::new());
    let mut tell = |event: Told<'_>| match event {
        Told::Elsewhere { job } => told.borrow_mut().push(job),
        Told::Tick { .. } => _ = lock.borrow_mut().take(),
        _ => {}
    };
    let start = |_: &Job, _: usize| Command::new("true");
    let outcomes = work(&jobs, &RULES, &Stop::default(), &start, &mut tell).unwrap();
    assert_eq!((outcomes, told.into_inner()), (vec![Outcome::Done], vec![0]));
}
