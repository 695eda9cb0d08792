//! What the program promises: black-box runs of every verb, and parity with the reference library.

mod bad_input;
mod check;
mod codec_lm;
mod codecs;
mod coding;
#[cfg(unix)]
mod compat;
mod configure;
mod docs;
mod feature_cache;
mod fetch;
#[cfg(unix)]
mod g2p;
mod gc;
mod generate;
mod grid;
mod import;
mod metadata;
mod mix;
#[cfg(unix)]
mod numbers;
mod parity;
mod patches;
mod prepare;
mod process;
#[cfg(unix)]
mod processes;
mod profile;
mod published;
mod report;
mod run;
mod samples;
mod server;
mod share;
#[cfg(unix)]
mod signals;
mod similar;
#[cfg(unix)]
mod slurm;
mod speech;
mod stats;
mod support;
mod sweep;
mod transcribe;
mod voices;
