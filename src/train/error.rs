//! Why training ends early.

use std::path::PathBuf;

use kernels::OpError;

use super::device::{Lack, Wanted};
use super::lost::Found;
use crate::codec::CodecError;
use crate::data::DataError;
use crate::model::{ModelError, weights::WeightsError};
use crate::record::RecordError;

/// What stops a run other than its end.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Op(#[from] OpError),
    /// A sound's codes cannot be made.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The teacher's run has no checkpoint at any waypoint.
    #[error("the teacher in `{}` has no checkpoint whose step is a multiple of {cycle}", dir.display())]
    NoWaypoints { dir: PathBuf, cycle: u64 },
    /// The teacher has no checkpoint at all.
    #[error("the teacher in `{}` has no checkpoint", dir.display())]
    NoTeacher { dir: PathBuf },
    /// The run to continue has no checkpoint at the step asked for.
    #[error("the run in `{}` has no checkpoint at step {step}", dir.display())]
    NoParent { dir: PathBuf, step: u64 },
    /// A checkpoint's state.json is not what this program writes.
    #[error("`{}`: {reason}", path.display())]
    State { path: PathBuf, reason: String },
    /// The corpus is another one than when the run began.
    #[error("{what} has changed since this run began (digest {now}, was {then})")]
    DataChanged { what: String, then: String, now: String },
    /// As many updates in a row were lost as the plan allows.
    #[error("{count} updates in a row changed nothing; {last}")]
    Diverged { count: u32, last: Box<Found> },
    /// An update was lost, and the plan allows none.
    #[error("{0}")]
    Nonfinite(Box<Found>),
    /// The weights or moments hold what is no number, so there is no going on from them.
    #[error("after {step} updates {what}: nothing can be learned from here, and no checkpoint of it is kept")]
    Broken { step: u64, what: String },
    /// It is foreseen to take more memory than it may have.
    #[error("{foreseen} of memory are foreseen at the peak of training, but {limit}")]
    NoRoom { foreseen: String, limit: String, help: Vec<String> },
    /// A trial run of the model gave other lengths than the plan says.
    #[error(
        "the model makes {made:?} frames of two utterances, but the plan says {foreseen:?}; this is a bug of runner"
    )]
    Shapes { foreseen: Vec<usize>, made: Vec<usize> },
    /// A trial update failed.
    #[error("a trial update on {} has no finite loss", names.join(" and "))]
    TrialLoss { names: Vec<String> },
    /// Models that transcribe have no answers with a mean.
    #[error("models answer together where they only classify: transcripts have no mean")]
    NoMean,
    /// The weights are of a family that this is not for.
    #[error("a network of another family than the plan's; this is a bug of runner")]
    Family,
    /// A helper process ended before the run did.
    #[error("the helper process of rank {rank} (process {pid}) {how}")]
    Lost { rank: usize, pid: u32, how: String },
    /// A helper process could not go on, and said why.
    #[error("the helper process of rank {rank} (process {pid}) failed: {cause}")]
    Helper { rank: usize, pid: u32, cause: String },
    /// A helper process could not be started.
    #[error("cannot start the helper process of rank {rank}: {reason}")]
    NoHelper { rank: usize, reason: String },
    /// Judging was to end before it was through.
    #[error("asked to end while judging")]
    Asked,
    /// This is a helper process, and who started it has ended or no longer needs it.
    #[error("the process of rank 0 has let go")]
    LetGo,
    /// Two processes of a run are not at the same update, or have other models.
    #[error("the processes of this run are not at the same update; this is a bug of runner")]
    OutOfStep,
    /// A GPU had no memory left; `at` is what was being done, where that is known.
    #[error("the GPU has no memory left{at}: {reason}")]
    Exhausted { at: String, reason: String, help: Option<String> },
    /// The device asked for is not there.
    #[error("`{wanted}`, but {lack}")]
    NoDevice { wanted: Wanted, lack: Lack },
}
