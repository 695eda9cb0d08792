//! The `runner` binary: see [`runner::cli`].

use std::process::ExitCode;

/// Training allocates and frees large buffers all the time; this allocator hands them back out without new page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    runner::cli::main()
}
