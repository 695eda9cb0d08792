//! status.json and run.json: what outsiders see.

use std::fs;

use super::{eval_done, finished, home, started, step_done};
use crate::record::{
    Event, FORMAT, Identity, Metrics, Offsets, RunFinished, RunState, Sink, Status, StatusFile, host, metrics,
};

#[test]
fn the_status_tells_a_killed_run_from_a_running_one() {
    let home = home();
    assert_eq!(Status::read(&home.folder).unwrap(), None);
    let lock = home.folder.lock().unwrap();
    let mut file = StatusFile::new(&home.folder, &[]);
    for event in [started(0), step_done(100), eval_done(100, "dev", None)] {
        file.emit(&event).unwrap();
    }
    let running = Status::read(&home.folder).unwrap().unwrap();
    assert_eq!((running.state, running.step, running.max_steps), (RunState::Running, 100, 600));
    assert_eq!(running.metrics["dev/wer"], 0.125);
    drop(lock);
    let killed = Status::read(&home.folder).unwrap().unwrap();
    assert_eq!((killed.state, killed.cause.as_deref()), (RunState::Interrupted, Some("it was killed")));

    let lock = home.folder.lock().unwrap();
    assert_eq!(Status::read_holding(&home.folder, &lock).unwrap(), Some(killed));
    file.emit(&finished()).unwrap();
    drop(lock);
    let done = Status::read(&home.folder).unwrap().unwrap();
    assert_eq!((done.state, done.step, done.peak_bytes), (RunState::Finished, 600, Some(1_250_000_000)));
    assert_eq!(done.metrics.keys().collect::<Vec<_>>(), ["dev/wer", "test/cer", "test/wer"]);
}

#[test]
fn the_status_of_a_resumed_run_takes_its_metrics_from_the_rows() {
    let home = home();
    let mut metrics = Metrics::open(&home.folder, Offsets::default(), 1).unwrap();
    for event in [step_done(1), eval_done(1, "dev", None), eval_done(1, "dev", Some("teacher"))] {
        metrics.emit(&event).unwrap();
    }
    let rows = metrics::read(&home.folder).unwrap();
    StatusFile::new(&home.folder, &rows).emit(&started(1)).unwrap();
    let status = Status::read(&home.folder).unwrap().unwrap();
    let names: Vec<&String> = status.metrics.keys().collect();
    assert_eq!(names, ["dev/wer", "teacher/dev/wer"]);
}

#[test]
fn folders_of_an_older_program_still_load() {
    let home = home();
    fs::write(home.folder.run_json(), r#"{"name":"tiny","id":"0badcafe","later":1}"#).unwrap();
    fs::write(home.folder.status_json(), r#"{"state":"finished","step":3}"#).unwrap();
    let identity = Identity::read(&home.folder).unwrap().unwrap();
    assert_eq!((identity.name.as_str(), identity.format), ("tiny", 0));
    assert_eq!(Status::read(&home.folder).unwrap().unwrap().state, RunState::Finished);
}

#[test]
fn run_json_says_what_machine_and_when() {
    let home = home();
    let identity = Identity { name: "tiny".into(), id: "0badcafe".into(), ..Identity::here_and_now() };
    identity.write(&home.folder).unwrap();
    assert_eq!(Identity::read(&home.folder).unwrap(), Some(identity.clone()));
    assert_eq!((identity.format, identity.version.as_str()), (FORMAT, host::VERSION));
    assert!(!identity.host.name.is_empty() && !identity.argv.is_empty());
    assert_eq!(identity.started.len(), "2026-01-02T03:04:05Z".len());
    Identity::finish(&home.folder).unwrap();
    let done = Identity::read(&home.folder).unwrap().unwrap();
    assert!(done.finished.is_some());
    assert_eq!(Identity { finished: None, ..done }, identity);
}

#[test]
fn a_failure_keeps_what_the_status_knew() {
    let home = home();
    let mut file = StatusFile::new(&home.folder, &[]);
    file.emit(&step_done(100)).unwrap();
    let failure = Event::RunFinished(RunFinished {
        state: RunState::Failed,
        step: 0,
        metrics: Default::default(),
        cause: Some("no space left".into()),
        wall_secs: 0.0,
        secs_per_step: 0.0,
        peak_bytes: None,
    });
    file.emit(&failure).unwrap();
    let status = Status::read(&home.folder).unwrap().unwrap();
    assert_eq!((status.state, status.step, status.wall_secs), (RunState::Failed, 100, None));
    assert_eq!(status.cause.as_deref(), Some("no space left"));
}
