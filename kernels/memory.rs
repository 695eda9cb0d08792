//! What the allocator does with freed memory.
//!
//! A training step frees and asks for the same gigabyte again and again. Giving it back to the system in between costs a page fault per
//! 4 KiB: a quarter of a step of wav2vec2-base, measured. Not for: choosing the allocator, which is the program's business.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc 3.3, which the bindings leave out; their version is pinned for its sake.
const PURGE_DELAY: mi_option_t = 15;
const NEVER: std::ffi::c_long = -1;

/// Makes mimalloc, where the program uses it, keep what is freed for the next step: the process stays as large as its largest moment.
pub fn keep_freed() {
    // SAFETY: sets one number of the allocator's own table; any value is allowed, and an allocator that is not in use does not mind.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) }
}
