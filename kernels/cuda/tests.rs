//! What all device halves are made of: products, sums over rows, grids.

use super::emulator::Emulator;
use super::*;
use crate::agree::{Numbers, Tolerance, agree};

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    Numbers::new(seed).take(len, 1.0, 0.0).iter().map(|&x| x as f32).collect()
}

/// a [m, k] · b [k, n] in f64, each read through `at(row, col)`.
fn product(
    [m, n, k]: [usize; 3],
    a: impl Fn(usize, usize) -> f32,
    b: impl Fn(usize, usize) -> f32,
) -> Vec<f64> {
    let cells = (0..m).flat_map(|row| (0..n).map(move |col| (row, col)));
    let value = |(row, col)| (0..k).map(|i| f64::from(a(row, i)) * f64::from(b(i, col))).sum();
    cells.map(value).collect()
}

#[test]
fn products_are_row_major_whatever_is_transposed() {
    let [m, n, k] = [3, 5, 4];
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    for [left, right] in [[false, false], [false, true], [true, false], [true, true]] {
        let Some(gpu) = Emulator::new(false) else { return };
        let held = [gpu.holding(&a), gpu.holding(&b), gpu.holding(&vec![0.5; m * n])];
        let [a_part, b_part, c] = held.each_ref().map(Buffer::part);
        let left_view = if left { Matrix::new(a_part, k, m).t() } else { Matrix::new(a_part, m, k) };
        let right_view = if right { Matrix::new(b_part, n, k).t() } else { Matrix::new(b_part, k, n) };
        let gemm = Gemm::new(left_view, right_view, Matrix::new(c, m, n)).alpha(2.0).beta(3.0);
        gpu.gemm(gemm).expect("runs");
        let want = product(
            [m, n, k],
            |row, i| if left { a[i * m + row] } else { a[row * k + i] },
            |i, col| if right { b[col * k + i] } else { b[i * n + col] },
        );
        let want: Vec<f64> = want.iter().map(|sum| 2.0 * sum + 1.5).collect();
        agree("c", &gpu.values(c), &want, Tolerance::F32);
    }
}

/// Heads of attention: rows of all heads side by side, one product for each.
#[test]
fn batches_and_strides_reach_their_own_values() {
    let [heads, time, width] = [3, 4, 2];
    let Some(gpu) = Emulator::new(false) else { return };
    let x = numbers(time * heads * width, 3);
    let held = gpu.holding(&x);
    let scores = gpu.buffer(heads * time * time).expect("room");
    let of_head = Matrix::new(held.part(), time, width).stride(heads * width).apart(width);
    let out = Matrix::new(scores.part(), time, time).apart(time * time);
    gpu.gemm(Gemm::new(of_head, of_head.t(), out).batch(heads)).expect("runs");
    let got = gpu.values(scores.part());
    for head in 0..heads {
        let at = |row: usize, i: usize| x[row * heads * width + head * width + i];
        let want = product([time, time, width], at, |i, col| at(col, i));
        agree("scores", &got[head * time * time..][..time * time], &want, Tolerance::F32);
    }
}

#[test]
fn products_outside_their_memory_are_refused() {
    let Some(gpu) = Emulator::new(false) else { return };
    let held = gpu.holding(&[1.0; 6]);
    let view = |rows, cols| Matrix::new(held.part(), rows, cols);
    for (a, b, c, batch) in [
        (view(2, 3), view(2, 3), view(2, 2), 1),
        (view(2, 3), view(3, 3), view(2, 3), 1),
        (view(2, 2).stride(5), view(2, 2), view(2, 2), 1),
        (view(2, 2), view(2, 2), view(2, 2).apart(4), 2),
        (view(2, 2), view(2, 2), view(2, 2).t(), 1),
    ] {
        let said = gpu.gemm(Gemm::new(a, b, c).batch(batch)).expect_err("refused").to_string();
        assert!(said.starts_with("no matrix product: "), "{said}");
    }
    assert_eq!(gpu.gemm(Gemm::new(view(0, 3), view(3, 2), view(0, 2))), Ok(()));
}

#[test]
fn sums_over_rows_count_each_row_once() {
    for [rows, cols] in [[1, 1], [63, 5], [64, 33], [65, 32], [1_000, 7], [20_000, 2]] {
        let x = numbers(rows * cols, 4);
        let sum = |col: usize| x.chunks(cols).map(|row| f64::from(row[col])).sum::<f64>();
        for beta in [0.0, 1.0] {
            let both = [false, true].map(|descending| {
                let gpu = Emulator::new(descending)?;
                let (held, out) = (gpu.holding(&x), gpu.holding(&vec![0.5; cols]));
                let extents = [rows, cols];
                reduce::column_sums(&gpu, held.part(), extents, out.part(), beta).expect("runs");
                Some(gpu.values(out.part()))
            });
            let [Some(first), Some(second)] = both else { return };
            let want: Vec<f64> = (0..cols).map(|col| sum(col) + f64::from(beta) * 0.5).collect();
            agree("sums", &first, &want, Tolerance { absolute: 1e-4, relative: 1e-5 });
            assert_eq!(first, second);
        }
    }
}

#[test]
fn a_buffer_is_added_to_another() {
    for len in [0, 1, 3, 4, 1_025, 3_000] {
        let Some(gpu) = Emulator::new(false) else { return };
        let (x, y) = (numbers(len, 5), numbers(len, 6));
        let [sum, more] = [gpu.holding(&x), gpu.holding(&y)];
        reduce::add_to(&gpu, sum.part(), more.part()).expect("runs");
        let want: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x + y).collect();
        assert_eq!(gpu.values(sum.part()), want);
    }
}

#[test]
fn grids_cover_their_work_and_nothing_impossible_is_started() {
    assert_eq!(Grid::over(257, 256).blocks, [2, 1, 1]);
    assert_eq!(Grid::over(0, 256).blocks, [0, 1, 1]);
    assert!(Grid::over(0, 256).is_empty());
    let refused = |grid: Grid| grid.check("name").is_err();
    assert!(!refused(Grid::new(1 << 30, 1024).by(65_535)));
    assert!(refused(Grid::new(1, 1025)) && refused(Grid::new(1, 0)));
    assert!(refused(Grid::new(1, 32).by(65_536)) && refused(Grid::new(1, 32).shared(99 * 256 + 1)));
}
