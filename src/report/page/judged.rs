//! How each utterance was judged, worst first; runs that were judged on the same utterances are one list.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::record::Record;
use crate::text::word_errors;

/// Utterances shown of a list of one run; of several runs, fewer.
const SHOWN: [usize; 2] = [40, 20];
/// Clips shown of a list of measures.
const SHOWN_NUMBERS: usize = 15;
/// By which number clips of models of sound and of patches are ordered, the first that there is; larger is worse.
const LOSSES: [&str; 5] = ["nats", "loss", "mse", "nce", "mel_mse"];

/// Names of classes, by head and number.
pub(super) type ClassNames = BTreeMap<(usize, usize), String>;

/// What was said of one utterance.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// What was understood.
    Transcript { reference: String, hypothesis: String },
    /// By head: the right class and the one that was taken.
    Classes(Vec<[String; 2]>),
    /// Measures, by name.
    Numbers(Vec<(String, f64)>),
}

impl Verdict {
    /// The name and the verdict in a line of preds.jsonl; `None` where it has none.
    pub(super) fn of(object: &Map<String, Value>, classes: &ClassNames) -> Option<(String, Self)> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = object.get("name")?.as_str()?.to_owned();
        let pairs = pairs(object);
        let is_classified =
            object.get("clf_label").and_then(Value::as_array).is_some_and(|labels| !labels.is_empty());
        if is_classified && pairs.is_empty() && text("label").is_empty() {
            return None; // Without a right class there is nothing to be wrong about.
        }
        let verdict = if !text("label").is_empty() || (pairs.is_empty() && object.contains_key("pred")) {
            Verdict::Transcript { reference: text("label"), hypothesis: text("pred") }
        } else if pairs.is_empty() {
            let numbers = object.iter().filter_map(|(key, value)| Some((key.clone(), value.as_f64()?)));
            Verdict::Numbers(numbers.collect())
        } else {
            let called = |head, class: i64| {
                let class = usize::try_from(class).unwrap_or_default();
                classes.get(&(head, class)).cloned().unwrap_or_else(|| class.to_string())
            };
            let named =
                pairs.into_iter().map(|(head, truth, taken)| [called(head, truth), called(head, taken)]);
            Verdict::Classes(named.collect())
        };
        Some((name, verdict))
    }

    /// How wrong it is: 0 where nothing is.
    pub(super) fn badness(&self) -> f64 {
        match self {
            Verdict::Transcript { reference, hypothesis } => word_errors(reference, hypothesis).rate(),
            Verdict::Classes(pairs) => {
                pairs.iter().filter(|[truth, taken]| truth != taken).count() as f64
                    / pairs.len().max(1) as f64
            }
            Verdict::Numbers(numbers) => {
                let of = |name: &&str| numbers.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
                LOSSES.iter().find_map(of).filter(|value| value.is_finite()).unwrap_or(0.0)
            }
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Verdict::Transcript { .. } => 0,
            Verdict::Classes(_) => 1,
            Verdict::Numbers(_) => 2,
        }
    }
}

/// Right and taken classes by head; heads without a right one are left out.
pub(super) fn pairs(object: &Map<String, Value>) -> Vec<(usize, i64, i64)> {
    let list = |key: &str| object.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let (truths, taken) = (list("clf_label"), list("clf_pred"));
    let pair = |(head, (truth, taken)): (usize, (&Value, &Value))| {
        Some((head, truth.as_i64().filter(|truth| *truth >= 0)?, taken.as_i64()?))
    };
    truths.iter().zip(&taken).enumerate().filter_map(pair).collect()
}

/// Runs that were judged on the same utterances.
#[derive(Debug)]
pub(super) struct Group {
    /// Counted from 0.
    pub runs: Vec<usize>,
    /// Worst first.
    pub utterances: Vec<Utterance>,
    /// Whether its verdicts are numbers.
    pub is_measured: bool,
}

/// An utterance, as all runs of its group found it.
#[derive(Debug)]
pub(super) struct Utterance {
    pub name: String,
    /// Mean over the runs.
    pub badness: f64,
}

impl Group {
    /// How many utterances are shown: never those without a mistake.
    pub(super) fn shown(&self) -> usize {
        let wrong = self.utterances.iter().take_while(|utterance| utterance.badness > 0.0).count();
        let most = if self.is_measured { SHOWN_NUMBERS } else { SHOWN[usize::from(self.runs.len() > 1)] };
        wrong.min(most)
    }
}

/// The groups, in the order of their first runs. Runs without predictions are in none.
pub(super) fn groups(records: &[Record]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (run, record) in records.iter().enumerate().filter(|(_, record)| !record.verdicts.is_empty()) {
        match groups.iter_mut().find(|group| alike(&records[group.runs[0]], record)) {
            Some(group) => group.runs.push(run),
            None => {
                let is_measured = matches!(record.verdicts.values().next(), Some(Verdict::Numbers(_)));
                groups.push(Group { runs: vec![run], utterances: Vec::new(), is_measured });
            }
        }
    }
    for group in &mut groups {
        group.utterances = sorted(group, records);
    }
    groups
}

fn alike(one: &Record, other: &Record) -> bool {
    let kind = |record: &Record| record.verdicts.values().next().map(Verdict::kind);
    kind(one) == kind(other) && one.verdicts.keys().eq(other.verdicts.keys())
}

fn sorted(group: &Group, records: &[Record]) -> Vec<Utterance> {
    let utterance = |name: &String| {
        let verdicts = group.runs.iter().filter_map(|&run| records[run].verdicts.get(name));
        let badness = verdicts.map(Verdict::badness).sum::<f64>() / group.runs.len() as f64;
        Utterance { name: name.clone(), badness }
    };
    let mut utterances: Vec<Utterance> = records[group.runs[0]].verdicts.keys().map(utterance).collect();
    utterances.sort_by(|one, other| other.badness.total_cmp(&one.badness));
    utterances
}
