//! Why a front end cannot be made as it is asked for.

/// Sizes of a front end that do not go together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FeatureError {
    /// A frame without samples, or of so many that there is no transform for it.
    #[error(
        "a frame of {samples} samples has no Fourier transform here: it takes an even number, 2 at least"
    )]
    Frame {
        /// Samples under the transform.
        samples: usize,
    },
    /// Frames that do not move on.
    #[error("frames are {samples} samples apart, but must be 1 at least")]
    Shift {
        /// Samples from one frame to the next.
        samples: usize,
    },
    /// A window longer than what is transformed.
    #[error("a window of {window} samples does not fit into a transform of {transform}")]
    Window {
        /// Samples under the window.
        window: usize,
        /// Samples under the transform.
        transform: usize,
    },
    /// Bands that are none, or lie outside of what the rate can carry.
    #[error("{bands} bands from {low_hz} Hz to {high_hz} Hz cannot be had: at {rate_hz} Hz they lie between 0 and {} Hz, the lower end below the upper", f64::from(*.rate_hz) / 2.0)]
    Bands {
        /// How many.
        bands: usize,
        /// Where the first begins.
        low_hz: f64,
        /// Where the last ends.
        high_hz: f64,
        /// Samples per second.
        rate_hz: u32,
    },
    /// Pre-emphasis that would turn the sound over.
    #[error("pre-emphasis is {coefficient}, but must be between 0 and 1")]
    PreEmphasis {
        /// What the sample before is multiplied with.
        coefficient: f32,
    },
    /// More cepstra than there are bands to make them of.
    #[error("{cepstra} cepstra cannot be made of {bands} bands")]
    Cepstra {
        /// How many are asked for.
        cepstra: usize,
        /// How many bands there are.
        bands: usize,
    },
}
