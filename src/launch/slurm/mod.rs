//! Runs as jobs of a cluster: which jobs, their scripts, how they stand, and what a job does when its time is over.
//!
//! Slurm gives the machines and keeps the queue; how far a run is stays its folder's matter. A job is a worker on one run; jobs that share
//! resources and wait for the same teachers are tasks of one array ([`chunks`]). What was submitted is noted in the sweep's folder
//! ([`journal`]), so that the same command submits nothing twice. Not for: who is asked to wait or what is printed (`cli`), what the
//! resources are (`plan`). Start at [`chunks`] and [`Script`]; for the end of a job at [`ending`].

mod call;
mod chunks;
pub mod cluster;
pub mod ending;
pub mod journal;
mod program;
mod queue;
mod script;
#[cfg(test)]
mod tests;

pub use call::{SlurmError, is_here, submit, test_only};
pub use chunks::{Chunk, Wanted, chunks};
pub use program::Program;
pub use queue::{Queue, Queued};
pub use script::{Run, Script};
