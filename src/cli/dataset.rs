//! `runner data prepare dataset`: a Hugging Face data set on disk into the prepared format.

use super::Talk;
use super::arguments::DatasetArguments;
use super::failure::{self, Failure};

/// Says how to get a build that can do it.
#[cfg(not(feature = "datasets"))]
pub fn prepare(_arguments: &DatasetArguments, _talk: Talk) -> Result<u8, Failure> {
    Err(Failure::new(failure::REQUEST, "this build of runner reads no Arrow or Parquet files")
        .hint("build it with `cargo build --release --features datasets`, which takes some minutes more"))
}

/// Prepares the data set, and says what was left out.
#[cfg(feature = "datasets")]
pub fn prepare(arguments: &DatasetArguments, talk: Talk) -> Result<u8, Failure> {
    use super::data;
    use crate::corpora::{DatasetRequest, TextSource, prepare_dataset};

    let text = match (&arguments.text, &arguments.text_constant) {
        (Some(column), _) => TextSource::Column(column.clone()),
        (None, constant) => TextSource::Constant(constant.clone().unwrap_or_default()),
    };
    let request = DatasetRequest {
        from: arguments.from.clone(),
        out: arguments.to.clone(),
        audio: arguments.audio.clone(),
        name: arguments.name.clone(),
        text,
        labels: arguments.label.clone(),
        splits: arguments.split.clone(),
        rate_hz: arguments.rate_hz,
        lowercase: !arguments.keep_case,
    };
    let summary = prepare_dataset(&request, &mut data::progress(talk)).map_err(|error| {
        let code = if error.is_missing() { failure::MISSING } else { failure::FAILED };
        let failure = Failure::new(code, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    for split in &summary.left_out {
        talk.say(format_args!("the split `{split}` was left out; `--split {split}=NAME` takes it"));
    }
    data::tell(&request.out, request.rate_hz, &summary.corpus, talk);
    Ok(0)
}
