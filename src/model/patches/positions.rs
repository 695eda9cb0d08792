//! Positions of one grid of patches for another: what the published code does before it fine-tunes.

use crate::model::weights::Tensors;
use crate::plan::PatchesPlan;

/// Brings the tensors of a published checkpoint to the names and the grid of `plan`: the prefix of parallel training goes, and so do heads that
/// nothing ever read; positions are cut or resized.
///
/// # Errors
/// A sentence: the positions are those of another grid than the plan says.
pub fn adapt(plan: &PatchesPlan, tensors: Tensors) -> Result<Tensors, String> {
    const UNUSED: [&str; 4] = ["p_input_fdim", "p_input_tdim", "v.head.", "v.head_dist."];
    let bare = tensors.into_iter().map(|(name, tensor)| match name.strip_prefix("module.") {
        Some(bare) => (bare.to_owned(), tensor),
        None => (name, tensor),
    });
    let used = |name: &str| !UNUSED.iter().any(|unused| name.starts_with(unused));
    let mut tensors: Tensors = bare.filter(|(name, _)| used(name)).collect();
    let Some((_, there)) = tensors.get("v.pos_embed") else { return Ok(tensors) };
    let (width, (tokens, _)) = (plan.width, plan.tokens());
    if there.len() == (tokens + plan.patches()) * width && plan.source_grid == plan.grid() {
        return Ok(tensors);
    }
    let [rows, columns] = plan.source_grid;
    if there.len() != (tokens + rows * columns) * width {
        return Err(format!(
            "`v.pos_embed` has {} positions of {width}, not those of {tokens} tokens and {rows} × {columns} patches",
            there.len() / width.max(1)
        ));
    }
    let (kept, grid) = there.split_at(tokens * width);
    let mut positions = kept.to_vec();
    positions.extend(resize(grid, plan.source_grid, plan.grid(), width));
    let shape = vec![1, tokens + plan.patches(), width];
    tensors.insert("v.pos_embed".to_owned(), (shape, positions));
    Ok(tensors)
}

/// Positions [rows, columns, width] of the grid `from` for the grid `to`: fewer columns, and fewer rows, are cut out of the middle; more are resized
/// bilinearly, time first.
pub fn resize(positions: &[f32], from: [usize; 2], to: [usize; 2], width: usize) -> Vec<f32> {
    let columns = from[1];
    let (rows_at, columns_at) = (taps(from[0], to[0]), taps(columns, to[1]));
    let mut resized = vec![0.0; to[0] * to[1] * width];
    for (index, to_position) in resized.chunks_exact_mut(width).enumerate() {
        for (row, of_row) in rows_at[index / to[1]] {
            for (column, of_column) in columns_at[index % to[1]] {
                let weight = of_row * of_column;
                let position = &positions[(row * columns + column) * width..][..width];
                to_position.iter_mut().zip(position).for_each(|(to, from)| *to += weight * from);
            }
        }
    }
    resized
}

/// The two neighbours that each of `to` places lies between, among `from`, with their weights.
fn taps(from: usize, to: usize) -> Vec<[(usize, f32); 2]> {
    if to < from {
        // Cut out, not resized: the distances between patches stay as they were learnt.
        let first = from / 2 - to / 2;
        return (first..first + to).map(|at| [(at, 1.0), (at, 0.0)]).collect();
    }
    let place = |at: usize| {
        let at = ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
        let low = (at as usize).min(from - 1);
        let share = (at - low as f64) as f32;
        [(low, 1.0 - share), ((low + 1).min(from - 1), share)]
    };
    (0..to).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published rule on P[f, t] = f + 0.01 t: its corners, (1, 1) and the middle.
    #[test]
    fn positions_move_as_published() {
        let source: Vec<f32> = (0..8 * 64).map(|i| (i / 64) as f32 + 0.01 * (i % 64) as f32).collect();
        for (to, want) in [
            ([12, 101], [0.0, 0.63, 0.504505, 4.148333, 7.63]),
            ([12, 50], [0.07, 0.56, 0.58, 4.153333, 7.56]),
            ([12, 12], [0.26, 0.37, 0.77, 4.153333, 7.37]),
            ([8, 384], [0.0, 0.63, 1.0, 4.315833, 7.63]),
            ([12, 99], [0.0, 0.63, 0.504697, 4.148333, 7.63]),
        ] {
            let [rows, columns] = to;
            let moved = resize(&source, [8, 64], to, 1);
            let places = [(0, 0), (0, columns - 1), (1, 1), (rows / 2, columns / 2), (rows - 1, columns - 1)];
            for ((row, column), want) in places.into_iter().zip(want) {
                let got = moved[row * columns + column];
                assert!((got - want).abs() < 2e-6, "{to:?} ({row}, {column}): {got}, not {want}");
            }
        }
    }
}
