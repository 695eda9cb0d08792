//! What are a sound's tokens? Codes of neural codecs, and the files that keep them.
//!
//! Not for: training codecs, or models of codes. Start at [`artifact`]; [`dataset`] is a folder of such files,
//! [`encodec`] makes codes of sound and sound of codes.

pub mod artifact;
pub mod dataset;
pub mod encodec;
