//! What happened? Events, the run's folder, and everything that writes into it or shows it.
//!
//! The loop emits [`Event`]s; [`Sink`]s turn them into rows ([`metrics`]), a status, a log, a bar. [`folder`] spells
//! every path of a run, [`checkpoint`] keeps its states safe. This room knows neither tensors nor plans: weights come in as
//! closures that write bytes. Not for: comparing runs (`report`), deciding what is shown where (`cli`). Start at [`event`] and [`folder`].

mod asked;
pub mod checkpoint;
mod checksum;
pub mod clock;
mod described;
mod error;
pub mod event;
pub mod folder;
mod histogram;
mod histograms;
pub mod host;
mod hparams;
mod identity;
mod log;
pub mod metrics;
pub mod nodes;
mod pace;
pub mod picture;
pub mod preds;
mod progress;
pub mod scenes;
mod sentence;
pub mod sounds;
mod status;
mod sweep;
mod tally;
mod tensorboard;
#[cfg(test)]
mod tests;
mod transfer;
pub mod units;

pub use asked::{Leaf, differing, leaf};
pub use clock::now_utc;
pub use error::RecordError;
pub use event::{
    CheckpointKind, CheckpointSaved, EvalDone, Event, Fanout, Resumed, RunFinished, RunStarted, RunState,
    Sink, SoundsMade, StepDone, Values, WeightsMeasured,
};
pub use folder::{Folder, Holder, Lock};
pub use histogram::Histogram;
pub use hparams::write_columns;
pub use identity::{FORMAT, Identity};
pub use log::Log;
pub use metrics::{Metrics, Offsets};
pub use progress::Progress;
pub use status::{Status, StatusFile};
pub use sweep::{Frozen, SweepFolder, SweepRow, runs_with};
pub use tally::{Count, Tally};
pub use transfer::Transfer;
