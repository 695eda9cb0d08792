//! The sound of the utterances that were judged worst, out of the corpus that a run was judged on.

use std::collections::BTreeMap;

use crate::cli::arguments::Request;
use crate::cli::order::plan_alone;
use crate::corpora::Corpus;
use crate::data::open_corpus;
use crate::plan::Plan;
use crate::record::Folder;
use crate::report::page::{Clip, Page};

/// A list that runs were judged on.
struct List {
    corpus: Corpus,
    rate_hz: u32,
}

/// Adds the sound of the `most` worst utterances of each list. A corpus that is not here is noted on the page.
pub fn add(page: &mut Page, most: usize) {
    let mut lists: BTreeMap<usize, Option<List>> = BTreeMap::new();
    for (run, name) in page.worst(most) {
        let list = lists.entry(run).or_insert_with(|| open(page, run));
        let clip = list.as_ref().and_then(|list| clip(list, &name));
        if let Some(clip) = clip {
            page.clips.insert((run, name), clip);
        }
    }
    let silent = lists.into_iter().filter(|(_, list)| list.is_none());
    let silent: Vec<String> = silent.map(|(run, _)| Folder::at(&page.records[run].run.dir).name()).collect();
    for name in silent {
        page.notes.push(format!(
            "the corpus that {name} was judged on is not here, so its utterances cannot be heard"
        ));
    }
}

/// The list of the last judgement, by the run's own configuration.
fn open(page: &Page, run: usize) -> Option<List> {
    let record = &page.records[run];
    let experiment = Folder::at(&record.run.dir).config_toml();
    let request = Request { experiment, profile: None, hparams: None, sets: Vec::new() };
    let Plan { data, .. } = plan_alone(&request).ok()?;
    let meta = if record.judged_on() == "test" { &data.test_meta } else { &data.dev_meta };
    let corpus = open_corpus(&data, meta).ok()?;
    Some(List { corpus, rate_hz: data.sample_rate_hz })
}

/// An utterance whose sound is missing or is no longer the same is not heard.
fn clip(list: &List, name: &str) -> Option<Clip> {
    let utterance = list.corpus.utterances().iter().find(|utterance| utterance.name == name)?;
    Some(Clip::of(list.corpus.load(utterance, list.rate_hz).ok()?, list.rate_hz))
}
