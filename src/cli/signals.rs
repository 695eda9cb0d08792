//! What happens when somebody presses Ctrl-C, or a machine is taken away.

use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::{self, Failure};

/// What shells report of a program that was killed by Ctrl-C.
const KILLED: i32 = 130;

/// Calls `ask` at the first signal; a second one ends the process at once.
pub fn at_first_signal(ask: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let asked = AtomicBool::new(false);
    let handler = move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(KILLED);
        }
        ask();
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::new(failure::FAILED, error.to_string()))
}
