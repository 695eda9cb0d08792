//! The specification: f64, each layer by the specifications of its ops.

use super::{ConvStack, Kind};
use crate::{conv1d, gelu, group_norm, layer_norm};

/// The last layer's output from x and each layer's operands in order.
pub(super) fn forward(op: &ConvStack, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut rest = inputs.iter();
    let mut next = || rest.next().expect("an operand").clone();
    let mut x = next();
    for stage in &op.layers {
        let weight = next();
        let bias = stage.conv.bias.then(&mut next);
        x = conv1d::reference::of(&stage.conv, &x, &weight, bias.as_deref());
        let normed = match stage.norm {
            Kind::None => continue,
            Kind::Group => {
                let inputs = [x, next(), next()];
                group_norm::reference::of_channels(stage.eps, stage.conv.out_time, &inputs)
            }
            Kind::Layer => {
                let inputs = [x, next(), next()];
                layer_norm::reference::forward(f64::from(stage.eps), &inputs)
            }
        };
        x = gelu::reference::forward(&normed).swap_remove(0);
    }
    vec![x]
}
