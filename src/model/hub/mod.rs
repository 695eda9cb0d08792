//! A model as Hugging Face's library describes it: `config.json` and the settings of its tokenizer and feature extractor.
//!
//! A model with attention is a `Wav2Vec2ForCTC` and loads there as it is. One with Mamba mixers is given a `model_type` of its own: under
//! the library's it would load without an error, and with random attention. [`patches`] are models of spectrograms. Not for: reading such
//! files (`pretrained`).

pub mod patches;

use serde_json::{Value as Json, json};

use crate::plan::{Behaviour, MixerPlan, NormKind, Wav2vec2Plan};

/// The `config.json` of a model.
pub fn config(plan: &Wav2vec2Plan) -> Json {
    let rates = &plan.rates;
    let convs = |part: fn(&crate::plan::ConvLayer) -> usize| plan.convs.iter().map(part).collect::<Vec<_>>();
    let mut config = json!({
        "architectures": ["Wav2Vec2ForCTC"],
        "model_type": "wav2vec2",
        "vocab_size": plan.heads.vocab_size,
        "pad_token_id": plan.heads.blank,
        "bos_token_id": null,
        "eos_token_id": null,
        "hidden_size": plan.width,
        "num_hidden_layers": plan.layers,
        "intermediate_size": plan.inner,
        "hidden_act": "gelu",
        "feat_extract_activation": "gelu",
        "feat_extract_norm": match plan.conv_norm { NormKind::Group => "group", NormKind::Layer => "layer" },
        "num_feat_extract_layers": plan.convs.len(),
        "conv_dim": convs(|conv| conv.outputs),
        "conv_kernel": convs(|conv| conv.kernel),
        "conv_stride": convs(|conv| conv.stride),
        "conv_bias": plan.conv_bias,
        "num_conv_pos_embeddings": plan.positional_kernel,
        "num_conv_pos_embedding_groups": plan.positional_groups,
        "do_stable_layer_norm": plan.stable_layer_norm,
        "layer_norm_eps": decimal(plan.layer_norm_eps),
        "initializer_range": decimal(plan.initializer_range),
        "feat_proj_dropout": decimal(rates.feat_proj),
        "final_dropout": decimal(rates.final_dropout),
        "hidden_dropout": decimal(rates.hidden),
        "activation_dropout": decimal(rates.activation),
        "attention_dropout": decimal(rates.attention),
        "layerdrop": decimal(rates.layerdrop),
        "mask_time_prob": plan.time_masks.prob,
        "mask_time_length": plan.time_masks.length,
        "mask_time_min_masks": plan.time_masks.min_masks,
        "apply_spec_augment": plan.time_masks.prob > 0.0,
        "dtype": "float32",
    });
    match plan.mixer {
        MixerPlan::Attention { heads } => config["num_attention_heads"] = heads.into(),
        MixerPlan::Mamba1 { inner, state, taps, residual_inside, .. } => {
            config["model_type"] = "wav2vec2-bimamba".into();
            config["architectures"] = json!(["BiMambaWav2Vec2ForCTC"]);
            config["mixer"] = json!({
                "kind": "mamba", "d_inner": inner, "d_state": state, "d_conv": taps, "residual_inside": residual_inside,
            });
        }
        MixerPlan::Mamba2 { inner, head_dim, state, taps, residual_inside, .. } => {
            config["model_type"] = "wav2vec2-bimamba2".into();
            config["architectures"] = json!(["BiMamba2Wav2Vec2ForCTC"]);
            config["mixer"] = json!({
                "kind": "mamba2", "d_inner": inner, "headdim": head_dim, "d_state": state, "d_conv": taps,
                "residual_inside": residual_inside,
            });
        }
    }
    if !plan.heads.classes.is_empty() {
        config["classifier_num_targets"] = plan.heads.classes.clone().into();
    }
    config
}

/// The shortest decimal that is this number in 32 bits.
fn decimal(value: f32) -> Json {
    value.to_string().parse::<f64>().map_or(Json::Null, Json::from)
}

/// The `preprocessor_config.json` of a model: waveforms at this rate, each normalised over its own samples.
pub fn feature_extractor(sample_rate_hz: u32) -> Json {
    json!({
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "sampling_rate": sample_rate_hz,
        "do_normalize": true,
        "return_attention_mask": true,
        "padding_side": "right",
        "padding_value": 0.0,
    })
}

/// The `tokenizer_config.json` of a CTC vocabulary with these two special tokens.
pub fn tokenizer(pad: &str, unknown: &str) -> Json {
    json!({
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "pad_token": pad,
        "unk_token": unknown,
        "bos_token": null,
        "eos_token": null,
        "word_delimiter_token": "|",
        "do_lower_case": false,
        "replace_word_delimiter_char": " ",
    })
}

/// The words for what decoding does with padded frames, for a model card.
pub fn decoding(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Sound => "greedy CTC over each utterance's own frames",
        Behaviour::Reference => "greedy CTC over the batch's frames, padding included",
    }
}
