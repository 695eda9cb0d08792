//! What an op is, and how one is applied: outputs made, work done, backward recorded.
//!
//! An op is a plain value holding its constants ([`Op`]). A device runs it ([`Run`]). For the CPU it is enough to
//! implement [`CpuOp`] on slices; [`apply`] does the rest. Shapes are checked by each op's public function, before.

use std::rc::Rc;

use dfdx::prelude::Cpu;

use crate::device::{Device, Fill};
use crate::tape::Buffers;
use crate::{Array, OpError, Shape, Tape, trace};

/// An operator's constants.
pub trait Op: 'static {
    /// What errors and profiles call it.
    const NAME: &'static str;
}

/// What a recorded op finds when backward reaches it.
pub struct Pullback<'a, D: Device> {
    /// The inputs that [`Run::keeps_input`] asked to keep.
    pub inputs: &'a [Option<Array<D>>],
    /// The outputs that [`Run::keeps_output`] asked to keep, and no others.
    pub outputs: &'a [Array<D>],
    /// The gradient of each output.
    pub doutputs: &'a [D::Vec],
    /// The gradient of each input, to be added to; `None` where nobody wants it.
    pub dinputs: &'a mut [Option<D::Vec>],
    /// Whether each of them holds nothing yet and is to be set instead.
    pub fresh: &'a [bool],
}

/// An input's gradient on the CPU: a slice, and whether it is to be added to or set.
pub struct Gradient<'a> {
    values: &'a mut [f32],
    fresh: bool,
}

impl<'a> Gradient<'a> {
    /// A gradient to be added to.
    pub fn to_add(values: &'a mut [f32]) -> Self {
        Gradient { values, fresh: false }
    }

    /// A gradient that holds nothing yet.
    pub fn to_set(values: &'a mut [f32]) -> Self {
        Gradient { values, fresh: true }
    }

    /// Whether it holds nothing yet: the op sets it. Only where [`CpuOp::sets_gradient`] says that the op can.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// What is kept of what it holds: 0 where it is fresh, else 1.
    pub fn beta(&self) -> f32 {
        if self.fresh { 0.0 } else { 1.0 }
    }
}

impl std::ops::Deref for Gradient<'_> {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        self.values
    }
}

impl std::ops::DerefMut for Gradient<'_> {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.values
    }
}

/// What an op holds from its forward to its backward.
pub trait Held {
    /// Its memory in bytes; what it shares with the op's inputs and outputs is not counted.
    fn held_bytes(&self) -> usize;
}

impl Held for () {
    fn held_bytes(&self) -> usize {
        0
    }
}

impl<T: Copy> Held for Vec<T> {
    fn held_bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }
}

/// A device that can run the op `O`.
pub trait Run<O: Op>: Device {
    /// What backward needs besides the inputs.
    type Saved: Held + 'static;

    /// Whether backward reads input `index`.
    fn keeps_input(op: &O, index: usize) -> bool;

    /// Whether backward reads output `index`.
    fn keeps_output(_op: &O, _index: usize) -> bool {
        false
    }

    /// Whether forward writes every value of its outputs without reading any; else they are zero before.
    fn overwrites(_op: &O) -> bool {
        false
    }

    /// Whether backward can set the gradient of input `index` where there is none yet; else it finds zeros to add to.
    fn sets_gradient(_op: &O, _index: usize) -> bool {
        false
    }

    /// Fills `outputs`. With `save` false the op may return an empty `Saved`.
    ///
    /// # Errors
    /// The device failed.
    fn forward(
        op: &O,
        inputs: &[&Array<Self>],
        outputs: &mut [Array<Self>],
        save: bool,
    ) -> Result<Self::Saved, OpError>;

    /// Adds to the inputs' gradients.
    ///
    /// # Errors
    /// The device failed.
    fn backward(op: &O, saved: Self::Saved, pullback: Pullback<'_, Self>) -> Result<(), OpError>;
}

/// An op's CPU kernel, on slices.
pub trait CpuOp: Op {
    /// What backward needs besides the inputs (row statistics, probabilities, chunk states).
    type Saved: Default + Held + 'static;

    /// Whether the op only passes on what it is given, moved, masked, weighed or added up. Such an op's backward reads no input and can set any
    /// gradient, and its forward overwrites: what the three below answer, unless they are answered one by one.
    const PASSES_ON: bool = false;

    /// Whether backward reads input `index`. Inputs that are not kept are empty slices there.
    fn keeps_input(&self, _index: usize) -> bool {
        !Self::PASSES_ON
    }

    /// Whether backward reads output `index`. Outputs that are kept stand behind the inputs there.
    fn keeps_output(&self, _index: usize) -> bool {
        false
    }

    /// Whether forward writes every value of its outputs without reading any; else they are zero before.
    fn overwrites(&self) -> bool {
        Self::PASSES_ON
    }

    /// Whether backward heeds [`Gradient::is_fresh`] for input `index`; else no gradient of it is ever fresh.
    fn sets_gradient(&self, _index: usize) -> bool {
        Self::PASSES_ON
    }

    /// Fills `outputs`. With `save` false no backward follows.
    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Self::Saved;

    /// Adds (`+=`) to each wanted input gradient, or sets it where it is fresh.
    fn backward(
        &self,
        saved: Self::Saved,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<Gradient<'_>>],
    );
}

impl<O: CpuOp> Run<O> for Cpu {
    type Saved = O::Saved;

    fn keeps_input(op: &O, index: usize) -> bool {
        op.keeps_input(index)
    }

    fn keeps_output(op: &O, index: usize) -> bool {
        op.keeps_output(index)
    }

    fn overwrites(op: &O) -> bool {
        op.overwrites()
    }

    fn sets_gradient(op: &O, index: usize) -> bool {
        op.sets_gradient(index)
    }

    fn forward(
        op: &O,
        inputs: &[&Array<Cpu>],
        outputs: &mut [Array<Cpu>],
        save: bool,
    ) -> Result<O::Saved, OpError> {
        let inputs: Vec<&[f32]> = inputs.iter().map(|array| array.as_slice()).collect();
        let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Array::as_mut_slice).collect();
        Ok(op.forward(&inputs, &mut outputs, save))
    }

    fn backward(op: &O, saved: O::Saved, pullback: Pullback<'_, Cpu>) -> Result<(), OpError> {
        let inputs = pullback.inputs.iter().map(|kept| kept.as_ref().map_or(&[][..], Array::as_slice));
        let inputs: Vec<&[f32]> = inputs.chain(pullback.outputs.iter().map(Array::as_slice)).collect();
        let doutputs: Vec<&[f32]> = pullback.doutputs.iter().map(|buffer| buffer.as_slice()).collect();
        let mut dinputs: Vec<Option<Gradient<'_>>> = pullback
            .dinputs
            .iter_mut()
            .zip(pullback.fresh)
            .map(|(buffer, &fresh)| Some(Gradient { values: buffer.as_mut()?.as_mut_slice(), fresh }))
            .collect();
        op.backward(saved, &inputs, &doutputs, &mut dinputs);
        Ok(())
    }
}

/// Runs `op` on `inputs` and records its backward where an input is tracked.
///
/// # Errors
/// A tracked tensor occurs twice among the inputs, or the device failed.
pub fn apply<D: Run<O>, O: Op>(
    tape: &mut Tape<D>,
    op: O,
    inputs: &[&Array<D>],
    output_shapes: &[Shape],
) -> Result<Vec<Array<D>>, OpError> {
    refuse_aliases(O::NAME, inputs)?;
    let begun = trace::begin();
    let device = inputs[0].device().clone();
    let tracked = tape.tracks() && inputs.iter().any(|input| input.is_tracked());
    let recording = tracked && tape.is_recording();
    let fill = if D::overwrites(&op) { Fill::Anything } else { Fill::Zeros };
    let outputs = output_shapes.iter().map(|&shape| Array::filled(&device, shape, fill));
    let mut outputs = outputs.collect::<Result<Vec<_>, _>>()?;
    let saved = D::forward(&op, inputs, &mut outputs, recording)?;
    if begun.is_some() {
        // What a profile tells is the work, not the asking for it.
        device.wait()?;
    }
    let recorded = begun.and_then(|begun| begun.forward(O::NAME, &outputs, saved.held_bytes()));
    if !tracked {
        return Ok(outputs);
    }
    let touched = inputs.iter().filter(|input| input.is_tracked()).map(|input| input.id);
    let outputs: Vec<_> = outputs.into_iter().map(|output| output.with_tracking(true)).collect();
    if !recording {
        tape.touch(touched);
        return Ok(outputs);
    }
    let kept: Vec<Option<Array<D>>> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| D::keeps_input(&op, index).then(|| (*input).clone()))
        .collect();
    let kept_outputs = outputs.iter().enumerate().filter(|(index, _)| D::keeps_output(&op, *index));
    let kept_outputs: Vec<Array<D>> = kept_outputs.map(|(_, output)| output.clone()).collect();
    if recorded.is_some() {
        trace::keep(kept.iter().flatten().chain(&kept_outputs));
    }
    let wanted = inputs.iter().map(|input| input.is_tracked().then(|| Place::of(input))).collect();
    let made = outputs.iter().map(Place::of).collect();
    let record = Record { op, saved, kept, kept_outputs, wanted, made, device };
    let failure = Rc::clone(tape.failure());
    tape.record(touched, move |buffers: &Buffers<D>| {
        // What follows a failure would only fail again; the tape's backward looks here at the end.
        if failure.get().is_some() {
            return Ok(());
        }
        let begun = recorded.and_then(|recorded| Some((trace::begin()?, recorded)));
        let device = begun.is_some().then(|| record.device.clone());
        let done = record.run(buffers).and_then(|()| device.map_or(Ok(()), |device| device.wait()));
        match (done, begun) {
            (Err(error), _) => _ = failure.set(error),
            (Ok(()), Some((begun, recorded))) => begun.backward(recorded),
            (Ok(()), None) => {}
        }
        Ok(())
    });
    Ok(outputs)
}

/// One applied op, until backward reaches it.
struct Record<D: Run<O>, O: Op> {
    op: O,
    saved: D::Saved,
    kept: Vec<Option<Array<D>>>,
    kept_outputs: Vec<Array<D>>,
    /// Where the gradients of inputs go; none where nobody wants one.
    wanted: Vec<Option<Place>>,
    /// Where the gradients of outputs come from.
    made: Vec<Place>,
    device: D,
}

impl<D: Run<O>, O: Op> Record<D, O> {
    /// Buffers are moved out of the map for the call; an output's gradient is dropped after it.
    fn run(self, buffers: &Buffers<D>) -> Result<(), OpError> {
        let refused = |len, error| self.device.no_room(O::NAME, size_of::<f32>() * len, error);
        let room = |len, fill| self.device.room(len, fill).map_err(|error| refused(len, error));
        let take = |place: &Place| buffers.borrow_mut().remove(&place.id);
        let mut doutputs = Vec::with_capacity(self.made.len());
        for place in &self.made {
            doutputs.push(take(place).map_or_else(|| room(place.len, Fill::Zeros), Ok)?);
        }
        let mut dinputs = Vec::with_capacity(self.wanted.len());
        let mut fresh = vec![false; self.wanted.len()];
        for (index, place) in self.wanted.iter().enumerate() {
            let Some(place) = place else {
                dinputs.push(None);
                continue;
            };
            dinputs.push(Some(match take(place) {
                Some(buffer) => buffer,
                None => {
                    fresh[index] = D::sets_gradient(&self.op, index);
                    let fill = if fresh[index] { Fill::Anything } else { Fill::Zeros };
                    room(place.len, fill)?
                }
            }));
        }
        let pullback = Pullback {
            inputs: &self.kept,
            outputs: &self.kept_outputs,
            doutputs: &doutputs,
            dinputs: &mut dinputs,
            fresh: &fresh,
        };
        D::backward(&self.op, self.saved, pullback)?;
        let filled = self.wanted.iter().zip(dinputs);
        buffers.borrow_mut().extend(filled.filter_map(|(place, buffer)| Some((place.as_ref()?.id, buffer?))));
        Ok(())
    }
}

/// [`apply`] for an op with one output.
///
/// # Errors
/// As [`apply`].
pub fn apply_one<D: Run<O>, O: Op>(
    tape: &mut Tape<D>,
    op: O,
    inputs: &[&Array<D>],
    output_shape: impl Into<Shape>,
) -> Result<Array<D>, OpError> {
    let mut outputs = apply(tape, op, inputs, &[output_shape.into()])?;
    Ok(outputs.swap_remove(0))
}

/// Whose gradient, and how long.
struct Place {
    id: u64,
    len: usize,
}

impl Place {
    fn of<D: Device>(array: &Array<D>) -> Self {
        Place { id: array.id, len: array.len() }
    }
}

fn refuse_aliases<D: Device>(op: &'static str, inputs: &[&Array<D>]) -> Result<(), OpError> {
    for (second, input) in inputs.iter().enumerate() {
        let same = |other: &&Array<D>| other.id == input.id && input.is_tracked();
        if let Some(first) = inputs[..second].iter().position(same) {
            return Err(OpError::Aliased { op, first, second });
        }
    }
    Ok(())
}
