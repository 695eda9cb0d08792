//! The names of published checkpoints, and ours.
//!
//! Ours are those of simple-sashimi and DiffWave-unconditional. The authors' programs call the embedding an encoder and the head a decoder,
//! put the backbone under `model`, a norm's numbers one level deeper, and over the years moved S4's kernel twice.

use std::collections::BTreeMap;

use super::Refusal;
use crate::model::weights::Tensors;

/// What a kernel's tensors are called, in all versions; buffers too.
const OF_A_KERNEL: [&str; 16] = [
    "C",
    "B",
    "P",
    "Q",
    "w",
    "log_dt",
    "inv_dt",
    "log_w_real",
    "inv_w_real",
    "A_real",
    "w_imag",
    "A_imag",
    "L",
    "l_kernel",
    "omega",
    "z",
];
/// What the tensors of linear layers, convolutions and norms are called.
const OF_A_LAYER: [&str; 6] = ["weight", "bias", "weight_g", "weight_v", "m", "s"];

/// A model's tensors, sorted.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Under our names, all but those of S4's kernels.
    pub tensors: Tensors,
    /// The tensors of each S4 kernel under their own last names, by what ours begin with: `sashimi.c_layers.0.layer.kernel.kernel.`.
    pub kernels: BTreeMap<String, Tensors>,
}

/// Where a tensor goes.
enum Place {
    Tensor(String),
    Kernel(String, String),
}

/// Sorts a model's tensors.
///
/// # Errors
/// It is no SaShiMi, or has tensors that none of ours has.
pub fn sort(tensors: Tensors) -> Result<Sorted, Refusal> {
    let lowest =
        tensors.keys().find_map(|name| name.split_once("c_layers.0.").map(|(prefix, _)| prefix.to_owned()));
    let prefix = lowest.ok_or_else(|| {
        Refusal::Unknown("none of its tensors is in `c_layers.0`, the first block at the lowest rate".into())
    })?;
    let mut sorted = Sorted::default();
    let mut strange = Vec::new();
    for (name, tensor) in tensors {
        match place(&name, &prefix) {
            Some(Place::Tensor(ours)) => _ = sorted.tensors.insert(ours, tensor),
            Some(Place::Kernel(kernel, last)) => {
                _ = sorted.kernels.entry(kernel).or_default().insert(last, tensor);
            }
            None => strange.push(name),
        }
    }
    if strange.is_empty() { Ok(sorted) } else { Err(refusal(&strange)) }
}

/// Why tensors without a place are none of ours.
fn refusal(strange: &[String]) -> Refusal {
    let any = |part: &str| strange.iter().any(|name| name.contains(part));
    if any(".upsample_conv2d.") || any(".mel_conv.") {
        return Refusal::Needs(vec![
            "a mel spectrogram as a condition (`upsample_conv2d`, `mel_conv`)".into(),
        ]);
    }
    if any(".norm1.") && any(".norm2.") {
        return Refusal::Needs(vec![
            "blocks of S4 and feed-forward in one (`norm1`, `norm2`), of weight-normed convolutions, as the authors' DiffWave program \
             has them"
                .into(),
        ]);
    }
    if any(".interp_layers.") {
        return Refusal::Needs(vec!["interpolating layers (`interp_layers`)".into()]);
    }
    let shown: Vec<String> = strange.iter().take(4).map(|name| format!("`{name}`")).collect();
    let more = if strange.len() > 4 { format!(" and {} more", strange.len() - 4) } else { String::new() };
    Refusal::Unknown(format!("no model here has its {}{more}", shown.join(", ")))
}

fn place(name: &str, prefix: &str) -> Option<Place> {
    if let Some(place) = name.strip_prefix(prefix).and_then(backbone) {
        return Some(place);
    }
    let outer = ["sashimi.", "model."].iter().find_map(|inner| prefix.strip_suffix(inner)).unwrap_or(prefix);
    outside(name.strip_prefix(outer)?).map(Place::Tensor)
}

/// Embedding and head.
fn outside(name: &str) -> Option<String> {
    if matches!(name, "mu_embedder.weight" | "head.weight" | "head.bias") {
        return Some(name.to_owned());
    }
    let (module, rest) = name.split_once('.')?;
    // The only module of a sequence is `0`, or nothing.
    let rest = rest.split_once('.').filter(|(index, _)| is_index(index)).map_or(rest, |(_, rest)| rest);
    match (module, rest) {
        ("encoder", "weight") => Some("mu_embedder.weight".into()),
        ("decoder", "output_transform.weight") => Some("head.weight".into()),
        ("decoder", "output_transform.bias") => Some("head.bias".into()),
        _ => None,
    }
}

/// A tensor of the tiers, or of what DiffWave has around them.
fn backbone(name: &str) -> Option<Place> {
    let name = &name
        .replace(".parametrizations.weight.original0", ".weight_g")
        .replace(".parametrizations.weight.original1", ".weight_v");
    let (list, mut rest) = name.split_once('.')?;
    let mut site = format!("sashimi.{list}");
    match list {
        "d_layers" | "c_layers" | "u_layers" => {
            while let Some((index, deeper)) = rest.split_once('.').filter(|(index, _)| is_index(index)) {
                site = format!("{site}.{index}");
                rest = deeper;
            }
            of_a_block(&site, rest)
        }
        "init_conv" | "final_conv" => {
            let (index, leaf) = rest.split_once(".conv.")?;
            (is_index(index) && OF_A_LAYER.contains(&leaf)).then(|| Place::Tensor(format!("sashimi.{name}")))
        }
        "norm" | "fc_t1" | "fc_t2" => {
            OF_A_LAYER.contains(&rest).then(|| Place::Tensor(format!("sashimi.{name}")))
        }
        _ => None,
    }
}

fn of_a_block(site: &str, rest: &str) -> Option<Place> {
    let (module, last) = rest.rsplit_once('.')?;
    let layer =
        |module: &str| OF_A_LAYER.contains(&last).then(|| Place::Tensor(format!("{site}.{module}.{last}")));
    match module {
        "linear" | "fc_t" | "layer.ff.0.0" | "layer.ff.2" => layer(module),
        // Without an activation behind it the linear layer stands for itself.
        "layer.output_linear.0" | "layer.output_linear" => layer("layer.output_linear.0"),
        "norm" | "norm.norm" | "norm.norm.ln" => layer("norm"),
        "layer" | "layer.layer" if last == "D" => Some(Place::Tensor(format!("{site}.layer.D"))),
        "layer.kernel.kernel" | "layer.layer.kernel" => {
            let kernel = format!("{site}.layer.kernel.kernel.");
            OF_A_KERNEL.contains(&last).then(|| Place::Kernel(kernel, last.to_owned()))
        }
        _ => None,
    }
}

fn is_index(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
