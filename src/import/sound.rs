//! Commands that train models of sound itself, as experiments: SaShiMi by its authors and by simple-sashimi, and DiffWave with SaShiMi inside.
//!
//! Said is what the program fixes, what its defaults are where they are others than ours, and then what the command gives. Not for: commands
//! that make sound (`runner generate` has their options).

use serde_json::Value as Json;

use super::argparse::Arguments;
use super::cald::{CODE, Meaning, Naming, Reading};
use super::call::Call;
use super::flag::Here;
use super::names::{self, Name};
use super::scripts::state_spaces::{PRESETS, Preset};
use super::settings::{Settings, experiment};
use super::value::Value;

const DEFAULT: &str = "the program's default";

/// Says what a command means.
pub fn meaning(call: &Call, given: Arguments, naming: &Naming) -> Meaning {
    let Arguments { given: flags, problems } = given;
    let (settings, notes) = (Settings::default(), Vec::new());
    let mut reading = Reading { call, flags, hparams: Vec::new(), settings, notes, problems };
    fix(&mut reading, call.script.fixed, CODE);
    let name = match call.script.system {
        "simple-sashimi" => simple(&mut reading),
        "state-spaces" => authors(&mut reading),
        _ => diffusion(&mut reading),
    };
    defaults(&mut reading);
    reading.direct_settings();
    repeat(&mut reading, "train.max_lr", "train.min_lr");
    if call.script.system == "diffwave-sashimi" {
        repeat(&mut reading, "train.max_lr", "train.final_lr");
        repeat(&mut reading, "eval.checkpoint_interval", "eval.eval_interval");
    }
    let import = reading.import(naming.given.map_or(name, str::to_owned));
    Meaning { experiment: Some(import), evaluation: None, problems: reading.problems }
}

fn fix(reading: &mut Reading, fixed: &[(&'static str, &'static str)], origin: &str) {
    for (path, value) in fixed {
        reading.settings.set(path, Value::plain(value), origin);
    }
}

/// The program's defaults where they are others than those here.
fn defaults(reading: &mut Reading) {
    let ours = experiment(&reading.settings.list).and_then(|ours| serde_json::to_value(ours).ok());
    for flag in reading.call.script.flags() {
        let (Here::Key(path), Some(value)) = (flag.here, Value::parse(flag.default, flag.takes)) else {
            continue;
        };
        let ours = ours.as_ref().and_then(|ours| ours.pointer(&format!("/{}", path.replace('.', "/"))));
        if reading.settings.get(path).is_none() && !ours.is_some_and(|ours| equal(ours, &value.json())) {
            reading.settings.set(path, value, DEFAULT);
        }
    }
}

fn equal(a: &Json, b: &Json) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// Gives one option the value of another.
fn repeat(reading: &mut Reading, from: &str, to: &'static str) {
    let Some(found) = reading.settings.list.iter().find(|setting| setting.path == from).cloned() else {
        return;
    };
    reading.settings.set(to, found.value, found.origin);
}

/// What simple-sashimi's flags say together; the experiment's name.
fn simple(reading: &mut Reading) -> String {
    if let Some(given) = reading.flag("train_csv").cloned() {
        let parts: Vec<&str> = given.value.text.split('/').collect();
        let (_, folder) = parts.split_last().unwrap_or((&"", &[]));
        let folder = folder.strip_suffix(&["splits"]).unwrap_or(folder).join("/");
        let folder = if folder.is_empty() { "." } else { &folder };
        reading.settings.say("data.dir", folder, "train_csv");
        reading.note("train_csv: prepare the corpus in `data.dir` first, `runner data prepare speech-commands --digits`");
    }
    let matrices = ["dt", "A", "P", "B"];
    let off = |matrix: &&str| {
        let given = reading.flag(&format!("model_cfg.trainable.{matrix}"));
        given.is_some_and(|given| given.parsed == Value::Boolean(false))
    };
    if matrices.iter().any(off) {
        let learnt = matrices.iter().filter(|matrix| !off(matrix)).map(|&matrix| matrix.to_owned());
        let learnt = Value::Texts(learnt.collect());
        reading.settings.set("model.sashimi.trainable", learnt, "model_cfg.trainable");
    }
    let folder = reading.flag("checkpoint_path").map(|given| names::of_folder(&given.value.text));
    match folder {
        Some(Name::Known(name)) => name,
        _ => "sashimi".to_owned(),
    }
}

/// The authors' configuration that `experiment` names, and epochs as updates; the experiment's name.
fn authors(reading: &mut Reading) -> String {
    let Some(given) = reading.flag("experiment").cloned() else { return "sashimi".to_owned() };
    let asked = given.value.text.trim_start_matches("audio/");
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == asked) else {
        return "sashimi".to_owned();
    };
    fix(reading, preset.fixed, "experiment");
    epochs(reading, preset);
    if given.value.text.starts_with("audio/") {
        reading.note("experiment: of the later configurations of this name the earlier one's options are said, which they are derived from");
    }
    asked.replace('-', "_")
}

/// The published program counts, judges and saves by epochs of its corpus; here all is counted in updates.
fn epochs(reading: &mut Reading, preset: &Preset) {
    let whole = |flag: &str| reading.flag(flag).and_then(|given| given.parsed.number());
    let epochs = whole("trainer.max_epochs").unwrap_or(1_000.0) as u64;
    let Some(clips) = preset.clips else {
        return reading.note(format!(
            "trainer.max_epochs: {epochs} epochs; how many updates that is depends on the recordings, say it in `train.max_steps`"
        ));
    };
    let batch =
        whole("loader.batch_size").or(reading.settings.get("data.batch_size").and_then(Value::number));
    let updates = clips.div_ceil((batch.unwrap_or(1.0) as u64).max(1));
    for path in ["eval.eval_interval", "eval.checkpoint_interval"] {
        reading.settings.set(path, Value::Integer(updates as i64), format!("an epoch of {clips} clips"));
    }
    let total = Value::Integer(updates.saturating_mul(epochs) as i64);
    reading.settings.set("train.max_steps", total, format!("{epochs} epochs of {clips} clips"));
}

/// What the flags of the authors' diffusion say together; the experiment's name.
fn diffusion(reading: &mut Reading) -> String {
    let folder =
        reading.flag("dataset.data_path").map(|given| given.value.text.trim_end_matches('/').to_owned());
    let origin = if folder.is_some() { "dataset.data_path" } else { DEFAULT };
    reading.settings.say("data.dir", folder.as_deref().unwrap_or("data/sc09"), origin);
    reading.note("the network is DiffWave-unconditional's: of its linear layers those of pools alone have weights by length and direction");
    match reading.flag("train.name") {
        Some(given) => names::plain(&given.value.text),
        None => "diffwave_sashimi_sc09".to_owned(),
    }
}
