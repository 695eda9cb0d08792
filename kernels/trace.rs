//! Where time goes: a recorder of spans, off unless somebody measures.
//!
//! While a [`Recording`] lives, its thread notes every [`step`], [`phase`] and op: when, how long, in which layer ([`within`]), how many
//! bytes and how many floating-point operations of matrix products. An op's backward carries the layer its forward was in. Switched off,
//! an op pays one relaxed load. Nothing here touches a value, so results have the same bytes either way. Not for: sums and tables (they are
//! made from the [`Trace`]). Start at [`Recording::start`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::marker::PhantomData;
use std::mem::replace;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::{Array, Device, OpError, Shape};

/// Threads that record at this moment.
static RECORDERS: AtomicUsize = AtomicUsize::new(0);
/// Floating-point operations of matrix products while somebody records, of all threads.
static PRODUCT_FLOPS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// What a span is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An update, all of it.
    Step,
    /// A part of an update: waiting for data, backward …
    Phase,
    /// An op, forward.
    Forward,
    /// An op, forward once more: backward needs what its block did not keep.
    Again,
    /// An op, backward.
    Backward,
}

/// A stretch of time and what it went to.
#[derive(Debug, Clone)]
pub struct Span {
    /// What the time went to.
    pub kind: Kind,
    /// The op's name, or the phase's.
    pub name: &'static str,
    /// Index of the span around it: an op's phase, a phase's step.
    pub parent: Option<usize>,
    /// The layer it belongs to.
    pub layer: LayerId,
    /// Since the recording began.
    pub start_ns: u64,
    /// Since the recording began.
    pub end_ns: u64,
    /// Of an op's first output.
    pub shape: Option<Shape>,
    /// What an op's forward returned.
    pub output_bytes: u64,
    /// Of an op's forward: those of its outputs that some op keeps until backward, and what it keeps besides. Of one that ran again: until
    /// its block's backward, which follows at once.
    pub saved_bytes: u64,
    /// Floating-point operations of its matrix products: two for each product of numbers.
    pub flops: u64,
}

impl Span {
    /// How long it was.
    pub fn ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// Whether it is an op's.
    pub fn is_op(&self) -> bool {
        matches!(self.kind, Kind::Forward | Kind::Again | Kind::Backward)
    }
}

/// A layer of a [`Trace`]: where in the tree of modules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LayerId(u32);

#[derive(Debug, Clone)]
struct Layer {
    parent: LayerId,
    name: String,
}

/// What was recorded: spans in the order of their starts.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// A span stands before those inside it.
    pub spans: Vec<Span>,
    /// The first op whose outputs were not all finite, and where; looked for by [`Recording::watching`] alone.
    pub broken: Option<(&'static str, LayerId)>,
    /// Entry 0 is the root, which has no name.
    layers: Vec<Layer>,
}

impl Trace {
    /// The layers around `layer` and itself, outermost first; none for the root.
    pub fn lineage(&self, mut layer: LayerId) -> Vec<LayerId> {
        let mut lineage = Vec::new();
        while layer != LayerId::default() {
            lineage.push(layer);
            layer = self.layers[layer.0 as usize].parent;
        }
        lineage.reverse();
        lineage
    }

    /// A layer's own name: `layers.3`.
    pub fn name(&self, layer: LayerId) -> &str {
        self.layers.get(layer.0 as usize).map_or("", |layer| layer.name.as_str())
    }

    /// A layer's full name, as its parameters begin: `wav2vec2.encoder.layers.3`.
    pub fn path(&self, layer: LayerId) -> String {
        let names: Vec<&str> = self.lineage(layer).into_iter().map(|layer| self.name(layer)).collect();
        names.join(".")
    }
}

/// Records what happens on this thread until it is finished or dropped.
pub struct Recording {
    /// It belongs to its thread.
    here: PhantomData<*const ()>,
}

impl Recording {
    /// Begins. A recording that was under way on this thread ends and is lost.
    pub fn start() -> Self {
        if RECORDER.replace(Some(Recorder::new())).is_none() {
            RECORDERS.fetch_add(1, Ordering::Relaxed);
        }
        Recording { here: PhantomData }
    }

    /// Begins, and looks at every value that an op returns: [`Trace::broken`].
    pub fn watching() -> Self {
        let recording = Self::start();
        recorder(|recorder| recorder.watches = true);
        recording
    }

    /// Ends, and returns what was recorded.
    pub fn finish(self) -> Trace {
        stop().map_or_else(Trace::default, |recorder| Trace {
            spans: recorder.spans,
            broken: recorder.broken,
            layers: recorder.layers,
        })
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        stop();
    }
}

fn stop() -> Option<Recorder> {
    let recorder = RECORDER.take();
    if recorder.is_some() {
        RECORDERS.fetch_sub(1, Ordering::Relaxed);
    }
    recorder
}

/// Does `body`, one update.
pub fn step<T>(body: impl FnOnce() -> T) -> T {
    spanning(Kind::Step, "step", body)
}

/// Does `body`, the part `name` of an update. Phases do not nest.
pub fn phase<T>(name: &'static str, body: impl FnOnce() -> T) -> T {
    spanning(Kind::Phase, name, body)
}

/// The same of work that `device` may still be at when `body` ends: where somebody records, until it is done.
///
/// # Errors
/// Those of `body`, or the device failed.
pub fn phase_on<D: Device, T>(
    device: &D,
    name: &'static str,
    body: impl FnOnce() -> Result<T, OpError>,
) -> Result<T, OpError> {
    phase(name, || {
        let done = body()?;
        recorder(|_| ()).map_or(Ok(()), |()| device.wait())?;
        Ok(done)
    })
}

/// Does `body` in the module `name` of the module around it; dots may be inside (`layers.3`).
pub fn within<T>(name: impl Display, body: impl FnOnce() -> T) -> T {
    let Some(outer) = recorder(|recorder| recorder.enter(&name.to_string())) else { return body() };
    let result = body();
    recorder(|recorder| recorder.layer = outer);
    result
}

/// The layer under way; nothing where nobody records.
pub(crate) fn here() -> Option<LayerId> {
    recorder(|recorder| recorder.layer)
}

/// Does `body`, ops that ran before in `layer`, once more.
pub(crate) fn again<T>(layer: Option<LayerId>, body: impl FnOnce() -> T) -> T {
    let outer = layer.and_then(|layer| {
        recorder(|recorder| (replace(&mut recorder.layer, layer), replace(&mut recorder.again, true)))
    });
    let result = body();
    if let Some(outer) = outer {
        recorder(|recorder| (recorder.layer, recorder.again) = outer);
    }
    result
}

fn spanning<T>(kind: Kind, name: &'static str, body: impl FnOnce() -> T) -> T {
    let Some(index) = recorder(|recorder| recorder.open(kind, name)) else { return body() };
    let result = body();
    recorder(|recorder| recorder.close(index));
    result
}

/// Counts a product of an `m` × `k` with a `k` × `n` matrix.
#[inline]
pub(crate) fn count_product(m: usize, n: usize, k: usize) {
    if recording() {
        PRODUCT_FLOPS.fetch_add(2 * (m * n * k) as u64, Ordering::Relaxed);
    }
}

#[inline]
fn recording() -> bool {
    RECORDERS.load(Ordering::Relaxed) > 0
}

/// The recorder of this thread, if it records.
#[inline]
fn recorder<T>(act: impl FnOnce(&mut Recorder) -> T) -> Option<T> {
    if !recording() {
        return None;
    }
    RECORDER.with_borrow_mut(|recorder| recorder.as_mut().map(act))
}

/// An op that has begun.
pub(crate) struct Begun {
    start_ns: u64,
    flops: u64,
}

/// An op whose forward was recorded: what its backward is recorded under.
#[derive(Clone, Copy)]
pub(crate) struct Recorded {
    name: &'static str,
    layer: LayerId,
    shape: Option<Shape>,
}

/// An op begins. Nothing where nobody records.
#[inline]
pub(crate) fn begin() -> Option<Begun> {
    recorder(|recorder| recorder.begin())
}

impl Begun {
    /// The op's forward has ended with `outputs` and holds `held_bytes` besides until backward.
    pub(crate) fn forward<D: Device>(
        self,
        name: &'static str,
        outputs: &[Array<D>],
        held_bytes: usize,
    ) -> Option<Recorded> {
        recorder(|recorder| {
            let shape = outputs.first().map(Array::shape);
            let of = Recorded { name, layer: recorder.layer, shape };
            let kind = if recorder.again { Kind::Again } else { Kind::Forward };
            let index = recorder.op(kind, of, self);
            for output in outputs {
                let bytes = (output.len() * size_of::<f32>()) as u64;
                recorder.spans[index].output_bytes += bytes;
                recorder.made.insert(output.id, (index, bytes));
            }
            recorder.spans[index].saved_bytes = held_bytes as u64;
            let finite = |output: &Array<D>| !matches!(output.first_not_finite(), Ok(Some(_)));
            if recorder.watches && recorder.broken.is_none() && !outputs.iter().all(finite) {
                recorder.broken = Some((name, recorder.layer));
            }
            of
        })
    }

    /// The backward of `of` has ended.
    pub(crate) fn backward(self, of: Recorded) {
        recorder(|recorder| recorder.op(Kind::Backward, of, self));
    }
}

/// An op keeps these arrays until backward. Each is counted once, where it was made: parameters and inputs are nowhere.
pub(crate) fn keep<'a, D: Device>(kept: impl Iterator<Item = &'a Array<D>>) {
    recorder(|recorder| {
        for array in kept {
            if let Some((index, bytes)) = recorder.made.remove(&array.id) {
                recorder.spans[index].saved_bytes += bytes;
            }
        }
    });
}

struct Recorder {
    began: Instant,
    spans: Vec<Span>,
    /// Steps and phases that have not ended, innermost last.
    open: Vec<usize>,
    layers: Vec<Layer>,
    layer: LayerId,
    /// Whether ops run for the second time.
    again: bool,
    /// Arrays that ops of this step returned and none has kept: the op's span and the bytes.
    made: HashMap<u64, (usize, u64)>,
    /// Whether values are looked at.
    watches: bool,
    broken: Option<(&'static str, LayerId)>,
}

impl Recorder {
    fn new() -> Self {
        let root = Layer { parent: LayerId::default(), name: String::new() };
        Recorder {
            began: Instant::now(),
            spans: Vec::new(),
            open: Vec::new(),
            layers: vec![root],
            layer: LayerId::default(),
            again: false,
            made: HashMap::new(),
            watches: false,
            broken: None,
        }
    }

    fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// Moves into a module; returns the one around it.
    fn enter(&mut self, name: &str) -> LayerId {
        let outer = self.layer;
        let known = self.layers.iter().skip(1).position(|layer| layer.parent == outer && layer.name == name);
        let index = known.map_or(self.layers.len(), |position| position + 1);
        if known.is_none() {
            self.layers.push(Layer { parent: outer, name: name.to_owned() });
        }
        self.layer = LayerId(index as u32);
        outer
    }

    fn open(&mut self, kind: Kind, name: &'static str) -> usize {
        if kind == Kind::Step {
            self.made.clear();
        }
        let start_ns = self.now_ns();
        let index = self.push(kind, Recorded { name, layer: self.layer, shape: None }, start_ns, 0);
        self.open.push(index);
        index
    }

    fn close(&mut self, index: usize) {
        let end_ns = self.now_ns();
        self.open.retain(|&open| open < index);
        if let Some(span) = self.spans.get_mut(index) {
            span.end_ns = end_ns;
        }
    }

    fn begin(&self) -> Begun {
        Begun { flops: PRODUCT_FLOPS.load(Ordering::Relaxed), start_ns: self.now_ns() }
    }

    fn op(&mut self, kind: Kind, of: Recorded, begun: Begun) -> usize {
        let flops = PRODUCT_FLOPS.load(Ordering::Relaxed) - begun.flops;
        self.push(kind, of, begun.start_ns, flops)
    }

    /// Notes a span that ends now.
    fn push(&mut self, kind: Kind, of: Recorded, start_ns: u64, flops: u64) -> usize {
        self.spans.push(Span {
            kind,
            name: of.name,
            parent: self.open.last().copied(),
            layer: of.layer,
            start_ns,
            end_ns: self.now_ns(),
            shape: of.shape,
            output_bytes: 0,
            saved_bytes: 0,
            flops,
        });
        self.spans.len() - 1
    }
}
