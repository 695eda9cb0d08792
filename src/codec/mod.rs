//! What are a sound's tokens? Codes of neural codecs, and the files that keep them.
//!
//! Not for: training codecs, or models of codes. Start at [`artifact`]; [`dataset`] is a folder of such files.

pub mod artifact;
pub mod dataset;
