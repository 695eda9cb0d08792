//! The op on files, and its rows in the bench.

use super::{ConvStack, Layer, Norm, conv_stack};
use crate::layer_norm::Parameters;
use crate::on_files::{Call, EPS, Made, OnFiles, Row, Words, Wrong, product};
use crate::{Array, Backend, Device};

/// Layers at most: as many as wav2vec2 has.
const MOST: usize = 7;

macro_rules! words {
    ($($layer:literal)*) => {
        const OPERANDS: Words = &[("x", "[B, T, I]"), $(
            (concat!("weight_", $layer, "?"), "[O, I, K]"),
            (concat!("bias_", $layer, "?"), "[O]"),
            (concat!("norm_weight_", $layer, "?"), "[O]"),
            (concat!("norm_bias_", $layer, "?"), "[O]"),
        )*];
        const SETTINGS: Words = &[
            EPS,
            ("group_norms", "0; the norms of so many layers are over time, one group per channel"),
            $((concat!("stride_", $layer), "1"),)*
        ];
    };
}

/// A layer's operands and its stride.
struct Given<D: Device> {
    weight: Array<D>,
    bias: Option<Array<D>>,
    norm: Option<[Array<D>; 2]>,
    stride: usize,
}

impl<D: Device> Given<D> {
    fn layer(&self, eps: f32, over_time: bool) -> Layer<'_, D> {
        let norm = self.norm.as_ref().map(|[weight, bias]| Parameters { weight, bias, eps });
        let norm = match norm {
            None => Norm::None,
            Some(norm) if over_time => Norm::Group(norm),
            Some(norm) => Norm::Layer(norm),
        };
        Layer { weight: &self.weight, bias: self.bias.as_ref(), stride: self.stride, norm }
    }
}

fn given<D: Backend>(call: &mut Call<D>, layer: usize) -> Result<Option<Given<D>>, Wrong> {
    let Some(weight) = call.optional(&format!("weight_{layer}"))? else { return Ok(None) };
    let bias = call.optional(&format!("bias_{layer}"))?;
    let norm = match call.optional(&format!("norm_weight_{layer}"))? {
        Some(weight) => Some([weight, call.operand(&format!("norm_bias_{layer}"))?]),
        None => None,
    };
    Ok(Some(Given { weight, bias, norm, stride: call.setting(&format!("stride_{layer}"), 1)? }))
}

impl OnFiles for ConvStack {
    const ABOUT: &'static str = "convolutions one upon the other, each with its norm and GELU";
    words!(0 1 2 3 4 5 6);

    fn run<D: Backend>(call: &mut Call<D>) -> Made<D> {
        let x = call.operand("x")?;
        let (eps, group_norms) = (call.setting("eps", 1e-5)?, call.setting("group_norms", 0)?);
        let mut layers = Vec::new();
        while let Some(layer) = if layers.len() < MOST { given(call, layers.len())? } else { None } {
            layers.push(layer);
        }
        let layers = layers.iter().enumerate().map(|(index, given)| given.layer(eps, index < group_norms));
        let layers: Vec<Layer<'_, D>> = layers.collect();
        Ok(conv_stack(&mut call.tape, &x, &layers)?)
    }

    fn rows() -> Vec<Row> {
        // 10 s of sound through wav2vec2-base's feature encoder.
        const WIDTH: usize = 512;
        const WEIGHTS: [&str; MOST] =
            ["weight_0", "weight_1", "weight_2", "weight_3", "weight_4", "weight_5", "weight_6"];
        const STRIDES: [&str; MOST] =
            ["stride_0", "stride_1", "stride_2", "stride_3", "stride_4", "stride_5", "stride_6"];
        let samples = 160_000;
        let (mut time, mut inputs, mut flops) = (samples, 1, 0);
        let mut extents = vec![("x", vec![1, time, 1])];
        let mut settings = vec![("group_norms", 1)];
        for (layer, (taps, stride)) in
            [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)].into_iter().enumerate()
        {
            extents.push((WEIGHTS[layer], vec![WIDTH, inputs, taps]));
            settings.push((STRIDES[layer], stride));
            time = (time - taps) / stride + 1;
            flops += 2 * time * WIDTH * inputs * taps;
            inputs = WIDTH;
        }
        extents.extend([("norm_weight_0", vec![WIDTH]), ("norm_bias_0", vec![WIDTH])]);
        extents.push(("dy", vec![1, time, WIDTH]));
        let extents: Vec<(&str, &[usize])> =
            extents.iter().map(|(name, extents)| (*name, extents.as_slice())).collect();
        let row = Row::new("base, 10 s", &extents, product(flops, samples + time * WIDTH));
        vec![row.with(&settings)]
    }
}
