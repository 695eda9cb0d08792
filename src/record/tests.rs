//! What a run's folder promises, tried on folders in temporary places.

mod checkpoint;
mod described;
mod folder;
mod hparams;
mod metrics;
mod shown;
mod sounds;
mod status;
mod tensorboard;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A run's folder that goes away with the test.
struct Home {
    _root: TempDir,
    folder: Folder,
}

fn home() -> Home {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::at(root.path().join("tiny-0badcafe"));
    folder.create().unwrap();
    Home { _root: root, folder }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn values(pairs: &[(&str, f64)]) -> Values {
    pairs.iter().map(|(name, value)| (name.to_string(), *value)).collect()
}

fn step_done(step: u64) -> Event {
    Event::StepDone(StepDone {
        step,
        lr: 5e-4,
        losses: values(&[("loss", 1.0 / step as f64), ("ctc", 0.75)]),
        grad_norm: 2.5,
        taken: true,
        utterances: 8,
        infinite: 0,
        audio_secs: 12.5,
        step_secs: 0.25,
    })
}

fn eval_done(step: u64, split: &str, subject: Option<&str>) -> Event {
    Event::EvalDone(EvalDone {
        step,
        split: split.into(),
        subject: subject.map(str::to_owned),
        metrics: values(&[("wer", 0.125), ("loss", f64::NAN)]),
        utterances: 40,
        audio_secs: 80.0,
        eval_secs: 3.2,
    })
}

fn started(step: u64) -> Event {
    Event::RunStarted(RunStarted {
        name: "tiny".into(),
        id: "0badcafe".into(),
        role: "student".into(),
        step,
        max_steps: 600,
        params: 1_234_567,
        trainable_params: 1_000_000,
    })
}

fn finished() -> Event {
    Event::RunFinished(RunFinished {
        state: RunState::Finished,
        step: 600,
        metrics: values(&[("test/cer", 0.03), ("test/wer", 0.1)]),
        cause: None,
        wall_secs: 243.0,
        secs_per_step: 0.3061,
        peak_bytes: Some(1_250_000_000),
    })
}
