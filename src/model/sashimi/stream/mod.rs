//! SaShiMi one sample at a time: generation, likelihoods, and a step for anybody's own sampler.
//!
//! [`StepWeights`] are the parameters in the layout that stepping wants, made once; a [`Stepper`] holds the states of some lanes (recordings
//! side by side), takes a code for each and gives the logits of the next. Lower tiers run when they are due: a tier whose pool has filled.
//! [`generate`] and [`mean_nats`] drive steppers over clips and threads. A clip's numbers are the same bytes whatever lanes run beside
//! it and on however many threads.
//!
//! Not for: training, and the model in both directions, which has no step. Start at [`Stepper`].

mod error;
mod generate;
mod member;
mod pace;
mod packed;
mod parameters;
mod stepper;
#[cfg(test)]
mod tests;

pub use crate::model::sampler::{Chosen, Sampler, Sampling, log_likelihood};
pub use error::StreamError;
pub use generate::{Clip, Request, generate, mean_nats};
pub use packed::StepWeights;
pub use parameters::Found;
pub use stepper::Stepper;
