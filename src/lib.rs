//! A declarative experiment runner for state-space-model research in speech and audio.
//!
//! One TOML file says what is asked; it is validated ([`config`]), resolved into a plan ([`plan`]), and executed ([`train`]). Each room
//! answers one question; ARCHITECTURE.md lists them with what they may import. The binary is [`cli`] and nothing else.

pub mod audio;
pub mod cli;
pub mod codec;
pub mod config;
pub mod corpora;
pub mod data;
pub mod fetch;
pub mod generate;
pub mod import;
pub mod launch;
pub mod model;
pub mod nn;
pub mod plan;
pub mod quality;
pub mod record;
pub mod report;
pub mod seed;
pub mod task;
pub mod text;
pub mod train;
#[cfg(feature = "transcribe")]
pub mod transcribe;

/// The checkout that the running test belongs to. Asked of the environment: a path compiled in would be that of whichever checkout
/// last filled a shared build folder.
#[cfg(test)]
fn checkout() -> std::path::PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is").into()
}
