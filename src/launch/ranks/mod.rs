//! One run in several processes of this machine, which share the micro-batches of each update.
//!
//! Rank 0 is the process that was asked for the run: it has the record, and starts the others, which have none, as `runner helper`. A helper
//! has two ends of rank 0: its standard output is one end of a pair of sockets that nobody else has, over which gradients go; its standard input is
//! a leash, which closes when rank 0 is done, or dies in whatever way, and the helper with it. Sums are formed on rank 0, in the order of the
//! micro-batches. Not for: what is sent (`train::wire`), which micro-batches are whose (`train::Rank`). Start at [`Hub::start`] and
//! [`Link::inherited`].

mod helper;
mod hub;
mod link;

use std::io;
use std::process::Command;

pub use hub::Hub;
pub use link::Link;

use crate::record::Folder;
use crate::train::Rank;

/// A part of an update follows.
const PART: u8 = 1;
/// Words follow, of why there is none.
const FAILED: u8 = 2;

/// Bytes that are read and written at once.
const BUFFER_BYTES: usize = 1 << 18;

/// Makes the command of the helper process of a rank, with so many threads, for the run of this identity in this folder.
pub type HelperCommand = fn(&Folder, &str, Rank, usize) -> io::Result<Command>;
