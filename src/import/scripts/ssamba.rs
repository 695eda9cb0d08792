//! SSAMBA's `run_amba.py` and SSAST's `run.py`: self-supervised audio models over spectrogram patches.

use crate::import::flag::{Flag, Here, Script, Style, Takes};

/// SSAMBA's `run_amba.py`.
pub const RUN_AMBA: Script = Script {
    name: "run_amba.py",
    system: "SSAMBA",
    about: "pre-trains and fine-tunes the audio Mamba",
    parts: &[BOTH, AMBA],
    hparams: &[],
    style: Style::Argparse,
    fixed: &[],
};

/// SSAST's `run.py`.
pub const RUN: Script = Script {
    name: "run.py",
    system: "SSAST",
    about: "pre-trains and fine-tunes SSAMBA's transformer baseline",
    parts: &[BOTH, BASELINE],
    hparams: &[],
    style: Style::Argparse,
    fixed: &[],
};

/// What both programs take.
const BOTH: &[Flag] = &[
    Flag::new(
        "--data-train",
        Takes::Text,
        "",
        Here::Said("the lists of the prepared corpus in `data.dir`: `train_meta`, `dev_meta`, `test_meta`"),
    ),
    Flag::new(
        "--data-val",
        Takes::Text,
        "",
        Here::Said("the lists of the prepared corpus in `data.dir`: `train_meta`, `dev_meta`, `test_meta`"),
    ),
    Flag::new(
        "--data-eval",
        Takes::Text,
        "",
        Here::Said("the lists of the prepared corpus in `data.dir`: `train_meta`, `dev_meta`, `test_meta`"),
    ),
    Flag::new("--label-csv", Takes::Text, "", Here::Said("`categories.json` of the prepared corpus")),
    Flag::new("--n_class", Takes::Integer, "527", Here::Said("`num_targets` of the model")),
    Flag::new("--dataset", Takes::Text, "", Here::Said("the folder in `data.dir`")),
    Flag::new("--dataset_mean", Takes::Number, "", Here::Said("`features.dataset_mean` of the model")),
    Flag::new("--dataset_std", Takes::Number, "", Here::Said("`features.dataset_std` of the model")),
    Flag::new("--target_length", Takes::Integer, "", Here::Said("`features.target_length` of the model")),
    Flag::new("--num_mel_bins", Takes::Integer, "128", Here::Said("`features.num_mel_bins` of the model")),
    Flag::new(
        "--exp-dir",
        Takes::Text,
        "",
        Here::Said("its last folder is the experiment's name; runs lie under `output.runs_dir`"),
    ),
    Flag::new("--lr", Takes::Number, "0.001", Here::Key("train.max_lr")).also(&["--learning-rate"]),
    Flag::new(
        "--warmup",
        Takes::Literal,
        "True",
        Here::Said("`train.warmup_steps = 1000` and `warmup_stairs = 50`, or no warm-up"),
    ),
    Flag::new(
        "--optim",
        Takes::Choice(&["sgd", "adam"]),
        "adam",
        Here::Ignored("the published program uses Adam whatever it says"),
    ),
    Flag::new("--batch-size", Takes::Integer, "12", Here::Key("data.batch_size")).also(&["-b"]),
    Flag::new(
        "--n-epochs",
        Takes::Integer,
        "1",
        Here::Said("`train.max_steps`: epochs of the published list with so many classes"),
    ),
    Flag::new(
        "--lr_patience",
        Takes::Integer,
        "1",
        Here::Said("`train.decay_patience`, where the rate waits for a plateau"),
    ),
    Flag::new("--adaptschedule", Takes::Literal, "False", Here::Said("`train.decay_type = \"on_plateau\"`")),
    Flag::new("--n-print-steps", Takes::Integer, "100", Here::Key("output.summary_interval")),
    Flag::new(
        "--save_model",
        Takes::Literal,
        "",
        Here::Ignored("checkpoints are kept by `output.keep_checkpoints` and `keep_every`"),
    ),
    Flag::new("--freqm", Takes::Integer, "0", Here::Said("`features.freqm` of the model")),
    Flag::new("--timem", Takes::Integer, "0", Here::Said("`features.timem` of the model")),
    Flag::new("--mixup", Takes::Number, "0", Here::Said("`data.mixup`")),
    Flag::new("--bal", Takes::Text, "", Here::Said("`none` alone")),
    Flag::new("--fstride", Takes::Integer, "", Here::Said("`patches.fstride` of the model")),
    Flag::new("--tstride", Takes::Integer, "", Here::Said("`patches.tstride` of the model")),
    Flag::new("--fshape", Takes::Integer, "", Here::Said("`patches.fshape` of the model")),
    Flag::new("--tshape", Takes::Integer, "", Here::Said("`patches.tshape` of the model")),
    Flag::new(
        "--task",
        Takes::Choice(&["ft_avgtok", "ft_cls", "pretrain_mpc", "pretrain_mpg", "pretrain_joint"]),
        "ft_cls",
        Here::Said("`task` of the model"),
    ),
    Flag::new("--mask_patch", Takes::Integer, "400", Here::Said("`pretext.mask_patch` of the model")),
    Flag::new(
        "--cluster_factor",
        Takes::Integer,
        "3",
        Here::Ignored("the published program reads it nowhere"),
    ),
    Flag::new(
        "--epoch_iter",
        Takes::Integer,
        "2000",
        Here::Said("`eval.eval_interval` and `checkpoint_interval` of a pre-training"),
    ),
    Flag::new("--pretrained_mdl_path", Takes::Text, "", Here::Said("`pretrained` of the model")),
    Flag::new("--head_lr", Takes::Integer, "1", Here::Said("`head_lr` of the model: so many times `--lr`")),
    Flag::new("--noise", Takes::Literal, "", Here::Said("`features.noise` of the model")),
    Flag::new("--metrics", Takes::Choice(&["mAP", "acc"]), "mAP", Here::Said("`eval.select`")),
    Flag::new(
        "--lrscheduler_start",
        Takes::Integer,
        "10",
        Here::Said("`train.plateau_steps`, `decay_steps` and `final_lr`, by `--n-epochs`"),
    ),
    Flag::new(
        "--lrscheduler_step",
        Takes::Integer,
        "5",
        Here::Said("`train.plateau_steps`, `decay_steps` and `final_lr`, by `--n-epochs`"),
    ),
    Flag::new(
        "--lrscheduler_decay",
        Takes::Number,
        "0.5",
        Here::Said("`train.plateau_steps`, `decay_steps` and `final_lr`, by `--n-epochs`"),
    ),
    Flag::new("--wa", Takes::Literal, "", Here::Said("`runner eval RUN@FIRST..LAST`, in updates")),
    Flag::new("--wa_start", Takes::Integer, "16", Here::Said("`runner eval RUN@FIRST..LAST`, in updates")),
    Flag::new("--wa_end", Takes::Integer, "30", Here::Said("`runner eval RUN@FIRST..LAST`, in updates")),
    Flag::new("--loss", Takes::Choice(&["BCE", "CE"]), "BCE", Here::Said("`train.classifier_loss`")),
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
    Flag::new(
        "--patch_size",
        Takes::Integer,
        "16",
        Here::Ignored("the published program replaces what it sizes, by `--fshape` and `--tshape`"),
    ),
    Flag::new("--embed_dim", Takes::Integer, "768", Here::Said("`model.ssamba.embed_dim`")),
    Flag::new("--depth", Takes::Integer, "12", Here::Said("`model.ssamba.depth`")),
    Flag::new(
        "--stride",
        Takes::Integer,
        "16",
        Here::Ignored("the published program replaces what it sets, by `--fstride` and `--tstride`"),
    ),
    Flag::new("--channels", Takes::Integer, "1", Here::Only("1", "spectrograms have one channel")),
    Flag::new("--num_classes", Takes::Integer, "1000", Here::Ignored("it sizes a head that nothing reads")),
    Flag::new("--drop_rate", Takes::Number, "0.", Here::Said("0 alone")),
    Flag::new("--drop_path_rate", Takes::Number, "0.1", Here::Said("`model.ssamba.drop_path_rate`")),
    Flag::new("--norm_epsilon", Takes::Number, "1e-5", Here::Only("1e-5", "no published model has another")),
    Flag::new("--bimamba_type", Takes::Text, "v2", Here::Said("`model.ssamba.bimamba_type`")),
    Flag::new(
        "--final_pool_type",
        Takes::Text,
        "none",
        Here::Ignored("the published model pools by `--task`"),
    ),
    Flag::new("--rms_norm", Takes::Word, "true", Here::Said("`model.ssamba.rms_norm`")),
    Flag::new("--residual_in_fp32", Takes::Word, "true", Here::Ignored("all is computed in f32")),
    Flag::new("--fused_add_norm", Takes::Word, "true", Here::Ignored("it changes no result")),
    Flag::new("--if_bidirectional", Takes::Word, "true", Here::Said("`model.ssamba.if_bidirectional`")),
    Flag::new(
        "--if_bimamba",
        Takes::Word,
        "true",
        Here::Said("`model.ssamba.bimamba_type = \"v1\"`, over `--bimamba_type`"),
    ),
    Flag::new("--if_rope", Takes::Word, "false", Here::Said("`false` alone")),
    Flag::new("--if_rope_residual", Takes::Word, "false", Here::Said("`false` alone")),
    Flag::new("--if_abs_pos_embed", Takes::Word, "false", Here::Said("`true` alone")),
    Flag::new("--if_cls_token", Takes::Word, "false", Here::Said("`true` alone")),
    Flag::new("--if_devide_out", Takes::Word, "false", Here::Said("`model.ssamba.if_divide_out`")),
    Flag::new("--use_double_cls_token", Takes::Word, "false", Here::Said("`false` alone")),
    Flag::new(
        "--use_middle_cls_token",
        Takes::Word,
        "false",
        Here::Said("`model.ssamba.class_token = \"middle\"`"),
    ),
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
    Flag::new(
        "--model_size",
        Takes::Text,
        "base384",
        Here::Said("`model.ssast.embed_dim`, `num_heads` and `distilled`"),
    ),
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
