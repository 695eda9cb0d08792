//! A GPU that is lost in the midst of work: what no error can be passed on for.
//!
//! After some errors the driver refuses everything more that this process asks, the giving back of memory too, and cudarc panics where it may not
//! give back. So an error cannot go its way through whoever holds arrays; the program has its last words and ends. Not for: memory that is
//! refused, a kernel that does not compile, a driver that is not there, which are errors as any others. Start at [`when_lost`].

use std::fmt::Display;
use std::sync::OnceLock;

static LAST_WORDS: OnceLock<fn(&str) -> !> = OnceLock::new();

/// What to do when the GPU is lost: `last_words`, on the thread that found it, with the driver's words for why.
pub fn when_lost(last_words: fn(&str) -> !) {
    _ = LAST_WORDS.set(last_words);
}

/// Ends the program where the driver's error says that the GPU is lost to this process.
pub(super) fn notice(error: u32, words: &dyn Display) {
    if let (true, Some(last_words)) = (is_loss(error), LAST_WORDS.get()) {
        last_words(&words.to_string());
    }
}

/// Whether the driver answers nothing but this error from then on (`CUresult`, as the driver's documentation says of each).
fn is_loss(error: u32) -> bool {
    const ECC_UNCORRECTABLE: u32 = 214;
    const NVLINK_UNCORRECTABLE: u32 = 220;
    const ILLEGAL_ADDRESS: u32 = 700;
    const LAUNCH_TIMEOUT: u32 = 702;
    const CONTEXT_IS_DESTROYED: u32 = 709;
    const ASSERT: u32 = 710;
    const HARDWARE_STACK_ERROR: u32 = 714;
    const LAUNCH_FAILED: u32 = 719;
    const LOSSES: [u32; 6] = [
        ECC_UNCORRECTABLE,
        NVLINK_UNCORRECTABLE,
        ILLEGAL_ADDRESS,
        LAUNCH_TIMEOUT,
        CONTEXT_IS_DESTROYED,
        ASSERT,
    ];
    // Between both: instructions, addresses and program counters that are none.
    LOSSES.contains(&error) || (HARDWARE_STACK_ERROR..=LAUNCH_FAILED).contains(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_refused_is_no_loss() {
        const OUT_OF_MEMORY: u32 = 2;
        const LAUNCH_OUT_OF_RESOURCES: u32 = 701;
        assert!(is_loss(700) && is_loss(719));
        assert!(!is_loss(0) && !is_loss(OUT_OF_MEMORY) && !is_loss(LAUNCH_OUT_OF_RESOURCES));
    }

    /// Nobody has said what to do then, so the error goes on its way.
    #[test]
    fn without_last_words_the_error_goes_on() {
        notice(700, &"an illegal memory access was encountered");
    }
}
