//! What is said when memory runs out: the program cannot go on, but it need not end without a word.
//!
//! It runs inside an allocation, on the thread that asked, with a few megabytes that were kept back for it. Not for: refusing an allocation
//! (`kernels::memory`). Start at [`when_exhausted`].

use kernels::memory::Shortage;

use super::failure::{self, Failure};
use crate::launch;
use crate::record::host;
use crate::record::units::bytes;
use crate::train::last_words;

/// From here on, an allocation that fails ends the program with a sentence.
pub fn when_exhausted() {
    kernels::memory::when_exhausted(speak);
}

fn speak(shortage: Shortage) -> ! {
    let (asked, held) = (shortage.asked_bytes as u64, shortage.held_bytes as u64);
    let (at, help) = last_words(asked, held);
    let limit = match shortage.bound_bytes {
        Some(bound) if held + asked > bound as u64 => format!("only {} may be held", bytes(bound as u64)),
        _ => "the system has no more to give".to_owned(),
    };
    let peak = host::peak_bytes().map_or(String::new(), |peak| format!(", {} at the peak", bytes(peak)));
    let cause = format!(
        "memory ran out{at}: {} more were asked for, {} are held{peak}, and {limit}",
        bytes(asked),
        bytes(held)
    );
    let mut failure = help.into_iter().fold(Failure::new(failure::FAILED, cause.clone()), Failure::help);
    if launch::fail_under_way(&cause) {
        failure = failure.help("the same command goes on from the last checkpoint");
    }
    let code = failure.code;
    _ = failure.report(false);
    std::process::exit(code.into())
}
