//! SSAMBA's `run_amba.py` and SSAST's `run.py`: self-supervised audio models over spectrogram patches.

use crate::import::flag::{Flag, Here, Script, Style, Takes};

/// SSAMBA's `run_amba.py`.
pub const RUN_AMBA: Script = Script {
    name: "run_amba.py",
    system: "SSAMBA",
    about: "pre-trains and fine-tunes the audio Mamba; this version has no such model",
    parts: &[BOTH, AMBA],
    hparams: &[],
    style: Style::Argparse,
    fixed: &[],
};

/// SSAST's `run.py`.
pub const RUN: Script = Script {
    name: "run.py",
    system: "SSAST",
    about: "pre-trains and fine-tunes SSAMBA's transformer baseline; this version has no such model",
    parts: &[BOTH, BASELINE],
    hparams: &[],
    style: Style::Argparse,
    fixed: &[],
};

/// What both programs take.
const BOTH: &[Flag] = &[
    Flag::new("--data-train", Takes::Text, "", Here::Pending("corpora of labelled clips")),
    Flag::new("--data-val", Takes::Text, "", Here::Pending("corpora of labelled clips")),
    Flag::new("--data-eval", Takes::Text, "", Here::Pending("corpora of labelled clips")),
    Flag::new("--label-csv", Takes::Text, "", Here::Pending("corpora of labelled clips")),
    Flag::new("--n_class", Takes::Integer, "527", Here::Pending("corpora of labelled clips")),
    Flag::new("--dataset", Takes::Text, "", Here::Ignored("it is a name in the log")),
    Flag::new("--dataset_mean", Takes::Number, "", Here::Pending("log-mel features")),
    Flag::new("--dataset_std", Takes::Number, "", Here::Pending("log-mel features")),
    Flag::new("--target_length", Takes::Integer, "", Here::Pending("log-mel features")),
    Flag::new("--num_mel_bins", Takes::Integer, "128", Here::Pending("log-mel features")),
    Flag::new("--exp-dir", Takes::Text, "", Here::Ignored("run folders lie under `output.runs_dir`")),
    Flag::new("--lr", Takes::Number, "0.001", Here::Key("train.max_lr")).also(&["--learning-rate"]),
    Flag::new("--warmup", Takes::Literal, "True", Here::Pending("the schedule of fine-tuning")),
    Flag::new(
        "--optim",
        Takes::Choice(&["sgd", "adam"]),
        "adam",
        Here::Ignored("the published program uses Adam whatever it says"),
    ),
    Flag::new("--batch-size", Takes::Integer, "12", Here::Key("data.batch_size")).also(&["-b"]),
    Flag::new("--n-epochs", Takes::Integer, "1", Here::Pending("lengths in epochs")),
    Flag::new("--lr_patience", Takes::Integer, "1", Here::Pending("a schedule that waits for a plateau")),
    Flag::new(
        "--adaptschedule",
        Takes::Literal,
        "False",
        Here::Pending("a schedule that waits for a plateau"),
    ),
    Flag::new("--n-print-steps", Takes::Integer, "100", Here::Key("output.summary_interval")),
    Flag::new(
        "--save_model",
        Takes::Literal,
        "",
        Here::Ignored("checkpoints are kept by `output.keep_checkpoints` and `keep_every`"),
    ),
    Flag::new("--freqm", Takes::Integer, "0", Here::Pending("masks of frequencies")),
    Flag::new("--timem", Takes::Integer, "0", Here::Pending("masks of spectrogram frames")),
    Flag::new("--mixup", Takes::Number, "0", Here::Pending("mixing of clips")),
    Flag::new("--bal", Takes::Text, "", Here::Pending("balanced sampling")),
    Flag::new("--fstride", Takes::Integer, "", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--tstride", Takes::Integer, "", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--fshape", Takes::Integer, "", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--tshape", Takes::Integer, "", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new(
        "--task",
        Takes::Choice(&["ft_avgtok", "ft_cls", "pretrain_mpc", "pretrain_mpg", "pretrain_joint"]),
        "ft_cls",
        Here::Pending("pre-training by masked patches, and fine-tuning"),
    ),
    Flag::new("--mask_patch", Takes::Integer, "400", Here::Pending("pre-training by masked patches")),
    Flag::new(
        "--cluster_factor",
        Takes::Integer,
        "3",
        Here::Ignored("the published program reads it nowhere"),
    ),
    Flag::new("--epoch_iter", Takes::Integer, "2000", Here::Key("eval.eval_interval")),
    Flag::new("--pretrained_mdl_path", Takes::Text, "", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--head_lr", Takes::Integer, "1", Here::Pending("learning rates by part")),
    Flag::new("--noise", Takes::Literal, "", Here::Pending("noise added to clips")),
    Flag::new("--metrics", Takes::Choice(&["mAP", "acc"]), "mAP", Here::Pending("mean average precision")),
    Flag::new("--lrscheduler_start", Takes::Integer, "10", Here::Pending("the schedule of fine-tuning")),
    Flag::new("--lrscheduler_step", Takes::Integer, "5", Here::Pending("the schedule of fine-tuning")),
    Flag::new("--lrscheduler_decay", Takes::Number, "0.5", Here::Pending("the schedule of fine-tuning")),
    Flag::new("--wa", Takes::Literal, "", Here::Pending("averaging of weights")),
    Flag::new("--wa_start", Takes::Integer, "16", Here::Pending("averaging of weights")),
    Flag::new("--wa_end", Takes::Integer, "30", Here::Pending("averaging of weights")),
    Flag::new(
        "--loss",
        Takes::Choice(&["BCE", "CE"]),
        "BCE",
        Here::Pending("losses of classifiers of several labels"),
    ),
    Flag::switch("--use_wandb", Here::Ignored("a run's metrics are files in its folder")),
];

/// The audio Mamba's own.
const AMBA: &[Flag] = &[
    Flag::new("--num-workers", Takes::Integer, "16", Here::Ignored("one thread reads ahead")).also(&["-w"]),
    Flag::new(
        "--model_size",
        Takes::Text,
        "base384",
        Here::Ignored("it is a name in folders; `--embed_dim` and `--depth` set the size"),
    ),
    Flag::new("--patch_size", Takes::Integer, "16", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--embed_dim", Takes::Integer, "768", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--depth", Takes::Integer, "12", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--stride", Takes::Integer, "16", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--channels", Takes::Integer, "1", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--num_classes", Takes::Integer, "1000", Here::Ignored("it sizes a head that nothing reads")),
    Flag::new("--drop_rate", Takes::Number, "0.", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--drop_path_rate", Takes::Number, "0.1", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--norm_epsilon", Takes::Number, "1e-5", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--bimamba_type", Takes::Text, "v2", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new(
        "--final_pool_type",
        Takes::Text,
        "none",
        Here::Ignored("the published model pools by `--task`"),
    ),
    Flag::new("--rms_norm", Takes::Word, "true", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--residual_in_fp32", Takes::Word, "true", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--fused_add_norm", Takes::Word, "true", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--if_bidirectional", Takes::Word, "true", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--if_bimamba", Takes::Word, "true", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--if_rope", Takes::Word, "false", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--if_rope_residual", Takes::Word, "false", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--if_abs_pos_embed", Takes::Word, "false", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--if_cls_token", Takes::Word, "false", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--if_devide_out", Takes::Word, "false", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--use_double_cls_token", Takes::Word, "false", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--use_middle_cls_token", Takes::Word, "false", Here::Pending("its model, `[model.ssamba]`")),
];

const NO_MAMBA: Here = Here::Ignored("SSAST takes it and has no Mamba to set");

/// What the transformer baseline takes in its own way.
const BASELINE: &[Flag] = &[
    Flag::new(
        "--num-workers",
        Takes::Integer,
        "16, and 4 whatever it says",
        Here::Ignored("one thread reads ahead"),
    )
    .also(&["-w"]),
    Flag::new("--model_size", Takes::Text, "base384", Here::Pending("its model, `[model.ssamba]`")),
    Flag::new("--patch_size", Takes::Integer, "16", NO_MAMBA),
    Flag::new("--embed_dim", Takes::Integer, "768", NO_MAMBA),
    Flag::new("--depth", Takes::Integer, "24", NO_MAMBA),
    Flag::new("--bimamba_type", Takes::Text, "v2", NO_MAMBA),
    Flag::new("--rms_norm", Takes::Word, "true", NO_MAMBA),
    Flag::new("--residual_in_fp32", Takes::Word, "true", NO_MAMBA),
    Flag::new("--fused_add_norm", Takes::Word, "true", NO_MAMBA),
    Flag::new("--if_rope", Takes::Word, "false", NO_MAMBA),
    Flag::new("--if_rope_residual", Takes::Word, "false", NO_MAMBA),
    Flag::new("--use_middle_cls_token", Takes::Word, "true", NO_MAMBA),
];
