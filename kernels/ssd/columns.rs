//! Column blocks of row-major sequences, for tasks that each write some columns of every row.

/// Splits the rows of `data` by `widths`, which sum to a row. Item `s · widths.len() + w` holds, for sequence `s` of
/// `rows` rows, the part of each row that belongs to width `w`.
pub(crate) fn split<'a>(data: &'a mut [f32], rows: usize, widths: &[usize]) -> Vec<Vec<&'a mut [f32]>> {
    let row_len: usize = widths.iter().sum();
    let mut parts = Vec::new();
    for sequence in data.chunks_exact_mut((rows * row_len).max(1)) {
        let first = parts.len();
        parts.extend(widths.iter().map(|_| Vec::with_capacity(rows)));
        for mut row in sequence.chunks_exact_mut(row_len.max(1)) {
            for (part, &width) in parts[first..].iter_mut().zip(widths) {
                let (head, tail) = row.split_at_mut(width);
                part.push(head);
                row = tail;
            }
        }
    }
    parts
}

/// As [`split`] for a gradient that may not be wanted: then `tasks` parts without rows.
pub(crate) fn split_wanted<'a>(
    data: Option<&'a mut [f32]>,
    rows: usize,
    widths: &[usize],
    tasks: usize,
) -> Vec<Vec<&'a mut [f32]>> {
    match data {
        Some(data) => split(data, rows, widths),
        None => (0..tasks).map(|_| Vec::new()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_each_row_in_order() {
        let mut data: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let parts = split(&mut data, 2, &[1, 2]);
        let flat: Vec<Vec<f32>> = parts.iter().map(|rows| rows.concat()).collect();
        let want: [&[f32]; 4] = [&[0.0, 3.0], &[1.0, 2.0, 4.0, 5.0], &[6.0, 9.0], &[7.0, 8.0, 10.0, 11.0]];
        assert_eq!(flat, want);
    }
}
