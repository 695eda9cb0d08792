//! Whose names tensors have: Hugging Face's are ours, the authors' are brought to them.

use crate::codec::weight_norm::{folded, older};
use crate::model::weights::Tensors;

/// The tensors of a checkpoint under our names.
pub(super) fn ours(tensors: Tensors) -> Tensors {
    folded(tensors.into_iter().map(|(name, tensor)| (renamed(&name), tensor)).collect())
}

/// A name of the authors, or of a newer PyTorch, as Hugging Face has it.
fn renamed(name: &str) -> String {
    let name = older(name);
    if let Some(rest) = name.strip_prefix("quantizer.vq.layers.") {
        return format!("quantizer.layers.{}", rest.replace("._codebook.", ".codebook."));
    }
    name.replacen("coder.model.", "coder.layers.", 1)
        .replace(".conv.conv.", ".conv.")
        .replace(".convtr.convtr.", ".conv.")
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn the_authors_names_become_ours() {
        for (theirs, want) in [
            ("encoder.model.0.conv.conv.weight_v", "encoder.layers.0.conv.weight_v"),
            ("encoder.model.1.block.3.conv.conv.bias", "encoder.layers.1.block.3.conv.bias"),
            ("encoder.model.1.shortcut.conv.conv.bias", "encoder.layers.1.shortcut.conv.bias"),
            ("decoder.model.3.convtr.convtr.weight_g", "decoder.layers.3.conv.weight_g"),
            ("encoder.model.13.lstm.weight_ih_l0", "encoder.layers.13.lstm.weight_ih_l0"),
            ("quantizer.vq.layers.7._codebook.embed", "quantizer.layers.7.codebook.embed"),
            ("decoder.layers.3.conv.parametrizations.weight.original0", "decoder.layers.3.conv.weight_g"),
        ] {
            assert_eq!(renamed(theirs), want);
        }
    }
}
