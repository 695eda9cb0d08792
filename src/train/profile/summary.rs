//! What a measurement comes to: shares, layers, ops, throughput. Times are means over the measured updates unless a name says otherwise.

use std::collections::HashMap;
use std::hash::Hash;

use kernels::trace::{Kind, LayerId, Span, Trace};
use serde::Serialize;

use super::Measured;

/// A profile in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Updates measured.
    pub steps: u64,
    /// Time of them all.
    pub wall_secs: f64,
    /// Parts of an update in their order; the last is what no other holds.
    pub phases: Vec<PhaseCost>,
    /// The parts of the model in the order data meets them, then the objective and the teacher.
    pub layers: Vec<LayerCost>,
    /// Modules, those of the same name in all layers together, the costliest first.
    pub modules: Vec<LayerCost>,
    /// Ops by name, the costliest first.
    pub ops: Vec<OpCost>,
    pub throughput: Throughput,
}

/// A part of an update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseCost {
    pub name: String,
    /// Median over updates.
    pub median_ms: f64,
    /// Of the wall time; all shares add up to 1.
    pub share: f64,
}

/// The ops of a layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LayerCost {
    /// What the names of its parameters begin with.
    pub name: String,
    /// Per update.
    pub forward_ms: f64,
    /// Per update.
    pub backward_ms: f64,
    /// Of the wall time.
    pub share: f64,
    /// What its ops return, for the largest micro-batch.
    pub output_bytes: u64,
    /// What is held of it from forward to backward, for the largest micro-batch.
    pub saved_bytes: u64,
}

/// The ops of a name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OpCost {
    pub name: String,
    /// Forward calls per update.
    pub calls: f64,
    /// Per update.
    pub forward_ms: f64,
    /// Per update.
    pub backward_ms: f64,
    /// Of the wall time.
    pub share: f64,
    /// Of its matrix products forward, per update, in 10⁹ floating-point operations.
    pub forward_gflop: f64,
    /// Of its matrix products backward, per update.
    pub backward_gflop: f64,
    /// Floating-point operations of its matrix products per second of its time; absent where it has none.
    pub gflop_per_sec: Option<f64>,
}

/// How fast it is, and how close to what the machine can do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Throughput {
    pub steps_per_sec: f64,
    /// Hours of sound trained on in an hour, padding not counted.
    pub audio_hours_per_hour: f64,
    /// Of all matrix products, the teacher's too, in 10⁹ floating-point operations.
    pub gflop_per_step: f64,
    pub gflop_per_sec: f64,
    /// What a large matrix product alone reached, right before.
    pub product_gflop_per_sec: f64,
    /// The former by the latter.
    pub flop_utilisation: f64,
    /// Peak resident memory of the process, where the system tells.
    pub peak_bytes: Option<u64>,
}

impl Summary {
    /// The numbers of a measurement. `parts` are the names of the model's parts, in the order they are to be listed.
    pub fn new(measured: &Measured, parts: &[String]) -> Self {
        let trace = &measured.trace;
        let per = Per::of(trace, measured.steps);
        let mut modules = layers(trace, per, &[], starred);
        modules.sort_by(|a, b| b.share.total_cmp(&a.share));
        Summary {
            steps: measured.steps,
            wall_secs: per.wall_ns as f64 / 1e9,
            phases: phases(trace, per),
            layers: layers(trace, per, parts, |path| part_of(path, parts)),
            modules,
            ops: ops(trace, per),
            throughput: throughput(measured, per),
        }
    }
}

/// What sums are divided by.
#[derive(Clone, Copy)]
struct Per {
    steps: f64,
    wall_ns: u64,
}

impl Per {
    fn of(trace: &Trace, steps: u64) -> Self {
        let steps_ns = trace.spans.iter().filter(|span| span.kind == Kind::Step).map(Span::ns);
        Per { steps: steps.max(1) as f64, wall_ns: steps_ns.sum() }
    }

    fn step_ms(self, ns: u64) -> f64 {
        ns as f64 / 1e6 / self.steps
    }

    fn share(self, ns: u64) -> f64 {
        ns as f64 / self.wall_ns.max(1) as f64
    }

    fn step_gflop(self, flops: u64) -> f64 {
        flops as f64 / 1e9 / self.steps
    }
}

/// Rows by key, in the order in which keys were first met.
struct Rows<K, V> {
    at: HashMap<K, usize>,
    rows: Vec<(K, V)>,
}

impl<K: Clone + Eq + Hash, V: Default> Rows<K, V> {
    fn new(keys: impl IntoIterator<Item = K>) -> Self {
        let mut rows = Rows { at: HashMap::new(), rows: Vec::new() };
        for key in keys {
            rows.of(key);
        }
        rows
    }

    fn of(&mut self, key: K) -> &mut V {
        let index = *self.at.entry(key.clone()).or_insert(self.rows.len());
        if index == self.rows.len() {
            self.rows.push((key, V::default()));
        }
        &mut self.rows[index].1
    }
}

fn phases(trace: &Trace, per: Per) -> Vec<PhaseCost> {
    let steps: Vec<usize> = trace
        .spans
        .iter()
        .enumerate()
        .filter(|(_, span)| span.kind == Kind::Step)
        .map(|(index, _)| index)
        .collect();
    let mut rows: Rows<&str, HashMap<usize, u64>> = Rows::new([]);
    let mut rest: HashMap<usize, u64> = steps.iter().map(|&step| (step, trace.spans[step].ns())).collect();
    for span in trace.spans.iter().filter(|span| span.kind == Kind::Phase) {
        let Some(step) = span.parent else { continue };
        *rows.of(span.name).entry(step).or_default() += span.ns();
        if let Some(rest) = rest.get_mut(&step) {
            *rest = rest.saturating_sub(span.ns());
        }
    }
    rows.rows.push(("rest", rest));
    let cost = |(name, by_step): (&str, HashMap<usize, u64>)| {
        let mut each: Vec<u64> =
            steps.iter().map(|step| by_step.get(step).copied().unwrap_or_default()).collect();
        let share = per.share(each.iter().sum());
        PhaseCost { name: name.to_owned(), median_ms: median(&mut each) / 1e6, share }
    };
    rows.rows.into_iter().map(cost).collect()
}

fn median(values: &mut [u64]) -> f64 {
    values.sort_unstable();
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[middle] as f64,
        _ => (values[middle - 1] + values[middle]) as f64 / 2.0,
    }
}

/// Sums over the ops of a row.
#[derive(Default)]
struct Sums {
    calls: u64,
    forward_ns: u64,
    backward_ns: u64,
    forward_flops: u64,
    backward_flops: u64,
    /// Output and saved bytes by the phase that made them, one for each micro-batch.
    bytes: HashMap<Option<usize>, [u64; 2]>,
}

impl Sums {
    fn add(&mut self, span: &Span) {
        if span.kind == Kind::Backward {
            self.backward_ns += span.ns();
            self.backward_flops += span.flops;
            return;
        }
        self.calls += 1;
        self.forward_ns += span.ns();
        self.forward_flops += span.flops;
        let [output, saved] = self.bytes.entry(span.parent).or_default();
        *output += span.output_bytes;
        *saved += span.saved_bytes;
    }

    fn ns(&self) -> u64 {
        self.forward_ns + self.backward_ns
    }
}

/// The costs of layers under the names that `name_of` gives their paths; `first` are listed first, in any case.
fn layers(trace: &Trace, per: Per, first: &[String], name_of: impl Fn(&str) -> String) -> Vec<LayerCost> {
    let mut names: HashMap<LayerId, String> = HashMap::new();
    let mut rows: Rows<String, Sums> = Rows::new(first.iter().cloned());
    for span in trace.spans.iter().filter(|span| span.is_op()) {
        let name = names.entry(span.layer).or_insert_with(|| name_of(&trace.path(span.layer)));
        rows.of(name.clone()).add(span);
    }
    let cost = |(name, sums): (String, Sums)| LayerCost {
        name,
        forward_ms: per.step_ms(sums.forward_ns),
        backward_ms: per.step_ms(sums.backward_ns),
        share: per.share(sums.ns()),
        output_bytes: sums.bytes.values().map(|[output, _]| *output).max().unwrap_or_default(),
        saved_bytes: sums.bytes.values().map(|[_, saved]| *saved).max().unwrap_or_default(),
    };
    rows.rows.into_iter().map(cost).collect()
}

/// The longest of `parts` that `path` lies in; else the path itself. Of a teacher only the whole is told.
fn part_of(path: &str, parts: &[String]) -> String {
    let holds = |part: &&String| {
        path.strip_prefix(part.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    match parts.iter().filter(holds).max_by_key(|part| part.len()) {
        Some(part) => part.clone(),
        None => teacher_as_one(path).to_owned(),
    }
}

/// The path with `*` for the numbers of layers.
fn starred(path: &str) -> String {
    let number = |segment: &str| segment.bytes().all(|byte| byte.is_ascii_digit());
    let segments = teacher_as_one(path).split('.');
    segments.map(|segment| if number(segment) { "*" } else { segment }).collect::<Vec<_>>().join(".")
}

fn teacher_as_one(path: &str) -> &str {
    if path.starts_with("teacher.") { "teacher" } else { path }
}

fn ops(trace: &Trace, per: Per) -> Vec<OpCost> {
    let mut rows: Rows<&str, Sums> = Rows::new([]);
    for span in trace.spans.iter().filter(|span| span.is_op()) {
        rows.of(span.name).add(span);
    }
    let cost = |(name, sums): (&str, Sums)| {
        let flops = sums.forward_flops + sums.backward_flops;
        OpCost {
            name: name.to_owned(),
            calls: sums.calls as f64 / per.steps,
            forward_ms: per.step_ms(sums.forward_ns),
            backward_ms: per.step_ms(sums.backward_ns),
            share: per.share(sums.ns()),
            forward_gflop: per.step_gflop(sums.forward_flops),
            backward_gflop: per.step_gflop(sums.backward_flops),
            gflop_per_sec: (flops > 0).then(|| flops as f64 / sums.ns().max(1) as f64),
        }
    };
    let mut ops: Vec<OpCost> = rows.rows.into_iter().map(cost).collect();
    ops.sort_by(|a, b| b.share.total_cmp(&a.share));
    ops
}

fn throughput(measured: &Measured, per: Per) -> Throughput {
    let wall_secs = per.wall_ns.max(1) as f64 / 1e9;
    let flops: u64 = measured.trace.spans.iter().map(|span| span.flops).sum();
    let gflop_per_sec = flops as f64 / 1e9 / wall_secs;
    let product_gflop_per_sec = measured.product_flops_per_sec / 1e9;
    Throughput {
        steps_per_sec: measured.steps as f64 / wall_secs,
        audio_hours_per_hour: measured.audio_secs / wall_secs,
        gflop_per_step: per.step_gflop(flops),
        gflop_per_sec,
        product_gflop_per_sec,
        flop_utilisation: gflop_per_sec / product_gflop_per_sec,
        peak_bytes: measured.peak_bytes,
    }
}
