//! The specification.

/// What becomes of `x` [batch, time, channels] with `weight` [channels, outputs, taps].
pub(super) fn forward(
    operands: &[Vec<f64>],
    [batch, time, channels]: [usize; 3],
    [outputs, taps]: [usize; 2],
    stride: usize,
    [left, right]: [usize; 2],
) -> Vec<Vec<f64>> {
    let (x, weight) = (&operands[0], &operands[1]);
    let out_time = (time - 1) * stride + taps - left - right;
    let mut y = vec![0.0; batch * out_time * outputs];
    for b in 0..batch {
        for t in 0..out_time {
            for o in 0..outputs {
                y[(b * out_time + t) * outputs + o] = operands.get(2).map_or(0.0, |bias| bias[o]);
            }
        }
        for t in 0..time {
            for k in 0..taps {
                let at = t * stride + k;
                if at < left || at >= left + out_time {
                    continue;
                }
                for c in 0..channels {
                    for o in 0..outputs {
                        y[(b * out_time + at - left) * outputs + o] +=
                            x[(b * time + t) * channels + c] * weight[(c * outputs + o) * taps + k];
                    }
                }
            }
        }
    }
    vec![y]
}
