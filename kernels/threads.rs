//! The threads that CPU kernels run on: the program's pool, or one that work is sent to.
//!
//! Kernels split work into blocks whose size depends on the operands alone, never on the number of threads, so that a
//! result has the same bytes whatever the count. Denormals are flushed to zero on every thread: a state that decays
//! through silence would otherwise slow the scans tenfold and more. Not for: threads that do other things than compute (loading data,
//! writing logs). Start at [`start`]; [`Lanes`] are for whole pieces of work that run beside each other.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::OpError;

/// Starts the pool with `threads` threads (0: one per core), and has freed memory kept for the next step. A second call changes nothing.
pub fn start(threads: usize) {
    flush_denormals();
    crate::memory::keep_freed();
    // An error only means that the pool is already running.
    let _ = builder("kernel", count_for(threads)).build_global();
}

/// The number of threads that [`start`] makes of `threads`: itself, or for 0 one per core.
pub fn count_for(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, Into::into),
        threads => threads,
    }
}

fn builder(name: &'static str, threads: usize) -> ThreadPoolBuilder {
    /// A program's first thread has as much, and whole runs are sent to a pool.
    const STACK_BYTES: usize = 8 << 20;
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_BYTES)
        .thread_name(move |index| format!("{name}-{index}"))
        .start_handler(|_| flush_denormals())
}

/// Threads of their own for some work, beside the program's pool. They sleep until there is some.
pub struct Pool(ThreadPool);

impl Pool {
    /// A pool of `threads` threads, at least one.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(threads: usize) -> Result<Self, OpError> {
        let pool = builder("pool", threads.max(1)).build();
        pool.map(Pool).map_err(|error| OpError::device("threads", error))
    }

    /// Does `work` on the pool's threads, and all kernels in it.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }
}

/// Threads side by side, each a pool of its own: kernels in the work of one run on that thread alone and wake no other.
pub struct Lanes(Vec<Pool>);

impl Lanes {
    /// `count` threads, at least one.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(count: usize) -> Result<Self, OpError> {
        (0..count.max(1)).map(|_| Pool::new(1)).collect::<Result<_, _>>().map(Lanes)
    }

    /// How many pieces of work go on at a time.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Does all of `work`, piece `i` in lane `i` (modulo their count); returns what each came to, in order.
    ///
    /// Where a piece panics, so does this, when the others are done.
    pub fn run<T: Send>(&self, work: Vec<impl FnOnce() -> T + Send>) -> Vec<T> {
        let mut done: Vec<Option<T>> = work.iter().map(|_| None).collect();
        let mut pieces = work.into_iter().zip(&mut done).map(|(piece, done)| move || *done = Some(piece()));
        spread(&mut self.0.iter().cycle(), &mut pieces);
        done.into_iter().flatten().collect()
    }
}

/// Sends one piece to each pool and waits for all of them.
fn spread<F: FnOnce() + Send>(pools: &mut dyn Iterator<Item = &Pool>, pieces: &mut dyn Iterator<Item = F>) {
    let (Some(pool), Some(piece)) = (pools.next(), pieces.next()) else { return };
    pool.0.in_place_scope(|scope| {
        scope.spawn(|_| piece());
        spread(pools, pieces);
    });
}

/// The number of threads kernels run on.
pub fn count() -> usize {
    rayon::current_num_threads()
}

/// Does `work` on each item, on as many threads as there are.
pub fn for_each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync + Send) {
    items.into_par_iter().for_each(work);
}

/// Makes this thread treat denormal floats as zero.
#[cfg(target_arch = "x86_64")]
pub fn flush_denormals() {
    const FLUSH_TO_ZERO_AND_DENORMALS_ARE_ZERO: u32 = 0x8040;
    let mut mxcsr = 0u32;
    // SAFETY: stores and loads this thread's MXCSR through a local; the two bits set are defined on every x86-64
    // processor and no code here relies on denormals.
    unsafe {
        std::arch::asm!("stmxcsr [{0}]", in(reg) &mut mxcsr, options(nostack));
        mxcsr |= FLUSH_TO_ZERO_AND_DENORMALS_ARE_ZERO;
        std::arch::asm!("ldmxcsr [{0}]", in(reg) &mxcsr, options(nostack));
    }
}

/// Makes this thread treat denormal floats as zero, where the processor has such a switch.
#[cfg(not(target_arch = "x86_64"))]
pub fn flush_denormals() {}

/// Rows per block so that a block holds about `target` elements: a function of the operands alone.
pub fn block_rows(row_len: usize, target: usize) -> usize {
    (target / row_len.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn lanes_work_at_the_same_time_on_one_thread_each_and_answer_in_order() {
        let lanes = Lanes::new(3).unwrap();
        // Nobody passes before all three are there.
        let barrier = Barrier::new(3);
        let piece = |index: usize| {
            let barrier = &barrier;
            move || {
                barrier.wait();
                (index, count())
            }
        };
        assert_eq!(lanes.run((0..3).map(piece).collect()), [(0, 1), (1, 1), (2, 1)]);
        assert_eq!(lanes.run((0..7).map(|index| move || index * index).collect()), [0, 1, 4, 9, 16, 25, 36]);
        assert_eq!(lanes.run(Vec::<fn() -> u8>::new()), []);
    }

    #[test]
    fn a_panic_in_one_lane_comes_back_when_the_others_are_done() {
        let lanes = Lanes::new(2).unwrap();
        let done = AtomicUsize::new(0);
        let piece = |index: usize| {
            let done = &done;
            move || match index {
                0 => panic!("lane {index}"),
                _ => done.fetch_add(1, Ordering::SeqCst),
            }
        };
        let caught = catch_unwind(AssertUnwindSafe(|| lanes.run((0..4).map(piece).collect())));
        let message = caught.unwrap_err().downcast::<String>().unwrap();
        assert_eq!((message.as_str(), done.load(Ordering::SeqCst)), ("lane 0", 3));
        // The lane itself goes on.
        assert_eq!(lanes.run(vec![|| 5, || 5]), [5, 5]);
    }

    #[test]
    fn work_is_done_on_the_pool_it_is_sent_to() {
        let pool = Pool::new(3).unwrap();
        assert_eq!((pool.install(count), Lanes::new(0).unwrap().count()), (3, 1));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn lanes_flush_denormals() {
        let halved = || std::hint::black_box(f32::MIN_POSITIVE) * std::hint::black_box(0.5);
        assert_eq!(Lanes::new(2).unwrap().run(vec![halved, halved]), [0.0, 0.0]);
    }
}
