//! `infer.py` as `runner eval`.

use super::cald::{Naming, Reading};
use super::experiment::Evaluation;
use super::flag::Here;
use super::names::{self, Checkpoint, Name};
use super::paths::split_file;
use super::problem::OPEN_NAME;

/// What the command judges, and on what.
pub fn evaluation(reading: &mut Reading, naming: &Naming) -> Option<Evaluation> {
    let (model, output) = (reading.flag("--model-path")?.clone(), reading.flag("--output-path")?.clone());
    for given in reading.flags.clone() {
        if let (Here::Ignored(why), false) = (given.flag.here, matches!(given.flag.name, "--hparams")) {
            reading.note(format!("{}: without effect; {why}", given.flag.name));
        }
    }
    for given in reading.hparams.clone() {
        reading.note(format!(
            "--hparams {}: without effect; a run is judged with its own options",
            given.flag.name
        ));
    }
    let (name, checkpoint) = names::of_checkpoint(&model.value.text);
    let name = match (naming.given, name) {
        (Some(name), _) => Some(name.to_owned()),
        (None, Name::Known(name)) => Some(name),
        (None, Name::Open) if naming.lenient => None,
        (None, Name::Open) => {
            let message = format!("`{}` leaves open whose checkpoint is judged", model.value.text);
            let corpus = reading.corpus().unwrap_or("tedlium");
            let help = format!("add `--name {corpus}_direct`, for example, or fill the placeholder in");
            reading.problems.push(model.value.problem(OPEN_NAME, message).with_help(help));
            return None;
        }
    };
    let checkpoint = match checkpoint {
        Checkpoint::Best(_) => "best".to_owned(),
        Checkpoint::Folder => "latest".to_owned(),
        Checkpoint::Step(step) => step.to_string(),
    };
    Some(Evaluation {
        name,
        checkpoint,
        options: vec![judged_on(reading), ("-o", output.value.text)],
        notes: std::mem::take(&mut reading.notes),
    })
}

/// The list that the command judges on: one of the run's own, or another file.
fn judged_on(reading: &Reading) -> (&'static str, String) {
    let meta = reading.flag("--eval_meta").map(|given| given.value.text.clone());
    let meta = match (meta, reading.flag("--use_hf_dataset")) {
        (Some(split), Some(_)) => split_file(&split),
        (Some(meta), None) => {
            let folder =
                reading.flag("--data-dir").map_or("", |given| given.value.text.trim_end_matches('/'));
            meta.strip_prefix(&format!("{folder}/")).unwrap_or(&meta).to_owned()
        }
        (None, _) => "meta.dev.txt".to_owned(),
    };
    match meta.as_str() {
        "meta.test.txt" => ("--split", "test".to_owned()),
        "meta.dev.txt" => ("--split", "dev".to_owned()),
        _ => ("--meta", meta),
    }
}
