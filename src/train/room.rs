//! Is there memory for it? Asked before a run starts, and answered once more when there is none left.
//!
//! What is foreseen is an estimate (`memory.rs`); the bound is what `run.max_memory_gb` says, else the most that the system lets this process
//! have; on a GPU, all that it has. Not for: refusing an allocation (`kernels::memory`), printing. Start at [`Room::of`]; [`last_words`] is for a program that got no memory.

use std::sync::atomic::{AtomicU64, Ordering};

use kernels::{Device, OpError};

use super::device::{Gpu, effective_gpu};
use super::lanes::Arrangement;
use super::memory::{beside_gpu_bytes, fixed_bytes, fixed_gpu_bytes, gpu_bytes, memory_bytes};
use super::{Rank, TrainError};
use crate::data::Batch;
use crate::model::ModelError;
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

/// What a run is foreseen to take, and what it may: of the machine's memory, and of the GPU's where it takes one.
#[derive(Debug, Clone)]
pub struct Room {
    arrangement: Arrangement,
    ranks: usize,
    machine: Need,
    gpu: Option<(Gpu, Need)>,
    /// The experiment says how much of the machine's memory there is.
    asked: bool,
}

/// Bytes of one memory.
#[derive(Debug, Clone, Copy)]
struct Need {
    foreseen: u64,
    /// What is held whatever the batches.
    fixed: u64,
    /// None where neither the experiment nor the system says.
    most: Option<u64>,
}

impl Need {
    /// What there is, where that is less than what is foreseen.
    fn missing(self) -> Option<u64> {
        self.most.filter(|&most| self.foreseen > most)
    }
}

impl Room {
    /// The room for `plan`, whose updates `ranks` processes with `threads` threads in all share.
    ///
    /// # Errors
    /// The device asked for is not there.
    pub fn of(plan: &Plan, ranks: usize, threads: usize) -> Result<Self, TrainError> {
        let rank = Rank { rank: 0, ranks };
        let arrangement = Arrangement::of(plan, rank, rank.threads(threads))?;
        Ok(Self::on(plan, ranks, arrangement, effective_gpu(plan)?))
    }

    fn on(plan: &Plan, ranks: usize, arrangement: Arrangement, gpu: Option<Gpu>) -> Self {
        let asked = plan.run.max_memory_bytes;
        let machine = Need {
            foreseen: of_machine(plan, ranks, arrangement, gpu.is_some()),
            fixed: fixed_bytes(plan),
            most: asked.or_else(host::usable_bytes),
        };
        let gpu = gpu.map(|gpu| {
            let (foreseen, fixed) = (gpu_bytes(plan, ranks), fixed_gpu_bytes(plan));
            let most = Some(gpu.memory_bytes);
            (gpu, Need { foreseen, fixed, most })
        });
        Room { arrangement, ranks, machine, gpu, asked: asked.is_some() }
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
        let refused = |foreseen, limit, help| {
            Err(TrainError::NoRoom { foreseen: format!("about {}", bytes(foreseen)), limit, help })
        };
        if let Some(most) = self.machine.missing() {
            let limit = match self.asked {
                true => format!("`run.max_memory_gb` allows {}", bytes(most)),
                false => format!("this program can have {} here", bytes(most)),
            };
            let rank = Rank { rank: 0, ranks: self.ranks };
            let mut help = ways_on(plan, self.machine.foreseen, most, &|plan| {
                let arrangement = Arrangement::of(plan, rank, rank.threads(threads))?;
                Ok(of_machine(plan, self.ranks, arrangement, self.gpu.is_some()))
            })?;
            help.push(
                "`run.max_memory_gb` allows more, where there is more than the system tells".to_owned(),
            );
            return refused(self.machine.foreseen, limit, help);
        }
        if let Some((gpu, need)) = &self.gpu
            && let Some(most) = need.missing()
        {
            let mut help = ways_on(plan, need.foreseen, most, &|plan| Ok(gpu_bytes(plan, self.ranks)))?;
            help.push("`-s run.device=cpu` takes the machine's own memory".to_owned());
            return refused(need.foreseen, format!("{gpu} has {}", bytes(most)), help);
        }
        Ok(())
    }

    /// A word about memory that others have, where it may be missing.
    pub fn warning(&self) -> Option<String> {
        let foreseen = self.machine.foreseen;
        let free = host::available_bytes().filter(|&free| foreseen > free && !self.asked)?;
        Some(others_leave(foreseen, free))
    }

    /// Holds this process to its share, and remembers what its last words would need.
    pub fn enter(&self) {
        if let Some(most) = self.machine.most {
            kernels::memory::bound(most / self.ranks as u64);
        }
        let tight = self.gpu.as_ref().map_or(self.machine, |(_, need)| *need);
        FORESEEN_BYTES.store(tight.foreseen / self.ranks as u64, Ordering::Relaxed);
        FIXED_BYTES.store(tight.fixed, Ordering::Relaxed);
    }
}

/// What a run is foreseen to take of the machine's memory, all its processes together.
fn of_machine(plan: &Plan, ranks: usize, arrangement: Arrangement, on_gpu: bool) -> u64 {
    match on_gpu {
        true => beside_gpu_bytes(plan, ranks),
        false => memory_bytes(plan, ranks, arrangement.at_a_time()),
    }
}

/// Changes of the plan, for which `now` is foreseen, that fit into `most` bytes by what is then `foreseen`.
fn ways_on(
    plan: &Plan,
    now: u64,
    most: u64,
    foreseen: &dyn Fn(&Plan) -> Result<u64, TrainError>,
) -> Result<Vec<String>, TrainError> {
    let room = (most as f64 * MARGIN) as u64;
    let with = |change: &dyn Fn(&mut Plan)| {
        let mut changed = plan.clone();
        change(&mut changed);
        foreseen(&changed)
    };
    let mut ways = Vec::new();
    let blocks = with(&|plan| plan.train.recompute = Recompute::Block)?;
    if blocks < now && blocks <= room {
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
        ways.push("no batch is small enough: a smaller model is, or a lower `data.max_input_length`".into());
    }
    Ok(ways)
}

fn others_leave(foreseen: u64, free: u64) -> String {
    format!(
        "about {} of memory are foreseen at the peak of training, but others leave {}",
        bytes(foreseen),
        bytes(free)
    )
}

/// A word about memory of the opened `device` that others have, where it may be missing to a run of `ranks` processes.
pub(super) fn crowded<D: Device>(device: &D, plan: &Plan, ranks: usize) -> Option<String> {
    let [free, _] = device.memory_bytes()?;
    let foreseen = gpu_bytes(plan, ranks);
    (foreseen > free).then(|| format!("on the GPU {}", others_leave(foreseen, free)))
}

/// Notes which update is under way, and the largest of its batches.
pub(super) fn under_way(step: u64, batches: &[Batch]) {
    let largest = batches.iter().max_by_key(|batch| batch.waveforms.len());
    STEP.store(step, Ordering::Relaxed);
    UTTERANCES.store(largest.map_or(0, Batch::len) as u64, Ordering::Relaxed);
    SAMPLES.store(largest.map_or(0, |batch| batch.padded_samples) as u64, Ordering::Relaxed);
}

/// An error as it is to be told: where a GPU had no memory left, with what training was at, and what may help.
pub(super) fn told(error: TrainError) -> TrainError {
    match error {
        TrainError::Op(OpError::NoRoom { op, asked_bytes, held_bytes, reason })
        | TrainError::Model(ModelError::Op(OpError::NoRoom { op, asked_bytes, held_bytes, reason })) => {
            let (at, help) = last_words(asked_bytes, held_bytes);
            TrainError::Exhausted { at, reason: format!("`{op}` found {reason}"), help }
        }
        other => other,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::under_ci;
    use crate::train::lanes::Reason;

    /// A GPU with so much memory, as if the plan had taken it.
    fn room(plan: &Plan, memory_bytes: u64) -> Room {
        let gpu = Gpu { index: 1, name: "NVIDIA H200".into(), memory_bytes };
        Room::on(plan, 1, Arrangement::InTurn(Reason::Device), Some(gpu))
    }

    #[test]
    fn a_plan_that_cannot_fit_on_the_gpu_is_refused_with_the_batch_that_fits() {
        let sized = |size: usize| {
            let size = format!("data.batch_size={size}");
            let wide = ["data.batch_frame_limit=1e9", "data.batch_quad_frame_limit=1e15", &size];
            under_ci("tedlium_direct", &wide)
        };
        let plan = sized(400);
        let need = gpu_bytes(&plan, 1);
        assert!(room(&plan, need).admit(&plan, 1).is_ok());
        let refused = |most: u64| match room(&plan, most).admit(&plan, 1) {
            Err(TrainError::NoRoom { foreseen, limit, help }) => (foreseen, limit, help),
            other => panic!("{other:?}"),
        };
        let (foreseen, limit, help) = refused(need - 1);
        assert_eq!(foreseen, format!("about {}", bytes(need)));
        assert_eq!(limit, format!("`cuda:1` (NVIDIA H200) has {}", bytes(need - 1)));
        let fits = help.iter().find_map(|help| help.strip_prefix("`-s data.batch_size=")?.split('`').next());
        let fits: usize = fits.unwrap_or_else(|| panic!("{help:?}")).parse().unwrap();
        let smaller = sized(fits);
        assert!(fits < 400 && room(&smaller, need - 1).admit(&smaller, 1).is_ok(), "{fits}");
        assert!(help.iter().any(|help| help.contains("run.device=cpu")), "{help:?}");
        let (_, _, help) = refused(fixed_gpu_bytes(&plan));
        assert!(help.iter().any(|help| help.contains("no batch is small enough")), "{help:?}");
    }

    #[test]
    fn a_gpu_without_memory_is_told_with_what_was_asked_of_it() {
        let short = || OpError::NoRoom {
            op: "linear",
            asked_bytes: 4_000_000,
            held_bytes: 96_000_000,
            reason: "no room for 4 MiB more on the GPU: 2 MiB of its 96 MiB are free".into(),
        };
        let want = "the GPU has no memory left: `linear` found no room for 4 MiB more on the GPU: 2 MiB of its 96 MiB are free";
        for error in [TrainError::Op(short()), TrainError::Model(ModelError::Op(short()))] {
            assert_eq!(told(error).to_string(), want);
        }
        let other = OpError::device("linear", "lost");
        assert!(matches!(told(TrainError::Op(other)), TrainError::Op(OpError::Device { .. })));
    }

    /// What stays beside the GPU is less than all of it, and both together are what the CPU alone takes, but for the driver.
    #[test]
    fn what_a_gpu_takes_the_machine_need_not_have() {
        let plan = under_ci("tedlium_waypoint", &["train.accumulation_steps=2"]);
        let all = memory_bytes(&plan, 1, 1);
        let (gpu, beside) = (gpu_bytes(&plan, 1), beside_gpu_bytes(&plan, 1));
        let driver = gpu + beside - all;
        assert!(beside < all && driver.abs_diff(600_000_000) <= 2, "{gpu} and {beside}, {all}");
        assert!(room(&plan, gpu).machine.foreseen == beside);
    }
}
