//! Packed layers against plain f64 loops, and sums over one thread and two.

use realfft::num_complex::Complex64;

use super::*;
use crate::agree::{Numbers, Tolerance, agree};
use crate::s4_step::System;

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut numbers = Numbers::new(seed);
    (0..count).map(|_| numbers.draw() as f32).collect()
}

#[test]
fn a_packed_matrix_multiplies_every_lane() {
    for (rows, columns, lanes) in [(1, 1, 1), (5, 3, 2), (16, 7, 3), (70, 9, 4), (129, 12, 7), (64, 64, 8)] {
        let (weights, bias) = (numbers(rows * columns, 1), numbers(rows, 2));
        let matrix =
            Matrix::pack(rows, columns, |row, column| weights[row * columns + column], |row| bias[row]);
        // Lanes lie apart, and each starts late.
        let (first, stride) = (2, columns + 3);
        let x = numbers(lanes * stride, 3);
        let mut out = vec![f32::NAN; lanes * matrix.stride()];
        matrix.times(lanes, &x, first, stride, &mut out);
        for lane in 0..lanes {
            let x = &x[lane * stride + first..][..columns];
            let want: Vec<f64> = (0..rows)
                .map(|row| {
                    let products = weights[row * columns..].iter().zip(x);
                    f64::from(bias[row]) + products.map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>()
                })
                .collect();
            let got = &out[lane * matrix.stride()..][..matrix.stride()];
            agree(&format!("{rows} rows, {lanes} lanes, lane {lane}"), &got[..rows], &want, Tolerance::F32);
            assert!(got[rows..].iter().all(|x| *x == 0.0));
        }
    }
}

#[test]
fn a_matrix_gives_a_lane_the_same_bytes_in_any_company() {
    let weights = numbers(100 * 33, 1);
    let matrix = Matrix::pack(100, 33, |row, column| weights[row * 33 + column], |_| 0.5);
    let x = numbers(9 * 33, 2);
    let mut together = vec![0.0; 9 * matrix.stride()];
    matrix.times(9, &x, 0, 33, &mut together);
    for lane in 0..9 {
        let mut alone = vec![0.0; matrix.stride()];
        matrix.times(1, &x[lane * 33..], 0, 33, &mut alone);
        assert_eq!(alone, together[lane * matrix.stride()..][..matrix.stride()]);
    }
}

/// Parameters of H heads with M pairs each, of one set of poles or of one for each head.
struct Layer {
    pairs: usize,
    parts: [Vec<f32>; 7],
}

impl Layer {
    fn new(heads: usize, pairs: usize, groups: usize) -> Self {
        let each = |count: usize, seed: u64, of: fn(usize, f32) -> f32| -> Vec<f32> {
            numbers(count, seed).into_iter().enumerate().map(|(i, x)| of(i, x)).collect()
        };
        let parts = [
            each(heads, 1, |_, x| -4.0 + x),
            each(groups * pairs, 2, |_, x| -0.7 + 0.1 * x),
            (0..groups * pairs).map(|i| 3.0 * (i % pairs) as f32 + 0.3).collect(),
            each(groups * pairs * 2, 3, |_, x| x),
            each(groups * pairs * 2, 4, |i, x| if i < 2 { 0.0 } else { x }),
            each(heads * pairs * 2, 5, |_, x| x),
            each(heads, 6, |_, x| x),
        ];
        Layer { pairs, parts }
    }

    fn spaces(&self, period: usize) -> Spaces<'_> {
        let [log_dt, log_w_real, w_imag, p, b, c, d] = &self.parts;
        let kind = Kind::LowRank { p, b, period };
        Spaces { pairs: self.pairs, log_dt, log_w_real, w_imag, c, d, kind }
    }

    /// The outputs of head `head` in f64, by the step that `s4_step` tests against the convolution.
    fn outputs(&self, head: usize, period: usize, u: &[f64]) -> Vec<f64> {
        let [log_dt, log_w_real, w_imag, p, b, c, d] = &self.parts;
        let group = if log_w_real.len() == self.pairs { 0 } else { head };
        let complex = |values: &[f32], index: usize| -> Vec<Complex64> {
            let parts = values[index * 2 * self.pairs..][..2 * self.pairs].chunks(2);
            parts.map(|part| Complex64::new(f64::from(part[0]), f64::from(part[1]))).collect()
        };
        let pole = |n: usize| {
            let n = group * self.pairs + n;
            Complex64::new(-f64::from(log_w_real[n]).exp(), f64::from(w_imag[n]))
        };
        let mut system = System {
            dt: f64::from(log_dt[head]).exp(),
            w: (0..self.pairs).map(pole).collect(),
            p: complex(p, group),
            b: complex(b, group),
            c: Vec::new(),
        };
        system.c = system.from_periodic(&complex(c, head), period).unwrap();
        let step = system.step();
        let mut x = vec![Complex64::default(); self.pairs];
        u.iter().map(|u| step.advance(&mut x, *u) + f64::from(d[head]) * u).collect()
    }
}

#[test]
fn heads_step_as_the_recurrence_does() {
    let (period, samples, lanes) = (64, 202, 3);
    for (heads, pairs, groups) in [(2, 1, 1), (7, 4, 7), (40, 32, 1)] {
        let layer = Layer::new(heads, pairs, groups);
        let halves = layer.spaces(period).heads(&|| {}).unwrap();
        assert_eq!(halves[0].count() + halves[1].count(), heads);
        let u = numbers(samples * lanes * heads, 7);
        for (shard, half) in halves.iter().enumerate() {
            let mut states = States::new(half, lanes);
            let mut y = vec![0.0; lanes * half.stride()];
            let mut got = vec![Vec::new(); lanes * half.count()];
            for _ in 0..2 {
                got.iter_mut().for_each(Vec::clear);
                for u in u.chunks(lanes * heads) {
                    states.respond(half, u, share(heads, shard).start, heads, &mut y);
                    states.advance(half);
                    for (i, got) in got.iter_mut().enumerate() {
                        got.push(y[i / half.count() * half.stride() + i % half.count()]);
                    }
                }
                // From rest it does the same again.
                states.reset();
            }
            for (i, got) in got.iter().enumerate() {
                let (lane, head) = (i / half.count(), share(heads, shard).start + i % half.count());
                let u: Vec<f64> =
                    (0..samples).map(|t| f64::from(u[(t * lanes + lane) * heads + head])).collect();
                let want = layer.outputs(head, period, &u);
                let tolerance = Tolerance { absolute: 2e-5, relative: 2e-5 };
                agree(&format!("{pairs} pairs, lane {lane}, head {head}"), got, &want, tolerance);
            }
        }
    }
}

/// HiPPO-LegS with 32 pairs, as a model starts: poles and inputs over three orders of magnitude, and a correction as large as they are.
#[test]
fn heads_step_from_the_values_that_models_start_with() {
    const W_IMAG: [f32; 32] = [
        1303.274, 433.0308, 258.1522, 182.6204, 140.2143, 112.876, 93.66184, 79.33266, 68.17443, 59.1956,
        51.78267, 45.53587, 40.18356, 35.5347, 31.45109, 27.83027, 24.59469, 21.68464, 19.05342, 16.66404,
        14.4869, 12.49814, 10.6784, 9.012005, 7.486288, 6.091216, 4.819144, 3.664807, 2.625655, 1.702968,
        0.9058594, 0.2638569,
    ];
    const B: [f32; 32] = [
        40.75184, 13.60563, 8.189048, 5.876201, 4.597392, 3.788057, 3.230995, 2.824815, 2.515827, 2.272948,
        2.076945, 1.915284, 1.779454, 1.663473, 1.56302, 1.474889, 1.396657, 1.326446, 1.262781, 1.204475,
        1.150555, 1.1002, 1.0527, 1.007415, 0.963733, 0.921027, 0.878592, 0.835527, 0.790493, 0.741009,
        0.680227, 0.594512,
    ];
    let real = |scale: f32| B.iter().flat_map(|b| [b * scale, 0.0]).collect::<Vec<f32>>();
    let mut layer = Layer::new(4, 32, 1);
    layer.parts[0] = vec![-6.9, -5.0, -3.5, -2.31];
    layer.parts[1].fill(-0.691_149);
    layer.parts[2] = W_IMAG.into();
    layer.parts[3] = real(std::f32::consts::FRAC_1_SQRT_2);
    layer.parts[4] = real(1.0);
    let (period, samples) = (1_000, 1_500);
    let u = numbers(samples, 8);
    let wanted: Vec<f64> = u.iter().map(|u| f64::from(*u)).collect();
    for (shard, half) in layer.spaces(period).heads(&|| {}).unwrap().iter().enumerate() {
        let (mut states, mut y) = (States::new(half, 1), vec![0.0; half.stride()]);
        let mut got = [const { Vec::new() }; 2];
        for u in &u {
            states.respond(half, &[*u; 4], 0, 4, &mut y);
            states.advance(half);
            got.iter_mut().zip(&y).for_each(|(got, y)| got.push(*y));
        }
        for (i, got) in got.iter().enumerate() {
            let want = layer.outputs(2 * shard + i, period, &wanted);
            let largest = want.iter().fold(0.0f64, |largest, y| largest.max(y.abs()));
            let tolerance = Tolerance { absolute: 2e-5 * largest, relative: 0.0 };
            agree(&format!("head {}", 2 * shard + i), got, &want, tolerance);
        }
    }
}

#[test]
fn a_head_without_recurrence_is_named() {
    let mut layer = Layer::new(3, 2, 3);
    // A pole without decay, which the period is a multiple of, in the second head.
    layer.parts[1][2..4].fill(f32::NEG_INFINITY);
    layer.parts[2][2..4].fill(0.0);
    layer.parts[3][4..8].fill(0.0);
    assert_eq!(layer.spaces(8).heads(&|| {}).err(), Some(NoRecurrence { head: 1 }));
}

#[test]
fn norms_are_those_of_their_formulas() {
    (1..70).for_each(norms);
}

fn norms(n: usize) {
    let x = numbers(2 * n, 1);
    let mut out = vec![0.0; 2 * n];
    let (gain, shift) = (numbers(n, 2), numbers(n, 3));
    let layer = Norm::Layer { gain: gain.clone(), shift: shift.clone(), eps: 1e-5 };
    for (norm, scalar) in [(layer, false), (Norm::Scalar { gain: 1.5, shift: 0.25 }, true)] {
        if scalar && n == 1 {
            continue; // No variance, and nothing to keep it finite.
        }
        norm.apply(n, &x, &mut out);
        for (x, out) in x.chunks(n).zip(out.chunks(n)) {
            let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
            let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n as f64;
            let want = |i: usize| {
                let x = f64::from(x[i]) - mean;
                if scalar {
                    1.5 / variance.sqrt() * (x + 0.25)
                } else {
                    x / (variance + 1e-5).sqrt() * f64::from(gain[i]) + f64::from(shift[i])
                }
            };
            agree("norm", out, &(0..n).map(want).collect::<Vec<_>>(), Tolerance::F32);
        }
    }
}

#[test]
fn a_gate_lets_its_share_through() {
    let mut x = [1.0, 2.0, 3.0, 4.0];
    let halves = [1.0, -2.0, 0.0, 30.0, f32::NAN, 0.5, 2.0, -30.0, 0.0, f32::NAN];
    add_gated(2, &halves, 5, &mut x);
    for (x, want) in x.iter().zip([1.5f32, 0.0, 3.0, 5.0]) {
        assert!((x - want).abs() < 1e-6, "{x:?}");
    }
}

#[test]
fn two_threads_see_the_same_sums_as_one() {
    let turns: u32 = 1_000;
    let part =
        |turn: u32, shard: usize, i: usize| (turn as f32 + 0.1) * (shard as f32 + 0.7) / (i as f32 + 0.3);
    let run = move |mut sums: Sums| -> Result<Vec<f32>, Lost> {
        let mut seen = Vec::new();
        for turn in 0..turns {
            // Odd, even and shorter lengths.
            let len = 5 + turn as usize % 4;
            for shard in sums.own() {
                let to = sums.part(shard)[..len].iter_mut().enumerate();
                to.for_each(|(i, to)| *to = part(turn, shard, i));
            }
            sums.show(len);
            seen.extend_from_slice(sums.total(len)?);
        }
        Ok(seen)
    };
    let alone = run(Sums::alone(8)).unwrap();
    let [a, b] = pair(8).map(|sums| std::thread::spawn(move || run(sums)));
    assert_eq!(a.join().unwrap().unwrap(), alone);
    assert_eq!(b.join().unwrap().unwrap(), alone);
}

#[test]
fn who_waits_for_a_thread_that_has_ended_is_told() {
    let [mut a, b] = pair(4);
    a.show(4);
    drop(b);
    assert_eq!(a.total(4), Err(Lost));
}

#[test]
fn a_second_thread_takes_every_order_once_and_sleeps_between() {
    let (send, receive) = std::sync::mpsc::channel();
    let second = Second::start(2, move |order| send.send([order[0], order[1]]).is_ok()).unwrap();
    for turn in 0..100 {
        if turn == 50 {
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
        second.order([turn, 2 * turn]);
    }
    let taken: Vec<[u32; 2]> = receive.iter().take(100).collect();
    assert_eq!(taken, (0..100).map(|turn| [turn, 2 * turn]).collect::<Vec<_>>());
    drop(second);
    assert!(receive.recv().is_err());
}
