//! Every extent around the tiles' edges, every order of strides, against sums in double precision.

use super::*;
use crate::agree::Numbers;

struct Case {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
    want: Vec<f64>,
}

fn numbers(seed: u64, count: usize) -> Vec<f32> {
    Numbers::new(seed).take(count, 1.0, 0.0).iter().map(|&x| x as f32).collect()
}

fn views<'a>(case: &'a Case, [m, n, k]: [usize; 3], turned: [bool; 2]) -> (View<'a>, View<'a>) {
    let a = if turned[0] { View::new(&case.a, k, m).t() } else { View::new(&case.a, m, k) };
    let b = if turned[1] { View::new(&case.b, n, k).t() } else { View::new(&case.b, k, n) };
    (a, b)
}

fn case(extents @ [m, n, k]: [usize; 3], turned: [bool; 2], alpha: f32, beta: f32) -> Case {
    let operands =
        Case { a: numbers(1, m * k), b: numbers(2, k * n), c: numbers(3, m * n), want: Vec::new() };
    solved(operands, extents, turned, alpha, beta)
}

fn solved(mut case: Case, [m, n, k]: [usize; 3], turned: [bool; 2], alpha: f32, beta: f32) -> Case {
    let (a, b) = views(&case, [m, n, k], turned);
    let at =
        |view: &View<'_>, i: usize, j: usize| f64::from(view.data[i * view.row_stride + j * view.col_stride]);
    let mut want = Vec::with_capacity(m * n);
    for i in 0..m {
        for j in 0..n {
            let sum: f64 = (0..k).map(|p| at(&a, i, p) * at(&b, p, j)).sum();
            let kept = if beta == 0.0 { 0.0 } else { f64::from(beta) * f64::from(case.c[i * n + j]) };
            want.push(f64::from(alpha) * sum + kept);
        }
    }
    case.want = want;
    case
}

fn assert_close(got: &[f32], want: &[f64], k: usize, what: &str) {
    let bound = 1e-6 * (k as f64).sqrt().max(1.0) * 4.0;
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() <= bound, "{what}: element {index} is {got}, not {want}");
    }
}

#[test]
fn every_edge_and_order_agrees_with_double_precision() {
    let extents = [
        [1, 1, 1],
        [5, 17, 50],
        [7, 16, 64],
        [8, 48, 33],
        [9, 49, 100],
        [16, 64, 16],
        [10, 530, 700],
        [16, 33, 1_100],
        [23, 65, 31],
        [31, 95, 513],
        [64, 33, 64],
        [257, 50, 40],
        [13, 400, 1030],
        [500, 96, 768],
    ];
    for extents @ [m, n, k] in extents {
        for turned in [[false, false], [true, false], [false, true], [true, true]] {
            for (alpha, beta) in [(1.0, 0.0), (0.5, 1.0), (1.0, -0.25)] {
                let case = case(extents, turned, alpha, beta);
                let (a, b) = views(&case, extents, turned);
                let what = format!("{m}×{n}×{k}, turned {turned:?}, alpha {alpha}, beta {beta}");
                // What C held must not matter where beta is 0.
                let start = if beta == 0.0 { vec![f32::NAN; m * n] } else { case.c.clone() };
                let mut c = start.clone();
                matmul_serial(alpha, a, b, beta, &mut c, n);
                assert_close(&c, &case.want, k, &what);
                let mut shared = start;
                matmul(alpha, a, b, beta, &mut shared);
                assert_close(&shared, &case.want, k, &what);
            }
        }
    }
}

/// Few rows under a long sum have a walk of their own.
#[test]
fn few_rows_have_the_bits_that_they_have_among_many() {
    let [m, n, k] = [40, 1_050, 1_100];
    for turned in [false, true] {
        for (alpha, beta) in [(1.0, 0.0), (0.5, 1.0)] {
            let case = case_without_reference([m, n, k]);
            let (a, b) = views(&case, [m, n, k], [turned, false]);
            let mut many = case.c.clone();
            matmul_serial(alpha, a, b, beta, &mut many, n);
            let mut few = case.c[..10 * n].to_vec();
            matmul_serial(alpha, View { rows: 10, ..a }, b, beta, &mut few, n);
            assert!(few == many[..10 * n], "turned {turned}, alpha {alpha}, beta {beta}");
        }
    }
}

#[test]
fn a_packed_operand_makes_no_difference() {
    for extents @ [m, n, k] in [[100, 1_050, 1_100], [10, 400, 600], [7, 40, 90], [2, 30, 20], [600, 48, 31]]
    {
        for turned in [false, true] {
            let case = case_without_reference(extents);
            let (a, b) = views(&case, extents, [false, turned]);
            let packed = Packed::new(b);
            for beta in [0.0, 1.0] {
                let (mut alone, mut c) = (case.c.clone(), case.c.clone());
                let double = |_: usize, _: usize, piece: &mut [f32]| piece.iter_mut().for_each(|x| *x *= 2.0);
                matmul_serial_then(&Product { alpha: 1.0, a, b, beta }, &mut alone, &double);
                matmul_serial_packed(a, &packed, beta, &mut c, &double);
                assert!(alone == c, "{m}×{n}×{k}, turned {turned}, beta {beta}");
            }
        }
    }
}

#[test]
fn a_wider_result_is_left_alone_between_its_rows() {
    let (m, n, k, wide) = (21, 37, 80, 50);
    let case = case([m, n, k], [false, true], 1.0, 0.0);
    let (a, b) = views(&case, [m, n, k], [false, true]);
    let mut c = vec![7.0; m * wide];
    matmul_serial(1.0, a, b, 0.0, &mut c, wide);
    for (row, want) in c.chunks(wide).zip(case.want.chunks(n)) {
        assert_close(&row[..n], want, k, "a row");
        assert!(row[n..].iter().all(|&x| x == 7.0));
    }
}

#[test]
fn the_last_word_sees_every_element_once_and_finished() {
    for extents @ [m, n, _] in [[3, 5, 7], [12, 450, 600], [300, 450, 1_100], [1_000, 40, 64]] {
        let case = case(extents, [false, false], 1.0, 0.0);
        let (a, b) = views(&case, extents, [false, false]);
        let mut c = vec![0.0; m * n];
        let product = Product { alpha: 1.0, a, b, beta: 0.0 };
        matmul_then(&product, &mut c, &|row, first, piece| {
            for (index, value) in piece.iter_mut().enumerate() {
                *value += (row * n + first + index) as f32;
            }
        });
        for (index, value) in c.iter_mut().enumerate() {
            *value -= index as f32;
        }
        let bound = (m * n) as f64 * 1e-7 + 1e-3;
        for (got, want) in c.iter().zip(&case.want) {
            assert!((f64::from(*got) - want).abs() < bound, "{got} is not {want}");
        }
    }
}

#[test]
fn rows_are_handed_on_whole_and_in_their_order() {
    for extents @ [m, n, _] in [[3, 5, 7], [21, 384, 64], [300, 450, 600]] {
        let case = case(extents, [false, true], 1.0, 0.0);
        let (a, b) = views(&case, extents, [false, true]);
        let mut c = vec![0.0; m * n];
        let seen = std::cell::RefCell::new(Vec::new());
        matmul_serial_rows(&Product { alpha: 1.0, a, b, beta: 0.0 }, &mut c, &|row, values| {
            assert_eq!(values.len(), n);
            seen.borrow_mut().push((row, values.to_vec()));
        });
        let seen = seen.into_inner();
        assert!(seen.iter().map(|(row, _)| *row).eq(0..m));
        assert!(seen.into_iter().flat_map(|(_, values)| values).eq(c));
    }
}

#[test]
fn bytes_do_not_depend_on_the_thread_count() {
    for extents @ [m, n, _] in
        [[500, 768, 768], [64, 3_000, 100], [12, 3_000, 400], [3_000, 33, 100], [999, 50, 700]]
    {
        for turned in [[false, false], [true, false], [false, true]] {
            let case = case_without_reference(extents);
            let (a, b) = views(&case, extents, turned);
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut c = case.c.clone();
                pool.install(|| matmul(1.0, a, b, 1.0, &mut c));
                c
            };
            let alone = run(1);
            assert_eq!(alone, run(2));
            assert_eq!(alone, run(3));
            let mut serial = case.c.clone();
            matmul_serial(1.0, a, b, 1.0, &mut serial, n);
            if m > 4 {
                assert_eq!(alone, serial);
            }
        }
    }
}

fn case_without_reference([m, n, k]: [usize; 3]) -> Case {
    Case { a: numbers(1, m * k), b: numbers(2, k * n), c: numbers(3, m * n), want: Vec::new() }
}

/// A number as bfloat16 has it: the nearest, even among equals.
#[cfg(target_arch = "x86_64")]
fn rounded(value: f32) -> f32 {
    let bits = value.to_bits();
    f32::from_bits(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
}

/// The walk by tiles, whichever way products of this process are done: only their operands are rounded, and their sums are f32.
#[cfg(target_arch = "x86_64")]
#[test]
fn products_by_tiles_are_those_of_rounded_operands() {
    if !bf16::available() {
        eprintln!("not run: no matrix tiles for bfloat16");
        return;
    }
    let extents = [
        [1, 16, 32],
        [5, 17, 50],
        [16, 16, 32],
        [31, 33, 63],
        [32, 32, 64],
        [33, 65, 95],
        [64, 64, 513],
        [100, 1_050, 1_100],
        [257, 50, 40],
        [40, 1_025, 33],
    ];
    for extents @ [m, n, k] in extents {
        for turned in [[false, false], [true, false], [false, true], [true, true]] {
            for (alpha, beta) in [(1.0, 0.0), (0.5, 1.0), (1.0, -0.25)] {
                let plain = case_without_reference(extents);
                let round = |values: &[f32]| values.iter().map(|&value| rounded(value)).collect();
                let operands =
                    Case { a: round(&plain.a), b: round(&plain.b), c: plain.c.clone(), want: Vec::new() };
                let exact = solved(operands, extents, turned, alpha, beta);
                let (a, b) = views(&plain, extents, turned);
                let what = format!("{m}×{n}×{k}, turned {turned:?}, alpha {alpha}, beta {beta}");
                let mut c = if beta == 0.0 { vec![f32::NAN; m * n] } else { plain.c.clone() };
                let product = Product { alpha, a, b, beta };
                by_tiles(&product, &mut c, 0..m);
                assert_close(&c, &exact.want, k, &what);
                // Rows have the same bits among few and among many.
                let mut pieces = if beta == 0.0 { vec![f32::NAN; m * n] } else { plain.c.clone() };
                by_tiles(&product, &mut pieces, 0..m / 3);
                by_tiles(&product, &mut pieces, m / 3..m);
                assert!(c == pieces, "{what}: in pieces");
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn by_tiles(product: &Product<'_>, c: &mut [f32], rows: Range<usize>) {
    let n = product.b.cols;
    let to = blocked::Target { c: c.as_mut_ptr(), c_row: n, then: None };
    // SAFETY: the caller saw that there are tiles; the operands fit, and C is all of the product's.
    unsafe { tiles::rectangle(product, rows, 0..n, to) };
}
