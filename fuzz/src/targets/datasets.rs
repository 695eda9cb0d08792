//! Data sets on disk: Arrow's stream and file formats, Parquet, and the JSON beside them. Built with the feature `datasets` alone, as their reader is.

use std::fs;
use std::path::Path;

use runner::corpora::{DatasetRequest, Recipe, Split, TextSource};

use super::said;
use crate::{Target, bundle, repair};

/// Files of a split as the library saves it.
const SAVED: &[&str] = &["state.json", "dataset_info.json", "data-00000-of-00001.arrow"];

pub fn targets() -> Vec<Target> {
    let target = |name, seeds, words, run| Target {
        name,
        seeds,
        words,
        repair: repair::none,
        run,
        most_bytes: 64 << 10,
    };
    vec![
        target(
            "parquet",
            &["tests/fixtures/datasets/hub/data/validation-00000-of-00001.parquet"],
            &["PAR1", "\x15\0", "\x15\x02", "\x2c", "ARROW:schema", "huggingface"],
            parquet,
        ),
        target(
            "arrow",
            &["tests/fixtures/datasets/saved/validation"],
            &["=== state.json\n", "ARROW1\0\0", "\u{ff}\u{ff}\u{ff}\u{ff}", "_data_files", "filename", "../"],
            arrow,
        ),
    ]
}

fn parquet(place: &Path, bytes: &[u8]) -> String {
    fs::write(place.join("train-00000-of-00001.parquet"), bytes).expect("a file");
    said(request(place, "train", &["speaker"], TextSource::Column("text".into())).layout().map(|_| ()))
}

fn arrow(place: &Path, bytes: &[u8]) -> String {
    for (name, bytes) in bundle::files(bytes, SAVED) {
        fs::write(place.join(name), bytes).expect("a file");
    }
    said(request(place, "validation", &["label"], TextSource::Constant("a".into())).layout().map(|_| ()))
}

fn request(place: &Path, split: &str, labels: &[&str], text: TextSource) -> DatasetRequest {
    DatasetRequest {
        from: place.to_owned(),
        audio: "audio".into(),
        name: None,
        text,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        splits: vec![(split.into(), Split::Train)],
        rate_hz: 16_000,
        lowercase: true,
    }
}
