//! A pretrained model on disk: a folder in Hugging Face's layout, and whether its `config.json` is of the model that was planned.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::plan::{MixerPlan, NormKind, Wav2vec2Plan};

use super::weights::{Tensors, WeightsError, read_tensors};

/// The files that may hold a folder's weights, in the order in which they are tried.
const FILES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// Reads all weights of a folder, or of one file in any format we know.
///
/// # Errors
/// Nothing is there, or it is damaged.
pub fn read(path: &Path) -> Result<Tensors, WeightsError> {
    let file =
        if path.is_dir() { file_in(path).unwrap_or_else(|| path.join(FILES[0])) } else { path.to_owned() };
    match file.extension().is_some_and(|extension| extension == "json") {
        true => read_shards(&file),
        false => read_tensors(&file),
    }
}

/// The file with a folder's weights.
pub fn file_in(folder: &Path) -> Option<PathBuf> {
    FILES.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

/// Weights spread over several files, as an index says.
fn read_shards(index: &Path) -> Result<Tensors, WeightsError> {
    let damaged = |reason: String| WeightsError::Format { path: index.to_owned(), reason };
    let text = std::fs::read_to_string(index)
        .map_err(|source| WeightsError::Io { path: index.to_owned(), source })?;
    let json: Json = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let map = json["weight_map"].as_object().ok_or_else(|| damaged("it has no `weight_map`".into()))?;
    let mut files: Vec<&str> = map.values().filter_map(Json::as_str).collect();
    files.sort_unstable();
    files.dedup();
    let mut tensors = Tensors::new();
    for name in files {
        // The files lie beside the index; a path that leads elsewhere is none of theirs.
        if Path::new(name).components().count() != 1 {
            return Err(damaged(format!("it names `{name}`, which does not lie beside it")));
        }
        tensors.extend(read_tensors(&index.with_file_name(name))?);
    }
    let missing: Vec<&String> = map.keys().filter(|name| !tensors.contains_key(*name)).collect();
    match missing.first() {
        None => Ok(tensors),
        Some(first) => Err(damaged(format!(
            "{} tensors are in none of its files, the first is `{first}`",
            missing.len()
        ))),
    }
}

/// Where `config.json` and the plan are of different models; empty where they agree, or there is no `config.json`.
pub fn conflicts(folder: &Path, plan: &Wav2vec2Plan) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("config.json")).unwrap_or_default();
    let Ok(config) = serde_json::from_str::<Json>(&text) else { return Vec::new() };
    let convs = |part: fn(&crate::plan::ConvLayer) -> usize| {
        Json::from(plan.convs.iter().map(part).collect::<Vec<_>>())
    };
    let norm = match plan.conv_norm {
        NormKind::Group => "group",
        NormKind::Layer => "layer",
    };
    let mut planned = vec![
        ("hidden_size", Json::from(plan.width)),
        ("num_hidden_layers", plan.layers.into()),
        ("intermediate_size", plan.inner.into()),
        ("conv_dim", convs(|conv| conv.outputs)),
        ("conv_kernel", convs(|conv| conv.kernel)),
        ("conv_stride", convs(|conv| conv.stride)),
        ("conv_bias", plan.conv_bias.into()),
        ("feat_extract_norm", norm.into()),
        ("do_stable_layer_norm", plan.stable_layer_norm.into()),
        ("num_conv_pos_embeddings", plan.positional_kernel.into()),
        ("num_conv_pos_embedding_groups", plan.positional_groups.into()),
    ];
    if let MixerPlan::Attention { heads } = plan.mixer {
        planned.push(("num_attention_heads", heads.into()));
    }
    let differs = |(key, here): &(&str, Json)| config.get(*key).is_some_and(|there| there != here);
    planned
        .iter()
        .filter(|pair| differs(pair))
        .map(|(key, here)| format!("`{key} = {}` there, {here} here", config[*key]))
        .collect()
}
