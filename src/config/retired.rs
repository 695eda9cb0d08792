//! Names the papers' own programs know and this one does not, with what to do instead.
//!
//! A pasted command line or a copied `hparams.json` is the usual way such a name gets here. It is an error like any
//! other unknown key, never accepted and ignored; this register only makes the advice better than a guess by spelling.

/// What to write instead of the paper's `name`, if it is one of theirs.
pub fn advice(name: &str) -> Option<&'static str> {
    RETIRED.iter().find(|(retired, _)| *retired == name).map(|(_, advice)| *advice)
}

const DECODER: &str = "the optional text decoder is not built; leave it out";
const LENGTHS: &str = "utterance lengths are always known here; leave it out";
const UNREAD: &str = "the paper's program does not read it either; leave it out";

const RETIRED: &[(&str, &str)] = &[
    ("asr_model_name", "write `model.wav2vec2.pretrained`"),
    ("asr_model_type", "CTC is the only type there is; leave it out"),
    ("asr_processor_name", "name the vocabulary with `data.vocab_path`"),
    ("asr_keep_feature_encoder_only", "an encoder is always built; leave it out"),
    ("asr_use_flash_attn", "attention is exact and needs no more than linear memory anyway; leave it out"),
    ("use_attention_mask", LENGTHS),
    ("decay_rate", UNREAD),
    ("student_reinit", UNREAD),
    ("use_decoder", DECODER),
    ("decoder_type", DECODER),
    ("decoder_name", DECODER),
    ("decoder_stack_encoder", DECODER),
    ("decoder_model_name", DECODER),
    ("decoder_weight", DECODER),
    ("decoder_dropout", DECODER),
    ("adaptor_type", DECODER),
    ("adaptor_num_layers", DECODER),
    ("adaptor_pos_encoding", DECODER),
    ("adaptor_pos_encoding_mode", DECODER),
    ("adaptor_pe_weight", DECODER),
    ("adaptor_use_layernorm", DECODER),
    ("adaptor_use_glu", DECODER),
    ("eval_num_beams", DECODER),
    ("eval_length_penalty", DECODER),
    ("model_dir", "a run folder is made under `output.runs_dir`"),
    ("log_dir", "a run folder is made under `output.runs_dir`"),
    ("data_dir", "write `data.dir`"),
    ("eval_meta", "write `data.dev_meta`"),
    ("teacher_path", "write `distill.teacher`"),
    ("use_teacher_snapshots", "write `distill.guidance = \"waypoint\"`"),
    ("mixed_precision", "write `run.precision`"),
    ("restore_from", "write `continue_from`"),
];
