//! Whether products read their operands as bfloat16: asked for by the program, for all of them, where the processor has matrix tiles (AMX).
//!
//! For: training as the papers do it, in mixed precision: products of bfloat16 numbers, summed in f32; everything else stays f32. Not for: what is to be
//! equal to other programs to the last digits. Start at [`available`], [`take`].

use std::sync::atomic::{AtomicBool, Ordering};

static ON: AtomicBool = AtomicBool::new(false);

/// From now on, products of this process read their operands as bfloat16, or as they are.
///
/// # Panics
/// It is asked for where it is not [`available`].
pub fn take(on: bool) {
    assert!(!on || available(), "bfloat16 was asked for on a processor without tiles");
    ON.store(on, Ordering::Relaxed);
}

/// Whether the processor multiplies bfloat16 in tiles, and the system lets this process do so.
pub fn available() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        static AVAILABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *AVAILABLE.get_or_init(|| linux::has_tiles() && linux::may_use_tiles())
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

/// Whether products read their operands as bfloat16.
#[inline]
pub(super) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod linux {
    use std::arch::asm;
    use std::arch::x86_64::__cpuid_count;

    pub fn has_tiles() -> bool {
        const AMX_BF16: u32 = 1 << 22;
        const AMX_TILE: u32 = 1 << 24;
        let vectors = std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512bf16");
        vectors && __cpuid_count(7, 0).edx & (AMX_BF16 | AMX_TILE) == AMX_BF16 | AMX_TILE
    }

    /// Asks the kernel for the registers, whose content is too large to be kept for every process.
    pub fn may_use_tiles() -> bool {
        const ARCH_PRCTL: usize = 158;
        const REQUEST_PERMISSION: usize = 0x1023;
        const TILE_DATA: usize = 18;
        let answer: isize;
        // SAFETY: the system call takes two numbers and touches no memory of ours; rcx and r11 are what it may overwrite.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => answer,
                in("rdi") REQUEST_PERMISSION,
                in("rsi") TILE_DATA,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        answer == 0
    }
}
