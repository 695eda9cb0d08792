//! A run's data must stay what it was.

use std::collections::BTreeMap;

use crate::record::Identity;
use crate::train::TrainError;

/// Compares the corpus with the one a run began with.
///
/// # Errors
/// A part has changed, named with both digests.
pub fn check(before: &Identity, now: &BTreeMap<String, String>) -> Result<(), TrainError> {
    for (part, then) in &before.data {
        if let Some(now) = now.get(part)
            && now != then
        {
            return Err(TrainError::DataChanged {
                what: format!("the {part} file of the corpus"),
                then: short(then),
                now: short(now),
            });
        }
    }
    Ok(())
}

fn short(digest: &str) -> String {
    digest.chars().take(8).collect()
}
