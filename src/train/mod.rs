//! What is one step, and the next? The loop, and what it needs: updates, teachers, evaluation, checkpoints.
//!
//! [`run`] is the loop; it reads top to bottom. [`State`] is everything a checkpoint holds. Randomness is a function of the seed and the
//! step, so a resumed run takes the very steps an uninterrupted one would have taken. Not for: what is learned (`task`), what is printed
//! (`record`, `cli`). Start at [`run`].

mod checkpoint;
mod device;
mod error;
mod evaluate;
mod follow;
mod job;
mod lanes;
mod lost;
mod memory;
mod micro_batch;
mod optimizer;
mod plateau;
mod probe;
pub mod profile;
mod ranks;
mod room;
mod run;
mod sounds;
mod start;
mod state;
mod teacher;
mod update;
pub mod wire;

pub use checkpoint::Resume;
pub use device::{
    Chosen, Gpu, Lack, Wanted, chosen, effective_device, effective_gpu, effective_precision, remark,
};
pub use error::TrainError;
pub use evaluate::{Evaluation, Judged, Split, evaluate, evaluate_together};
pub use job::Job;
pub use lanes::{Arrangement, Reason};
pub use lost::Found;
pub use memory::{beside_gpu_bytes, forward_bytes, gpu_bytes, memory_bytes};
pub use micro_batch::Part;
pub use probe::Probe;
pub use ranks::{Alone, Rank, Sum, Transport};
pub use room::{Room, last_words};
pub use run::{AHEAD, Outcome, Session, Stop, run};
#[cfg(feature = "cuda")]
pub(crate) use start::open;
pub use start::{Carrier, start, start_forward, start_helper, start_profile};
pub(crate) use start::{on_device, processor};
pub use state::State;
