//! `runner data`: corpora, fetched and in the prepared format.

use serde_json::json;

use super::Talk;
use super::arguments::{DataVerb, PrepareVerb};
use super::failure::{self, Failure};
use super::fetch;
use crate::corpora::{TableRequest, prepare_table};

/// Does what the verb asks.
pub fn data(verb: &DataVerb, talk: Talk) -> Result<u8, Failure> {
    match verb {
        DataVerb::Fetch(arguments) => fetch::fetch(arguments, talk),
        DataVerb::Prepare(verb) => prepare(verb, talk),
    }
}

fn prepare(verb: &PrepareVerb, talk: Talk) -> Result<u8, Failure> {
    let PrepareVerb::Table { table, audio, output, rate_hz, keep_case } = verb;
    let request = TableRequest {
        table: table.clone(),
        audio_dir: audio.clone(),
        out: output.clone(),
        rate_hz: *rate_hz,
        lowercase: !keep_case,
    };
    let mut told = 0;
    let summary = prepare_table(&request, &mut |done, all| {
        if done >= told + 1000 || done == all {
            told = done;
            talk.say(format_args!("{done} of {all} files"));
        }
    })
    .map_err(|error| {
        let failure = Failure::new(failure::FAILED, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let splits: serde_json::Map<String, serde_json::Value> = summary
        .splits
        .iter()
        .map(|(split, facts)| {
            let secs = facts.total_secs(*rate_hz);
            (split.to_string(), json!({"utterances": facts.utterances, "secs": secs}))
        })
        .collect();
    if talk.json {
        talk.data(&json!({"dir": output, "splits": splits, "vocab_size": summary.vocab_size}));
    }
    for (split, facts) in &summary.splits {
        let (utterances, secs) = (facts.utterances, facts.total_secs(*rate_hz));
        talk.say(format_args!("{split}: {utterances} utterances, {secs:.1} s"));
    }
    talk.say(format_args!(
        "prepared {}; set `data.dir` to it and `asr_vocab_size` to {} or more",
        output.display(),
        summary.vocab_size + 2
    ));
    Ok(0)
}
