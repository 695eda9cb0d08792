//! The recorder, in a process of its own: the count of matrix products is one for all threads.

use std::sync::{Mutex, MutexGuard};

use kernels::add::add;
use kernels::gelu::gelu;
use kernels::linear::linear;
use kernels::trace::{Kind, Recording, Span, Trace, phase, step, within};
use kernels::{Array, Cpu, Tape};

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn array(device: &Cpu, shape: [usize; 2]) -> Array<Cpu> {
    let values = (0..shape[0] * shape[1]).map(|i| (i % 13) as f32 / 13.0 - 0.5).collect();
    Array::from_vec(device, values, shape).unwrap()
}

fn ops(trace: &Trace, kind: Kind) -> Vec<&Span> {
    trace.spans.iter().filter(|span| span.kind == kind).collect()
}

/// y = gelu(x wᵀ) in a step of two phases; returns the gradient of w.
fn update(device: &Cpu, rows: usize, inputs: usize, outputs: usize) -> Vec<f32> {
    let (x, w) = (array(device, [rows, inputs]).tracked(), array(device, [outputs, inputs]).tracked());
    step(|| {
        let mut tape = Tape::recording();
        let y = phase("forward", || {
            within("encoder", || {
                let y = within(format_args!("layers.{}", 3), || linear(&mut tape, &x, &w, None)).unwrap();
                gelu(&mut tape, &y).unwrap()
            })
        });
        let seed = vec![1.0; y.len()];
        let mut grads = phase("backward", || tape.backward(device, vec![(y, seed)]).unwrap());
        grads.to_vec(&w).unwrap()
    })
}

#[test]
fn a_linear_layer_is_two_mnk_forward_and_four_backward() {
    let _alone = alone();
    let device = Cpu::default();
    // Small enough for one block, large enough for many.
    for (m, k, n) in [(5, 7, 3), (300, 257, 129)] {
        let recording = Recording::start();
        update(&device, m, k, n);
        let trace = recording.finish();
        let (forward, backward) = (ops(&trace, Kind::Forward), ops(&trace, Kind::Backward));
        let names = |spans: &[&Span]| spans.iter().map(|span| span.name).collect::<Vec<_>>();
        assert_eq!(names(&forward), ["linear", "gelu"]);
        assert_eq!(names(&backward), ["gelu", "linear"], "backward goes the other way");
        let product = (2 * m * n * k) as u64;
        assert_eq!((forward[0].flops, backward[1].flops), (product, 2 * product));
        assert_eq!((forward[1].flops, backward[0].flops), (0, 0));
    }
}

#[test]
fn layers_phases_and_bytes_are_noted() {
    let _alone = alone();
    let recording = Recording::start();
    update(&Cpu::default(), 4, 2, 8);
    let trace = recording.finish();
    let path = |span: &Span| trace.path(span.layer);
    let (forward, backward) = (ops(&trace, Kind::Forward), ops(&trace, Kind::Backward));
    assert_eq!([path(forward[0]), path(forward[1])], ["encoder.layers.3", "encoder"]);
    assert_eq!([path(backward[0]), path(backward[1])], ["encoder", "encoder.layers.3"]);

    // Forward's output of 4 × 8 floats is kept by gelu; gelu's own by nobody.
    assert_eq!([forward[0].output_bytes, forward[0].saved_bytes], [128, 128]);
    assert_eq!([forward[1].output_bytes, forward[1].saved_bytes], [128, 0]);
    assert_eq!(forward[0].shape.unwrap().dims(), [4, 8]);

    let parents: Vec<&str> =
        forward.iter().chain(&backward).map(|op| trace.spans[op.parent.unwrap()].name).collect();
    assert_eq!(parents, ["forward", "forward", "backward", "backward"]);
    for span in &trace.spans {
        if let Some(parent) = span.parent {
            let around = &trace.spans[parent];
            assert!(around.start_ns <= span.start_ns && span.end_ns <= around.end_ns, "{span:?}");
        }
    }
}

#[test]
fn nothing_is_recorded_unless_asked_and_values_are_the_same() {
    let _alone = alone();
    let device = Cpu::default();
    let without = update(&device, 6, 5, 4);
    let recording = Recording::start();
    let with = update(&device, 6, 5, 4);
    assert!(!recording.finish().spans.is_empty());
    assert_eq!(without, with);

    drop(Recording::start());
    update(&device, 6, 5, 4);
    let elsewhere = Recording::start();
    std::thread::spawn(|| update(&Cpu::default(), 6, 5, 4)).join().unwrap();
    assert!(elsewhere.finish().spans.is_empty(), "another thread's ops are not this one's");
}

/// A shared input is counted once.
#[test]
fn what_two_ops_keep_is_counted_once() {
    let _alone = alone();
    let device = Cpu::default();
    let x = array(&device, [3, 5]).tracked();
    let recording = Recording::start();
    let mut tape = Tape::recording();
    let y = gelu(&mut tape, &x).unwrap();
    let (a, b) = (gelu(&mut tape, &y).unwrap(), gelu(&mut tape, &y).unwrap());
    add(&mut tape, &a, &b).unwrap();
    let trace = recording.finish();
    let saved: Vec<u64> = trace.spans.iter().map(|span| span.saved_bytes).collect();
    assert_eq!(saved, [60, 0, 0, 0]);
}
