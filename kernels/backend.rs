//! A device with every op: one line per op.

use crate::Device;
use crate::adamw::Update;
use crate::add::Add;
use crate::attention::Attention;
use crate::causal_conv1d::CausalConv1d;
use crate::conv1d::Convolution;
use crate::cross_entropy::CrossEntropy;
use crate::ctc_loss::CtcLoss;
use crate::dropout::Dropout;
use crate::feed_forward::FeedForward;
use crate::gelu::Gelu;
use crate::group_norm::GroupNorm;
use crate::kl_divergence::KlDivergence;
use crate::layer_distance::LayerDistance;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::op::Run;
use crate::padding::{FirstFrame, MeanPool, ReversePadded, ZeroPadding};
use crate::rms_norm::{GatedRmsNorm, RmsNorm};
use crate::selective_scan::SelectiveScan;
use crate::silu::Silu;
use crate::ssd::SsdScan;
use crate::time_mask::TimeMask;
use crate::weight_norm::WeightNorm;

macro_rules! backend {
    ($($op:ty),* $(,)?) => {
        /// A device that runs every op of this crate and the optimiser's update.
        pub trait Backend: Device + Update $(+ Run<$op>)* {}

        impl<D: Device + Update $(+ Run<$op>)*> Backend for D {}
    };
}

backend!(
    Add,
    Attention,
    CausalConv1d,
    Convolution,
    CrossEntropy,
    CtcLoss,
    Dropout,
    FeedForward,
    FirstFrame,
    GatedRmsNorm,
    Gelu,
    GroupNorm,
    KlDivergence,
    LayerDistance,
    LayerNorm,
    Linear,
    MeanPool,
    ReversePadded,
    RmsNorm,
    SelectiveScan,
    Silu,
    SsdScan,
    TimeMask,
    WeightNorm,
    ZeroPadding,
);
