//! What happens when somebody presses Ctrl-C, or a machine is taken away.
//!
//! Clusters send `TERM`, `USR1` or `USR2`, and often several of them; all mean the same: save and end. Only a second Ctrl-C ends at once.

use super::failure::{self, Failure};

/// What shells report of a program that was killed by Ctrl-C.
const KILLED: i32 = 130;

/// Calls `ask` at the first signal; a Ctrl-C behind it ends the process at once.
#[cfg(unix)]
pub fn at_first_signal(ask: impl Fn() + Send + 'static) -> Result<(), Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2])
        .map_err(|error| Failure::new(failure::FAILED, error.to_string()))?;
    // A handler may do next to nothing; a thread may do anything.
    std::thread::spawn(move || {
        let mut asked = false;
        for signal in signals.forever() {
            match asked {
                false => ask(),
                true if signal == SIGINT => std::process::exit(KILLED),
                true => {}
            }
            asked = true;
        }
    });
    Ok(())
}

/// Calls `ask` at the first signal; a second one ends the process at once.
#[cfg(not(unix))]
pub fn at_first_signal(ask: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let asked = std::sync::atomic::AtomicBool::new(false);
    let handler = move || {
        if asked.swap(true, std::sync::atomic::Ordering::SeqCst) {
            std::process::exit(KILLED);
        }
        ask();
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::new(failure::FAILED, error.to_string()))
}
