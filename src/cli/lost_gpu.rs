//! What is said when the GPU is lost in the midst of work: nothing can be asked of it any more, so the program ends.
//!
//! It runs on the thread that found it, and on no GPU yet. Not for: which errors mean that (`kernels::cuda`). Start at [`when_lost`].

use kernels::cuda::Driver;

use super::failure::{self, Failure};
use crate::launch;

/// From here on, a GPU that is lost ends the program with a sentence.
pub fn when_lost() {
    kernels::cuda::when_lost(speak);
    // Where memory cannot be given back cudarc panics: the driver is asked before that unwinds through all who hold some.
    std::panic::set_hook(Box::new(|_| ask()));
}

/// Ends the program where the GPU that it has answers nothing but errors.
fn ask() {
    if let Err(failure) = Driver::current().map_or(Ok(()), Driver::wait) {
        speak(&failure.to_string());
    }
}

fn speak(words: &str) -> ! {
    let cause = format!("the GPU is lost: {words}");
    let mut failure = Failure::new(failure::FAILED, cause.clone())
        .help("`nvidia-smi` and the system's log say what the driver knows of it");
    if launch::fail_under_way(&cause) {
        failure = failure.help("the same command goes on from the last checkpoint");
    }
    let code = failure.code;
    _ = failure.report(false);
    std::process::exit(code.into())
}
