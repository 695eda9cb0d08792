//! Commands of SSAMBA and SSAST, pre-training and fine-tuning, as experiments.
//!
//! The programs count in epochs of their lists and let rates fall by stairs; here all is counted in updates and falls smoothly, from the same rate to the
//! same. Not for: the lists themselves (`runner data prepare audioset`, `labelled-json` and so on bring them).

use super::argparse::Arguments;
use super::cald::{CODE, Meaning, Naming, Reading};
use super::call::Call;
use super::names::{self, Name};
use super::problem::NO_COUNTERPART;
use super::settings::Settings;
use super::value::Value;

const DEFAULT: &str = "the program's default";

/// Flags whose values options of the model take, of SSAMBA and of SSAST; empty: none.
const SAME: [(&str, &str, &str); 18] = [
    ("--task", "model.ssamba.task", "model.ssast.task"),
    ("--num_mel_bins", "model.ssamba.features.num_mel_bins", "model.ssast.features.num_mel_bins"),
    ("--target_length", "model.ssamba.features.target_length", "model.ssast.features.target_length"),
    ("--dataset_mean", "model.ssamba.features.dataset_mean", "model.ssast.features.dataset_mean"),
    ("--dataset_std", "model.ssamba.features.dataset_std", "model.ssast.features.dataset_std"),
    ("--freqm", "model.ssamba.features.freqm", "model.ssast.features.freqm"),
    ("--timem", "model.ssamba.features.timem", "model.ssast.features.timem"),
    ("--noise", "model.ssamba.features.noise", "model.ssast.features.noise"),
    ("--fshape", "model.ssamba.patches.fshape", "model.ssast.patches.fshape"),
    ("--tshape", "model.ssamba.patches.tshape", "model.ssast.patches.tshape"),
    ("--fstride", "model.ssamba.patches.fstride", "model.ssast.patches.fstride"),
    ("--tstride", "model.ssamba.patches.tstride", "model.ssast.patches.tstride"),
    ("--embed_dim", "model.ssamba.embed_dim", ""),
    ("--depth", "model.ssamba.depth", ""),
    ("--drop_path_rate", "model.ssamba.drop_path_rate", ""),
    ("--rms_norm", "model.ssamba.rms_norm", ""),
    ("--if_bidirectional", "model.ssamba.if_bidirectional", ""),
    ("--if_devide_out", "model.ssamba.if_divide_out", ""),
];

/// What both programs do whatever the command says.
const FIXED: [(&str, &str); 6] = [
    ("data.data_format", "nltLa"),
    ("data.data_warmup_steps", "0"),
    ("train.min_lr", "0.0"),
    ("train.max_grad_norm", "0.0"),
    ("train.ctc_weight", "0.0"),
    ("train.classifier_norm", "sound"),
];

/// The published lists by how many classes they have: clips to train on.
const LISTS: [(i64, u64, &str); 4] = [
    (527, 18_477, "AudioSet-20k"),
    (50, 1_600, "four folds of ESC-50"),
    (35, 84_843, "Speech Commands v2"),
    (30, 51_088, "Speech Commands v1"),
];

/// Updates of the warm-up, and those with one rate in it.
const WARMUP: [i64; 2] = [1000, 50];

/// Says what a command means.
pub fn meaning(call: &Call, given: Arguments, naming: &Naming) -> Meaning {
    let Arguments { given: flags, problems } = given;
    let (settings, notes) = (Settings::default(), Vec::new());
    let reading = Reading { call, flags, hparams: Vec::new(), settings, notes, problems };
    let mut command = Command { reading, mamba: call.script.system == "SSAMBA" };
    command.say();
    let name = naming.given.map_or_else(|| command.name(), str::to_owned);
    let import = command.reading.import(name);
    Meaning { experiment: Some(import), evaluation: None, problems: command.reading.problems }
}

struct Command<'a> {
    reading: Reading<'a>,
    /// SSAMBA, not SSAST.
    mamba: bool,
}

impl Command<'_> {
    fn say(&mut self) {
        let pretrains = self.text("--task").starts_with("pretrain");
        for (path, value) in FIXED {
            self.reading.settings.set(path, Value::plain(value), CODE);
        }
        let betas = Value::Numbers(vec![0.95, 0.999]);
        self.reading.settings.set("train.adam_betas", betas, CODE);
        let decay = if pretrains { "5e-8" } else { "5e-7" };
        self.reading.settings.set("train.reg_weight", Value::plain(decay), CODE);
        self.reading.direct_settings();
        self.defaults(&[("--lr", "train.max_lr"), ("--batch-size", "data.batch_size")]);
        self.same();
        self.behaviours(pretrains);
        match self.mamba {
            true => self.layers(),
            false => self.size(),
        }
        self.corpus();
        match pretrains {
            true => self.pretraining(),
            false => self.fine_tuning(),
        }
    }

    /// What a flag is, as given or by default.
    fn value(&self, name: &str) -> Option<Value> {
        if let Some(given) = self.reading.flag(name) {
            return Some(given.parsed.clone());
        }
        let flag = self.reading.call.script.flags().find(|flag| flag.name == name)?;
        Value::parse(flag.default, flag.takes)
    }

    fn text(&self, name: &str) -> String {
        match self.value(name) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }

    fn number(&self, name: &str) -> f64 {
        self.value(name).and_then(|value| value.number()).unwrap_or_default()
    }

    fn on(&self, name: &str) -> bool {
        self.value(name) == Some(Value::Boolean(true))
    }

    /// The option of this model.
    fn of(&self, ssamba: &'static str, ssast: &'static str) -> &'static str {
        if self.mamba { ssamba } else { ssast }
    }

    fn set(&mut self, path: &'static str, value: impl Into<String>, origin: impl Into<String>) {
        self.reading.settings.set(path, Value::plain(&value.into()), origin);
    }

    /// Options to which the program's defaults are said where no flag is given.
    fn defaults(&mut self, options: &[(&str, &'static str)]) {
        for (flag, path) in options {
            if self.reading.settings.get(path).is_none()
                && let Some(value) = self.value(flag)
            {
                self.reading.settings.set(path, value, DEFAULT);
            }
        }
    }

    fn same(&mut self) {
        for (name, ssamba, ssast) in SAME {
            let path = self.of(ssamba, ssast);
            match self.reading.flag(name).cloned() {
                _ if path.is_empty() => {}
                Some(given) => self.reading.settings.take(path, &given, given.parsed.clone(), name),
                None => self.defaults(&[(name, path)]),
            }
        }
    }

    /// What the published code does otherwise than its paper.
    fn behaviours(&mut self, pretrains: bool) {
        let mut options = vec![
            self.of("model.ssamba.features.scale", "model.ssast.features.scale"),
            self.of("model.ssamba.features.padding", "model.ssast.features.padding"),
        ];
        if self.mamba {
            options.extend(["model.ssamba.residual", "model.ssamba.final_norm"]);
        }
        if pretrains {
            options.push(self.of("model.ssamba.pretext.masks", "model.ssast.pretext.masks"));
            options.push(self.of("model.ssamba.pretext.contrast", "model.ssast.pretext.contrast"));
        }
        options.into_iter().for_each(|path| self.set(path, "reference", CODE));
    }

    /// How SSAMBA's layers are made.
    fn layers(&mut self) {
        let (kind, origin) = match self.on("--if_bimamba") {
            true => ("v1".to_owned(), "--if_bimamba"),
            false => (self.text("--bimamba_type"), "--bimamba_type"),
        };
        self.set("model.ssamba.bimamba_type", kind, origin);
        if self.on("--use_middle_cls_token") {
            self.set("model.ssamba.class_token", "middle", "--use_middle_cls_token");
        }
        for (name, is_on, why) in [
            ("--if_abs_pos_embed", true, "the published program fails without positions"),
            ("--if_cls_token", true, "the published program fails without a class token"),
            ("--if_rope", false, "no published model turns its patches"),
            ("--if_rope_residual", false, "no published model turns its patches"),
            ("--use_double_cls_token", false, "no published model has a second class token"),
        ] {
            if self.on(name) != is_on {
                self.refuse(name, why);
            }
        }
        if self.number("--drop_rate") != 0.0 {
            self.refuse("--drop_rate", "no published model drops patches");
        }
    }

    /// SSAST's size has a name.
    fn size(&mut self) {
        let asked = self.text("--model_size");
        let (width, heads) =
            match asked.split('_').next().unwrap_or_default().trim_end_matches(char::is_numeric) {
                "tiny" => (192, 3),
                "small" => (384, 6),
                "base" => (768, 12),
                _ => return self.refuse("--model_size", "sizes are `tiny`, `small`, `base` and `base_nokd`"),
            };
        self.set("model.ssast.embed_dim", width.to_string(), "--model_size");
        self.set("model.ssast.num_heads", heads.to_string(), "--model_size");
        if asked == "base_nokd" {
            self.set("model.ssast.distilled", "false", "--model_size");
        }
    }

    fn refuse(&mut self, name: &str, why: &str) {
        let place = match self.reading.flag(name) {
            Some(given) => given.value.clone(),
            None => self.reading.call.at.clone(),
        };
        let value =
            self.reading.flag(name).map_or("not given".to_owned(), |given| format!("`{}`", given.value.text));
        let message = format!("`{name}` is {value}, which has no counterpart here");
        self.reading.problems.push(place.problem(NO_COUNTERPART, message).with_help(why));
    }

    fn corpus(&mut self) {
        let dataset = self.text("--dataset");
        let folder = if dataset.is_empty() { "lists".to_owned() } else { names::plain(&dataset) };
        let origin = if dataset.is_empty() { "--data-train" } else { "--dataset" };
        self.reading.settings.say("data.dir", &format!("data/{folder}"), origin);
        if self.reading.flag("--data-train").is_some() {
            self.reading.note(
                "--data-train, --data-val, --data-eval, --label-csv: prepare them as `data.dir` first, `runner data prepare labelled-json` or the corpus' own verb, \
                 and set `train_meta`, `dev_meta` and `test_meta`",
            );
        }
        let balance = self.text("--bal");
        if !balance.is_empty() && balance.to_lowercase() != "none" {
            self.refuse("--bal", "clips are drawn alike; `data.mix` draws corpora by weights");
        }
    }

    fn warm_up(&mut self, origin: &str) {
        let [steps, stairs] = WARMUP;
        self.set("train.warmup_steps", steps.to_string(), origin);
        self.set("train.warmup_stairs", stairs.to_string(), origin);
    }

    fn plateau(&mut self, origin: &str) {
        self.set("train.decay_type", "on_plateau", origin);
        self.set("train.decay_factor", "0.5", origin);
        self.set("train.decay_patience", self.number("--lr_patience").to_string(), "--lr_patience");
        self.set("train.final_lr", "0.0", origin);
    }

    fn pretraining(&mut self) {
        self.warm_up(CODE);
        self.plateau(CODE);
        let masked = self.of("model.ssamba.pretext.mask_patch", "model.ssast.pretext.mask_patch");
        self.set(masked, self.number("--mask_patch").to_string(), "--mask_patch");
        for path in ["eval.eval_interval", "eval.checkpoint_interval"] {
            self.set(path, self.number("--epoch_iter").to_string(), "--epoch_iter");
        }
        self.set("eval.select", "dev/loss", CODE);
        let epochs = self.number("--n-epochs");
        self.reading.note(format!(
            "--n-epochs: {epochs} epochs; how many updates that is depends on the lists, say it in `train.max_steps`"
        ));
    }

    fn fine_tuning(&mut self) {
        let path = self.of("model.ssamba.pretrained", "model.ssast.pretrained");
        let pretrained = self.text("--pretrained_mdl_path");
        if !pretrained.is_empty() {
            self.reading.settings.say(path, &pretrained, "--pretrained_mdl_path");
        }
        let classes = self.number("--n_class") as i64;
        let path = self.of("model.ssamba.num_targets", "model.ssast.num_targets");
        self.reading.settings.set(path, Value::Integers(vec![classes]), "--n_class");
        let (rate, times) = (self.number("--lr"), self.number("--head_lr"));
        if times > 1.0 {
            let path = self.of("model.ssamba.head_lr", "model.ssast.head_lr");
            self.set(path, format!("{:e}", rate * times), "--lr and --head_lr");
        }
        if self.number("--mixup") > 0.0 {
            self.set("data.mixup", self.number("--mixup").to_string(), "--mixup");
        }
        let loss = if self.text("--loss") == "BCE" { "binary" } else { "cross_entropy" };
        self.set("train.classifier_loss", loss, "--loss");
        self.set("train.classifier_weight", "1.0", CODE);
        let select = if self.text("--metrics") == "mAP" { "dev/mAP" } else { "dev/clf_acc" };
        self.set("eval.select", select, "--metrics");
        let warm = self.on("--warmup");
        match warm {
            true => self.warm_up("--warmup"),
            false => self.set("train.warmup_steps", "0", "--warmup"),
        }
        self.epochs(classes, rate, if warm { WARMUP[0] as u64 } else { 0 });
        if self.on("--wa") {
            let (first, last) = (self.number("--wa_start"), self.number("--wa_end"));
            self.reading.note(format!(
                "--wa: the mean of the weights after epochs {first} to {last} is `runner eval RUN@FIRST..LAST`, in updates; keep them with `output.keep_every`"
            ));
        }
    }

    /// Epochs as updates, and what the rate falls to in them.
    fn epochs(&mut self, classes: i64, rate: f64, warm: u64) {
        let epochs = self.number("--n-epochs") as u64;
        let Some((_, clips, list)) = LISTS.iter().find(|(known, ..)| *known == classes) else {
            return self.reading.note(format!(
                "--n-epochs: {epochs} epochs; how many updates that is depends on the list, say it in `train.max_steps`, `plateau_steps` and `decay_steps`"
            ));
        };
        let batch = (self.number("--batch-size") as u64).max(1);
        // The loader drops what does not fill a batch.
        let updates = (clips / batch).max(1);
        let origin = format!("{epochs} epochs of {clips} clips, {list}");
        self.set("train.max_steps", (updates * epochs).to_string(), origin);
        for path in ["eval.eval_interval", "eval.checkpoint_interval"] {
            self.set(path, updates.to_string(), "an epoch");
        }
        if self.on("--adaptschedule") {
            return self.plateau("--adaptschedule");
        }
        let (start, step) =
            (self.number("--lrscheduler_start") as u64, self.number("--lrscheduler_step") as u64);
        // Milestones before the last epoch.
        let falls = epochs.checked_sub(start + 1).map_or(0, |rest| rest / step.max(1) + 1);
        let last = rate * self.number("--lrscheduler_decay").powi(falls as i32);
        self.set("train.decay_type", "exp", "--lrscheduler_decay");
        self.set("train.final_lr", format!("{last:e}"), format!("--lrscheduler_decay, {falls} times"));
        self.set(
            "train.plateau_steps",
            (start * updates).saturating_sub(warm).to_string(),
            "--lrscheduler_start",
        );
        let falling = (updates * epochs).saturating_sub((start * updates).max(warm));
        self.set("train.decay_steps", falling.to_string(), "--lrscheduler_start");
    }

    /// By the folder of the run, and the values of the loops around the command.
    fn name(&self) -> String {
        let folder = self.reading.flag("--exp-dir").map(|given| names::of_folder(&given.value.text));
        let first = match folder {
            Some(Name::Known(name)) => name,
            _ => self.of("ssamba", "ssast").to_owned(),
        };
        let loops = self.reading.call.axes.iter().map(|(_, value)| names::plain(value));
        let loops = loops.filter(|value| !first.contains(value.as_str())).collect::<Vec<_>>();
        std::iter::once(first.clone()).chain(loops).collect::<Vec<_>>().join("_")
    }
}
