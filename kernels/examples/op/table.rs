//! The ops that can be called, with the names and shapes of their operands.

use kernels::attention::{Attention, Queries, attention};
use kernels::conv1d::{Conv1d, conv1d};
use kernels::ctc_loss::{CtcLoss, ctc_loss};
use kernels::feed_forward::{Weights, feed_forward};
use kernels::group_norm::{group_norm, group_norm_gelu};
use kernels::kl_divergence::{KlDivergence, kl_divergence};
use kernels::layer_distance::{LayerDistance, layer_distance};
use kernels::layer_norm::{layer_norm, layer_norm_gelu};
use kernels::ssd::{Ssd, ssd};
use kernels::{Array, Cpu};

use crate::call::{Call, Wrong};

type Made = Result<Array<Cpu>, Wrong>;

pub struct Op {
    pub name: &'static str,
    pub about: &'static str,
    /// Name (with `?` where it may be absent) and shape.
    pub operands: &'static [(&'static str, &'static str)],
    /// Name and what it is without being set.
    pub settings: &'static [(&'static str, &'static str)],
    pub run: fn(&mut Call) -> Made,
}

impl Op {
    pub fn help(&self) -> String {
        let mut text = format!("{}: {}\n\ntensors\n", self.name, self.about);
        for (name, shape) in self.operands {
            text += &format!("  {name:<12} {shape}\n");
        }
        text += "  dy?          as y; with it gradients are written\n";
        if !self.settings.is_empty() {
            text += "\nsettings\n";
        }
        for (name, default) in self.settings {
            text += &format!("  {name:<12} {default}\n");
        }
        text
    }
}

const LENS: (&str, &str) = ("lens?", "[B] valid frames, no gradient; all T where absent");
const EPS: (&str, &str) = ("eps", "1e-5");

pub const OPS: &[Op] = &[
    Op {
        name: "add",
        about: "a + b",
        operands: &[("a", "any"), ("b", "as a")],
        settings: &[],
        run: |call| {
            let (a, b) = (call.operand("a")?, call.operand("b")?);
            Ok(kernels::add::add(&mut call.tape, &a, &b)?)
        },
    },
    Op {
        name: "linear",
        about: "x weightᵀ + bias",
        operands: &[("x", "[…, I]"), ("weight", "[O, I]"), ("bias?", "[O]")],
        settings: &[],
        run: |call| {
            let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.optional("bias")?);
            Ok(kernels::linear::linear(&mut call.tape, &x, &weight, bias.as_ref())?)
        },
    },
    Op {
        name: "feed_forward",
        about: "GELU(x weight_inᵀ + bias_in) weight_outᵀ + bias_out",
        operands: &[
            ("x", "[…, I]"),
            ("weight_in", "[M, I]"),
            ("bias_in", "[M]"),
            ("weight_out", "[O, M]"),
            ("bias_out", "[O]"),
        ],
        settings: &[],
        run: |call| {
            let [x, weight_in, bias_in, weight_out, bias_out] =
                operands(call, ["x", "weight_in", "bias_in", "weight_out", "bias_out"])?;
            let weights = Weights { inner: [&weight_in, &bias_in], outer: [&weight_out, &bias_out] };
            Ok(feed_forward(&mut call.tape, &x, weights, 0.0, 0)?)
        },
    },
    Op {
        name: "gelu",
        about: "x Φ(x), exact",
        operands: &[("x", "any")],
        settings: &[],
        run: |call| {
            let x = call.operand("x")?;
            Ok(kernels::gelu::gelu(&mut call.tape, &x)?)
        },
    },
    Op {
        name: "silu",
        about: "x σ(x)",
        operands: &[("x", "any")],
        settings: &[],
        run: |call| {
            let x = call.operand("x")?;
            Ok(kernels::silu::silu(&mut call.tape, &x)?)
        },
    },
    Op {
        name: "layer_norm",
        about: "each row normalised, scaled and shifted",
        operands: &[("x", "[…, C]"), ("weight", "[C]"), ("bias", "[C]")],
        settings: &[EPS, ("gelu", "false")],
        run: |call| {
            let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.operand("bias")?);
            let (eps, gelu) = (call.setting("eps", 1e-5)?, call.setting("gelu", false)?);
            let norm = if gelu { layer_norm_gelu } else { layer_norm };
            Ok(norm(&mut call.tape, &x, &weight, &bias, eps)?)
        },
    },
    Op {
        name: "group_norm",
        about: "groups of channels normalised over time, scaled and shifted",
        operands: &[("x", "[B, T, C]"), ("weight", "[C]"), ("bias", "[C]")],
        settings: &[("groups", "C"), EPS, ("gelu", "false")],
        run: |call| {
            let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.operand("bias")?);
            let (groups, eps) = (call.setting("groups", x.shape().last())?, call.setting("eps", 1e-5)?);
            let norm = if call.setting("gelu", false)? { group_norm_gelu } else { group_norm };
            Ok(norm(&mut call.tape, &x, &weight, &bias, groups, eps)?)
        },
    },
    Op {
        name: "weight_norm",
        about: "g v / ‖v‖, the norm over all but the last axis",
        operands: &[("g", "[1, 1, W]"), ("v", "[O, I, W]")],
        settings: &[],
        run: |call| {
            let (g, v) = (call.operand("g")?, call.operand("v")?);
            Ok(kernels::weight_norm::weight_norm(&mut call.tape, &g, &v)?)
        },
    },
    Op {
        name: "conv1d",
        about: "convolution over time, channels last",
        operands: &[("x", "[B, T, I]"), ("weight", "[O, I / groups, W]"), ("bias?", "[O]")],
        settings: &[
            ("stride", "1"),
            ("left", "0"),
            ("right", "0"),
            ("dilation", "1"),
            ("groups", "1"),
            ("gelu", "false"),
        ],
        run: |call| {
            let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.optional("bias")?);
            let settings = Conv1d {
                stride: call.setting("stride", 1)?,
                padding: [call.setting("left", 0)?, call.setting("right", 0)?],
                dilation: call.setting("dilation", 1)?,
                groups: call.setting("groups", 1)?,
                gelu: call.setting("gelu", false)?,
            };
            Ok(conv1d(&mut call.tape, &x, &weight, bias.as_ref(), settings)?)
        },
    },
    Op {
        name: "causal_conv1d",
        about: "depthwise convolution of the past, SiLU after it",
        operands: &[("x", "[B, T, C]"), ("weight", "[C, 1, W]"), ("bias", "[C]")],
        settings: &[("silu", "true")],
        run: |call| {
            let (x, weight, bias) = (call.operand("x")?, call.operand("weight")?, call.operand("bias")?);
            let silu = call.setting("silu", true)?;
            Ok(kernels::causal_conv1d::causal_conv1d(&mut call.tape, &x, &weight, &bias, silu)?)
        },
    },
    Op {
        name: "attention",
        about: "softmax(scale q kᵀ) v over the valid frames, per head",
        operands: &[("q", "[B, T, H·P]"), ("k", "as q"), ("v", "as q"), LENS],
        settings: &[("heads", "1"), ("scale", "1/√P"), ("causal", "false"), ("answer_padding", "false")],
        run: |call| {
            let (q, k, v) = (call.operand("q")?, call.operand("k")?, call.operand("v")?);
            let heads = call.setting("heads", 1)?;
            let scale = 1.0 / ((q.shape().last() / usize::max(heads, 1)) as f32).sqrt();
            let queries = match call.setting("answer_padding", false)? {
                true => Queries::All,
                false => Queries::Valid,
            };
            let settings = Attention {
                heads,
                scale: call.setting("scale", scale)?,
                lens: lens(call, &q)?,
                queries,
                causal: call.setting("causal", false)?,
                dropout: 0.0,
                seed: 0,
            };
            Ok(attention(&mut call.tape, &q, &k, &v, settings)?)
        },
    },
    Op {
        name: "selective_scan",
        about: "Mamba-1: h ← e^{ΔA} h + Δ B u, y = (C h + D u) SiLU(z), Δ = softplus(delta + delta_bias)",
        operands: &[
            ("u", "[B, T, C]"),
            ("delta", "as u"),
            ("a_log", "[C, N]"),
            ("b", "[B, T, N]"),
            ("c", "[B, T, N]"),
            ("d", "[C]"),
            ("z", "as u"),
            ("delta_bias", "[C]"),
        ],
        settings: &[],
        run: |call| {
            let [u, delta, a_log, b, c, d, z, bias] =
                operands(call, ["u", "delta", "a_log", "b", "c", "d", "z", "delta_bias"])?;
            Ok(kernels::selective_scan::selective_scan(
                &mut call.tape,
                &u,
                &delta,
                &a_log,
                &b,
                &c,
                &d,
                &z,
                &bias,
            )?)
        },
    },
    Op {
        name: "ssd",
        about: "Mamba-2: one decay per head; Δ = softplus(dt + dt_bias)",
        operands: &[
            ("xbc", "[B, T, H·P + 2·G·N]"),
            ("dt", "[B, T, H]"),
            ("a_log", "[H]"),
            ("d", "[H]"),
            ("dt_bias", "[H]"),
        ],
        settings: &[("head_dim", "64"), ("groups", "1"), ("state", "128"), ("chunk", "256")],
        run: |call| {
            let [xbc, dt, a_log, d, dt_bias] = operands(call, ["xbc", "dt", "a_log", "d", "dt_bias"])?;
            let settings = Ssd {
                heads: dt.shape().last(),
                head_dim: call.setting("head_dim", 64)?,
                groups: call.setting("groups", 1)?,
                state: call.setting("state", 128)?,
                chunk: call.setting("chunk", 256)?,
                dt_min: 0.0,
                dt_max: f32::INFINITY,
            };
            Ok(ssd(&mut call.tape, &xbc, &dt, &a_log, &d, &dt_bias, settings)?)
        },
    },
    Op {
        name: "cross_entropy",
        about: "−ln softmax(logits)[target], per row",
        operands: &[("logits", "[R, C]"), ("targets", "[R] classes, −100 for none; no gradient")],
        settings: &[],
        run: |call| {
            let logits = call.operand("logits")?;
            let targets =
                call.numbers("targets")?.into_iter().map(|class| usize::try_from(class).ok()).collect();
            Ok(kernels::cross_entropy::cross_entropy(&mut call.tape, &logits, targets)?)
        },
    },
    Op {
        name: "ctc_loss",
        about: "connectionist temporal classification, per utterance; infeasible targets give 0",
        operands: &[
            ("logits", "[B, T, V]"),
            ("targets", "[B, S] classes, −100 behind the end; no gradient"),
            LENS,
        ],
        settings: &[("blank", "0")],
        run: |call| {
            let logits = call.operand("logits")?;
            let flat = call.numbers("targets")?;
            let batch = logits.shape().dims()[0];
            let each = flat.len() / batch.max(1);
            let targets = flat
                .chunks(each.max(1))
                .map(|row| row.iter().filter_map(|class| u32::try_from(*class).ok()).collect())
                .collect();
            let input_lens = lens(call, &logits)?;
            let blank = call.setting("blank", 0)?;
            Ok(ctc_loss(
                &mut call.tape,
                &logits,
                CtcLoss { targets, input_lens, blank, zero_infinity: true },
            )?)
        },
    },
    Op {
        name: "layer_distance",
        about: "Σ weight · mean (LN(student) − LN(teacher))²",
        operands: &[
            ("student", "[B, T, D]"),
            ("teacher", "as student; no gradient"),
            ("weights?", "[B, T], no gradient; 1 where absent"),
        ],
        settings: &[EPS],
        run: |call| {
            let (student, teacher) = (call.operand("student")?, call.constant("teacher")?);
            let settings =
                LayerDistance { weights: weights(call, &student)?, eps: call.setting("eps", 1e-5)? };
            Ok(layer_distance(&mut call.tape, &student, &teacher, settings)?)
        },
    },
    Op {
        name: "kl_divergence",
        about: "Σ weight · KL(softmax(teacher / τ) ‖ softmax(student / τ))",
        operands: &[
            ("student", "[B, T, V]"),
            ("teacher", "as student; no gradient"),
            ("weights?", "[B, T], no gradient; 1 where absent"),
        ],
        settings: &[("temperature", "2")],
        run: |call| {
            let (student, teacher) = (call.operand("student")?, call.constant("teacher")?);
            let temperature = call.setting("temperature", 2.0)?;
            let settings = KlDivergence { temperature, weights: weights(call, &student)? };
            Ok(kl_divergence(&mut call.tape, &student, &teacher, settings)?)
        },
    },
];

fn operands<const N: usize>(call: &mut Call, names: [&str; N]) -> Result<[Array<Cpu>; N], Wrong> {
    let found: Vec<Array<Cpu>> = names.iter().map(|name| call.operand(name)).collect::<Result<_, _>>()?;
    found.try_into().map_err(|_| Wrong("too few operands".to_owned()))
}

/// The valid frames of each row of `x` [B, T, …].
fn lens(call: &mut Call, x: &Array<Cpu>) -> Result<Vec<usize>, Wrong> {
    let [batch, time, _] = x.dims("op", "x")?;
    match call.has("lens") {
        true => Ok(call.numbers("lens")?.into_iter().map(|len| len.max(0) as usize).collect()),
        false => Ok(vec![time; batch]),
    }
}

/// One weight per frame of `x` [B, T, …], 1 where there are none.
fn weights(call: &mut Call, x: &Array<Cpu>) -> Result<Vec<f32>, Wrong> {
    let [batch, time, _] = x.dims("op", "student")?;
    match call.has("weights") {
        true => Ok(call.constant("weights")?.to_vec()),
        false => Ok(vec![1.0; batch * time]),
    }
}
