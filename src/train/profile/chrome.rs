//! A trace as `chrome://tracing` and Perfetto open it: complete events, in microseconds.

use std::cmp::Reverse;

use kernels::trace::{Kind, LayerId, Span, Trace};
use serde_json::{Value, json};

/// What lies inside what, where two events begin and end together.
const STEP: usize = 0;
const PHASE: usize = 1;
const LAYER: usize = 2;
const OP: usize = usize::MAX;

/// A stretch of consecutive ops of one layer.
struct Stretch {
    layer: LayerId,
    start_ns: u64,
    end_ns: u64,
}

/// An event with what it is ordered by: start, end, depth.
type Ordered = ((u64, Reverse<u64>, usize), Value);

/// The trace of the updates of `name` in Chrome's format: categories `step`, `phase`, `layer` and `op`, properly nested on one thread.
pub fn chrome(trace: &Trace, name: &str) -> Value {
    let mut events: Vec<Ordered> = Vec::new();
    let mut steps = 0;
    for span in &trace.spans {
        if span.kind == Kind::Step {
            steps += 1;
        }
        let (depth, event) = match span.kind {
            Kind::Step => {
                (STEP, complete("step", &format!("step {steps}"), span.start_ns, span.end_ns, json!({})))
            }
            Kind::Phase => (PHASE, complete("phase", span.name, span.start_ns, span.end_ns, json!({}))),
            Kind::Forward | Kind::Again | Kind::Backward => (OP, op(trace, span)),
        };
        events.push(((span.start_ns, Reverse(span.end_ns), depth), event));
    }
    events.extend(layers(trace));
    events.sort_by_key(|(order, _)| *order);
    let named =
        |what: &str, name: &str| json!({"name": what, "ph": "M", "pid": 1, "tid": 1, "args": {"name": name}});
    let mut all =
        vec![named("process_name", &format!("runner profile {name}")), named("thread_name", "training")];
    all.extend(events.into_iter().map(|(_, event)| event));
    json!({"displayTimeUnit": "ms", "traceEvents": all})
}

fn complete(category: &str, name: &str, start_ns: u64, end_ns: u64, args: Value) -> Value {
    let micros = |ns: u64| ns as f64 / 1e3;
    json!({
        "name": name, "cat": category, "ph": "X", "pid": 1, "tid": 1,
        "ts": micros(start_ns), "dur": micros(end_ns - start_ns), "args": args,
    })
}

fn op(trace: &Trace, span: &Span) -> Value {
    let shape = span.shape.as_ref().map(|shape| shape.dims());
    let mut args = json!({"layer": trace.path(span.layer), "shape": shape, "flops": span.flops});
    if span.kind != Kind::Backward {
        args["output_bytes"] = span.output_bytes.into();
        args["saved_bytes"] = span.saved_bytes.into();
    }
    let direction = match span.kind {
        Kind::Backward => "backward",
        Kind::Again => "forward again",
        _ => "forward",
    };
    args["direction"] = direction.into();
    complete("op", span.name, span.start_ns, span.end_ns, args)
}

/// Layers as stretches of consecutive ops, forward and backward alike.
fn layers(trace: &Trace) -> impl Iterator<Item = Ordered> {
    let (mut open, mut closed) = (Vec::<Stretch>::new(), Vec::<(usize, Stretch)>::new());
    let mut phase = None;
    for op in trace.spans.iter().filter(|span| span.is_op()) {
        let lineage = trace.lineage(op.layer);
        let same = open.iter().zip(&lineage).take_while(|(open, layer)| open.layer == **layer).count();
        let still_open = if phase == op.parent { same } else { 0 };
        phase = op.parent;
        closed.extend(open.drain(still_open..).enumerate().map(|(above, ended)| (still_open + above, ended)));
        open.extend(lineage[still_open..].iter().map(|&layer| Stretch {
            layer,
            start_ns: op.start_ns,
            end_ns: op.end_ns,
        }));
        open.iter_mut().for_each(|stretch| stretch.end_ns = op.end_ns);
    }
    closed.extend(open.into_iter().enumerate());
    closed.into_iter().map(|(depth, stretch)| {
        let Stretch { layer, start_ns, end_ns } = stretch;
        let args = json!({"layer": trace.path(layer)});
        let event = complete("layer", trace.name(layer), start_ns, end_ns, args);
        ((start_ns, Reverse(end_ns), LAYER + depth), event)
    })
}
