//! Pieces of work on several threads, and a count of them that people see.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Talk;
use crate::record::{Count, Tally};

/// Does `work` on every number below `count`, on `threads` threads, until `ended` says that no more shall begin.
/// Returns what each came to, by its number, in order.
pub(super) fn side_by_side<T: Send>(
    count: usize,
    threads: usize,
    talk: Talk,
    ended: &(dyn Fn() -> bool + Sync),
    work: impl Fn(usize) -> T + Sync,
) -> Vec<(usize, T)> {
    let pieces = Pieces::new(count, talk, ended, &|_| {});
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| pieces.work(&work))).collect();
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    pieces.finish()
}

/// Pieces of work that threads take one by one, for whoever brings threads of their own.
pub(super) struct Pieces<'a, T> {
    count: usize,
    next: AtomicUsize,
    done: Mutex<(Vec<(usize, T)>, Tally)>,
    ended: &'a (dyn Fn() -> bool + Sync),
    /// Says of a result what people shall know at once.
    heard: &'a (dyn Fn(&T) + Sync),
}

impl<'a, T: Send> Pieces<'a, T> {
    /// Numbers below `count`, taken until `ended` says that no more shall begin.
    pub fn new(
        count: usize,
        talk: Talk,
        ended: &'a (dyn Fn() -> bool + Sync),
        heard: &'a (dyn Fn(&T) + Sync),
    ) -> Self {
        let mut tally = talk.tally(Count::files);
        tally.begin(count as u64, 0);
        let done = Mutex::new((Vec::with_capacity(count), tally));
        Pieces { count, next: AtomicUsize::new(0), done, ended, heard }
    }

    /// Takes pieces on this thread until there is none.
    pub fn work(&self, mut work: impl FnMut(usize) -> T) {
        kernels::threads::flush_denormals();
        while !(self.ended)() {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            if at >= self.count {
                break;
            }
            let made = work(at);
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            let (results, tally) = &mut *done;
            tally.beside(|| (self.heard)(&made));
            results.push((at, made));
            tally.at(results.len() as u64);
        }
    }

    /// What each piece came to, by its number, in order.
    pub fn finish(self) -> Vec<(usize, T)> {
        let (mut results, mut tally) = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.finish();
        results.sort_by_key(|(at, _)| *at);
        results
    }
}
