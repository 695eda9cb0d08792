//! The loader and the plan must end every file with an experiment or with problems.
//!
//!     cargo +nightly fuzz run load
//!
//! What it finds goes into corpus/load/, which the tests replay through the whole program.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner::config::{Request, read};
use runner::plan::resolve;

fuzz_target!(|bytes: &[u8]| {
    let file = std::env::temp_dir().join(format!("runner-fuzz-{}.toml", std::process::id()));
    if std::fs::write(&file, bytes).is_err() {
        return;
    }
    let reading = read(&file, &Request::default());
    assert!(reading.loaded.is_some() || !reading.problems.is_empty());
    if let Some(loaded) = reading.loaded {
        _ = resolve(&loaded.experiment, Vec::new());
    }
});
