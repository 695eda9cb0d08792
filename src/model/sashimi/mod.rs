//! SaShiMi (Goel et al. 2022, arXiv 2202.09729): waveforms as tiers of S4 blocks at falling rates.
//!
//! [`Sashimi`] tells the next sample's level from those before it; [`Diffwave`] is the noise predictor of a diffusion over the same [`Tiers`]. All samples
//! of a sequence at once, for training and scoring; [`stream`] takes one at a time, for generation, and [`published`] reads the checkpoints that
//! the papers' programs left. Parameters have the names of the released checkpoints, without their axes of 1. Not for: losses (`task`). Start at [`Tiers`].

mod autoregressive;
mod block;
mod diffwave;
pub mod published;
pub mod stream;
#[cfg(test)]
mod tests;
mod tiers;

pub use autoregressive::Sashimi;
pub use diffwave::Diffwave;
pub use tiers::Tiers;
