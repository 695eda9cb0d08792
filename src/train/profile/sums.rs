//! Sums over the spans of a trace: by part of a step, by layer, by op.

use std::collections::HashMap;
use std::hash::Hash;

use kernels::trace::{Kind, LayerId, Span, Trace};

use super::summary::{LayerCost, OpCost, PhaseCost};

/// What sums are divided by.
#[derive(Clone, Copy)]
pub struct Per {
    steps: f64,
    pub wall_ns: u64,
}

impl Per {
    /// Of the steps in `trace`, which are `steps`.
    pub fn of(trace: &Trace, steps: u64) -> Self {
        let steps_ns = trace.spans.iter().filter(|span| span.kind == Kind::Step).map(Span::ns);
        Per { steps: steps.max(1) as f64, wall_ns: steps_ns.sum() }
    }

    fn step_ms(self, ns: u64) -> f64 {
        ns as f64 / 1e6 / self.steps
    }

    fn share(self, ns: u64) -> f64 {
        ns as f64 / self.wall_ns.max(1) as f64
    }

    /// 10⁹ operations per step.
    pub fn step_gflop(self, flops: u64) -> f64 {
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

/// The parts of steps in the order in which they were first met, and the rest.
pub fn phases(trace: &Trace, per: Per) -> Vec<PhaseCost> {
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
        // What ran again ran for backward's sake, and is gone when its block is done.
        if matches!(span.kind, Kind::Backward | Kind::Again) {
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
pub fn layers(trace: &Trace, per: Per, first: &[String], name_of: impl Fn(&str) -> String) -> Vec<LayerCost> {
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
pub fn part_of(path: &str, parts: &[String]) -> String {
    let holds = |part: &&String| {
        path.strip_prefix(part.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    match parts.iter().filter(holds).max_by_key(|part| part.len()) {
        Some(part) => part.clone(),
        None => teacher_as_one(path).to_owned(),
    }
}

/// The path with `*` for the numbers of layers.
pub fn starred(path: &str) -> String {
    let number = |segment: &str| segment.bytes().all(|byte| byte.is_ascii_digit());
    let segments = teacher_as_one(path).split('.');
    segments.map(|segment| if number(segment) { "*" } else { segment }).collect::<Vec<_>>().join(".")
}

fn teacher_as_one(path: &str) -> &str {
    if path.starts_with("teacher.") { "teacher" } else { path }
}

/// The costs of ops by name, the costliest first.
pub fn ops(trace: &Trace, per: Per) -> Vec<OpCost> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_steps_is_a_median() {
        assert_eq!([median(&mut [5, 1, 9]), median(&mut [4, 1, 9, 2]), median(&mut [])], [5.0, 3.0, 0.0]);
    }

    #[test]
    fn paths_go_to_the_longest_part_that_holds_them() {
        let parts =
            ["wav2vec2.encoder.layers.1", "wav2vec2.encoder.layers.10", "wav2vec2.encoder.layer_norm"];
        let parts = parts.map(str::to_owned);
        let cases = [
            (
                "wav2vec2.encoder.layers.1.attention",
                "wav2vec2.encoder.layers.1",
                "wav2vec2.encoder.layers.*.attention",
            ),
            ("wav2vec2.encoder.layers.10", "wav2vec2.encoder.layers.10", "wav2vec2.encoder.layers.*"),
            ("wav2vec2.encoder", "wav2vec2.encoder", "wav2vec2.encoder"),
            ("teacher.wav2vec2.encoder.layers.1", "teacher", "teacher"),
        ];
        for (path, part, module) in cases {
            assert_eq!((part_of(path, &parts).as_str(), starred(path).as_str()), (part, module), "{path}");
        }
    }

    #[test]
    fn shares_of_phases_and_the_rest_make_a_whole() {
        let span = |kind, name, parent, start_ns, end_ns| Span {
            kind,
            name,
            parent,
            layer: LayerId::default(),
            start_ns,
            end_ns,
            shape: None,
            output_bytes: 0,
            saved_bytes: 0,
            flops: 0,
        };
        let mut trace = Trace::default();
        trace.spans = vec![
            span(Kind::Step, "step", None, 0, 6_000_000),
            span(Kind::Phase, "forward", Some(0), 0, 1_000_000),
            span(Kind::Phase, "forward", Some(0), 2_000_000, 4_000_000),
            span(Kind::Step, "step", None, 6_000_000, 10_000_000),
            span(Kind::Phase, "forward", Some(3), 6_000_000, 8_000_000),
        ];
        let costs = phases(&trace, Per::of(&trace, 2));
        let cost = |name: &str, median_ms, share| PhaseCost { name: name.to_owned(), median_ms, share };
        assert_eq!(costs, [cost("forward", 2.5, 0.5), cost("rest", 2.5, 0.5)]);
    }
}
