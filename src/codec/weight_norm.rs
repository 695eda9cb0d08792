//! Weights that a checkpoint keeps as length and direction (Salimans & Kingma 2016, arXiv 1602.07868) become plain ones.

use crate::model::weights::Tensors;

/// The length's name in a module.
pub(super) const LENGTH: &str = "weight_g";
/// The direction's.
pub(super) const DIRECTION: &str = "weight_v";

/// A name of newer versions of PyTorch as older ones have it.
pub(super) fn older(name: &str) -> String {
    name.replace("parametrizations.weight.original0", LENGTH)
        .replace("parametrizations.weight.original1", DIRECTION)
}

/// `MODULE.weight` for each `MODULE.weight_g` and `MODULE.weight_v`; what does not fit is left out, and so will be missing.
pub(super) fn folded(mut named: Tensors) -> Tensors {
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
    use super::{Tensors, folded, older};

    #[test]
    fn length_and_direction_become_a_weight() {
        let tensors = Tensors::from([
            ("c.weight_g".to_owned(), (vec![2, 1, 1], vec![10.0, 1.0])),
            ("c.weight_v".to_owned(), (vec![2, 1, 2], vec![3.0, 4.0, 0.0, 2.0])),
        ]);
        assert_eq!(
            folded(tensors),
            Tensors::from([("c.weight".to_owned(), (vec![2, 1, 2], vec![6.0, 8.0, 0.0, 1.0]))])
        );
        assert_eq!(older("c.parametrizations.weight.original0"), "c.weight_g");
    }
}
