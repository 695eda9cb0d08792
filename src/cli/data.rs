//! `runner data`: corpora, fetched and in the prepared format.

use super::Talk;
use super::arguments::DataVerb;
use super::failure::Failure;
use super::{
    coding, edit_codes, features, fetch, g2p, metadata, prepare, process, similar, statistics, stats,
    transcribe,
};

/// Does what the verb asks.
pub fn data(verb: &DataVerb, talk: Talk) -> Result<u8, Failure> {
    match verb {
        DataVerb::Fetch(arguments) => fetch::fetch(arguments, talk),
        DataVerb::Prepare(verb) => prepare::prepare(verb, talk),
        DataVerb::Features(arguments) => features::features(arguments, talk),
        DataVerb::Stats(arguments) => stats::stats(arguments, talk),
        DataVerb::Statistics(arguments) => statistics::statistics(arguments, talk),
        DataVerb::G2p(arguments) => g2p::g2p(arguments, talk),
        DataVerb::Encode(arguments) => coding::encode(arguments, talk),
        DataVerb::Decode(arguments) => coding::decode(arguments, talk),
        DataVerb::Codes(verb) => edit_codes::edit_codes(verb, talk),
        DataVerb::Transcribe(arguments) => transcribe::transcribe(arguments, talk),
        DataVerb::Metadata(arguments) => metadata::metadata(arguments, talk),
        DataVerb::Process(arguments) => process::process(arguments, talk),
        DataVerb::Similar(arguments) => similar::similar(arguments, talk),
    }
}
