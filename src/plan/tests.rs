//! No option is accepted and then ignored: every one has a reader, and every one but the listed few says what a run is.

use super::{Reader, readers};
use crate::config::Schema;

/// Options that change no trained weight: names, places, the machine, display, how far a run has got, and how sound is made afterwards.
const NOT_PART_OF_THE_IDENTITY: [&str; 14] = [
    "name",
    "description",
    "run.device",
    "run.threads",
    "run.micro_batches",
    "data.dir",
    "model.diffwave_sashimi.inference_noise_schedule",
    "train.max_steps",
    "train.recompute",
    "output.runs_dir",
    "output.project_name",
    "output.summary_interval",
    "output.keep_checkpoints",
    "output.keep_every",
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
