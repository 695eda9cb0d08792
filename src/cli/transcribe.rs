//! `runner data transcribe`: what is said in a folder of sound, a JSON file for each speaker.

use super::Talk;
use super::arguments::TranscribeArguments;
#[cfg(not(feature = "transcribe"))]
use super::failure;
use super::failure::Failure;

/// Says how to get a build that can do it.
#[cfg(not(feature = "transcribe"))]
pub fn transcribe(_arguments: &TranscribeArguments, _talk: Talk) -> Result<u8, Failure> {
    Err(Failure::new(failure::REQUEST, "this build of runner transcribes nothing")
        .help("build it with `cargo build --release --features transcribe`, which takes some minutes more"))
}

/// Transcribes the folder.
#[cfg(feature = "transcribe")]
pub fn transcribe(arguments: &TranscribeArguments, talk: Talk) -> Result<u8, Failure> {
    super::transcribing::transcribe(arguments, talk)
}
