//! What people read: lines, the log, predictions.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{finished, home, started, step_done, values};
use crate::record::{
    CheckpointKind, CheckpointSaved, EvalDone, Event, Fanout, Log, Progress, RecordError, Resumed, Sink,
    SoundsMade, preds,
};

/// A writer whose text can be read while another part owns it.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn a_life() -> Vec<Event> {
    let mut life = vec![started(0)];
    life.push(Event::Resumed(Resumed {
        step: 1_200,
        max_steps: 5_000,
        from: "results/runs/tiny-0badcafe/checkpoints/step-1200".into(),
        age_secs: Some(180.0),
        why: "interrupted by SIGTERM".into(),
    }));
    life.push(Event::TeacherSwitched { step: 0, snapshot_step: 120 });
    life.extend((1..=100).map(step_done));
    life.push(Event::EvalStarted { step: 100, split: "dev".into() });
    life.push(Event::EvalDone(EvalDone {
        step: 100,
        split: "dev".into(),
        subject: None,
        metrics: values(&[("cer", 0.05), ("loss", 0.4321), ("wer", 0.125)]),
        utterances: 40,
        audio_secs: 80.0,
        eval_secs: 3.2,
    }));
    life.push(Event::SoundsStarted { step: 100, clips: 2 });
    life.push(Event::SoundsMade(SoundsMade {
        step: 100,
        rate_hz: 16_000,
        clips: vec![vec![0.0; 24_000]; 2],
        make_secs: 2.5,
    }));
    life.push(Event::CheckpointSaved(CheckpointSaved {
        step: 100,
        kind: CheckpointKind::Best,
        path: "checkpoints/step-100".into(),
        bytes: 15_000_000,
        save_secs: 0.08,
    }));
    life.push(Event::Warning { text: "3 updates had no finite gradients".into() });
    life.push(finished());
    life
}

#[test]
fn without_a_terminal_there_are_few_plain_lines() {
    let page = Page::default();
    let mut progress = Progress::lines(page.clone());
    for event in a_life() {
        progress.emit(&event).unwrap();
    }
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let want = "\
tiny-0badcafe: student, 1,234,567 parameters (234,567 frozen), 600 updates
resuming step 1,200/5,000 from results/runs/tiny-0badcafe/checkpoints/step-1200 (saved 3 min 00 s ago, interrupted by SIGTERM)
step 0: the teacher's step 120 teaches
step 1/600  loss 1.000  lr 5.000e-4  50.0 s of audio/s  2 min 30 s left
step 100: dev cer 5.00 %, loss 0.4321, wer 12.50 % (3.20 s)
step 100: 2 clips of 1.50 s in `sounds/` (2.50 s)
warning: 3 updates had no finite gradients
finished at step 600: test/cer 3.00 %, test/wer 10.00 %; 4 min 03 s in all, 0.306 s a step, peak memory 1.2 GB
";
    assert_eq!(text, want);
}

#[test]
fn the_log_has_the_time_of_day_and_no_updates() {
    let home = home();
    let mut log = Log::open(&home.folder).unwrap();
    for event in a_life() {
        log.emit(&event).unwrap();
    }
    let text = fs::read_to_string(home.folder.log_txt()).unwrap();
    let said: Vec<&str> = text.lines().map(|line| line.split_once("Z ").unwrap().1).collect();
    assert_eq!(said.len(), 10);
    assert_eq!(said[3], "step 100: judging on dev");
    assert_eq!(said[5], "step 100: making 2 clips");
    assert_eq!(said[7], "saved checkpoints/step-100 (15 MB in 0.08 s, the best so far)");
}

#[test]
fn every_sink_of_a_fanout_gets_every_event() {
    struct Full;
    impl Sink for Full {
        fn emit(&mut self, _: &Event) -> Result<(), RecordError> {
            Err(RecordError::damaged(Path::new("a"), "b"))
        }
    }
    struct To<'a>(&'a mut Vec<Event>);
    impl Sink for To<'_> {
        fn emit(&mut self, event: &Event) -> Result<(), RecordError> {
            self.0.emit(event)
        }
    }
    let mut kept = Vec::new();
    let mut sinks = Fanout::new().with(Full).with(To(&mut kept));
    let error = sinks.emit(&started(0)).unwrap_err();
    assert_eq!(error.to_string(), "`a` is damaged: b");
    drop(sinks);
    assert_eq!(kept, [started(0)]);
}

#[test]
fn predictions_are_one_object_a_line() {
    let home = home();
    #[derive(serde::Serialize)]
    struct Prediction {
        name: &'static str,
        pred: &'static str,
    }
    let predictions = [Prediction { name: "a", pred: "ö \"x\"" }, Prediction { name: "b", pred: "" }];
    preds::write(&home.folder.preds_jsonl(), &predictions).unwrap();
    let text = fs::read_to_string(home.folder.preds_jsonl()).unwrap();
    assert_eq!(text, "{\"name\":\"a\",\"pred\":\"ö \\\"x\\\"\"}\n{\"name\":\"b\",\"pred\":\"\"}\n");
    preds::write_metrics(&home.folder.metrics_json(), &values(&[("wer", 0.5), ("cer", 0.25)])).unwrap();
    let text = fs::read_to_string(home.folder.metrics_json()).unwrap();
    assert_eq!(text, "{\n  \"cer\": 0.25,\n  \"wer\": 0.5\n}\n");
}
