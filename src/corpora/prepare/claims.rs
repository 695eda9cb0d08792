//! What a source says of itself, to be held against what was found of it.

use serde::{Deserialize, Serialize};

/// What the lists of a source and the publisher's page say there is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Claims {
    /// Recordings that the source's own lists name and that are not there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub absent: usize,
    /// The published counts that those of the source come nearest to, where its publisher gave several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<PublishedCounts>,
    /// What has to be known of its lists by those who compare numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
}

/// How large a corpus is by the word of its publisher, or of those who counted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedCounts {
    /// The corpus with its version: `Speech Commands v0.02`.
    pub corpus: String,
    /// Utterances of each part, in the order of [`Layout::parts`](super::Layout::parts).
    pub utterances: Vec<usize>,
}

impl Claims {
    /// Whether it says nothing.
    pub(super) fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
