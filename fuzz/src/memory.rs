//! How much memory an input costs: the system's allocator with a count, a limit that is a failure, and one beyond which there is none.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that an input may take at most at once, besides a share for its own length.
pub const MOST_BYTES: usize = 192 << 20;
/// And for each of its own bytes.
pub const MOST_PER_BYTE: usize = 1024;
/// Beyond this the process ends, rather than the machine.
const NONE_LEFT: usize = 3 << 30;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The allocator of programs that measure.
pub struct Counting;

// SAFETY: every call goes to the system's allocator with the caller's own arguments, or returns null, which callers must expect; the
// counters are atomic and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !taken(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps what `GlobalAlloc::alloc` asks.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !taken(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps what `GlobalAlloc::alloc_zeroed` asks.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block is the system's, and the caller keeps what `GlobalAlloc::dealloc` asks.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !taken(size) {
            return std::ptr::null_mut();
        }
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block is the system's, and the caller keeps what `GlobalAlloc::realloc` asks.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Counts a block, unless it would be one too many.
fn taken(bytes: usize) -> bool {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
    if live > NONE_LEFT {
        LIVE.fetch_sub(bytes, Ordering::Relaxed);
        return false;
    }
    PEAK.fetch_max(live, Ordering::Relaxed);
    true
}

/// What an input may take.
pub fn allowed(input_bytes: usize) -> usize {
    MOST_BYTES.saturating_add(input_bytes.saturating_mul(MOST_PER_BYTE))
}

/// The result of `work`, and the bytes that it had at once at most, beyond those there were before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let done = work();
    (done, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}
