//! Networks one sample at a time: what a step of a generating model is made of.
//!
//! At each sample a network meets one new vector per lane (per recording that is generated), so every weight is read for a handful of
//! multiplications: [`Matrix`] and [`Heads`] are packed in the order in which they are read, in vectors of this machine's unit. There
//! is no tape; operands are plain slices, [lanes, channels].
//!
//! Two threads may share one step. Layers are cut into [`SHARDS`] halves whatever the number of threads: each half gives a partial sum, and
//! partial sums are added in the order of the halves ([`Sums`]). So a lane's result has the same bytes with one thread and with
//! two, alone and beside other lanes. Not for: training, which has all samples at once. Start at [`Heads`].

mod aligned;
mod heads;
mod matrix;
mod pointwise;
mod second;
mod sums;
#[cfg(test)]
mod tests;

use aligned::Aligned;
pub use heads::{Heads, Kind, NoRecurrence, Spaces, States};
pub use matrix::Matrix;
pub use pointwise::{Norm, add, add_gated, gelu};
pub use second::Second;
pub use sums::{Lost, SHARDS, Sums, pair, share};
