//! SaShiMi (Goel et al. 2022, arXiv 2202.09729), autoregressive and as DiffWave's noise predictor.
//!
//! [`published`] reads the checkpoints that the papers' programs left. Not for: losses and schedules (`task`).

pub mod published;
