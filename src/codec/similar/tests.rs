use super::*;

const ALL: Wanted = Wanted { top: 0, above: -2.0 };

fn vectors(rows: &[&[f32]]) -> Vectors {
    Vectors::new(rows.iter().map(|row| (!row.is_empty()).then(|| row.to_vec())).collect()).unwrap()
}

fn nearest(vectors: &Vectors, wanted: Wanted) -> Vec<Vec<usize>> {
    let found = vectors.nearest(wanted, &|_, _| true).unwrap();
    found.iter().map(|found| found.iter().map(|similar| similar.index).collect()).collect()
}

#[test]
fn the_most_similar_come_first_and_nothing_is_similar_to_itself() {
    let vectors = vectors(&[&[1.0, 0.0], &[3.0, 0.1], &[0.0, 2.0], &[1.0, 1.0]]);
    assert_eq!(nearest(&vectors, ALL), [vec![1, 3, 2], vec![0, 3, 2], vec![3, 1, 0], vec![1, 0, 2]]);
    assert_eq!(nearest(&vectors, Wanted { top: 1, ..ALL }), [[1], [0], [3], [1]]);
    let found = vectors.nearest(ALL, &|_, _| true).unwrap();
    assert!((found[0][1].score - 0.5f32.sqrt()).abs() < 1e-6, "{:?}", found[0]);
}

#[test]
fn scores_have_to_lie_above_the_threshold_not_on_it() {
    let vectors = vectors(&[&[1.0, 0.0], &[0.0, 1.0], &[-1.0, 0.0]]);
    assert_eq!(nearest(&vectors, Wanted { top: 0, above: 0.0 }), [[0; 0]; 3]);
    assert_eq!(nearest(&vectors, Wanted { top: 0, above: -0.001 }), [vec![1], vec![0, 2], vec![1]]);
}

#[test]
fn what_has_no_features_is_similar_to_none() {
    let vectors = vectors(&[&[1.0, 0.0], &[], &[0.0, 0.0], &[1.0, 0.0]]);
    assert_eq!(nearest(&vectors, ALL), [vec![3], vec![], vec![], vec![0]]);
    assert_eq!(vectors.len(), 4);
    let none = Vectors::new(vec![None, None]).unwrap();
    assert_eq!(nearest(&none, ALL), [[0; 0]; 2]);
}

#[test]
fn vectors_of_other_widths_and_values_that_are_none_are_refused() {
    let refused = |rows: [&[f32]; 2]| Vectors::new(rows.map(|row| Some(row.to_vec())).to_vec()).unwrap_err();
    assert_eq!(refused([&[1.0], &[1.0, 2.0]]), "vector 1 has 2 values, others 1");
    assert_eq!(refused([&[1.0], &[f32::NAN]]), "vector 1 has the value NaN");
}

#[test]
fn a_common_mean_and_scale_are_taken_off() {
    let mut vectors = vectors(&[&[10.0, 100.0, 5.0], &[], &[12.0, 300.0, 5.0]]);
    let mut scaled = vectors.clone();
    vectors.normalise(Normalise::Mean);
    assert_eq!(vectors.row(0), Some(&[-1.0, -100.0, 0.0][..]));
    scaled.normalise(Normalise::MeanVariance);
    assert_eq!((scaled.row(1), scaled.row(2)), (None, Some(&[1.0, 1.0, 0.0][..])));
}

/// More vectors than a block has, against the plain way.
#[test]
fn every_pair_is_compared() {
    let mut state = 7_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let rows: Vec<Vec<f32>> = (0..KEYS + 300).map(|_| (0..5).map(|_| draw()).collect()).collect();
    let vectors = Vectors::new(rows.iter().cloned().map(Some).collect()).unwrap();
    let may = |one: usize, other: usize| one % 3 != other % 3;
    let found = vectors.nearest(Wanted { top: 4, above: 0.5 }, &may).unwrap();
    let cosine = |one: &[f32], other: &[f32]| {
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
    };
    for at in [0, 1, 63, 64, 4095, 4096, KEYS + 299] {
        let others = (0..rows.len()).filter(|other| *other != at && may(at, *other));
        let mut want: Vec<(f64, usize)> =
            others.map(|other| (cosine(&rows[at], &rows[other]), other)).collect();
        want.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (similar, want) in found[at].iter().zip(&want) {
            assert!((f64::from(similar.score) - want.0).abs() < 1e-6, "{at}: {similar:?} {want:?}");
        }
        assert_eq!(found[at].len(), 4);
    }
}

#[test]
fn threads_change_nothing() {
    let rows: Vec<Option<Vec<f32>>> = (0..500_u32)
        .map(|at| Some((0..7).map(|k| ((at * 31 + k * 17) % 23) as f32 - 11.0).collect()))
        .collect();
    let vectors = Vectors::new(rows).unwrap();
    let on = |threads| {
        let pool = kernels::threads::Pool::new(threads).unwrap();
        pool.install(|| vectors.nearest(Wanted { top: 3, above: 0.5 }, &|_, _| true).unwrap())
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn slices_tell_their_recording() {
    for (id, want) in [
        ("chapter_00012", "chapter"),
        ("a_b_00000", "a_b"),
        ("f01_00000009", "f01_00000009"),
        ("a_0001", "a_0001"),
    ] {
        assert_eq!(recording_of(id), want);
    }
    assert_eq!(recording_of("chapter"), recording_of("chapter_00001"));
}
