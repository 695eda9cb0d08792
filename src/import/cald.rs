//! CALD's commands as experiments and evaluations.
//!
//! Options are said where the command says them, where the published programs' default is another than the one here, and where the
//! published code has a defect that changes results (`reference`), so that the experiment is the run that the command would have been.

use super::argparse::{Arguments, Given};
use super::call::Call;
use super::experiment::{Evaluation, Import};
use super::flag::Here;
use super::names::{self, Checkpoint, Name};
use super::paths::{hf_folder, seen_from, split_file};
use super::problem::{BAD_VALUE, NO_COUNTERPART, OPEN_NAME};
use super::settings::Settings;
use super::value::Value;
use crate::config::Problem;

/// How experiments get their names.
pub struct Naming<'a> {
    /// What the user calls it.
    pub given: Option<&'a str>,
    /// Whether a name left open is made from corpus and family instead of asked for.
    pub lenient: bool,
}

/// What a command means.
#[derive(Default)]
pub struct Meaning {
    pub experiment: Option<Import>,
    pub evaluation: Option<Evaluation>,
    pub problems: Vec<Problem>,
}

/// Says what a command of CALD's means; `inner` is what its `--hparams` hold.
pub fn meaning(call: &Call, given: Arguments, inner: Arguments, naming: &Naming) -> Meaning {
    let Arguments { given: flags, problems } = given;
    let mut reading = Reading {
        call,
        flags,
        hparams: inner.given,
        settings: Settings::default(),
        notes: Vec::new(),
        problems: problems.into_iter().chain(inner.problems).collect(),
    };
    let (mut experiment, mut evaluation) = (None, None);
    if call.script.name == "infer.py" {
        evaluation = super::infer::evaluation(&mut reading, naming);
    } else {
        experiment = reading.experiment(naming);
    }
    let mut problems = reading.problems;
    problems.append(&mut reading.settings.problems);
    Meaning { experiment, evaluation, problems }
}

/// What a run folder's hparams mean for its model, its labels and its decoding.
pub fn of_hparams(call: &Call, hparams: Arguments) -> Settings {
    let mut reading = Reading {
        call,
        flags: Vec::new(),
        hparams: hparams.given,
        settings: Settings::default(),
        notes: Vec::new(),
        problems: hparams.problems,
    };
    reading.direct_settings();
    reading.model();
    reading.behaviours(false);
    reading.settings.problems.append(&mut reading.problems);
    reading.settings
}

/// A command being read.
pub struct Reading<'a> {
    pub call: &'a Call,
    pub flags: Vec<Given>,
    pub hparams: Vec<Given>,
    pub settings: Settings,
    pub notes: Vec<String>,
    pub problems: Vec<Problem>,
}

/// Where an option came from that no flag says.
pub const CODE: &str = "as the published code";

impl Reading<'_> {
    /// A flag as given.
    pub fn flag(&self, name: &str) -> Option<&Given> {
        self.flags.iter().find(|given| given.flag.name == name)
    }

    /// An hparam in force is switched on.
    fn on(&self, name: &str) -> bool {
        self.hparams.iter().any(|given| given.flag.name == name && given.parsed == Value::Boolean(true))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.hparams.iter().find(|given| given.flag.name == name)?.parsed.number()
    }

    /// Something to say beside the experiment.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn experiment(&mut self, naming: &Naming) -> Option<Import> {
        let distils = self.call.script.name == "train_distill.py";
        self.direct_settings();
        self.data();
        self.model();
        self.precision();
        self.behaviours(distils);
        if distils {
            self.teacher();
        }
        self.restored(distils);
        if self.flag("--max_steps").is_none() {
            self.note("without `--max_steps` the published program never stops; here it is `train.max_steps`, 90000 by default");
        }
        let name = self.name(naming, distils)?;
        Some(self.import(name))
    }

    /// All that was said so far, as the experiment `name`.
    pub fn import(&mut self, name: String) -> Import {
        let place = self.call.at.source.place(self.call.at.span().start);
        let mut settings = std::mem::take(&mut self.settings);
        self.problems.append(&mut settings.problems);
        Import {
            name,
            from: format!("from {place}, {}", self.call.script.name),
            settings: settings.sorted(),
            notes: std::mem::take(&mut self.notes),
        }
    }

    /// Flags and hparams that are options here, those without effect, and those that are refused.
    pub fn direct_settings(&mut self) {
        let flags = self.flags.clone().into_iter().map(|given| (given.flag.name.to_owned(), given));
        let hparams = self.hparams.clone().into_iter();
        let hparams = hparams.map(|given| (format!("--hparams {}", given.flag.name), given));
        for (origin, given) in flags.chain(hparams).collect::<Vec<_>>() {
            match given.flag.here {
                Here::Key(path) => self.settings.take(path, &given, adapted(path, &given.parsed), origin),
                Here::Ignored(why) => self.note(format!("{origin}: without effect; {why}")),
                Here::Said(_) => {}
                here => self.problems.extend(refused(&given, here)),
            }
        }
    }

    fn data(&mut self) {
        let Some(data_dir) = self.flag("--data-dir").cloned() else { return };
        let from_hub = self.flag("--use_hf_dataset").is_some();
        let folder = match from_hub {
            false => Some(data_dir.value.text.clone()),
            true => hf_folder(&data_dir.value.text).map(str::to_owned),
        };
        let Some(folder) = folder else {
            let message = format!("`{}` names no folder", data_dir.value.text);
            let help = "with `--use_hf_dataset` it is `DATASET--SUBSET--FOLDER`";
            return self.problems.push(data_dir.value.problem(BAD_VALUE, message).with_help(help));
        };
        self.settings.say("data.dir", folder.trim_end_matches('/'), "--data-dir");
        if from_hub {
            self.settings.say("data.data_format", "nltLa", "--use_hf_dataset: prepared with labels");
            self.note("--use_hf_dataset: prepare the corpus in `data.dir` first; its transcripts are `123`, as the published code has them");
        }
        for (flag, path) in [("--train_meta", "data.train_meta"), ("--eval_meta", "data.dev_meta")] {
            let Some(given) = self.flag(flag).cloned() else { continue };
            match from_hub {
                true => self.settings.say(path, &split_file(&given.value.text), flag),
                false => self.file(path, &folder, &given),
            }
        }
        match self.flag("--vocab-path").cloned() {
            Some(_) if from_hub => self.note("--vocab-path: the prepared corpus has a vocabulary of its own"),
            Some(given) => self.file("data.vocab_path", &folder, &given),
            None => {}
        }
    }

    /// A file as it is seen from the corpus' folder.
    fn file(&mut self, path: &'static str, folder: &str, given: &Given) {
        match seen_from(folder, &given.value.text) {
            Some(file) => self.settings.say(path, &file, given.flag.name),
            None => {
                let message = format!("`{}` is relative, but `--data-dir` is not", given.value.text);
                self.problems
                    .push(given.value.problem(BAD_VALUE, message).with_help("write it from the root, too"));
            }
        }
    }

    fn model(&mut self) {
        let Some(name) = self.hparams.iter().find(|given| given.flag.name == "asr_model_name").cloned()
        else {
            return;
        };
        let origin = "--hparams asr_model_name";
        self.settings.say("model.wav2vec2.pretrained", &name.value.text, origin);
        match name.value.text.as_str() {
            "facebook/wav2vec2-large-lv60" => {}
            "facebook/wav2vec2-base" => {
                let mut set = |path, value| self.settings.set(path, value, origin);
                set("model.wav2vec2.hidden_size", Value::Integer(768));
                set("model.wav2vec2.num_hidden_layers", Value::Integer(12));
                set("model.wav2vec2.num_attention_heads", Value::Integer(12));
                set("model.wav2vec2.intermediate_size", Value::Integer(3072));
                set("model.wav2vec2.conv_bias", Value::Boolean(false));
                set("model.wav2vec2.feat_extract_norm", Value::Text("group".into()));
                set("model.wav2vec2.do_stable_layer_norm", Value::Boolean(false));
                set("model.wav2vec2.layerdrop", Value::Number(0.0, "0.0".into()));
            }
            other => self.note(format!(
                "asr_model_name: the sizes in `[model.wav2vec2]` are those of wav2vec2-large-lv60; compare them with the `config.json` of `{other}`"
            )),
        }
    }

    fn precision(&mut self) {
        let given = self.flag("--mixed_precision").map(|given| (given.value.clone(), "--mixed_precision"));
        let asked =
            given.or_else(|| Some((self.call.precision.clone()?, "accelerate launch --mixed_precision")));
        let Some((word, origin)) = asked else { return };
        match word.text.as_str() {
            "bf16" => self.settings.say("run.precision", "bf16", origin),
            "no" => self.settings.say("run.precision", "f32", origin),
            other => {
                let message = format!("there is no `{other}` arithmetic here");
                self.problems
                    .push(word.problem(NO_COUNTERPART, message).with_help("`bf16` keeps the range of f32"));
            }
        }
    }

    fn behaviours(&mut self, distils: bool) {
        let mut paths = vec!["train.weight_decay_groups", "train.classifier_norm", "eval.decode_padding"];
        if distils {
            paths.extend(["distill.alpha_scaling", "distill.teacher_mode", "distill.logits_mask"]);
        }
        for path in paths {
            self.settings.say(path, "reference", CODE);
        }
        if self.on("use_classifier") && self.number("ctc_weight") == Some(0.0) {
            self.settings.say("eval.select", "dev/clf_acc", "by the head that learns");
        }
    }

    fn teacher(&mut self) {
        let Some(given) = self.flag("--teacher_path").cloned() else { return };
        let waypoints = self.flag("--use_teacher_snapshots").is_some();
        let (name, checkpoint) = names::of_checkpoint(&given.value.text);
        let name = match (name, self.corpus()) {
            (Name::Known(name), _) => name,
            (Name::Open, Some(corpus)) => format!("{corpus}_direct"),
            (Name::Open, None) => {
                let message = format!("`{}` leaves open whose checkpoint teaches", given.value.text);
                let help = "fill the placeholder in, or edit `distill.teacher` in the experiment";
                return self.problems.push(given.value.problem(OPEN_NAME, message).with_help(help));
            }
        };
        self.settings.say("distill.teacher", &name, "--teacher_path");
        let (guidance, start, origin) = match waypoints {
            true => ("waypoint", "source", "--use_teacher_snapshots"),
            false => ("fixed", "teacher", "--teacher_path"),
        };
        self.settings.say("distill.guidance", guidance, origin);
        self.settings.say("distill.student_init", start, origin);
        match checkpoint {
            Checkpoint::Step(step) if !waypoints => self.note(format!(
                "--teacher_path: the published command names step {step}; here the best checkpoint of `{name}` teaches"
            )),
            Checkpoint::Folder if !waypoints => self.note(format!(
                "--teacher_path: a folder without a checkpoint; here the best checkpoint of `{name}` teaches"
            )),
            _ => {}
        }
    }

    /// Going on from another run.
    fn restored(&mut self, distils: bool) {
        let Some(given) = self.flag("--restore_from").cloned() else {
            if distils && self.number("alpha_layer_distill_loss") == Some(0.0) {
                self.note("alpha_layer_distill_loss=0: to go on from another run (hybrid), add `continue_from = \"EXPERIMENT@STEP\"` at the top");
            }
            return;
        };
        match names::of_checkpoint(&given.value.text) {
            (Name::Known(name), Checkpoint::Step(step) | Checkpoint::Best(Some(step))) => {
                self.settings.say("continue_from", &format!("{name}@{step}"), "--restore_from");
            }
            _ => {
                let message = format!("`{}` names no step to go on from", given.value.text);
                let help = "name the checkpoint, for example `output/tedlium/target_guided/model.ckpt-40000`";
                self.problems.push(given.value.problem(BAD_VALUE, message).with_help(help));
            }
        }
    }

    fn name(&mut self, naming: &Naming, distils: bool) -> Option<String> {
        if let Some(name) = naming.given {
            return Some(name.to_owned());
        }
        let folder = self.flag("--model-dir")?.clone();
        let suggestion = self.corpus().map(|corpus| format!("{corpus}_{}", self.family(distils)));
        match (names::of_folder(&folder.value.text), suggestion) {
            (Name::Known(name), _) => Some(name),
            (Name::Open, Some(name)) if naming.lenient => Some(name),
            (Name::Open, suggestion) => {
                let message = format!("`{}` leaves open what the experiment is called", folder.value.text);
                let name = suggestion.unwrap_or_else(|| "NAME".into());
                let help = format!("add `--name {name}` to `runner import`, or fill the placeholder in");
                self.problems.push(folder.value.problem(OPEN_NAME, message).with_help(help));
                None
            }
        }
    }

    /// The corpus by its name here, from the folders in the command.
    pub fn corpus(&self) -> Option<&'static str> {
        let folders =
            ["--data-dir", "--model-dir", "--model-path"].into_iter().filter_map(|flag| self.flag(flag));
        folders
            .flat_map(|given| given.value.text.split(['/']).rev().collect::<Vec<_>>())
            .find_map(names::corpus)
    }

    fn family(&self, distils: bool) -> &'static str {
        let hybrid =
            self.flag("--restore_from").is_some() && self.number("alpha_layer_distill_loss") == Some(0.0);
        match (distils, self.flag("--use_teacher_snapshots").is_some()) {
            (true, _) if hybrid => "hybrid",
            (true, true) => "waypoint",
            (true, false) => "target",
            (false, _) if self.on("asr_use_mamba") => "unguided",
            (false, _) => "direct",
        }
    }
}

/// The value as the option here has it: the published programs write "off" as any number that is not positive.
fn adapted(path: &str, value: &Value) -> Value {
    const OFF_BELOW_ZERO: [&str; 6] = [
        "data.input_length_lower_bound",
        "data.input_length_upper_bound",
        "data.target_length_lower_bound",
        "distill.alpha_layer_distill_loss",
        "distill.alpha_logits_distill_loss",
        "train.reset_period",
    ];
    match value {
        Value::Integer(number) if *number < 0 && OFF_BELOW_ZERO.contains(&path) => Value::Integer(0),
        value => value.clone(),
    }
}

/// That a flag asks for what is not done here.
pub fn refused(given: &Given, here: Here) -> Option<Problem> {
    let name = given.flag.name;
    match here {
        Here::Only(value, why) if Value::parse(value, given.flag.takes).as_ref() != Some(&given.parsed) => {
            let message = format!("`{name}` is `{}`, which is done in no way here", given.value.text);
            Some(given.value.problem(NO_COUNTERPART, message).with_help(why))
        }
        Here::Refused(why) => {
            let message = format!("`{name}` has no counterpart here");
            Some(given.value.problem(NO_COUNTERPART, message).with_help(why))
        }
        _ => None,
    }
}
