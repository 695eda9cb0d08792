//! Whose names tensors have: Hugging Face's are ours, the authors' are brought to them.

use super::Sizes;
use crate::codec::weight_norm::{folded, older};
use crate::model::weights::Tensors;

/// What only the authors' names begin with.
const AUTHORS: &str = "decoder.model.";
/// The parts of a residual unit, in their order.
const UNIT: [&str; 4] = ["snake1", "conv1", "snake2", "conv2"];
/// The parts of a stage of the encoder, in their order.
const DOWN: [&str; 5] = ["res_unit1", "res_unit2", "res_unit3", "snake1", "conv1"];
/// The parts of a stage of the decoder, in their order.
const UP: [&str; 5] = ["snake1", "conv_t1", "res_unit1", "res_unit2", "res_unit3"];

/// The tensors of a checkpoint under our names.
pub(super) fn ours(tensors: Tensors, sizes: &Sizes) -> Tensors {
    let authors = tensors.keys().any(|name| name.starts_with(AUTHORS));
    let named = |name: String| {
        let name = older(&name);
        let ours = if authors { renamed(&name, sizes) } else { None };
        ours.unwrap_or(name)
    };
    folded(tensors.into_iter().map(|(name, tensor)| (named(name), tensor)).collect())
}

/// A name of the authors as Hugging Face has it; `None` where both have the same, or there is none like it.
fn renamed(name: &str, sizes: &Sizes) -> Option<String> {
    let (module, rest, stages, parts) = if let Some(rest) = name.strip_prefix("encoder.block.") {
        ("encoder", rest, sizes.encoder_ratios.len(), DOWN)
    } else {
        ("decoder", name.strip_prefix(AUTHORS)?, sizes.decoder_ratios.len(), UP)
    };
    let (index, rest) = numbered(rest)?;
    let place = match index {
        0 => format!("conv1.{rest}"),
        index if index <= stages => {
            let (part, rest) = numbered(rest.strip_prefix("block.")?)?;
            let part = *parts.get(part)?;
            match part.starts_with("res_unit") {
                true => {
                    let (inner, rest) = numbered(rest.strip_prefix("block.")?)?;
                    format!("block.{}.{part}.{}.{rest}", index - 1, UNIT.get(inner)?)
                }
                false => format!("block.{}.{part}.{rest}", index - 1),
            }
        }
        index if index == stages + 1 => format!("snake1.{rest}"),
        index if index == stages + 2 => format!("conv2.{rest}"),
        _ => return None,
    };
    Some(format!("{module}.{place}"))
}

/// `3.weight` as 3 and `weight`.
fn numbered(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::{Sizes, renamed};

    #[test]
    fn the_authors_names_become_ours() {
        for (theirs, want) in [
            ("encoder.block.0.weight_v", "encoder.conv1.weight_v"),
            ("encoder.block.2.block.1.block.0.alpha", "encoder.block.1.res_unit2.snake1.alpha"),
            ("encoder.block.4.block.4.bias", "encoder.block.3.conv1.bias"),
            ("encoder.block.5.alpha", "encoder.snake1.alpha"),
            ("encoder.block.6.bias", "encoder.conv2.bias"),
            ("decoder.model.1.block.1.weight_g", "decoder.block.0.conv_t1.weight_g"),
            ("decoder.model.4.block.4.block.3.bias", "decoder.block.3.res_unit3.conv2.bias"),
        ] {
            assert_eq!(renamed(theirs, &Sizes::default()).as_deref(), Some(want));
        }
        assert_eq!(renamed("quantizer.quantizers.0.codebook.weight", &Sizes::default()), None);
        assert_eq!(renamed("encoder.block.9.bias", &Sizes::default()), None);
    }
}
