//! `runner data prepare dataset`: a Hugging Face data set on disk into the prepared format.

use super::Talk;
use super::arguments::DatasetArguments;
#[cfg(not(feature = "datasets"))]
use super::failure;
use super::failure::Failure;

/// Says how to get a build that can do it.
#[cfg(not(feature = "datasets"))]
pub fn prepare(_arguments: &DatasetArguments, _talk: Talk) -> Result<u8, Failure> {
    Err(Failure::new(failure::REQUEST, "this build of runner reads no Arrow or Parquet files")
        .help("build it with `cargo build --release --features datasets`, which takes some minutes more"))
}

/// Prepares the data set.
#[cfg(feature = "datasets")]
pub fn prepare(arguments: &DatasetArguments, talk: Talk) -> Result<u8, Failure> {
    use super::prepare::{absolute, run};
    use crate::corpora::{DatasetRequest, TextSource};

    let text = match (&arguments.text, &arguments.text_constant) {
        (Some(column), _) => TextSource::Column(column.clone()),
        (None, constant) => TextSource::Constant(constant.clone().unwrap_or_default()),
    };
    let request = DatasetRequest {
        from: absolute(&arguments.places.from),
        audio: arguments.audio.clone(),
        name: arguments.name.clone(),
        text,
        labels: arguments.label.clone(),
        splits: arguments.split.clone(),
        rate_hz: arguments.rate_hz,
        lowercase: !arguments.keep_case,
    };
    run(&request, &arguments.places, talk)
}
