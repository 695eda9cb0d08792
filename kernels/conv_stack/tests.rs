//! Tiles against the specification and, to the last bit, against the layers' own ops.

use super::*;
use crate::agree::{Numbers, Tolerance, agree, run_forward};
use crate::cuda::emulator::emulated;
use crate::op::CpuOp;
use crate::{Cpu, Shape};

const EPS: f32 = 1e-5;

/// [outputs, taps, stride] of each layer.
type Kernels<'a> = &'a [[usize; 3]];

/// wav2vec2's, with other widths.
const SPEECH: [[usize; 3]; 7] =
    [[24, 10, 5], [20, 3, 2], [24, 3, 2], [20, 3, 2], [20, 3, 2], [24, 2, 2], [16, 2, 2]];

/// Whose operands they are, and x first.
struct Case {
    extents: [usize; 3],
    kernels: Vec<[usize; 3]>,
    norms: Vec<Kind>,
    bias: bool,
    x: Array<Cpu>,
    /// weight, bias, norm weight, norm bias of each layer.
    layers: Vec<[Array<Cpu>; 4]>,
}

impl Case {
    fn new(extents: [usize; 3], kernels: Kernels<'_>, norms: impl Fn(usize) -> Kind, bias: bool) -> Self {
        let mut numbers = Numbers::new(extents[1] as u64);
        let mut array = |shape: Shape, scale: f64, shift: f64| {
            let values = numbers.take(shape.len(), scale, shift).iter().map(|&x| x as f32).collect();
            Array::from_vec(&Cpu::default(), values, shape).expect("fits")
        };
        let x = array(extents.into(), 1.0, 0.1);
        let mut inputs = extents[2];
        let mut layers = Vec::new();
        for &[outputs, taps, _] in kernels {
            let scale = 1.7 / ((inputs * taps) as f64).sqrt();
            layers.push([
                array([outputs, inputs, taps].into(), scale, 0.0),
                array([outputs].into(), 0.2, 0.0),
                array([outputs].into(), 0.3, 1.0),
                array([outputs].into(), 0.3, 0.1),
            ]);
            inputs = outputs;
        }
        let norms = (0..kernels.len()).map(norms).collect();
        Case { extents, kernels: kernels.to_vec(), norms, bias, x, layers }
    }

    fn layers(&self) -> Vec<Layer<'_, Cpu>> {
        let mut layers = Vec::new();
        for (index, [weight, bias, gain, shift]) in self.layers.iter().enumerate() {
            let parameters = Parameters { weight: gain, bias: shift, eps: EPS };
            let norm = match self.norms[index] {
                Kind::None => Norm::None,
                Kind::Group => Norm::Group(parameters),
                Kind::Layer => Norm::Layer(parameters),
            };
            let [_, _, stride] = self.kernels[index];
            layers.push(Layer { weight, bias: self.bias.then_some(bias), stride, norm });
        }
        layers
    }

    /// In tiles.
    fn tiled(&self) -> Vec<f32> {
        conv_stack(&mut Tape::silent(), &self.x, &self.layers()).expect("fits").to_vec()
    }

    /// By the layers' own ops.
    fn one_by_one(&self) -> Vec<f32> {
        let mut x = self.x.clone();
        for layer in self.layers() {
            x = one(&mut Tape::silent(), &x, &layer).expect("fits");
        }
        x.to_vec()
    }

    /// The op, and its operands in order.
    fn op(&self) -> (ConvStack, Vec<Vec<f64>>) {
        let (mut extents, mut stages) = (self.extents, Vec::new());
        let mut inputs = vec![self.x.to_vec()];
        for layer in self.layers() {
            let gelu = matches!(layer.norm, Norm::None);
            let conv = Convolution::new(extents, layer.weight, layer.bias, layer.settings(gelu));
            let conv = conv.expect("fits");
            extents = [extents[0], conv.out_time, conv.outputs];
            stages.push(Stage::new(conv, &layer.norm).expect("fits"));
            inputs.extend(layer.operands().map(Array::to_vec));
        }
        let wide = |values: Vec<f32>| -> Vec<f64> { values.into_iter().map(f64::from).collect() };
        (ConvStack { layers: stages }, inputs.into_iter().map(wide).collect())
    }

    fn specification(&self) -> Vec<f64> {
        let (op, inputs) = self.op();
        reference::forward(&op, &inputs).swap_remove(0)
    }
}

/// As in wav2vec2-base: a norm over time behind the first layer.
fn base(layer: usize) -> Kind {
    if layer == 0 { Kind::Group } else { Kind::None }
}

/// As in wav2vec2-large.
fn large(_: usize) -> Kind {
    Kind::Layer
}

#[test]
fn agrees_with_the_specification() {
    for (extents, kernels, norms, bias) in [
        ([1, 9, 1], &[[3, 4, 2]][..], base as fn(usize) -> Kind, true),
        ([2, 40, 2], &[[5, 3, 1], [4, 2, 3]], base, false),
        ([3, 33, 1], &[[6, 5, 2], [7, 3, 2], [3, 1, 1]], large, true),
        ([2, 1_000, 1], &SPEECH, base, false),
        ([1, 1_000, 1], &SPEECH, large, true),
    ] {
        let case = Case::new(extents, kernels, norms, bias);
        agree("y", &case.tiled(), &case.specification(), Tolerance { absolute: 3e-5, relative: 3e-5 });
    }
}

/// Every norm, with a bias and without; no sequence at all.
#[test]
fn device_kernels_agree_too() {
    for (extents, kernels, norms, bias) in [
        ([1, 9, 1], &[[3, 4, 2]][..], base as fn(usize) -> Kind, true),
        ([2, 40, 2], &[[5, 3, 1], [4, 2, 3]], base, false),
        ([3, 33, 1], &[[6, 5, 2], [7, 3, 2], [3, 1, 1]], large, true),
        ([2, 1_000, 1], &SPEECH, base, false),
        ([1, 1_000, 1], &SPEECH, large, true),
    ] {
        let case = Case::new(extents, kernels, norms, bias);
        let ((op, inputs), want) = (case.op(), case.specification());
        let Some(device) = emulated(op) else { return };
        let (got, _) = run_forward(&device, &inputs, &[want.len()]);
        agree("y", &got[0], &want, Tolerance { absolute: 3e-5, relative: 3e-5 });
    }
    let (op, inputs) = Case::new([0, 500, 1], &SPEECH, base, false).op();
    let Some(device) = emulated(op) else { return };
    assert!(run_forward(&device, &inputs, &[0]).0[0].is_empty());
}

/// Tiles of every kind: one, several, a last one of a single frame; sequences shorter than a product is worth packing for.
#[test]
fn tiles_have_the_bits_of_the_layers_one_by_one() {
    if !cfg!(target_arch = "x86_64") || !std::arch::is_x86_feature_detected!("avx512f") {
        // Elsewhere another library has the products, and promises nothing about the order of their sums.
        return;
    }
    for samples in [400, 719, 1_040, 1_360, 2_960, 8_080, 10_640, 16_000, 33_333] {
        for (norms, bias) in [(base as fn(usize) -> Kind, false), (large, true)] {
            let case = Case::new([2, samples, 1], &SPEECH, norms, bias);
            assert!(case.tiled() == case.one_by_one(), "{samples} samples, bias {bias}");
        }
    }
}

/// Enough frames that a tile is cut by its size, and deep enough sums that they are taken in blocks.
#[test]
fn wide_layers_have_their_bits_too() {
    if !cfg!(target_arch = "x86_64") || !std::arch::is_x86_feature_detected!("avx512f") {
        return;
    }
    let kernels = [[512, 10, 5], [512, 3, 2], [40, 3, 2]];
    let case = Case::new([1, 40_000, 1], &kernels, base, false);
    assert!(case.tiled() == case.one_by_one());
}

#[test]
fn same_bytes_whatever_the_thread_count() {
    let case = Case::new([2, 12_000, 1], &SPEECH, base, true);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| case.tiled())
    };
    assert!(run(1) == run(2));
}

#[test]
fn what_learns_is_recorded_layer_by_layer() {
    let device = Cpu::default();
    let mut case = Case::new([1, 700, 1], &SPEECH, base, true);
    let frozen = case.tiled();
    let mut tape = Tape::recording();
    let y = conv_stack(&mut tape, &case.x, &case.layers()).expect("fits");
    assert!(!y.is_tracked() && !tape.has_recorded());

    for operand in 0..4 {
        case.layers[3][operand] = case.layers[3][operand].tracked();
    }
    let mut tape = Tape::recording();
    let y = conv_stack(&mut tape, &case.x, &case.layers()).expect("fits");
    let values: Vec<f64> = y.to_vec().into_iter().map(f64::from).collect();
    agree("y", &frozen, &values, Tolerance::F32);
    let seed = vec![1.0; y.len()];
    let mut grads = tape.backward(&device, vec![(y, seed)]).expect("runs");
    assert!(grads.to_vec(&case.layers[3][0]).expect("a gradient").iter().any(|&d| d != 0.0));
    assert!(!grads.reached(&case.layers[4][0]));
    // At rest nobody asks for gradients, tracked or not.
    assert!(!conv_stack(&mut Tape::silent(), &case.x, &case.layers()).expect("fits").is_tracked());
}

#[test]
fn a_norm_over_time_further_up_is_left_to_its_op() {
    let kernels = [[6, 3, 2], [4, 3, 1], [5, 2, 2]];
    let second = |layer| if layer == 1 { Kind::Group } else { Kind::None };
    let case = Case::new([2, 60, 1], &kernels, second, true);
    agree("y", &case.tiled(), &case.specification(), Tolerance::F32);
}

#[test]
fn nothing_is_kept_and_an_empty_batch_gives_an_empty_output() {
    let case = Case::new([0, 500, 1], &SPEECH, base, false);
    assert!(case.tiled().is_empty());
    let op = ConvStack { layers: Vec::new() };
    assert!(!op.keeps_input(0) && !op.keeps_input(1));
}

#[test]
fn refuses_what_does_not_fit() {
    let refused = |case: &Case, layers: &[Layer<'_, Cpu>]| {
        conv_stack(&mut Tape::silent(), &case.x, layers).expect_err("does not fit").to_string()
    };
    let case = Case::new([1, 399, 1], &SPEECH, base, false);
    assert_eq!(
        refused(&case, &case.layers()),
        "conv1d: x has shape [1, 1, 24], but the kernel reaches over 2 frames"
    );
    assert_eq!(refused(&case, &[]), "conv_stack: x has shape [1, 399, 1], but there is no layer for it");
    let (mut layers, other) = (case.layers(), Array::zeros(&Cpu::default(), [7]).expect("room"));
    layers[0].norm = Norm::Layer(Parameters { weight: &other, bias: &other, eps: EPS });
    assert_eq!(
        refused(&case, &layers),
        "conv_stack: a norm's weight has shape [7], but its layer has 24 outputs"
    );
}
