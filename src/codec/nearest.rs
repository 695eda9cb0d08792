//! Which row of a codebook is nearest, out of products that are there already.

/// ‖x‖².
pub(super) fn squares(row: &[f32]) -> f32 {
    row.iter().map(|x| x * x).sum()
}

/// The first row at the least distance ‖x‖² − 2 x·e + ‖e‖².
pub(super) fn nearest(length: f32, alike: &[f32], lengths: &[f32]) -> usize {
    let mut best = (0, f32::INFINITY);
    for (index, (alike, row)) in alike.iter().zip(lengths).enumerate() {
        let distance = length - 2.0 * alike + row;
        if distance < best.1 {
            best = (index, distance);
        }
    }
    best.0
}
