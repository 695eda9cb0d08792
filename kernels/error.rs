//! What can go wrong in an op: shapes that do not fit, or the device.

use crate::Shape;

/// A refusal or a failure of one op. Shape errors are found before any work is done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpError {
    /// An operand does not have the shape the op needs.
    #[error("{op}: {operand} has shape {got}, but {want}")]
    Shape {
        /// The op's name.
        op: &'static str,
        /// Which of its operands, in words.
        operand: &'static str,
        /// The shape that it has.
        got: Shape,
        /// What the op needs, as the end of the sentence.
        want: String,
    },
    /// One tensor was handed to an op twice, which its backward cannot tell apart.
    #[error("{op}: operands {first} and {second} are the same tensor")]
    Aliased {
        /// The op's name.
        op: &'static str,
        /// The places of both among its inputs, from 0.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// The device has no memory left for something.
    #[error("{op}: {reason}")]
    NoRoom {
        /// The op's name.
        op: &'static str,
        /// Bytes that were asked for.
        asked_bytes: u64,
        /// Bytes of the device that were in use at that moment.
        held_bytes: u64,
        /// The device's own words.
        reason: String,
    },
    /// The device failed (a lost GPU).
    #[error("{op}: the device failed: {reason}")]
    Device {
        /// The op's name.
        op: &'static str,
        /// The device's own words.
        reason: String,
    },
}

impl OpError {
    /// A device failure, worded by the device.
    pub fn device(op: &'static str, reason: impl std::fmt::Display) -> Self {
        OpError::Device { op, reason: reason.to_string() }
    }
}
