//! What happened? Events, the run's folder, and everything that writes into it or shows it.
//!
//! The loop emits [`Event`]s; [`Sink`]s turn them into rows ([`metrics`]), a status, a log, a bar. [`folder`] spells
//! every path of a run, [`checkpoint`] keeps its states safe. This room knows neither tensors nor plans: weights come in as
//! closures that write bytes. Not for: comparing runs (`report`), deciding what is shown where (`cli`). Start at [`event`] and [`folder`].

pub mod checkpoint;
mod checksum;
pub mod clock;
mod error;
pub mod event;
pub mod folder;
pub mod host;
mod identity;
mod log;
pub mod metrics;
mod pace;
pub mod picture;
pub mod preds;
mod progress;
mod sentence;
mod sounds;
mod status;
mod sweep;
mod tally;
mod tensorboard;
#[cfg(test)]
mod tests;
mod transfer;
pub mod units;

pub use error::RecordError;
pub use event::{
    CheckpointKind, CheckpointSaved, EvalDone, Event, Fanout, Resumed, RunFinished, RunStarted, RunState,
    Sink, SoundsMade, StepDone, Values,
};
pub use folder::{Folder, Holder, Lock};
pub use identity::{FORMAT, Identity};
pub use log::Log;
pub use metrics::{Metrics, Offsets};
pub use progress::Progress;
pub use status::{Status, StatusFile};
pub use sweep::{Frozen, SweepFolder, SweepRow, runs_with};
pub use tally::{Count, Tally};
pub use transfer::Transfer;
