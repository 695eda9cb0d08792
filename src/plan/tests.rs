//! No option is accepted and then ignored: every one has a reader, and every one but the listed few says what a run is.

use super::{Problem, Reader, readers, resolve};
use crate::config::{Eval, Experiment, Metric, Model, Schema};

/// Options that change no trained weight: names, places, the machine, display, how far a run has got, and how sound is made afterwards.
const NOT_PART_OF_THE_IDENTITY: [&str; 34] = [
    "name",
    "description",
    "run.device",
    "run.threads",
    "run.micro_batches",
    "run.processes",
    "run.max_memory_gb",
    "data.dir",
    "data.feature_cache",
    "model.diffwave_sashimi.inference_noise_schedule",
    "train.max_steps",
    "train.nonfinite_patience",
    "train.recompute",
    "eval.sounds",
    "eval.sound_secs",
    "output.runs_dir",
    "output.project_name",
    "output.summary_interval",
    "output.histogram_interval",
    "output.keep_checkpoints",
    "output.keep_every",
    "slurm.partition",
    "slurm.account",
    "slurm.qos",
    "slurm.time_limit",
    "slurm.cpus_per_task",
    "slurm.mem",
    "slurm.gpus",
    "slurm.constraint",
    "slurm.max_parallel",
    "slurm.max_requeues",
    "slurm.signal_lead_secs",
    "slurm.setup",
    "slurm.sbatch",
];

#[test]
fn every_option_is_read_and_all_but_the_listed_ones_say_what_a_run_is() {
    let mut elsewhere: Vec<String> = Vec::new();
    for leaf in Schema::get().leaves() {
        let path = leaf.dotted();
        let reading = readers(&path).unwrap_or_else(|| panic!("nothing reads `{path}`"));
        assert!(!reading.readers.is_empty(), "nothing reads `{path}`");
        if !reading.part_of_identity {
            elsewhere.push(path);
        }
    }
    assert_eq!(elsewhere, NOT_PART_OF_THE_IDENTITY);
}

#[test]
fn readers_are_named_and_conditions_found() {
    let of = |path: &str| readers(path).expect("an option");
    assert!(of("train.max_lr").readers.contains(&Reader::Training));
    assert_eq!(of("train.max_lr").only_if, None);
    for size in ["wav2vec2.hidden_size", "keyword.width", "sashimi.d_model", "diffwave_sashimi.d_model"] {
        assert_eq!(of(&format!("model.{size}")).readers, [Reader::Model].into(), "{size}");
    }
    assert_eq!(
        of("model.wav2vec2.mamba_headdim").only_if.as_deref(),
        Some("model.wav2vec2.asr_use_mamba = true")
    );
    assert_eq!(of("train.reset_times").only_if.as_deref(), Some("train.reset_period = 1"));
}

/// A run that makes no sound is the same run, and one model can make more at once than another.
#[test]
fn clips_to_be_heard_change_no_run() {
    let plan = |model: Model, sounds: usize, sound_secs: f64| {
        let eval = Eval { select: Metric::Loss, sounds, sound_secs, ..Eval::default() };
        resolve(&Experiment { model, eval, ..Experiment::default() }, Vec::new())
    };
    let sashimi = || Model::Sashimi(Default::default());
    let (quiet, heard) = (plan(sashimi(), 0, 3.0).expect("a plan"), plan(sashimi(), 2, 3.0).expect("a plan"));
    assert_eq!(quiet.id, heard.id);
    assert_eq!((quiet.eval.sounds, quiet.eval.sound_secs), (0, 0.0));
    assert_eq!((heard.eval.sounds, heard.eval.sound_samples(16_000)), (2, 48_000));

    let diffwave = || Model::DiffwaveSashimi(Default::default());
    let problems = plan(diffwave(), 1, 1.5).expect_err("more than it has at once");
    assert_eq!(
        problems,
        [Problem::new(
            "eval.sound_secs",
            "a clip has 24000 samples, but the model makes at most 16000 at once (`l_max`)",
            "set `sound_secs = 1` or less",
        )]
    );
    assert!(plan(diffwave(), 1, 1.0).is_ok() && plan(diffwave(), 0, 1.5).is_ok());
}
