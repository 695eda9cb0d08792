//! `runner profile` of a sweep: a grid of models, each point measured by a process of its own.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Said, root, runner};

/// Two lengths of the small SSAMBA and of the small SSAST, of that with scores in tiles and written out.
fn grid(folder: &TempDir, more: &str, arguments: &[&str]) -> Said {
    let text = format!(
        "extends = [\"{}\"]\n{more}",
        root().join("experiments/sweeps/ssamba_efficiency.toml").display()
    );
    let file = folder.path().join("grid.toml");
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    runner(&[&["profile", &file, "--profile", "ci", "--steps", "1", "--warmup", "0"][..], arguments].concat())
}

#[test]
fn every_point_is_measured_and_shown_in_a_table_and_a_picture() {
    let folder = TempDir::new().unwrap();
    let table = folder.path().join("out.md");
    let said = grid(&folder, "", &["--json", "-o", &table.display().to_string()]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let points = report["points"].as_array().unwrap();
    // SSAMBA has no attention to vary.
    let kinds: Vec<(&str, u64, &str)> = points
        .iter()
        .map(|point| {
            let attention = point["settings"]["model.ssast.attention"].as_str().unwrap_or("–");
            (point["experiment"].as_str().unwrap(), point["patches"].as_u64().unwrap(), attention)
        })
        .collect();
    let expected = [
        ("ssamba_pretrain_tiny", 64, "–"),
        ("ssamba_pretrain_tiny", 128, "–"),
        ("ssast_pretrain_tiny", 64, "tiled"),
        ("ssast_pretrain_tiny", 128, "tiled"),
        ("ssast_pretrain_tiny", 64, "materialised"),
        ("ssast_pretrain_tiny", 128, "materialised"),
    ];
    assert_eq!(kinds, expected, "{}", said.out);
    for point in points {
        assert_eq!(point["state"], "measured");
        assert!(
            point["secs_per_clip"].as_f64().unwrap() > 0.0 && point["predicted_bytes"].as_u64().unwrap() > 0
        );
    }
    let page = fs::read_to_string(&table).unwrap();
    assert!(page.contains("![time and memory](out.svg)"), "{page}");
    assert!(page.contains("| ssast_pretrain_tiny, attention = materialised | 128 | 1 | "), "{page}");
    let picture = fs::read_to_string(folder.path().join("out.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.matches("<circle").count() >= 6, "{picture}");
    assert!(!picture.contains("NaN") && picture.contains("ssast_pretrain_tiny, attention = tiled"));
    assert!(!folder.path().join("runs").exists());
}

/// Two matrices of scores for 8 heads over a million patches are more than any machine has.
#[test]
fn what_would_not_fit_is_predicted_and_not_run() {
    let folder = TempDir::new().unwrap();
    let more = "[profile.ci.sweep]
zip = []
[profile.ci.sweep.axes]
experiment = [\"FOLDER/ssamba_pretrain_tiny.toml\", \"FOLDER/ssast_pretrain_tiny.toml\"]
model.ssast.attention = [\"materialised\"]
model.ssast.features.target_length = [1048576]
";
    let folder_of = root().join("experiments").display().to_string();
    let said = grid(&folder, &more.replace("FOLDER", &folder_of), &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("524,288 patches: predicted, not run; about "), "{}", said.err);
    assert!(said.out.lines().any(|line| line.contains("predicted, not run            –")), "{}", said.out);
}

#[test]
fn a_grid_is_of_models_of_patches_and_a_table_ends_in_md() {
    let folder = TempDir::new().unwrap();
    let said = runner(&["profile", "experiments/sweeps/accumulation.toml", "--profile", "ci"]);
    assert!(said.code == 2 && said.err.contains("has no patches to count"), "{}: {}", said.code, said.err);
    let said = grid(&folder, "", &["-o", "table.txt"]);
    assert!(said.code == 2 && said.err.contains("`table.txt` is no table's name"), "{}", said.err);
    let said = grid(&folder, "", &["-o", "nowhere/table.md"]);
    assert!(said.code == 74 && said.err.contains("its folder is not there"), "{}", said.err);
    let said = grid(&folder, "", &["--trace", "trace.json"]);
    assert!(said.code == 2 && said.err.contains("a grid is of passes forward"), "{}", said.err);
    let said = runner(&["profile", "experiments/ssamba_esc50.toml", "--profile", "ci", "-o", "table.md"]);
    assert!(said.code == 2 && said.err.contains("`-o` is for the table of a sweep"), "{}", said.err);
}
