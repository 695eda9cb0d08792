//! The pool that every CPU kernel runs on.
//!
//! Kernels split work into blocks whose size depends on the operands alone, never on the number of threads, so that a
//! result has the same bytes whatever the count. Denormals are flushed to zero on every thread: a state that decays
//! through silence would otherwise slow the scans tenfold and more.

/// Starts the pool with `threads` threads (0: one per core), and has freed memory kept for the next step. A second call changes nothing.
pub fn start(threads: usize) {
    flush_denormals();
    crate::memory::keep_freed();
    // An error only means that the pool is already running.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("kernel-{index}"))
        .start_handler(|_| flush_denormals())
        .build_global();
}

/// The number of threads kernels run on.
pub fn count() -> usize {
    rayon::current_num_threads()
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
