//! SaShiMi: S4 blocks in tiers of falling rates, over raw samples.
//!
//! [`stream`] runs the model one sample at a time, for generation. Start there.

pub mod stream;
