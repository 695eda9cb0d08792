//! What the program promises: black-box runs of every verb, and parity with the reference library.

mod bad_input;
mod check;
mod configure;
mod docs;
mod fetch;
mod generate;
mod grid;
mod import;
mod mix;
mod parity;
mod patches;
mod prepare;
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
mod slurm;
mod speech;
mod support;
mod sweep;
