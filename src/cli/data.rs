//! `runner data`: corpora into the prepared format.

use std::path::Path;

use serde_json::json;

use super::arguments::{DataVerb, PrepareVerb};
use super::failure::{self, Failure};
use super::{Talk, dataset};
use crate::corpora::{TableRequest, TableSummary, prepare_table};

/// Does what the verb asks.
pub fn data(verb: &DataVerb, talk: Talk) -> Result<u8, Failure> {
    let DataVerb::Prepare(verb) = verb;
    match verb {
        PrepareVerb::Dataset(arguments) => dataset::prepare(arguments, talk),
        PrepareVerb::Table { table, audio, output, rate_hz, keep_case } => prepare(
            &TableRequest {
                table: table.clone(),
                audio_dir: audio.clone(),
                out: output.clone(),
                rate_hz: *rate_hz,
                lowercase: !keep_case,
            },
            talk,
        ),
    }
}

fn prepare(request: &TableRequest, talk: Talk) -> Result<u8, Failure> {
    let summary = prepare_table(request, &mut progress(talk)).map_err(|error| {
        let failure = Failure::new(failure::FAILED, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    tell(&request.out, request.rate_hz, &summary, talk);
    Ok(0)
}

/// Says every thousandth utterance, and the last.
pub(super) fn progress(talk: Talk) -> impl FnMut(usize, usize) {
    let mut told = 0;
    move |done, all| {
        if done >= told + 1000 || done == all {
            told = done;
            talk.say(format_args!("{done} of {all} files"));
        }
    }
}

/// Says what was prepared.
pub(super) fn tell(out: &Path, rate_hz: u32, summary: &TableSummary, talk: Talk) {
    let splits: serde_json::Map<String, serde_json::Value> = summary
        .splits
        .iter()
        .map(|(split, facts)| {
            let secs = facts.total_secs(rate_hz);
            (split.to_string(), json!({"utterances": facts.utterances, "secs": secs}))
        })
        .collect();
    if talk.json {
        talk.data(&json!({"dir": out, "splits": splits, "vocab_size": summary.vocab_size}));
    }
    for (split, facts) in &summary.splits {
        let (utterances, secs) = (facts.utterances, facts.total_secs(rate_hz));
        talk.say(format_args!("{split}: {utterances} utterances, {secs:.1} s"));
    }
    talk.say(format_args!(
        "prepared {}; set `data.dir` to it and `asr_vocab_size` to {} or more",
        out.display(),
        summary.vocab_size + 2
    ));
}
