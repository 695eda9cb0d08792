//! Whose names tensors have: Hugging Face's are ours, the authors' are brought to them; and weights that are kept as length and direction
//! (Salimans & Kingma 2016, arXiv 1602.07868) become plain ones.

use crate::model::weights::Tensors;

/// The tensors of a checkpoint under our names.
pub(super) fn ours(tensors: Tensors) -> Tensors {
    let mut named: Tensors = tensors.into_iter().map(|(name, tensor)| (renamed(&name), tensor)).collect();
    let lengths: Vec<String> =
        named.keys().filter_map(|name| name.strip_suffix(LENGTH)).map(str::to_owned).collect();
    for module in lengths {
        let (length, direction) =
            (named.remove(&(module.clone() + LENGTH)), named.remove(&(module.clone() + DIRECTION)));
        if let (Some((_, length)), Some((shape, direction))) = (length, direction)
            && let Some(weight) = weight(&length, &shape, direction)
        {
            named.insert(module + "weight", (shape, weight));
        }
    }
    named
}

const LENGTH: &str = "weight_g";
const DIRECTION: &str = "weight_v";

/// A name of the authors, or of a newer PyTorch, as Hugging Face has it.
fn renamed(name: &str) -> String {
    let name = name
        .replace("parametrizations.weight.original0", LENGTH)
        .replace("parametrizations.weight.original1", DIRECTION);
    if let Some(rest) = name.strip_prefix("quantizer.vq.layers.") {
        return format!("quantizer.layers.{}", rest.replace("._codebook.", ".codebook."));
    }
    name.replacen("coder.model.", "coder.layers.", 1)
        .replace(".conv.conv.", ".conv.")
        .replace(".convtr.convtr.", ".conv.")
}

/// g v / ‖v‖, the norm over all axes but the first; `None` where the lengths are not one for each of the first axis.
fn weight(length: &[f32], shape: &[usize], mut direction: Vec<f32>) -> Option<Vec<f32>> {
    let rows = *shape.first()?;
    if rows != length.len() || rows == 0 || direction.is_empty() {
        return None;
    }
    let width = direction.len() / rows;
    for (row, length) in direction.chunks_exact_mut(width).zip(length) {
        let norm = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
        row.iter_mut().for_each(|x| *x = (f64::from(*x) * f64::from(*length) / norm) as f32);
    }
    Some(direction)
}

#[cfg(test)]
mod tests {
    use super::{Tensors, ours, renamed};

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

    #[test]
    fn length_and_direction_become_a_weight() {
        let tensors = Tensors::from([
            ("c.weight_g".to_owned(), (vec![2, 1, 1], vec![10.0, 1.0])),
            ("c.weight_v".to_owned(), (vec![2, 1, 2], vec![3.0, 4.0, 0.0, 2.0])),
        ]);
        assert_eq!(
            ours(tensors),
            Tensors::from([("c.weight".to_owned(), (vec![2, 1, 2], vec![6.0, 8.0, 0.0, 1.0]))])
        );
    }
}
