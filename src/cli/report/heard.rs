//! The sound of the utterances that were judged worst, out of the corpus that a run was judged on.

use std::collections::BTreeMap;

use crate::cli::arguments::Request;
use crate::cli::order::plan_alone;
use crate::corpora::Corpus;
use crate::data::open_corpus;
use crate::plan::Plan;
use crate::record::Folder;
use crate::report::page::{Clip, Page, Record};

/// A list that runs were judged on.
struct List {
    corpus: Corpus,
    rate_hz: u32,
}

/// Adds the sound of the `most` worst utterances of each list. Why a list cannot be heard is noted on the page.
pub fn add(page: &mut Page, most: usize) {
    let mut lists: BTreeMap<usize, Option<List>> = BTreeMap::new();
    for (run, name) in page.worst(most) {
        let list = lists.entry(run).or_insert_with(|| opened(page, run));
        if let Some(clip) = list.as_ref().and_then(|list| clip(list, &name)) {
            page.clips.insert((run, name), clip);
        }
    }
}

fn opened(page: &mut Page, run: usize) -> Option<List> {
    let record = &page.records[run];
    match open(record) {
        Ok(list) => Some(list),
        Err(reason) => {
            let run = Folder::at(&record.run.dir).name();
            page.notes.push(format!("what {run} was judged on cannot be heard: {reason}"));
            None
        }
    }
}

/// The list of the last judgement, by the run's own configuration; or why there is none.
fn open(record: &Record) -> Result<List, String> {
    let experiment = Folder::at(&record.run.dir).config_toml();
    if !experiment.is_file() {
        return Err("there is no `config.toml`".into());
    }
    let request = Request { experiment, profile: None, hparams: None, sets: Vec::new() };
    // A program of another version may have written it.
    let Plan { data, .. } = plan_alone(&request).map_err(|_| {
        "its `config.toml` is not one for this version of the program; `runner check` says why".to_owned()
    })?;
    let meta = if record.judged_on() == "test" { &data.test_meta } else { &data.dev_meta };
    let corpus = open_corpus(&data, meta).map_err(|error| error.to_string())?;
    Ok(List { corpus, rate_hz: data.sample_rate_hz })
}

/// An utterance whose sound is missing or is no longer the same is not heard.
fn clip(list: &List, name: &str) -> Option<Clip> {
    let utterance = list.corpus.utterances().iter().find(|utterance| utterance.name == name)?;
    Some(Clip::of(list.corpus.load(utterance, list.rate_hz).ok()?, list.rate_hz))
}
