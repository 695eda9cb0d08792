//! What the allocator does with freed memory, and what happens when there is none left.
//!
//! A training step frees and asks for the same gigabyte again and again. Giving it back to the system in between costs a page fault per
//! 4 KiB: a quarter of a step of wav2vec2-base, measured. And Rust ends a program that gets no memory without a word about why; [`Bounded`], put
//! around the allocator, counts what is held, keeps it below a bound, and lets the program have its last words. Not for: choosing the allocator,
//! or those words, which is the program's business. Start at [`Bounded`].

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc 3.3, which the bindings leave out; their version is pinned for its sake.
const PURGE_DELAY: mi_option_t = 15;
const NEVER: std::ffi::c_long = -1;

/// Smaller blocks are not counted: they come and go by the million, and are little together.
const COUNTED_BYTES: usize = 1 << 16;
/// Kept back for the last words.
const RESERVE_BYTES: usize = 1 << 22;

static HELD: AtomicUsize = AtomicUsize::new(0);
static BOUND: AtomicUsize = AtomicUsize::new(usize::MAX);
static EXHAUSTED: AtomicBool = AtomicBool::new(false);
/// A thread's mark of the thread that has the last words.
static SPEAKER: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static LAST_WORDS: OnceLock<fn(Shortage) -> !> = OnceLock::new();
static RESERVE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

thread_local! {
    // Its address tells threads apart, without an allocation.
    static MARK: u8 = const { 0 };
}

/// Makes mimalloc, where the program uses it, keep what is freed for the next step: the process stays as large as its largest moment.
pub fn keep_freed() {
    // SAFETY: sets one number of the allocator's own table; any value is allowed, and an allocator that is not in use does not mind.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) }
}

/// What was asked for when there was not enough. What is held is counted in blocks of 64 KiB and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// The block that could not be had.
    pub asked_bytes: usize,
    /// What was held at that moment.
    pub held_bytes: usize,
    /// What may be held; `None` where nothing was said: the system itself had no more.
    pub bound_bytes: Option<usize>,
}

/// Lets the program hold so many bytes, and no more.
pub fn bound(bytes: u64) {
    BOUND.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
}

/// What to do when there is not enough memory: `last_words`, once, on the thread that asked. They may take little memory themselves.
pub fn when_exhausted(last_words: fn(Shortage) -> !) {
    if let Ok(mut reserve) = RESERVE.lock() {
        *reserve = vec![1; RESERVE_BYTES];
    }
    _ = LAST_WORDS.set(last_words);
}

/// An allocator that holds no more than [`bound`] says, and does not come back where there is not enough: see [`when_exhausted`].
pub struct Bounded<A>(pub A);

// SAFETY: blocks are those of the allocator inside, which are handed out and taken back unchanged; what is around it counts, and either returns
// null, as any allocator may, or ends the program. It never unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Bounded<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        granted(layout.size(), || unsafe { self.0.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        granted(layout.size(), || unsafe { self.0.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let moved = granted(new_size, || unsafe { self.0.realloc(block, layout, new_size) });
        if !moved.is_null() {
            release(layout.size());
        }
        moved
    }

    // SAFETY: the trait's promise; what is counted is given back behind the block.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { self.0.dealloc(block, layout) }
        release(layout.size());
    }
}

fn granted(bytes: usize, allocate: impl FnOnce() -> *mut u8) -> *mut u8 {
    let block = if take(bytes) { allocate() } else { null_mut() };
    if block.is_null() {
        exhausted(bytes);
    }
    block
}

/// Counts a block. False where it would be beyond the bound; it is counted all the same, until [`exhausted`] is through.
fn take(bytes: usize) -> bool {
    if bytes < COUNTED_BYTES {
        return true;
    }
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    if held <= BOUND.load(Ordering::Relaxed) || EXHAUSTED.load(Ordering::Relaxed) {
        return true;
    }
    false
}

fn release(bytes: usize) {
    if bytes >= COUNTED_BYTES {
        HELD.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// There is no memory for a block of so many bytes.
#[cold]
fn exhausted(bytes: usize) {
    release(bytes);
    let Some(last_words) = LAST_WORDS.get() else { return };
    let me = MARK.with(|mark| std::ptr::from_ref(mark).cast_mut());
    if EXHAUSTED.swap(true, Ordering::SeqCst) {
        if SPEAKER.load(Ordering::SeqCst) == me {
            return;
        }
        // Another thread is speaking, and will end the program.
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    SPEAKER.store(me, Ordering::SeqCst);
    if let Ok(mut reserve) = RESERVE.try_lock() {
        drop(std::mem::take(&mut *reserve));
    }
    let bound = BOUND.load(Ordering::Relaxed);
    last_words(Shortage {
        asked_bytes: bytes,
        held_bytes: HELD.load(Ordering::Relaxed),
        bound_bytes: (bound != usize::MAX).then_some(bound),
    })
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    /// Nobody has said what to do then, so it is as with any allocator: null.
    #[test]
    fn what_is_beyond_the_bound_is_refused_and_counted_no_more() {
        let allocator = Bounded(System);
        let half = Layout::from_size_align(1 << 19, 8).unwrap();
        bound(1 << 20);
        // SAFETY: the layout is not empty, and every block that was had is given back once, as it was had.
        unsafe {
            let (first, second, third) =
                (allocator.alloc(half), allocator.alloc_zeroed(half), allocator.alloc(half));
            assert!(!first.is_null() && !second.is_null() && third.is_null());
            assert_eq!(HELD.load(Ordering::Relaxed), 1 << 20);
            assert!(allocator.realloc(first, half, 1 << 20).is_null(), "the old block stays as it was");
            allocator.dealloc(second, half);
            // Old and new are there at a time while one is copied to the other.
            let smaller = allocator.realloc(first, half, 1 << 18);
            assert!(!smaller.is_null());
            assert_eq!(HELD.load(Ordering::Relaxed), 1 << 18);
            allocator.dealloc(smaller, Layout::from_size_align(1 << 18, 8).unwrap());
        }
        assert_eq!(HELD.load(Ordering::Relaxed), 0);
    }
}
