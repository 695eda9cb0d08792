//! What is compared: ops and model paths. The sizes of an op and its work stand in `on_files.rs` of its folder.

use std::collections::BTreeMap;
use std::path::Path;

use kernels::OPS;
use kernels::on_files::{Entry, Named, Row, Work};

use crate::place::CPU;
use crate::side::Side;
use crate::{features, file, models, ours, sashimi, update};

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
        ["wav2vec2", "sashimi"].contains(&self.kind)
    }

    /// Whether products are of bfloat16 numbers.
    pub fn in_bf16(&self) -> bool {
        self.settings.get("precision").is_some_and(|precision| precision == "bf16")
    }

    /// How far both sides may be apart: rounded to 8 bits at other places, they are no closer.
    pub fn most_apart(&self) -> f64 {
        if self.in_bf16() { 0.1 } else { 1e-3 }
    }

    /// The work of its training, where that is timed at `place`: on a GPU not of several ops whose gradient comes from the host, since its way would
    /// be timed; of one op by itself it is not (`ours.rs`).
    pub fn training_at(&self, place: &str) -> Option<Work> {
        let given = || ["mamba2_mixer", "sashimi"].contains(&self.kind);
        self.training.filter(|_| place == CPU || !given())
    }

    /// Whether the other side has what the case takes there.
    pub fn runs_on(&self, torch: &Side) -> bool {
        self.kind != "kaldi_fbank" || torch.has_torchaudio()
    }

    pub fn write(&self, path: &Path) {
        ours::sure(file::write(&path.display().to_string(), &(self.tensors)(self)));
    }
}

/// Numbers between −scale and scale, the same every time.
pub fn noise(seed: usize, count: usize, scale: f32) -> Vec<f32> {
    let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
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
            name if name.starts_with("weight") => {
                noise(index, count, (extents[1..].iter().product::<usize>() as f32).powf(-0.5))
            }
            "targets" => (0..count).map(|i| (i * 7 % 30 + 1) as f32).collect(),
            "dt_bias" | "delta_bias" => noise(index, count, 1.0).iter().map(|x| x - 3.0).collect(),
            "log_dt" => noise(index, count, 1.0).iter().map(|x| x - 3.4).collect(),
            "log_w_real" => vec![-0.69; count],
            "w_imag" => (0..count).map(|i| 3.0 * (i % 32 + 1) as f32).collect(),
            "xbc" | "b" | "c" => noise(index, count, 0.5),
            _ => noise(index, count, 1.0),
        };
        ((*name).to_owned(), extents.clone(), values)
    };
    case.extents.iter().enumerate().map(operand).collect()
}

/// An op at one of its sizes.
fn of_op(op: &Entry, row: Row) -> Case {
    Case {
        kind: op.name,
        size: row.size,
        settings: row.settings.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
        tensors: operands,
        extents: row.extents,
        forward: row.forward,
        training: Some(row.training),
        torch_trains: row.torch_trains,
    }
}

/// Every op at its sizes, the update, and the models; features on the processor, whose work they are.
pub fn all(place: &str) -> Vec<Case> {
    let of_ops = OPS.iter().flat_map(|op| (op.rows)().into_iter().map(|row| of_op(op, row)));
    of_ops
        .chain([update::case()])
        .chain((place == CPU).then(features::case))
        .chain(models::cases(place))
        .chain([sashimi::case()])
        .collect()
}
