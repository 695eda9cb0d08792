//! CALD: `train.py`, `train_distill.py` and `infer.py`, from wav2vec2 to bidirectional Mamba.

use super::hparams::HPARAMS;
use crate::import::flag::{Flag, Here, Script, Style, Takes};

/// `train.py`.
pub const TRAIN: Script = Script {
    name: "train.py",
    system: "CALD",
    about: "trains wav2vec2 with attention or Mamba mixers, without a teacher",
    parts: &[TRAINING],
    hparams: HPARAMS,
    style: Style::Argparse,
    fixed: &[],
};

/// `train_distill.py`.
pub const TRAIN_DISTILL: Script = Script {
    name: "train_distill.py",
    system: "CALD",
    about: "trains a Mamba student guided by a teacher",
    parts: &[TRAINING, GUIDED],
    hparams: HPARAMS,
    style: Style::Argparse,
    fixed: &[],
};

/// `infer.py`.
pub const INFER: Script = Script {
    name: "infer.py",
    system: "CALD",
    about: "judges a checkpoint; here `runner eval`",
    parts: &[INFERENCE],
    hparams: HPARAMS,
    style: Style::Argparse,
    fixed: &[],
};

/// What both training programs take.
const TRAINING: &[Flag] = &[
    Flag::new(
        "--model-dir",
        Takes::Text,
        "",
        Here::Said("the experiment's name; run folders lie under `output.runs_dir`"),
    )
    .required(),
    Flag::new("--log-dir", Takes::Text, "", Here::Ignored("a run's folder holds its log")),
    Flag::new(
        "--data-dir",
        Takes::Text,
        "",
        Here::Said("`data.dir`; of `dataset--subset--folder` the folder"),
    )
    .required(),
    Flag::switch(
        "--use_hf_dataset",
        Here::Said("`data.data_format = \"nltLa\"`: the corpus is prepared with its labels"),
    ),
    Flag::new(
        "--vocab-path",
        Takes::Text,
        "`vocab.json` in the data folder",
        Here::Said("`data.vocab_path`, as seen from `data.dir`"),
    ),
    Flag::new(
        "--train_meta",
        Takes::Text,
        "`meta.train.txt` in the data folder",
        Here::Said("`data.train_meta`, as seen from `data.dir`"),
    ),
    Flag::new(
        "--eval_meta",
        Takes::Text,
        "`meta.dev.txt` in the data folder",
        Here::Said("`data.dev_meta`, as seen from `data.dir`"),
    ),
    Flag::new("--eval_steps", Takes::Steps, "", Here::Key("eval.eval_steps")),
    Flag::new("--checkpoint_interval", Takes::Integer, "5000", Here::Key("eval.checkpoint_interval")),
    Flag::new("--eval_interval", Takes::Integer, "2000", Here::Key("eval.eval_interval")),
    Flag::new("--summary_interval", Takes::Integer, "20", Here::Key("output.summary_interval")),
    Flag::new("--restore_from", Takes::Text, "", Here::Said("`continue_from = \"EXPERIMENT@STEP\"`")),
    Flag::new("--hparams", Takes::Text, "", Here::Said("the options below")),
    Flag::switch(
        "--ddp",
        Here::Refused("training runs in one process here, and the published program's is broken"),
    ),
    Flag::new(
        "--mixed_precision",
        Takes::Choice(&["no", "bf16", "fp16"]),
        "",
        Here::Said("`run.precision`: `bf16`, or `f32` for `no`; there is no fp16"),
    ),
    Flag::switch("--use_tf32", Here::Ignored("`run.precision` says how products are computed")),
    Flag::new(
        "--max_retry",
        Takes::Integer,
        "0",
        Here::Ignored("the same `runner run` goes on where a run stopped"),
    ),
    Flag::new("--accumulation_steps", Takes::Integer, "1", Here::Key("train.accumulation_steps")),
    Flag::new("--local_rank", Takes::Integer, "0", Here::Ignored("training runs in one process here")),
    Flag::switch(
        "--rewrite_output_dir",
        Here::Ignored("`runner run --fresh` starts over, and moves the old run aside"),
    ),
    Flag::switch("--no_write", Here::Ignored("a run always leaves its folder")),
    Flag::switch(
        "--reset_training",
        Here::Refused(
            "weights alone are not taken from another run; a folder in `model.wav2vec2.pretrained` is the way",
        ),
    ),
    Flag::new("--resume_run_id", Takes::Text, "", Here::Ignored("a run is found by its identity")),
    Flag::new("--max_steps", Takes::Integer, "", Here::Key("train.max_steps")),
    Flag::new("--project_name", Takes::Text, "speech_uptrain", Here::Key("output.project_name")),
];

/// What a student has besides.
const GUIDED: &[Flag] = &[
    Flag::switch(
        "--load_no_opt",
        Here::Refused("a run goes on with its optimizer's state, or starts afresh"),
    ),
    Flag::new(
        "--teacher_path",
        Takes::Text,
        "",
        Here::Said(
            "`distill.teacher`: the experiment in that folder; a fixed teacher is its best checkpoint",
        ),
    )
    .required(),
    Flag::switch("--student_reinit", Here::Ignored("the published program reads it nowhere")),
    Flag::switch(
        "--use_teacher_snapshots",
        Here::Said("`distill.guidance = \"waypoint\"` and `student_init = \"source\"`"),
    ),
    Flag::new(
        "--teacher_snapshot_cycle",
        Takes::Integer,
        "1",
        Here::Ignored("the published program overwrites it with the hparam of that name"),
    ),
];

const INFERENCE: &[Flag] = &[
    Flag::new(
        "--model-path",
        Takes::Text,
        "",
        Here::Said("the run and its checkpoint, `runner eval RUN@STEP`"),
    )
    .required(),
    Flag::new("--output-path", Takes::Text, "", Here::Said("`runner eval -o`")).required(),
    Flag::new("--data-dir", Takes::Text, "the run's", Here::Ignored("a run is judged on its own corpus")),
    Flag::switch("--use_hf_dataset", Here::Ignored("a run is judged on its own corpus")),
    Flag::new(
        "--vocab-path",
        Takes::Text,
        "the run's",
        Here::Ignored("a run is judged with its own vocabulary"),
    ),
    Flag::new(
        "--eval_meta",
        Takes::Text,
        "`meta.dev.txt` in the data folder",
        Here::Said("`runner eval --split` or `--meta`"),
    ),
    Flag::new("--hparams", Takes::Text, "", Here::Ignored("a run is judged with its own options")),
];
