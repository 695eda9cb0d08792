//! Do the micro-batches of an update run in turn, each on all threads, or side by side, each on one?
//!
//! Results are the same; time and memory are not. In turn, threads meet at the end of every kernel; side by side, at the end of a group, where
//! the longest micro-batch holds up the others, and as many tapes are in memory. Not for: running them ([`super::update`]). Start at [`Arrangement::of`].

use std::fmt;

use kernels::OpError;
use kernels::threads::Lanes;

use super::device::{Chosen, effective_device};
use super::memory::memory_bytes;
use super::{Rank, TrainError};
use crate::plan::{MicroBatches, Plan};
use crate::record::host;
use crate::record::units::bytes;

/// The share of the machine's memory that a run may be foreseen to take for `auto` to run micro-batches side by side: what is foreseen is
/// no more than an estimate, and a run is seldom alone.
const MEMORY_SHARE: f64 = 0.5;

/// How the micro-batches of an update run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    /// One after the other, each on all threads.
    InTurn(Reason),
    /// So many at a time, each on one thread; those that are left over in turn.
    SideBySide { at_a_time: usize },
}

/// Why they run in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The experiment says so.
    Asked,
    /// The device is not the CPU.
    Device,
    /// An update has fewer of them for this process than that has threads.
    Few { batches: usize, threads: usize },
    /// There is one thread.
    OneThread,
    /// Side by side they would take more memory than is sure to be there.
    Memory(Memory),
}

impl Arrangement {
    /// What `plan` asks for comes to in the process of this `rank`, which has `threads` threads of this machine.
    ///
    /// # Errors
    /// The device asked for is not there.
    pub fn of(plan: &Plan, rank: Rank, threads: usize) -> Result<Self, TrainError> {
        if effective_device(plan)? != Chosen::Cpu {
            return Ok(Arrangement::InTurn(Reason::Device));
        }
        let memory = || Memory {
            foreseen_bytes: memory_bytes(plan, rank.ranks, threads),
            machine_bytes: host::usable_bytes(),
        };
        Ok(arrange(plan.run.micro_batches, rank.share(plan.train.accumulation_steps), threads, memory))
    }

    /// How many run at a time.
    pub fn at_a_time(self) -> usize {
        match self {
            Arrangement::InTurn(_) => 1,
            Arrangement::SideBySide { at_a_time } => at_a_time,
        }
    }

    /// The threads for it, where they run side by side.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn lanes(self) -> Result<Option<Lanes>, OpError> {
        match self {
            Arrangement::InTurn(_) => Ok(None),
            Arrangement::SideBySide { at_a_time } => Lanes::new(at_a_time).map(Some),
        }
    }
}

/// What a run side by side needs, and what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    foreseen_bytes: u64,
    machine_bytes: Option<u64>,
}

impl Memory {
    fn suffices(self) -> bool {
        let room = self.machine_bytes.map_or(0.0, |bytes| bytes as f64 * MEMORY_SHARE);
        self.foreseen_bytes as f64 <= room
    }
}

fn arrange(
    asked: MicroBatches,
    batches: usize,
    threads: usize,
    memory: impl FnOnce() -> Memory,
) -> Arrangement {
    let reason = match asked {
        MicroBatches::InTurn => Some(Reason::Asked),
        _ if threads < 2 => Some(Reason::OneThread),
        _ if batches < threads => Some(Reason::Few { batches, threads }),
        MicroBatches::SideBySide => None,
        MicroBatches::Auto => Some(memory()).filter(|memory| !memory.suffices()).map(Reason::Memory),
    };
    reason.map_or(Arrangement::SideBySide { at_a_time: threads }, Arrangement::InTurn)
}

impl fmt::Display for Arrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arrangement::InTurn(reason) => write!(f, "in turn, each on all threads: {reason}"),
            Arrangement::SideBySide { at_a_time } => {
                write!(f, "side by side, {at_a_time} at a time, each on one thread")
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Asked => write!(f, "`run.micro_batches = \"in_turn\"`"),
            Reason::Device => write!(f, "the device is not the CPU"),
            Reason::Few { batches: 1, .. } => write!(f, "an update has one"),
            Reason::Few { batches, threads } => {
                write!(f, "an update has {batches}, fewer than the {threads} threads")
            }
            Reason::OneThread => write!(f, "there is one thread"),
            Reason::Memory(Memory { foreseen_bytes, machine_bytes }) => {
                let foreseen = bytes(*foreseen_bytes);
                match machine_bytes {
                    Some(there) => write!(
                        f,
                        "side by side they take about {foreseen}, more than half of this machine's {}",
                        bytes(*there)
                    ),
                    None => write!(
                        f,
                        "side by side they take about {foreseen}, and the system does not say how much memory there is"
                    ),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    /// What is asked of `batches` on `threads` threads comes to, where a run takes and the machine has so many bytes.
    fn said(
        asked: MicroBatches,
        batches: usize,
        threads: usize,
        memory: (u64, Option<u64>),
    ) -> (usize, String) {
        let memory = || Memory { foreseen_bytes: memory.0, machine_bytes: memory.1 };
        let arrangement = arrange(asked, batches, threads, memory);
        let lanes = arrangement.lanes().unwrap().map_or(1, |lanes| lanes.count());
        assert_eq!(lanes, arrangement.at_a_time());
        (lanes, arrangement.to_string())
    }

    #[test]
    fn what_is_asked_for_and_what_it_comes_to() {
        use MicroBatches::{Auto, InTurn, SideBySide};
        let (small, large) = ((GB, Some(16 * GB)), (9 * GB, Some(16 * GB)));
        let side_by_side = "side by side, 2 at a time, each on one thread";
        let in_turn = "in turn, each on all threads: ";
        let cases = [
            (Auto, 2, 2, small, 2, ""),
            (Auto, 3, 2, small, 2, ""),
            (SideBySide, 4, 2, large, 2, ""),
            (InTurn, 4, 2, small, 1, "`run.micro_batches = \"in_turn\"`"),
            (SideBySide, 4, 1, small, 1, "there is one thread"),
            (SideBySide, 1, 2, small, 1, "an update has one"),
            (Auto, 3, 8, small, 1, "an update has 3, fewer than the 8 threads"),
            (
                Auto,
                2,
                2,
                large,
                1,
                "side by side they take about 9.0 GB, more than half of this machine's 16 GB",
            ),
            (
                Auto,
                2,
                2,
                (GB, None),
                1,
                "side by side they take about 1.0 GB, and the system does not say how much memory there is",
            ),
        ];
        for (asked, batches, threads, memory, at_a_time, reason) in cases {
            let want = if at_a_time == 1 { format!("{in_turn}{reason}") } else { side_by_side.to_owned() };
            assert_eq!(
                said(asked, batches, threads, memory),
                (at_a_time, want),
                "{asked:?} {batches} {threads}"
            );
        }
    }
}
