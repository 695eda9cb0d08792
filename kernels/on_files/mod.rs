//! Ops by name, on tensors by name: how they are compared with other libraries, and where the bench of ops finds them.
//!
//! Each op's folder has an `on_files.rs` that says it in the terms of [`OnFiles`]; [`crate::OPS`] is the table of all. Behind the cargo
//! feature `on-files`, which the program `examples/op` and the bench ask for. Not for: models and training, which call ops directly; reading
//! files, which is the callers'. Start at [`OnFiles`] and [`Call`].

mod call;
mod row;

pub use call::{Call, Named, Tensors, Wrong};
pub use row::{Row, Work};

pub(crate) use row::{pass, product};

#[cfg(feature = "cuda")]
use crate::Cuda;
use crate::op::Op;
use crate::{Array, Backend, Cpu};

/// What an op is called with: name and explanation of each tensor or setting.
pub type Words = &'static [(&'static str, &'static str)];

/// What an op makes of a call: its output `y`.
pub type Made<D> = Result<Array<D>, Wrong>;

/// An op of the table on one device.
pub type RunOn<D> = fn(&mut Call<D>) -> Made<D>;

/// Valid frames; see [`Call::lens`].
pub(crate) const LENS: (&str, &str) = ("lens?", "[B] valid frames, no gradient; all T where absent");
/// A weight for each frame; see [`Call::weights`].
pub(crate) const WEIGHTS: (&str, &str) = ("weights?", "[B, T], no gradient; 1 where absent");
/// Whether a scan walks step by step as it is written.
pub(crate) const SIMPLE: (&str, &str) = ("simple", "false");
/// What is added to a variance or a mean square.
pub(crate) const EPS: (&str, &str) = ("eps", "1e-5");

/// An op that can be called with tensors by name.
pub trait OnFiles: Op {
    /// What it computes, in one line.
    const ABOUT: &'static str;
    /// The tensors that it reads: name (with `?` where it may be absent) and shape.
    const OPERANDS: Words;
    /// Its settings: name, and what it is without being set.
    const SETTINGS: Words = &[];

    /// Reads operands and settings, and calls the op's public function.
    ///
    /// # Errors
    /// An operand is missing, a setting cannot be read, or the op refuses them.
    fn run<D: Backend>(call: &mut Call<D>) -> Made<D>;

    /// The sizes at which the bench of ops holds it to PyTorch. What has some has a function of the op's name in `pytorch.py` beside it.
    fn rows() -> Vec<Row> {
        Vec::new()
    }
}

/// A device on which the ops of the table can be called.
pub trait Table: Backend {
    /// What runs this op here.
    fn run_of(op: &Entry) -> RunOn<Self>;
}

impl Table for Cpu {
    fn run_of(op: &Entry) -> RunOn<Self> {
        op.on_cpu
    }
}

#[cfg(feature = "cuda")]
impl Table for Cuda {
    fn run_of(op: &Entry) -> RunOn<Self> {
        op.on_gpu
    }
}

/// An op of the table.
pub struct Entry {
    /// What it is called.
    pub name: &'static str,
    /// [`OnFiles::ABOUT`].
    pub about: &'static str,
    /// [`OnFiles::OPERANDS`].
    pub operands: Words,
    /// [`OnFiles::SETTINGS`].
    pub settings: Words,
    /// [`OnFiles::run`], on either device.
    on_cpu: RunOn<Cpu>,
    #[cfg(feature = "cuda")]
    on_gpu: RunOn<Cuda>,
    /// [`OnFiles::rows`].
    pub rows: fn() -> Vec<Row>,
}

impl Entry {
    /// The entry of an op.
    pub const fn of<O: OnFiles>() -> Self {
        Entry {
            name: O::NAME,
            about: O::ABOUT,
            operands: O::OPERANDS,
            settings: O::SETTINGS,
            on_cpu: O::run,
            #[cfg(feature = "cuda")]
            on_gpu: O::run,
            rows: O::rows,
        }
    }

    /// Calls the op.
    ///
    /// # Errors
    /// An operand is missing, a setting cannot be read, or the op refuses them.
    pub fn run<D: Table>(&self, call: &mut Call<D>) -> Made<D> {
        D::run_of(self)(call)
    }

    /// Name, tensors and settings, for people.
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
