//! Is there memory for it? Asked before a run starts, and answered once more when there is none left.
//!
//! What is foreseen is an estimate (`memory.rs`); the bound is what `run.max_memory_gb` says, else the most that the system lets this process
//! have. Not for: refusing an allocation (`kernels::memory`), printing. Start at [`Room::of`]; [`last_words`] is for a program that got no memory.

use std::sync::atomic::{AtomicU64, Ordering};

use super::lanes::Arrangement;
use super::memory::{fixed_bytes, memory_bytes};
use super::{Rank, TrainError};
use crate::data::Batch;
use crate::plan::{Plan, Recompute};
use crate::record::host;
use crate::record::units::bytes;

/// What a batch that fits must leave free, since it is an estimate: a tenth.
const MARGIN: f64 = 0.9;

static STEP: AtomicU64 = AtomicU64::new(0);
static UTTERANCES: AtomicU64 = AtomicU64::new(0);
static SAMPLES: AtomicU64 = AtomicU64::new(0);
static FORESEEN_BYTES: AtomicU64 = AtomicU64::new(0);
static FIXED_BYTES: AtomicU64 = AtomicU64::new(0);

/// What a run is foreseen to take, and what it may.
#[derive(Debug, Clone)]
pub struct Room {
    foreseen_bytes: u64,
    arrangement: Arrangement,
    /// None where neither the experiment nor the system says.
    most_bytes: Option<u64>,
    asked: bool,
    ranks: usize,
    fixed_bytes: u64,
}

impl Room {
    /// The room for `plan`, whose updates `ranks` processes with `threads` threads in all share.
    ///
    /// # Errors
    /// The device asked for is not there.
    pub fn of(plan: &Plan, ranks: usize, threads: usize) -> Result<Self, TrainError> {
        let (arrangement, foreseen_bytes) = foreseen(plan, ranks, threads)?;
        Ok(Room {
            foreseen_bytes,
            arrangement,
            most_bytes: plan.run.max_memory_bytes.or_else(host::usable_bytes),
            asked: plan.run.max_memory_bytes.is_some(),
            ranks,
            fixed_bytes: fixed_bytes(plan),
        })
    }

    /// How the first process arranges the micro-batches of an update, which what is foreseen depends on.
    pub fn arrangement(&self) -> Arrangement {
        self.arrangement
    }

    /// Refuses a plan that cannot fit, with what would.
    ///
    /// # Errors
    /// More is foreseen than there is.
    pub fn admit(&self, plan: &Plan, threads: usize) -> Result<(), TrainError> {
        let Some(most) = self.most_bytes.filter(|&most| self.foreseen_bytes > most) else { return Ok(()) };
        let limit = match self.asked {
            true => format!("`run.max_memory_gb` allows {}", bytes(most)),
            false => format!("this program can have {} here", bytes(most)),
        };
        let mut help = self.ways_on(plan, most, threads)?;
        help.push("`run.max_memory_gb` allows more, where there is more than the system tells".to_owned());
        Err(TrainError::NoRoom { foreseen: format!("about {}", bytes(self.foreseen_bytes)), limit, help })
    }

    /// A word about memory that others have, where it may be missing.
    pub fn warning(&self) -> Option<String> {
        let free = host::available_bytes().filter(|&free| self.foreseen_bytes > free && !self.asked)?;
        Some(format!(
            "about {} of memory are foreseen at the peak of training, but others leave {}",
            bytes(self.foreseen_bytes),
            bytes(free)
        ))
    }

    /// Holds this process to its share, and remembers what its last words would need.
    pub fn enter(&self) {
        if let Some(most) = self.most_bytes {
            kernels::memory::bound(most / self.ranks as u64);
        }
        FORESEEN_BYTES.store(self.foreseen_bytes / self.ranks as u64, Ordering::Relaxed);
        FIXED_BYTES.store(self.fixed_bytes, Ordering::Relaxed);
    }

    /// Changes of the plan that fit into so many bytes.
    fn ways_on(&self, plan: &Plan, most: u64, threads: usize) -> Result<Vec<String>, TrainError> {
        let room = (most as f64 * MARGIN) as u64;
        let with = |change: &dyn Fn(&mut Plan)| {
            let mut changed = plan.clone();
            change(&mut changed);
            foreseen(&changed, self.ranks, threads).map(|(_, bytes)| bytes)
        };
        let mut ways = Vec::new();
        let blocks = with(&|plan| plan.train.recompute = Recompute::Block)?;
        if blocks < self.foreseen_bytes && blocks <= room {
            let about = bytes(blocks);
            ways.push(format!("`-s 'train.recompute=\"block\"'` takes about {about}, and changes no result"));
        }
        let sized = |size: usize| with(&move |plan| plan.data.batch_size = size);
        let (mut fits, mut over) = (0, plan.data.batch_size);
        while fits + 1 < over {
            let middle = (fits + over) / 2;
            if sized(middle)? <= room { fits = middle } else { over = middle }
        }
        if fits > 0 {
            let about = bytes(sized(fits)?);
            let times = plan.train.accumulation_steps * plan.data.batch_size.div_ceil(fits);
            ways.push(format!(
                "`-s data.batch_size={fits}` takes about {about}; with `-s train.accumulation_steps={times}` an update is about as large"
            ));
        } else {
            ways.push(
                "no batch is small enough: a smaller model is, or a lower `data.max_input_length`".into(),
            );
        }
        Ok(ways)
    }
}

fn foreseen(plan: &Plan, ranks: usize, threads: usize) -> Result<(Arrangement, u64), TrainError> {
    let rank = Rank { rank: 0, ranks };
    let arrangement = Arrangement::of(plan, rank, rank.threads(threads))?;
    Ok((arrangement, memory_bytes(plan, ranks, arrangement.at_a_time())))
}

/// Notes which update is under way, and the largest of its batches.
pub(super) fn under_way(step: u64, batches: &[Batch]) {
    let largest = batches.iter().max_by_key(|batch| batch.waveforms.len());
    STEP.store(step, Ordering::Relaxed);
    UTTERANCES.store(largest.map_or(0, Batch::len) as u64, Ordering::Relaxed);
    SAMPLES.store(largest.map_or(0, |batch| batch.padded_samples) as u64, Ordering::Relaxed);
}

/// What training was at when a block of `asked_bytes` could not be had, `held_bytes` being held; and what may help. Nothing where no update was
/// under way.
pub fn last_words(asked_bytes: u64, held_bytes: u64) -> (String, Option<String>) {
    let [step, utterances, samples, foreseen, fixed] =
        [&STEP, &UTTERANCES, &SAMPLES, &FORESEEN_BYTES, &FIXED_BYTES]
            .map(|cell| cell.load(Ordering::Relaxed));
    if utterances == 0 {
        return (String::new(), None);
    }
    let at = format!(" in update {step}, whose largest batch is {utterances} × {samples} samples");
    let needed = foreseen.max(held_bytes + asked_bytes).saturating_sub(fixed).max(1);
    let share = held_bytes.saturating_sub(fixed) as f64 / needed as f64 * MARGIN;
    let fits = (utterances as f64 * share) as u64;
    let help = match fits.min(utterances - 1) {
        0 => "a lower `data.max_input_length` leaves out the longest utterances, and `train.recompute = \"block\"` takes less for each".to_owned(),
        fits => format!(
            "about {fits} such utterances fit: `data.batch_size = {fits}`; `train.recompute = \"block\"` takes less for each"
        ),
    };
    (at, Some(help))
}
