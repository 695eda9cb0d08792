//! Which curves there are: the numbers of metrics.jsonl and timings.jsonl, sorted into charts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::record::Record;
use super::thin::{Point, thinned};
use crate::record::metrics::Row;

/// Points on the whole page: about 1 MB of it, once as numbers and once drawn.
const MOST_POINTS: usize = 50_000;
/// Points of one curve: more than a screen has columns for it.
const MOST_POINTS_OF_ONE: usize = 600;

/// The first charts, in this order; others follow by name.
const FIRST: [&str; 14] = [
    "loss",
    "wer",
    "cer",
    "clf_acc",
    "clf_joint",
    "acc",
    "bits",
    "nce",
    "mse",
    "mel",
    "refined",
    "ctc",
    "layer_distill",
    "logits_distill",
];
/// The last ones.
const LAST: [&str; 4] = ["grad_norm", "lr", "audio_secs_per_sec", "infinite"];
/// What says something about the data, not about learning.
const NOT_CURVES: [&str; 5] = ["utterances", "audio_secs", "teacher_step", "step_secs", "eval_secs"];
/// Charts of how fast it went; they stand with the efficiency.
const SPEED: [&str; 1] = ["audio_secs_per_sec"];

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Counted from 0.
    pub run: usize,
    /// `train`, `dev`, `test` or `teacher/dev`.
    pub split: String,
    pub hue: u32,
    pub points: Vec<Point>,
}

/// The curves of one quantity, over the updates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub key: String,
    pub series: Vec<Series>,
}

/// All charts of a page.
#[derive(Debug)]
pub(super) struct Charts {
    pub all: Vec<Chart>,
    pub runs: usize,
}

impl Charts {
    pub(super) fn of(records: &[Record]) -> Self {
        let mut charts: BTreeMap<String, BTreeMap<(usize, String), Vec<Point>>> = BTreeMap::new();
        for (run, record) in records.iter().enumerate() {
            for (name, point) in record.rows.iter().flat_map(values) {
                let (split, key) = name.rsplit_once('/').unwrap_or(("", name));
                if !NOT_CURVES.contains(&key) {
                    let split = if split == "time" { "train" } else { split };
                    let series = charts.entry(key.to_owned()).or_default();
                    series.entry((run, split.to_owned())).or_default().push(point);
                }
            }
        }
        // Non-finite losses are rare: without any there is nothing to see.
        charts
            .retain(|key, series| key != "infinite" || series.values().flatten().any(|point| point.1 != 0.0));
        let curves: usize = charts.values().map(BTreeMap::len).sum();
        let most = (MOST_POINTS / curves.max(1)).clamp(20, MOST_POINTS_OF_ONE);
        let runs = records.len();
        let mut all: Vec<Chart> =
            charts.into_iter().map(|(key, series)| chart(key, series, most, runs)).collect();
        all.sort_by_key(|chart| place(&chart.key));
        Charts { all, runs }
    }

    /// Charts of learning, or of speed.
    pub(super) fn about_speed(&self, speed: bool) -> impl Iterator<Item = (usize, &Chart)> {
        self.all.iter().enumerate().filter(move |(_, chart)| SPEED.contains(&chart.key.as_str()) == speed)
    }

    /// Kinds of curves that occur, in the order of legends.
    pub(super) fn splits(&self) -> Vec<&str> {
        let mut splits: Vec<&str> =
            self.all.iter().flat_map(|chart| &chart.series).map(|series| series.split.as_str()).collect();
        splits.sort_by_key(|split| split_place(split));
        splits.dedup();
        splits
    }

    /// What `page.js` reads.
    pub(super) fn json(&self, names: &[String]) -> Value {
        let charts: Vec<Value> = self.all.iter().map(Chart::json).collect();
        json!({ "runs": names, "charts": charts })
    }
}

fn values(row: &Row) -> impl Iterator<Item = (&str, Point)> {
    let named = row.values.iter().chain(&row.timings);
    named.map(|(name, value)| (name.as_str(), (row.step as f64, *value)))
}

fn chart(key: String, series: BTreeMap<(usize, String), Vec<Point>>, most: usize, runs: usize) -> Chart {
    let mut series: Vec<Series> = series
        .into_iter()
        .map(|((run, split), points)| Series {
            hue: if runs == 1 { split_hue(&split) } else { hue(run, runs) },
            points: thinned(&points, most),
            run,
            split,
        })
        .collect();
    // What is judged lies above what is trained.
    series.sort_by_key(|series| (split_place(&series.split), series.run));
    Chart { key, series }
}

impl Chart {
    pub(super) fn title(&self) -> String {
        match self.key.as_str() {
            "wer" => "WER".into(),
            "cer" => "CER".into(),
            "acc" => "accuracy within clips".into(),
            "clf_acc" => "accuracy".into(),
            "clf_joint" => "joint accuracy".into(),
            "classifier" => "classifier loss".into(),
            "ctc" => "CTC loss".into(),
            "layer_distill" => "layer distillation loss".into(),
            "logits_distill" => "logits distillation loss".into(),
            "bits" => "bits a sample".into(),
            "lr" => "learning rate".into(),
            "mel" => "mel loss".into(),
            "refined" => "mel loss, refined".into(),
            "grad_norm" => "gradient norm".into(),
            "audio_secs_per_sec" => "seconds of audio a second".into(),
            "infinite" => "losses that are not finite".into(),
            other => other.replace('_', " "),
        }
    }

    pub(super) fn is_percent(&self) -> bool {
        matches!(self.key.as_str(), "wer" | "cer" | "acc" | "clf_acc" | "clf_joint")
    }

    fn json(&self) -> Value {
        let series = self.series.iter().map(|series| {
            let (x, y): (Vec<u64>, Vec<Value>) =
                series.points.iter().map(|&(x, y)| (x as u64, rounded(y))).unzip();
            json!({ "run": series.run, "split": series.split, "hue": series.hue, "x": x, "y": y })
        });
        json!({ "title": self.title(), "percent": self.is_percent(), "series": series.collect::<Vec<_>>() })
    }
}

/// Five digits are more than a curve shows; what is no number is null.
fn rounded(value: f64) -> Value {
    let rounded: Option<f64> = format!("{value:.4e}").parse().ok();
    rounded.filter(|value| value.is_finite()).map_or(Value::Null, Value::from)
}

fn place(key: &str) -> (usize, usize, String) {
    let at = |list: &[&str]| list.iter().position(|name| *name == key);
    match (at(&FIRST), at(&LAST)) {
        (Some(place), _) => (0, place, String::new()),
        (None, None) => (1, 0, key.to_owned()),
        (None, Some(place)) => (2, place, String::new()),
    }
}

fn split_place(split: &str) -> usize {
    ["train", "teacher/dev", "dev", "test"].iter().position(|name| *name == split).unwrap_or(1)
}

/// How curves of one run are told apart, as an angle of OKLCH.
fn split_hue(split: &str) -> u32 {
    match split {
        "train" => 255,
        "dev" => 45,
        "test" => 10,
        _ => 150,
    }
}

/// A run's colour: an angle of OKLCH. Neighbours differ, as far as so many runs can.
pub(super) fn hue(run: usize, runs: usize) -> u32 {
    const FEW: [u32; 8] = [255, 45, 150, 350, 300, 200, 95, 20];
    match FEW.get(run) {
        Some(hue) if runs <= FEW.len() => *hue,
        // The golden angle: any number of directions, the next always far from the last.
        _ => ((255.0 + 137.508 * run as f64) % 360.0) as u32,
    }
}
