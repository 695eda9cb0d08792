//! What happens when somebody presses Ctrl-C, or a machine is taken away.
//!
//! Clusters send `TERM`, `USR1` or `USR2`, and often several of them; all mean the same: save and end. Only a second Ctrl-C ends at once.

use std::io::Read;

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

/// Lets every signal that asks for an end pass: somebody else is asked, too, and decides.
#[cfg(unix)]
pub fn ignore_signals() -> Result<(), Failure> {
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2] {
        signal_hook::flag::register(signal, Arc::<AtomicBool>::default())
            .map_err(|error| Failure::new(failure::FAILED, error.to_string()))?;
    }
    Ok(())
}

/// Lets every signal that asks for an end pass: somebody else is asked, too, and decides.
#[cfg(not(unix))]
pub fn ignore_signals() -> Result<(), Failure> {
    ctrlc::set_handler(|| {}).map_err(|error| Failure::new(failure::FAILED, error.to_string()))
}

/// Calls `end` when standard input ends: whoever holds its other end let go, or died.
pub fn when_let_go(end: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let mut nothing = Vec::new();
        // An error is an end too.
        let _ = std::io::stdin().read_to_end(&mut nothing);
        end();
    });
}
