//! What is compared: ops and model paths, with their work and their sizes.

use std::collections::BTreeMap;
use std::path::Path;

use crate::file::{self, Named};
use crate::{models, ours, update};

/// The least that has to be done: multiply-adds count twice, and every operand and result moves once.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub flops: f64,
    pub bytes: f64,
}

/// One row or two of the table.
pub struct Case {
    /// The op's or model's name, as both sides know it.
    pub kind: &'static str,
    pub size: String,
    pub settings: BTreeMap<&'static str, String>,
    pub tensors: fn(&Case) -> Vec<Named>,
    pub extents: Vec<(&'static str, Vec<usize>)>,
    pub forward: Work,
    pub training: Option<Work>,
    /// Whether PyTorch's training is timed, too.
    pub torch_trains: bool,
}

impl Case {
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, self.size)
    }

    pub fn is_model(&self) -> bool {
        self.kind == "wav2vec2"
    }

    pub fn write(&self, path: &Path) {
        ours::sure(file::write(&path.display().to_string(), &(self.tensors)(self)));
    }
}

/// Numbers between −scale and scale, the same every time.
pub fn noise(seed: usize, count: usize, scale: f32) -> Vec<f32> {
    let mut state = seed as u64 * 0x9e37_79b9_7f4a_7c15 + 1;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| draw() * scale).collect()
}

/// An op's operands: noise that suits each name.
fn operands(case: &Case) -> Vec<Named> {
    let operand = |(index, (name, extents)): (usize, &(&'static str, Vec<usize>))| {
        let count = extents.iter().product();
        let values = match *name {
            "weight" | "weight_in" | "weight_out" => {
                noise(index, count, (extents[1..].iter().product::<usize>() as f32).powf(-0.5))
            }
            "targets" => (0..count).map(|i| (i * 7 % 30 + 1) as f32).collect(),
            "dt_bias" | "delta_bias" => noise(index, count, 1.0).iter().map(|x| x - 3.0).collect(),
            "xbc" | "b" | "c" => noise(index, count, 0.5),
            _ => noise(index, count, 1.0),
        };
        ((*name).to_owned(), extents.clone(), values)
    };
    case.extents.iter().enumerate().map(operand).collect()
}

fn op(
    kind: &'static str,
    size: &str,
    extents: &[(&'static str, &[usize])],
    settings: &[(&'static str, usize)],
    works: [Work; 2],
) -> Case {
    Case {
        kind,
        size: size.to_owned(),
        settings: settings.iter().map(|(name, value)| (*name, value.to_string())).collect(),
        tensors: operands,
        extents: extents.iter().map(|(name, extents)| (*name, extents.to_vec())).collect(),
        forward: works[0],
        training: Some(works[1]),
        torch_trains: true,
    }
}

/// A product: its two gradients are as dear as itself.
fn product(flops: usize, floats: usize) -> [Work; 2] {
    [1.0, 3.0].map(|times| Work { flops: times * flops as f64, bytes: times * 4.0 * floats as f64 })
}

/// A pass over `floats` values, read and written; backward reads two and writes one more.
fn pass(floats: usize) -> [Work; 2] {
    [8.0, 20.0].map(|bytes| Work { flops: 0.0, bytes: bytes * floats as f64 })
}

/// Frames of 2, 10 and 60 s of sound.
const FRAMES: [(&str, usize); 3] = [("2 s", 100), ("10 s", 500), ("60 s", 3000)];
/// Width and inner width of the models.
const WIDTHS: [(&str, usize, usize); 3] = [("tiny", 192, 768), ("base", 768, 3072), ("large", 1024, 4096)];

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (model, width, inner) in WIDTHS {
        for (sound, t) in FRAMES {
            let size = format!("{model}, {sound}");
            let both = t * (width + inner) + width * inner;
            cases.push(op(
                "linear",
                &format!("{width} → {inner}, {size}"),
                &[
                    ("x", &[1, t, width]),
                    ("weight", &[inner, width]),
                    ("bias", &[inner]),
                    ("dy", &[1, t, inner]),
                ],
                &[],
                product(2 * t * width * inner, both),
            ));
            cases.push(op(
                "feed_forward",
                &size,
                &[
                    ("x", &[1, t, width]),
                    ("weight_in", &[inner, width]),
                    ("bias_in", &[inner]),
                    ("weight_out", &[width, inner]),
                    ("bias_out", &[width]),
                    ("dy", &[1, t, width]),
                ],
                &[],
                product(4 * t * width * inner, 2 * t * width + 2 * width * inner),
            ));
            let heads = width / 64;
            let mut attention = op(
                "attention",
                &format!("{heads} × 64, {size}"),
                &[
                    ("q", &[1, t, width]),
                    ("k", &[1, t, width]),
                    ("v", &[1, t, width]),
                    ("dy", &[1, t, width]),
                ],
                &[("heads", heads)],
                product(4 * t * t * width, 4 * t * width),
            );
            // Five products more, two of which form the scores again.
            attention.training = Some(Work {
                flops: 3.5 * attention.forward.flops,
                ..attention.training.unwrap_or(attention.forward)
            });
            cases.push(attention);
        }
    }
    let (t, width, inner) = (500, 768, 3072);
    let norm: &[(&'static str, &[usize])] =
        &[("x", &[1, t, width]), ("weight", &[width]), ("bias", &[width]), ("dy", &[1, t, width])];
    cases.push(op("layer_norm", "base, 10 s", norm, &[], pass(t * width)));
    cases.push(op(
        "gelu",
        "base, 10 s",
        &[("x", &[1, t, inner]), ("dy", &[1, t, inner])],
        &[],
        pass(t * inner),
    ));
    let sum: &[(&'static str, &[usize])] =
        &[("a", &[1, t, width]), ("b", &[1, t, width]), ("dy", &[1, t, width])];
    cases.push(op("add", "base, 10 s", sum, &[], pass(t * width * 3 / 2)));
    cases.extend(convolutions());
    cases.extend(scans());
    let frames = 500;
    let ctc: &[(&'static str, &[usize])] =
        &[("logits", &[4, frames, 32]), ("targets", &[4, 150]), ("dy", &[4])];
    cases.push(op("ctc_loss", "4 × 10 s, 150 letters", ctc, &[], pass(4 * frames * 32)));
    cases.push(update::case());
    cases.extend(models::cases());
    cases
}

fn convolutions() -> Vec<Case> {
    // 10 s of sound through the feature encoder: the first layer, its norm, the second layer, one of the last.
    let mut cases = Vec::new();
    for (size, t, inputs, taps, stride) in [
        ("first, 10 s", 160_000, 1, 10, 5),
        ("second, 10 s", 31_999, 512, 3, 2),
        ("sixth, 10 s", 1_999, 512, 2, 2),
    ] {
        let out = (t - taps) / stride + 1;
        cases.push(op(
            "conv1d",
            size,
            &[("x", &[1, t, inputs]), ("weight", &[512, inputs, taps]), ("dy", &[1, out, 512])],
            &[("stride", stride)],
            product(2 * out * 512 * inputs * taps, t * inputs + out * 512),
        ));
    }
    let (t, width) = (500, 768);
    cases.push(op(
        "conv1d",
        "positional, 128 taps, 16 groups, 10 s",
        &[
            ("x", &[1, t, width]),
            ("weight", &[width, width / 16, 128]),
            ("bias", &[width]),
            ("dy", &[1, t + 1, width]),
        ],
        &[("left", 64), ("right", 64), ("groups", 16)],
        product(2 * t * width * width / 16 * 128, 2 * t * width),
    ));
    let first = 31_999;
    cases.push(op(
        "group_norm",
        "first layer, 10 s",
        &[("x", &[1, first, 512]), ("weight", &[512]), ("bias", &[512]), ("dy", &[1, first, 512])],
        &[],
        pass(first * 512),
    ));
    cases
}

fn scans() -> Vec<Case> {
    let mut cases = Vec::new();
    let (t, channels, state) = (2_048, 384, 16);
    let wide: &[usize] = &[1, t, channels];
    let narrow: &[usize] = &[1, t, state];
    let mut scan = op(
        "selective_scan",
        "384 channels, 16 states, 2048 steps",
        &[
            ("u", wide),
            ("delta", wide),
            ("a_log", &[channels, state]),
            ("b", narrow),
            ("c", narrow),
            ("d", &[channels]),
            ("z", wide),
            ("delta_bias", &[channels]),
            ("dy", wide),
        ],
        &[],
        // Decay, push, sum and read per state; gradients of each.
        [9, 25].map(|flops| Work {
            flops: (flops * t * channels * state) as f64,
            bytes: (flops / 9 * 20 * t * channels) as f64,
        }),
    );
    // Its tape through 2048 steps takes minutes.
    scan.torch_trains = false;
    cases.push(scan);
    for (size, t, heads, state) in [("base, 10 s", 500, 24, 64), ("base, 60 s", 3_000, 24, 64)] {
        let inner = heads * 64;
        let mixed = inner + 2 * state;
        let chunk = 64;
        cases.push(op(
            "causal_conv1d",
            size,
            &[("x", &[1, t, mixed]), ("weight", &[mixed, 1, 4]), ("bias", &[mixed]), ("dy", &[1, t, mixed])],
            &[],
            pass(t * mixed),
        ));
        cases.push(op(
            "ssd",
            size,
            &[
                ("xbc", &[1, t, mixed]),
                ("dt", &[1, t, heads]),
                ("a_log", &[heads]),
                ("d", &[heads]),
                ("dt_bias", &[heads]),
                ("dy", &[1, t, inner]),
            ],
            &[("state", state), ("chunk", 256)],
            product(2 * t * chunk * (state + inner) + 4 * t * state * inner, t * (mixed + inner)),
        ));
    }
    cases
}
