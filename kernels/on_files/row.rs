//! One size of an op in the bench of ops, and the least work that it can be done with.

/// The least that has to be done: multiply-adds count twice, and every operand and result moves once.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Floating-point operations.
    pub flops: f64,
    /// Bytes read and written.
    pub bytes: f64,
}

/// One size of an op.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is called in the table.
    pub size: String,
    /// The operands' extents and those of `dy`, the gradient that comes.
    pub extents: Vec<(&'static str, Vec<usize>)>,
    /// Settings that are not the defaults.
    pub settings: Vec<(&'static str, usize)>,
    /// The work of a forward pass.
    pub forward: Work,
    /// The work of a forward and a backward pass.
    pub training: Work,
    /// Whether PyTorch's training is timed, too.
    pub torch_trains: bool,
}

impl Row {
    /// A row without settings. `works` are those of forward and training.
    pub(crate) fn new(
        size: impl Into<String>,
        extents: &[(&'static str, &[usize])],
        [forward, training]: [Work; 2],
    ) -> Self {
        let extents = extents.iter().map(|(name, extents)| (*name, extents.to_vec())).collect();
        Row { size: size.into(), extents, settings: Vec::new(), forward, training, torch_trains: true }
    }

    /// The same with settings.
    pub(crate) fn with(mut self, settings: &[(&'static str, usize)]) -> Self {
        self.settings = settings.to_vec();
        self
    }

    /// A row for each of the models' widths and each of three lengths of sound: of its name, T, width and inner width.
    pub(crate) fn of_models(row: impl Fn(&str, usize, usize, usize) -> Row) -> Vec<Row> {
        let mut rows = Vec::new();
        for (model, width, inner) in [("tiny", 192, 768), ("base", 768, 3072), ("large", 1024, 4096)] {
            for (sound, frames) in [("2 s", 100), ("10 s", 500), ("60 s", 3000)] {
                rows.push(row(&format!("{model}, {sound}"), frames, width, inner));
            }
        }
        rows
    }
}

/// A product: its two gradients are as dear as itself.
pub(crate) fn product(flops: usize, floats: usize) -> [Work; 2] {
    [1.0, 3.0].map(|times| Work { flops: times * flops as f64, bytes: times * 4.0 * floats as f64 })
}

/// A pass over `floats` values, read and written; backward reads two and writes one more.
pub(crate) fn pass(floats: usize) -> [Work; 2] {
    [8.0, 20.0].map(|bytes| Work { flops: 0.0, bytes: bytes * floats as f64 })
}
