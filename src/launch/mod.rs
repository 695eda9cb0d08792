//! Where does it run? In this process: the lock, the folder's first files, the sinks, and the training in between, which helper processes
//! may share ([`ranks`]); or many runs, in processes of their own ([`sweep`]) or as jobs of a cluster ([`slurm`]).
//!
//! [`in_process`] takes a resolved [`Order`] and brings its run to the end, from wherever an earlier process left it. Not for: what is
//! trained (`train`), which runs are needed first (`cli`). Start at [`in_process`].

mod digests;
mod ended;
mod local;
mod order;
mod profile;
pub mod ranks;
pub mod slurm;
pub mod sweep;

pub use local::{LaunchError, Report, fail_under_way, finished, in_process};
pub use order::Order;
pub use profile::profile;
