//! What is told of all speakers at the end: who is in the data set, and what was missing.
//!
//! Several processes may each see to some of the speakers, one after the other or at once: what they have found is brought together by speaker, so
//! that none takes away what another one has written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What was not there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Missing {
    /// `GROUP/SPEAKER` of those without transcripts.
    pub transcription: BTreeSet<String>,
    /// `GROUP/SPEAKER/FILE` of recordings that transcripts are about.
    pub audio: BTreeSet<String>,
}

/// The speakers of a data set, and what was missing of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lists {
    /// `GROUP/SPEAKER`, those with transcripts.
    pub speakers: BTreeSet<String>,
    /// What was missing.
    pub missing: Missing,
}

impl Lists {
    /// These lists after `others` was found out about the speakers `seen`: of them nothing stays that was told before.
    #[must_use]
    pub fn with(mut self, seen: &BTreeSet<String>, others: Lists) -> Self {
        let of_them = |path: &String| {
            let speaker = path.match_indices('/').nth(1).map_or(path.as_str(), |(at, _)| &path[..at]);
            seen.contains(speaker)
        };
        for list in [&mut self.speakers, &mut self.missing.transcription, &mut self.missing.audio] {
            list.retain(|path| !of_them(path));
        }
        self.speakers.extend(others.speakers);
        self.missing.transcription.extend(others.missing.transcription);
        self.missing.audio.extend(others.missing.audio);
        self
    }
}
