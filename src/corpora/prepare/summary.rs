//! What a prepared folder holds: hours, counts, classes, and what was left out. It is `prepared.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::lists::{clips_of, vocabulary};
use super::work::Made;
use super::{Claims, Layout, Outcome, PrepareError, Recipe};
use crate::corpora::CorpusFacts;
use crate::text::CtcTokenizer;

/// The file with the summary, which makes a folder a finished preparation.
pub(super) const PREPARED: &str = "prepared.json";

/// Layout of the prepared folder; another number is another preparation.
pub(super) const FORMAT: u32 = 1;

/// Upper bounds in seconds of the bins that utterances are counted in by length; the last bin has none.
pub const LENGTH_BINS_SECS: [u32; 6] = [1, 2, 5, 10, 15, 20];

/// What was prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Version of the prepared format.
    pub format: u32,
    pub corpus: String,
    /// Where it came from.
    pub source: PathBuf,
    /// The options that shaped it.
    pub options: serde_json::Value,
    pub rate_hz: u32,
    pub splits: Vec<SplitSummary>,
    /// Splits of the source that nobody asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What the source says of itself.
    #[serde(default, skip_serializing_if = "Claims::are_none")]
    pub claims: Claims,
    /// Outputs that a CTC head needs for the vocabulary (`asr_vocab_size` or less); 0 where nothing is said.
    pub vocab_size: usize,
    /// Classes of each classifier head (`classifier_num_targets`).
    pub classes: Vec<usize>,
    /// Whether an utterance may have any number of the one head's classes (`classifier_loss = "binary"`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_number: bool,
    /// Files and lines that yielded nothing, and the utterances lost with them.
    pub skipped: usize,
    pub skipped_utterances: usize,
    /// Utterances that end with the recording, earlier than asked.
    pub cut_utterances: usize,
    /// Recordings that had another sample rate.
    pub resampled_files: usize,
    /// Recordings that are links to the source.
    pub linked_files: usize,
    /// Samples beyond full scale after resampling, cut to it.
    pub clipped_samples: u64,
}

/// One part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitSummary {
    pub name: String,
    pub utterances: usize,
    pub secs: f64,
    pub shortest_secs: f64,
    pub longest_secs: f64,
    /// Utterances by length, see [`LENGTH_BINS_SECS`].
    pub lengths: Vec<usize>,
    /// For each head its classes that occur, the most frequent first.
    pub labels: Vec<HeadSummary>,
}

/// How often the classes of a head occur.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadSummary {
    pub head: String,
    pub classes: Vec<LabelCount>,
}

/// How often a class occurs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelCount {
    pub class: String,
    pub utterances: usize,
}

/// Seconds with a label each are as many in every clip.
fn any_number(layout: &Layout) -> bool {
    let mut labels = layout.units.iter().flat_map(|unit| &unit.clips).map(|clip| clip.labels.len());
    let first = labels.next();
    layout.heads.len() == 1 && labels.any(|number| Some(number) != first)
}

impl Summary {
    pub(super) fn of(recipe: &dyn Recipe, layout: &Layout, made: &[Made]) -> Result<Self, PrepareError> {
        let bad = || layout.bad.iter().chain(made.iter().flat_map(|made| &made.bad));
        let skipped = || {
            bad().filter_map(|bad| match bad.outcome {
                Outcome::Skipped { utterances } => Some(utterances),
                Outcome::Cut => None,
            })
        };
        let parts = (0..).zip(&layout.parts);
        let said = layout.units.iter().flat_map(|unit| &unit.clips).any(|clip| !clip.text.is_empty());
        let tokenizer = CtcTokenizer::from_json("vocab.json".as_ref(), &vocabulary(layout))?;
        Ok(Self {
            format: FORMAT,
            corpus: recipe.name().to_owned(),
            source: recipe.source().to_owned(),
            options: recipe.options(),
            rate_hz: layout.rate_hz,
            splits: parts.map(|(part, name)| split(layout, made, part, name)).collect(),
            left_out: layout.left_out.clone(),
            claims: layout.claims.clone(),
            vocab_size: if said { tokenizer.size() } else { 0 },
            classes: layout.heads.iter().map(|head| head.classes.len()).collect(),
            any_number: any_number(layout),
            skipped: skipped().count(),
            skipped_utterances: skipped().sum(),
            cut_utterances: bad().filter(|bad| bad.outcome == Outcome::Cut).count(),
            resampled_files: made.iter().filter(|made| made.resampled).count(),
            linked_files: made.iter().filter(|made| made.linked.is_some()).count(),
            clipped_samples: made.iter().map(|made| made.clipped).sum(),
        })
    }

    /// Utterances of all parts.
    pub fn utterances(&self) -> usize {
        self.splits.iter().map(|split| split.utterances).sum()
    }

    /// Seconds of all parts.
    pub fn secs(&self) -> f64 {
        self.splits.iter().map(|split| split.secs).sum()
    }

    /// Whether the request wants this very folder.
    pub(super) fn is_of(&self, recipe: &dyn Recipe) -> bool {
        self.format == FORMAT
            && self.corpus == recipe.name()
            && self.source == recipe.source()
            && self.options == recipe.options()
    }
}

fn split(layout: &Layout, made: &[Made], part: usize, name: &str) -> SplitSummary {
    let lengths = || clips_of(layout, made, part).map(|(_, samples)| samples as usize);
    let facts = CorpusFacts::of(lengths());
    let secs = |samples: usize| samples as f64 / f64::from(layout.rate_hz);
    let mut bins = vec![0; LENGTH_BINS_SECS.len() + 1];
    for length in lengths() {
        let bin = LENGTH_BINS_SECS.iter().position(|&bound| secs(length) < f64::from(bound));
        bins[bin.unwrap_or(LENGTH_BINS_SECS.len())] += 1;
    }
    SplitSummary {
        name: name.to_owned(),
        utterances: facts.utterances,
        secs: facts.total_secs(layout.rate_hz),
        shortest_secs: secs(facts.shortest_samples),
        longest_secs: secs(facts.longest_samples),
        lengths: bins,
        labels: (0..)
            .zip(&layout.heads)
            .map(|(at, head)| head_summary(layout, made, part, at, &head.name))
            .collect(),
    }
}

fn head_summary(layout: &Layout, made: &[Made], part: usize, at: usize, name: &str) -> HeadSummary {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (clip, _) in clips_of(layout, made, part) {
        // One head takes all labels of a clip, however often it has them; several take one each.
        let labels: BTreeSet<&String> = match layout.heads.len() {
            1 => clip.labels.iter().collect(),
            _ => clip.labels.get(at).into_iter().collect(),
        };
        for label in labels {
            *counts.entry(label).or_default() += 1;
        }
    }
    let mut classes: Vec<LabelCount> = counts
        .into_iter()
        .map(|(class, utterances)| LabelCount { class: class.to_owned(), utterances })
        .collect();
    // Stable: equally frequent ones stay in the order of their names.
    classes.sort_by_key(|count| std::cmp::Reverse(count.utterances));
    HeadSummary { head: name.to_owned(), classes }
}
