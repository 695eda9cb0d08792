//! diffwave-sashimi's `train.py`: sound out of noise, by the authors.

use crate::import::flag::{Flag, Here, Script, Style, Takes};

/// diffwave-sashimi's `train.py`.
pub const TRAIN: Script = Script {
    name: "diffwave-sashimi/train.py",
    system: "diffwave-sashimi",
    about: "trains DiffWave with SaShiMi inside: `[model.diffwave_sashimi]`",
    parts: &[FLAGS],
    hparams: &[],
    style: Style::DotList,
    fixed: &[
        ("data.data_format", "nltLa"),
        ("data.data_warmup_steps", "0"),
        ("model.diffwave_sashimi.unet_skips", "pair"),
        ("train.warmup_steps", "0"),
        ("train.decay_type", "linear"),
        ("train.reg_weight", "0.0"),
        ("train.max_grad_norm", "0.0"),
        ("eval.select", "dev/loss"),
    ],
};

const GENERATE: Here = Here::Ignored("sound is made by `runner generate`");

const FLAGS: &[Flag] = &[
    Flag::new(
        "experiment",
        Takes::Text,
        "sc09",
        Here::Only("sc09", "spectrograms as a condition have no counterpart"),
    ),
    Flag::new("model", Takes::Text, "sashimi", Here::Only("sashimi", "a WaveNet inside has no counterpart")),
    Flag::new(
        "model.unconditional",
        Takes::Boolean,
        "true",
        Here::Only("true", "spectrograms as a condition have no counterpart"),
    ),
    Flag::new("model.in_channels", Takes::Integer, "1", Here::Only("1", "sound is mono here")),
    Flag::new("model.out_channels", Takes::Integer, "1", Here::Only("1", "sound is mono here")),
    Flag::new(
        "model.diffusion_step_embed_dim_in",
        Takes::Integer,
        "128",
        Here::Key("model.diffwave_sashimi.step_embedding"),
    ),
    Flag::new(
        "model.diffusion_step_embed_dim_mid",
        Takes::Integer,
        "512",
        Here::Key("model.diffwave_sashimi.step_width"),
    ),
    Flag::new(
        "model.diffusion_step_embed_dim_out",
        Takes::Integer,
        "512",
        Here::Ignored("both layers have the width `step_width`"),
    ),
    Flag::new("model.unet", Takes::Boolean, "true", Here::Key("model.diffwave_sashimi.unet")),
    Flag::new("model.d_model", Takes::Integer, "128", Here::Key("model.diffwave_sashimi.d_model")),
    Flag::new("model.n_layers", Takes::Integer, "6", Here::Key("model.diffwave_sashimi.n_layers")),
    Flag::new("model.pool", Takes::Integers, "[4,4]", Here::Key("model.diffwave_sashimi.pool")),
    Flag::new("model.expand", Takes::Integer, "2", Here::Key("model.diffwave_sashimi.expand")),
    Flag::new("model.ff", Takes::Integer, "2", Here::Key("model.diffwave_sashimi.ff")),
    Flag::new("model.L", Takes::Integer, "16000", Here::Key("model.diffwave_sashimi.l_max")),
    Flag::new("diffusion.T", Takes::Integer, "200", Here::Key("model.diffwave_sashimi.diffusion_steps")),
    Flag::new("diffusion.beta_0", Takes::Number, "1e-4", Here::Key("model.diffwave_sashimi.beta_first")),
    Flag::new("diffusion.beta_T", Takes::Number, "0.02", Here::Key("model.diffwave_sashimi.beta_last")),
    Flag::new("dataset.data_path", Takes::Text, "", Here::Said("`data.dir`: the folder, prepared")),
    Flag::new("dataset.segment_length", Takes::Integer, "16000", Here::Key("data.clip_samples")),
    Flag::new("dataset.sampling_rate", Takes::Integer, "16000", Here::Key("data.sr")),
    Flag::new("train.name", Takes::Text, "", Here::Said("the experiment's name")),
    Flag::new(
        "train.ckpt_iter",
        Takes::Text,
        "max",
        Here::Ignored("the same `runner run` goes on where a run stopped"),
    ),
    Flag::new("train.iters_per_ckpt", Takes::Integer, "10000", Here::Key("eval.checkpoint_interval")),
    Flag::new("train.iters_per_logging", Takes::Integer, "100", Here::Key("output.summary_interval")),
    Flag::new("train.n_iters", Takes::Integer, "1000001", Here::Key("train.max_steps")),
    Flag::new("train.learning_rate", Takes::Number, "2e-4", Here::Key("train.max_lr")),
    Flag::new("train.batch_size_per_gpu", Takes::Integer, "4", Here::Key("data.batch_size")),
    Flag::new("generate.n_samples", Takes::Integer, "16", GENERATE),
    Flag::new("generate.batch_size", Takes::Text, "", GENERATE),
    Flag::new("generate.ckpt_iter", Takes::Text, "max", GENERATE),
    Flag::new("wandb", Takes::Text, "", Here::Ignored("a run leaves files that TensorBoard reads")),
];
