//! The authors' training program, `python -m train` of state-spaces: their configurations of SaShiMi, and what is often laid over them.

use crate::import::flag::{Flag, Here, Script, Style, Takes};

/// The authors' `train`, of which the options that SaShiMi's experiments are about are read.
pub const TRAIN: Script = Script {
    name: "state-spaces/train.py",
    system: "state-spaces",
    about: "trains the authors' SaShiMi by a configuration of theirs: `[model.sashimi]`; options that are not listed are not read",
    parts: &[FLAGS],
    hparams: &[],
    style: Style::DotList,
    fixed: &[
        ("data.data_warmup_steps", "0"),
        ("data.bucket_size", "1024"),
        ("model.sashimi.norm", "scalar"),
        ("model.sashimi.kernel_length", "tier"),
        ("train.final_lr", "0.0"),
        ("train.warmup_steps", "0"),
        ("train.decay_type", "on_plateau"),
        ("train.max_grad_norm", "0.0"),
        ("eval.select", "dev/loss"),
        ("output.summary_interval", "25"),
    ],
};

/// A configuration of the authors'.
pub struct Preset {
    /// What `experiment` calls it, without `audio/`.
    pub name: &'static str,
    /// Clips of an epoch, where the published corpus says so.
    pub clips: Option<u64>,
    pub fixed: &'static [(&'static str, &'static str)],
}

/// The authors' configurations.
pub const PRESETS: [Preset; 3] = [
    Preset {
        name: "sashimi-sc09",
        clips: Some(18_620),
        fixed: &[
            ("data.dir", "data/sc09"),
            ("data.data_format", "nltLa"),
            ("data.clip_rest", "true"),
            ("data.batch_size", "8"),
            ("model.sashimi.quantizer", "mu_law_min_max"),
            ("model.sashimi.l_max", "16000"),
        ],
    },
    Preset {
        name: "sashimi-youtubemix",
        clips: None,
        fixed: &[
            ("data.dir", "data/youtubemix"),
            ("data.clip_rest", "false"),
            ("data.batch_size", "1"),
            ("model.sashimi.quantizer", "mu_law_min_max"),
            ("model.sashimi.l_max", "131072"),
        ],
    },
    Preset {
        name: "sashimi-beethoven",
        clips: None,
        fixed: &[
            ("data.dir", "data/beethoven"),
            ("data.clip_rest", "false"),
            ("data.batch_size", "1"),
            ("model.sashimi.quantizer", "linear_min_max"),
            ("model.sashimi.l_max", "128000"),
        ],
    },
];

const FLAGS: &[Flag] = &[
    Flag::new(
        "experiment",
        Takes::Choice(&[
            "sashimi-sc09",
            "sashimi-youtubemix",
            "sashimi-beethoven",
            "audio/sashimi-sc09",
            "audio/sashimi-youtubemix",
            "audio/sashimi-beethoven",
        ]),
        "",
        Here::Said("corpus, levels, `model.sashimi.l_max` and batches of that configuration"),
    )
    .required(),
    Flag::new("wandb", Takes::Text, "", Here::Ignored("a run leaves files that TensorBoard reads")),
    Flag::new("train.seed", Takes::Integer, "0", Here::Key("run.seed")),
    Flag::new("loader.batch_size", Takes::Integer, "", Here::Key("data.batch_size")),
    Flag::new("loader.num_workers", Takes::Integer, "4", Here::Ignored("one thread reads ahead")),
    Flag::new(
        "trainer.max_epochs",
        Takes::Integer,
        "1000",
        Here::Said("`train.max_steps`: so many epochs of the published corpus"),
    ),
    Flag::new("trainer.gpus", Takes::Integer, "1", Here::Only("1", "training runs in one process here")),
    Flag::new("dataset.sample_len", Takes::Integer, "", Here::Key("model.sashimi.l_max")),
    Flag::new("optimizer.lr", Takes::Number, "4e-3", Here::Key("train.max_lr")),
    Flag::new("optimizer.weight_decay", Takes::Number, "0.0", Here::Key("train.reg_weight")),
    Flag::new("scheduler.factor", Takes::Number, "0.2", Here::Key("train.decay_factor")),
    Flag::new("scheduler.patience", Takes::Integer, "20", Here::Key("train.decay_patience")),
    Flag::new("model.d_model", Takes::Integer, "64", Here::Key("model.sashimi.d_model")),
    Flag::new("model.n_layers", Takes::Integer, "8", Here::Key("model.sashimi.n_layers")),
    Flag::new("model.pool", Takes::Integers, "[4,4]", Here::Key("model.sashimi.pool")),
    Flag::new("model.expand", Takes::Integer, "2", Here::Key("model.sashimi.expand")),
    Flag::new("model.ff", Takes::Integer, "2", Here::Key("model.sashimi.ff")),
    Flag::new("model.dropout", Takes::Number, "0.0", Here::Key("model.sashimi.dropout")),
    Flag::new("model.unet", Takes::Boolean, "false", Here::Key("model.sashimi.unet")),
    Flag::new("model.layer.d_state", Takes::Integer, "64", Here::Key("model.sashimi.d_state")),
    Flag::new("model.layer.dt_min", Takes::Number, "0.001", Here::Key("model.sashimi.dt_min")),
    Flag::new("model.layer.dt_max", Takes::Number, "0.1", Here::Key("model.sashimi.dt_max")),
    Flag::new("model.layer.lr", Takes::Number, "1e-3", Here::Key("model.sashimi.lr")),
];
