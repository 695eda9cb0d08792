//! The `runner` binary: see [`runner::cli`].

use std::process::ExitCode;

use kernels::memory::Bounded;
use mimalloc::MiMalloc;

/// Training allocates and frees large buffers all the time; this allocator hands them back out without new page faults, and one around it
/// knows what to say where there is no memory left.
#[global_allocator]
static ALLOCATOR: Bounded<MiMalloc> = Bounded(MiMalloc);

fn main() -> ExitCode {
    runner::cli::main()
}
