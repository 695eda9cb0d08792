//! A thread that does its half of every step, on order.
//!
//! It spins for a short while between orders, then sleeps. It ends when its owner does, or when its work says so.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use crate::{OpError, threads};

/// Looks for an order before sleeping: some tens of microseconds, which the owner takes between two steps.
const LOOKS: u32 = 1 << 12;

/// The thread and what it is told.
#[derive(Debug)]
pub struct Second {
    orders: Arc<Orders>,
    thread: Option<JoinHandle<()>>,
}

/// The order at hand.
#[derive(Debug)]
struct Orders {
    given: AtomicU32,
    taken: AtomicU32,
    words: Box<[AtomicU32]>,
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl Second {
    /// Starts a thread that calls `work` with each order of `words` words, until that returns false.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(
        words: usize,
        mut work: impl FnMut(&[u32]) -> bool + Send + 'static,
    ) -> Result<Self, OpError> {
        let orders = Arc::new(Orders {
            given: AtomicU32::new(0),
            taken: AtomicU32::new(0),
            words: (0..words).map(|_| AtomicU32::new(0)).collect(),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let seen = Arc::clone(&orders);
        let run = move || {
            threads::flush_denormals();
            let mut order = vec![0; words];
            while seen.next(&mut order) && work(&order) {}
        };
        let thread = thread::Builder::new().name("step".into()).spawn(run);
        let thread = thread.map_err(|error| OpError::device("threads", error))?;
        Ok(Second { orders, thread: Some(thread) })
    }

    /// Gives the next order, once the one before it has been taken.
    pub fn order(&self, words: impl IntoIterator<Item = u32>) {
        let Some(thread) = &self.thread else { return };
        let given = self.orders.given.load(Ordering::Relaxed);
        while self.orders.taken.load(Ordering::Acquire) != given && !thread.is_finished() {
            hint::spin_loop();
        }
        for (to, word) in self.orders.words.iter().zip(words) {
            to.store(word, Ordering::Relaxed);
        }
        self.orders.given.store(given.wrapping_add(1), Ordering::SeqCst);
        if self.orders.asleep.load(Ordering::SeqCst) {
            thread.thread().unpark();
        }
    }
}

impl Orders {
    /// Waits for an order and copies it; false when there will be none.
    fn next(&self, order: &mut [u32]) -> bool {
        let taken = self.taken.load(Ordering::Relaxed);
        let mut looks = 0;
        while self.given.load(Ordering::Acquire) == taken {
            if self.ended.load(Ordering::Acquire) {
                return false;
            }
            looks += 1;
            if looks < LOOKS {
                hint::spin_loop();
                continue;
            }
            self.asleep.store(true, Ordering::SeqCst);
            if self.given.load(Ordering::SeqCst) == taken && !self.ended.load(Ordering::SeqCst) {
                thread::park();
            }
            self.asleep.store(false, Ordering::SeqCst);
        }
        for (to, word) in order.iter_mut().zip(&self.words) {
            *to = word.load(Ordering::Relaxed);
        }
        self.taken.store(taken.wrapping_add(1), Ordering::Release);
        true
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.orders.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // What it panicked with has been said by its own hook.
            _ = thread.join();
        }
    }
}
