//! simple-sashimi's `train.py`: autoregressive audio with S4.

use crate::import::flag::{Flag, Here, Script, Style, Takes};

/// simple-sashimi's `train.py`.
pub const TRAIN: Script = Script {
    name: "sashimi/train.py",
    system: "simple-sashimi",
    about: "trains SaShiMi to tell the next sample: `[model.sashimi]`",
    parts: &[FLAGS],
    hparams: &[],
    style: Style::DotList,
    fixed: &[
        ("data.data_format", "nltLa"),
        ("data.data_warmup_steps", "0"),
        ("data.clip_rest", "true"),
        ("model.sashimi.quantizer", "mu_law"),
        ("train.warmup_steps", "0"),
        ("train.decay_type", "on_plateau"),
        ("train.reg_weight", "0.0"),
        ("train.padding_loss", "reference"),
        ("train.first_sample", "reference"),
        ("eval.select", "dev/loss"),
    ],
};

const FLAGS: &[Flag] = &[
    Flag::new(
        "distributed.dist_backend",
        Takes::Text,
        "nccl",
        Here::Ignored("training runs in one process here"),
    ),
    Flag::new(
        "distributed.dist_url",
        Takes::Text,
        "tcp://localhost:54321",
        Here::Ignored("training runs in one process here"),
    ),
    Flag::new(
        "distributed.n_nodes",
        Takes::Integer,
        "1",
        Here::Only("1", "training runs in one process here"),
    ),
    Flag::new(
        "distributed.n_gpus_per_node",
        Takes::Integer,
        "1",
        Here::Only("1", "training runs in one process here"),
    ),
    Flag::new(
        "device",
        Takes::Text,
        "cuda",
        Here::Ignored("the published program uses CUDA whatever it says; here `run.device`"),
    ),
    Flag::new("seed", Takes::Integer, "1775", Here::Key("run.seed")),
    Flag::new("batch_size", Takes::Integer, "8", Here::Key("data.batch_size")),
    Flag::new("num_workers", Takes::Integer, "8", Here::Ignored("one thread reads ahead")),
    Flag::new(
        "fp16",
        Takes::Boolean,
        "false",
        Here::Only("false", "there is no fp16; `run.precision` has `bf16`"),
    ),
    Flag::new("max_steps", Takes::Integer, "1100000", Here::Key("train.max_steps")),
    Flag::new("summary_interval", Takes::Integer, "25", Here::Key("output.summary_interval")),
    Flag::new(
        "stdout_interval",
        Takes::Integer,
        "100",
        Here::Ignored("progress is shown as the terminal allows"),
    ),
    Flag::new("checkpoint_interval", Takes::Integer, "2500", Here::Key("eval.checkpoint_interval")),
    Flag::new("validation_interval", Takes::Integer, "1000", Here::Key("eval.eval_interval")),
    Flag::new("start_lr", Takes::Number, "4e-3", Here::Key("train.max_lr")),
    Flag::new(
        "plateau_mode",
        Takes::Choice(&["min", "max"]),
        "min",
        Here::Only("min", "the loss is to fall"),
    ),
    Flag::new("plateau_factor", Takes::Number, "0.2", Here::Key("train.decay_factor")),
    Flag::new("plateau_patience", Takes::Integer, "20", Here::Key("train.decay_patience")),
    Flag::new("plateau_min_lr", Takes::Number, "0.0", Here::Key("train.final_lr")),
    Flag::new("grad_clip", Takes::Number, "0", Here::Key("train.max_grad_norm")),
    Flag::new(
        "checkpoint_path",
        Takes::Text,
        "",
        Here::Said("the experiment's name; run folders lie under `output.runs_dir`"),
    )
    .required(),
    Flag::new(
        "train_csv",
        Takes::Text,
        "",
        Here::Said("`data.dir`: the prepared corpus, whose folder `splits/` has such tables"),
    )
    .required(),
    Flag::new("valid_csv", Takes::Text, "", Here::Ignored("the corpus' own list is `data.dev_meta`"))
        .required(),
    Flag::new(
        "resume_checkpoint",
        Takes::Text,
        "",
        Here::Ignored("the same `runner run` goes on where a run stopped"),
    ),
    Flag::new("sample_rate", Takes::Integer, "16000", Here::Key("data.sr")),
    Flag::new("seq_len", Takes::Integer, "16000", Here::Key("data.clip_samples")),
    Flag::new("model_cfg.mu_levels", Takes::Integer, "256", Here::Key("model.sashimi.mu_levels")),
    Flag::new("model_cfg.glu", Takes::Boolean, "true", Here::Key("model.sashimi.glu")),
    Flag::new("model_cfg.d_model", Takes::Integer, "64", Here::Key("model.sashimi.d_model")),
    Flag::new("model_cfg.n_layers", Takes::Integer, "8", Here::Key("model.sashimi.n_layers")),
    Flag::new("model_cfg.pool", Takes::Integers, "[4,4]", Here::Key("model.sashimi.pool")),
    Flag::new("model_cfg.expand", Takes::Integer, "2", Here::Key("model.sashimi.expand")),
    Flag::new("model_cfg.ff", Takes::Integer, "2", Here::Key("model.sashimi.ff")),
    Flag::new(
        "model_cfg.bidirectional",
        Takes::Boolean,
        "false",
        Here::Only("false", "what lies ahead is what this model has to tell"),
    ),
    Flag::new("model_cfg.unet", Takes::Boolean, "false", Here::Key("model.sashimi.unet")),
    Flag::new(
        "model_cfg.diffwave",
        Takes::Boolean,
        "false",
        Here::Only("false", "sound out of noise is `[model.diffwave_sashimi]`"),
    ),
    Flag::new("model_cfg.dropout", Takes::Number, "0.0", Here::Key("model.sashimi.dropout")),
    Flag::new("model_cfg.trainable.dt", Takes::Boolean, "true", Here::Said("in `model.sashimi.trainable`")),
    Flag::new("model_cfg.trainable.A", Takes::Boolean, "true", Here::Said("in `model.sashimi.trainable`")),
    Flag::new("model_cfg.trainable.P", Takes::Boolean, "true", Here::Said("in `model.sashimi.trainable`")),
    Flag::new("model_cfg.trainable.B", Takes::Boolean, "true", Here::Said("in `model.sashimi.trainable`")),
    Flag::new("model_cfg.lr", Takes::Number, "1e-3", Here::Key("model.sashimi.lr")),
    Flag::new("model_cfg.l_max", Takes::Integer, "16000", Here::Key("model.sashimi.l_max")),
];
