//! `runner data`: corpora into the prepared format.

use super::Talk;
use super::arguments::DataVerb;
use super::failure::Failure;
use super::prepare;

/// Does what the verb asks.
pub fn data(verb: &DataVerb, talk: Talk) -> Result<u8, Failure> {
    match verb {
        DataVerb::Prepare(verb) => prepare::prepare(verb, talk),
    }
}
