//! Scores of generated clips: goldens made by make_sample_metrics.py (numpy and scipy, in double precision).

use runner::model::weights::Tensors;
use runner::quality::{Heard, cut, score};

use super::golden_tensors;

fn rows<'a>(golden: &'a Tensors, name: &str) -> impl Iterator<Item = Vec<f64>> + use<'a> {
    let (shape, values) = &golden[name];
    values.chunks(shape[1]).map(|row| row.iter().copied().map(f64::from).collect())
}

fn heard(golden: &Tensors, name: &str) -> Heard {
    let [probabilities, features] = ["probabilities", "features"].map(|what| format!("{name}.{what}"));
    let mut heard = Heard::new(golden[&probabilities].0[1], golden[&features].0[1]);
    rows(golden, &probabilities)
        .zip(rows(golden, &features))
        .for_each(|(probabilities, features)| heard.push(probabilities, features));
    heard
}

#[test]
fn scores_are_numpys_and_scipys() {
    let golden = golden_tensors("sample_metrics.safetensors");
    let train = heard(&golden, "train");
    for name in ["full", "odd", "few", "two"] {
        let got = score(&train, &heard(&golden, name)).unwrap();
        let got = [got.inception, got.modified_inception, got.am, got.fid, got.confidence];
        for ((what, got), want) in
            ["is", "mis", "am", "fid", "confidence"].iter().zip(got).zip(&golden[&format!("{name}.scores")].1)
        {
            let away = (got / f64::from(*want) - 1.0).abs();
            println!("check {name} {what}: {away:.1e}");
            assert!(away < 1e-6, "{name}, {what}: {got}, want {want}");
        }
    }
}

#[test]
fn the_cut_is_the_published_corner() {
    let golden = golden_tensors("sample_metrics.safetensors");
    let mut seen = 0;
    for (name, (_, bounds)) in golden.iter() {
        let Some(count) = name.strip_prefix("cut.") else { continue };
        let count: usize = count.parse().unwrap();
        let falling: Vec<f64> = (0..count).map(|clip| (count - clip) as f64).collect();
        let want: Vec<usize> = (bounds[0] as usize..bounds[1] as usize).collect();
        assert_eq!(cut(&falling), want, "{count} clips");
        seen += 1;
    }
    assert_eq!(seen, 7);
}
