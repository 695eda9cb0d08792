//! What did they write?
//!
//! An experiment is one TOML file, laid over the files it extends and under the command line. This room reads the
//! layers, reports every mistake in them with its place, merges them and types the result. It does not know what the
//! values mean together: whether heads divide a width, or a corpus is there, is for `plan`.
//!
//! Start at [`load()`]. The types, one file per table, are the documentation of what may be asked.

mod behaviour;
mod data;
mod distill;
mod eval;
mod experiment;
mod model;
mod output;
mod run;
mod slurm;
mod train;

mod files;
mod load;
mod merge;
mod nearest;
mod option;
mod overrides;
mod problem;
mod profiles;
mod retired;
mod schema;
mod shipped;
mod show;
mod source;
mod sweep;
mod template;
mod tree;
mod variants;
mod walk;

#[cfg(test)]
mod tests;

pub use behaviour::Behaviour;
pub use data::{Data, DataFormat, MixedCorpus};
pub use distill::{Distill, Guidance, StudentInit};
pub use eval::{Eval, Metric};
pub use experiment::Experiment;
pub use load::{Loaded, Reading, Request, load, load_shipped, read};
pub use merge::Provenance;
pub use model::*;
pub use nearest::{listed, nearest};
pub use option::{Named, OptionDoc, named};
pub use output::Output;
pub use problem::{CODES, Code, Problem, Problems};
pub use run::{Device, MicroBatches, Precision, Run};
pub use schema::schema;
pub use schema::{Leaf, Schema};
pub use shipped::names as shipped_names;
pub use show::{Origin, origins, resolved_toml};
pub use slurm::Slurm;
pub use source::Source;
pub use sweep::{Axis, Point, Setting, Sweep, sweep};
pub use template::{Template, template};
pub use train::{ClassifierLoss, DecayType, LossNormalizeType, Nonfinite, Recompute, Train};
