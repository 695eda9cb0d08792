//! A model of patches as a folder: its sizes, and its spectrograms as transformers' `ASTFeatureExtractor` makes them.
//!
//! No class of that library runs SSAMBA; the folder is for our own verbs and for whoever builds one, under the published parameter names.

use serde_json::{Value as Json, json};

use super::decimal;
use crate::plan::{FeaturesPlan, PatchesPlan, Trunk};

/// The `config.json` of a model; of one without heads if `headless`.
pub fn config(plan: &PatchesPlan, labels: &[String], headless: bool) -> Json {
    let features = &plan.features;
    let mut config = json!({
        "task": plan.task,
        "hidden_size": plan.width,
        "num_hidden_layers": plan.layers,
        "num_mel_bins": features.bands,
        "max_length": features.frames,
        "patch_shape": plan.shape,
        "patch_stride": plan.stride,
        "patch_grid": plan.grid(),
        "patch_order": "all frames of the lowest bands first",
        "dtype": "float32",
    });
    let (family, class) = match &plan.trunk {
        Trunk::Mamba(mamba) => {
            config["mixer"] = json!({
                "kind": "mamba", "d_inner": mamba.inner, "d_state": mamba.state, "d_conv": mamba.taps, "dt_rank": mamba.rank,
                "bimamba_type": mamba.directions, "if_divide_out": mamba.halved, "if_bidirectional": mamba.paired,
            });
            config["residual"] = json!(mamba.residual);
            config["final_norm"] = json!(mamba.final_norm);
            config["rms_norm"] = mamba.rms_norm.into();
            config["class_token"] = json!(mamba.class_token);
            ("ssamba", "Ssamba")
        }
        Trunk::Attention { heads, inner, tokens, .. } => {
            config["num_attention_heads"] = (*heads).into();
            config["intermediate_size"] = (*inner).into();
            config["tokens"] = (*tokens).into();
            ("ssast", "Ssast")
        }
    };
    config["model_type"] = family.into();
    let kind = match (headless, plan.task.pretrains()) {
        (true, _) => "Model",
        (false, true) => "ForPreTraining",
        (false, false) => "ForAudioClassification",
    };
    config["architectures"] = json!([format!("{class}{kind}")]);
    if !headless && !labels.is_empty() {
        let named = labels.iter().enumerate();
        config["id2label"] =
            named.clone().map(|(id, label)| (id.to_string(), Json::from(&**label))).collect();
        config["label2id"] = named.map(|(id, label)| (label.clone(), Json::from(id))).collect();
    }
    config
}

/// The `preprocessor_config.json`: log-mel energies less the mean, over twice the standard deviation.
///
/// That library pads with a log energy of 0; a model that was trained with the mean there says so under `padding_value`, which the
/// library does not read.
pub fn feature_extractor(features: &FeaturesPlan) -> Json {
    json!({
        "feature_extractor_type": "ASTFeatureExtractor",
        "feature_size": 1,
        "sampling_rate": features.rate_hz,
        "num_mel_bins": features.bands,
        "max_length": features.frames,
        "do_normalize": true,
        "mean": decimal(features.mean),
        "std": decimal(features.scale / 2.0),
        "padding_side": "right",
        "padding_value": decimal(features.padding),
        "return_attention_mask": false,
    })
}
