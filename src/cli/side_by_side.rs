//! Pieces of work on several threads, and a count of them that people see.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Talk;
use crate::record::Count;

/// Does `work` on every number below `count`, on `threads` threads, until `ended` says that no more shall begin.
/// Returns what each came to, by its number, in order.
pub(super) fn side_by_side<T: Send>(
    count: usize,
    threads: usize,
    talk: Talk,
    ended: &(dyn Fn() -> bool + Sync),
    work: impl Fn(usize) -> T + Sync,
) -> Vec<(usize, T)> {
    let mut tally = talk.tally(Count::files);
    tally.begin(count as u64, 0);
    let (next, done) = (AtomicUsize::new(0), Mutex::new((Vec::with_capacity(count), tally)));
    let take = || {
        kernels::threads::flush_denormals();
        while !ended() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            let made = work(at);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            let (results, tally) = &mut *done;
            results.push((at, made));
            tally.at(results.len() as u64);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    let (mut results, mut tally) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.finish();
    results.sort_by_key(|(at, _)| *at);
    results
}
