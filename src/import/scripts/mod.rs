//! The tables of the published programs: every flag of each, and how it is said here. The facts are the programs' own.

pub mod cald;
pub mod diffwave;
pub mod hparams;
pub mod sashimi;
pub mod ssamba;
pub mod state_spaces;

use super::flag::Script;

/// Every program whose commands are understood.
pub fn scripts() -> impl Iterator<Item = &'static Script> {
    [
        &cald::TRAIN,
        &cald::TRAIN_DISTILL,
        &cald::INFER,
        &sashimi::TRAIN,
        &state_spaces::TRAIN,
        &diffwave::TRAIN,
        &ssamba::RUN_AMBA,
        &ssamba::RUN,
    ]
    .into_iter()
}

/// The program called `name`; of two with one file name the first, the other has its folder in its name.
pub fn script(name: &str) -> Option<&'static Script> {
    scripts().find(|script| script.name == name)
}

/// Programs that the published recipes call and the published repositories do not contain.
pub const ABSENT: [&str; 3] = ["run_amba_1sec.py", "run_ssast_1sec.py", "resume_amba.py"];
