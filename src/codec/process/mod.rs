//! Recordings with transcripts become files of codes: what there is to do for each speaker, and where each piece of a recording lies.
//!
//! For: reading transcripts ([`Transcript`]), deciding which utterances a speaker's recordings are cut into and under which names ([`plan`]),
//! cutting them out of recordings of any length ([`Cutter`]), and what is told of all speakers at the end ([`Lists`]). Not for: codes, phonemes,
//! threads, writing files (`cli`). Start at [`plan`].

mod cutter;
mod lists;
mod plan;
mod transcript;

#[cfg(test)]
mod tests;

pub use cutter::{Cutter, window};
pub use lists::{Lists, Missing};
pub use plan::{
    Asked, NOISE, Passed, Piece, Planned, Recording, Slicing, SpeakerFolder, plan, speaker_folders,
};
pub use transcript::{Segment, Transcript, TranscriptError, Transcripts, read_transcripts};
