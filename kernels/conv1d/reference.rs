//! The specification.

use super::{Conv1d, Convolution};
use crate::gelu::reference::normal_below;

/// What `op` makes of `x`.
pub(crate) fn of(op: &Convolution, x: &[f64], weight: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
    let extents = [op.batch, op.time, op.channels];
    conv1d(x, weight, bias, op.settings, extents, [op.outputs, op.taps])
}

/// The convolution of `x` [batch, time, channels] with `weight` [outputs, channels / groups, taps].
pub fn conv1d(
    x: &[f64],
    weight: &[f64],
    bias: Option<&[f64]>,
    settings: Conv1d,
    [batch, time, channels]: [usize; 3],
    [outputs, taps]: [usize; 2],
) -> Vec<f64> {
    let Conv1d { stride, padding: [left, right], dilation, groups, gelu } = settings;
    let (inner, outer) = (channels / groups, outputs / groups);
    let out_time = (time + left + right - dilation * (taps - 1) - 1) / stride + 1;
    let mut y = vec![0.0; batch * out_time * outputs];
    for b in 0..batch {
        for t in 0..out_time {
            for o in 0..outputs {
                let mut sum = bias.map_or(0.0, |bias| bias[o]);
                for k in 0..taps {
                    let at = t * stride + k * dilation;
                    if at < left || at >= left + time {
                        continue;
                    }
                    for c in 0..inner {
                        let channel = o / outer * inner + c;
                        let x = x[(b * time + at - left) * channels + channel];
                        sum += weight[(o * inner + c) * taps + k] * x;
                    }
                }
                y[(b * out_time + t) * outputs + o] = if gelu { sum * normal_below(sum) } else { sum };
            }
        }
    }
    y
}
