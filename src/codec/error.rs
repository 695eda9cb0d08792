//! Why a codec could not be had, sound not be coded, or codes not be heard.

use std::path::PathBuf;

use kernels::OpError;

use super::artifact::Kind;
use crate::audio::Reason;
use crate::audio::features::FeatureError;
use crate::model::weights::WeightsError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// There are no weights of that name.
    #[error("there are no weights in `{}`", looked.display())]
    Missing {
        /// Where they would be.
        looked: PathBuf,
        /// What `runner data fetch --model` calls the published ones.
        fetch: &'static str,
    },
    /// Weights for a codec that has none.
    #[error("the cepstral codec has no weights")]
    Weightless,
    /// Weights of another model of the codec.
    #[error("the weights of {} are for {has}; the model tells {meant}", codec.title())]
    OtherSizes {
        /// Whose weights.
        codec: Kind,
        /// Rate, frames and levels that they have.
        has: String,
        /// Those that the plan has.
        meant: String,
    },
    /// Its spectrogram cannot be planned.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The weights cannot be read, or do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// What says the codec's sizes is damaged, or of another model.
    #[error("`{}` is no configuration of {codec}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What it should be of.
        codec: &'static str,
        /// What is wrong, as a fragment of a sentence.
        reason: String,
    },
    /// An op failed.
    #[error(transparent)]
    Op(#[from] OpError),
    /// A bandwidth that no number of levels has.
    #[error("a bandwidth of {kbps} kbps is below that of one level, {least_kbps} kbps")]
    Bandwidth {
        /// As asked for.
        kbps: f64,
        /// That of one level.
        least_kbps: f64,
    },
    /// A bandwidth for a codec that has no choice of them.
    #[error("the codec has one bandwidth, which cannot be chosen")]
    OneBandwidth,
    /// Codes of other levels, or beyond the codebooks.
    #[error("{0}")]
    Codes(String),
    /// Codes of another codec.
    #[error("there are codes of {codes}, which {} cannot decode", codec.title())]
    OtherCodec {
        /// Whose they are.
        codes: Kind,
        /// Who should decode them.
        codec: Kind,
    },
    /// Sound has become nothing.
    #[error("all codes are 0, which is no sound")]
    Zero,
    /// Nothing to code.
    #[error("there are no samples")]
    Empty,
    /// Sound cannot be brought to the codec's rate.
    #[error(transparent)]
    Sound(#[from] Reason),
}
