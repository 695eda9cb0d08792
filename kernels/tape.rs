//! The tape, as a run-time choice.
//!
//! dfdx decides at compile time whether a tensor records; here one type serves training and inference, so that every
//! layer has one signature. `Tape` holds dfdx's own tape when it records and nothing when it does not, and ops are handed
//! it beside their operands. Start at [`Tape::recording`] and [`Tape::backward`].

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use dfdx::prelude::OwnedTape;

use crate::device::{Device, Fill};
use crate::{Array, OpError};

/// The gradients that exist so far, by array: shared by the recorded ops while backward runs.
pub(crate) type Buffers<D> = Rc<RefCell<HashMap<u64, <D as dfdx::prelude::Storage<f32>>::Vec>>>;

/// Records the ops of one forward pass, or nothing.
pub struct Tape<D: Device> {
    mode: Mode<D>,
    buffers: Buffers<D>,
    /// Arrays that an op read and whose gradient is wanted.
    touched: HashSet<u64>,
    /// Why an op's backward failed, where that is not for dfdx to say.
    failure: Rc<OnceCell<OpError>>,
}

enum Mode<D: Device> {
    /// No gradient is wanted.
    Silent,
    /// Which gradients are wanted is noted, but nothing is kept for backward.
    Noting,
    Recording(OwnedTape<f32, D>),
}

impl<D: Device> Tape<D> {
    /// A tape that records: for training.
    pub fn recording() -> Self {
        Self::new(Mode::Recording(OwnedTape::default()))
    }

    /// A tape that records and adds its gradients to those of a backward that is under way.
    pub(crate) fn recording_into(buffers: &Buffers<D>) -> Self {
        let buffers = Rc::clone(buffers);
        Tape { buffers, ..Self::recording() }
    }

    /// A tape that records nothing: for inference and teachers.
    pub fn silent() -> Self {
        Self::new(Mode::Silent)
    }

    /// A tape that finds out what backward would reach and keeps nothing for it: for a block that will run again.
    pub(crate) fn noting() -> Self {
        Self::new(Mode::Noting)
    }

    fn new(mode: Mode<D>) -> Self {
        Tape { mode, buffers: Buffers::<D>::default(), touched: HashSet::new(), failure: Rc::default() }
    }

    /// Whether ops are recorded.
    pub fn is_recording(&self) -> bool {
        matches!(self.mode, Mode::Recording(_))
    }

    /// Whether anything waits for backward.
    #[cfg(test)]
    pub(crate) fn has_recorded(&self) -> bool {
        !self.touched.is_empty() && self.is_recording()
    }

    /// Whether an op's outputs are tracked where an input is.
    pub(crate) fn tracks(&self) -> bool {
        !matches!(self.mode, Mode::Silent)
    }

    /// Where an op's backward leaves an error of its own; the tape's backward returns it.
    pub(crate) fn failure(&self) -> &Rc<OnceCell<OpError>> {
        &self.failure
    }

    /// The arrays whose gradients are wanted.
    pub(crate) fn into_touched(self) -> HashSet<u64> {
        self.touched
    }

    /// Notes that a gradient is wanted for `inputs`.
    pub(crate) fn touch(&mut self, inputs: impl Iterator<Item = u64>) {
        self.touched.extend(inputs);
    }

    /// Adds one op's backward; `inputs` are the arrays whose gradient it adds to.
    pub(crate) fn record<F>(&mut self, inputs: impl Iterator<Item = u64>, backward: F)
    where
        F: 'static + FnOnce(&Buffers<D>) -> Result<(), D::Err>,
    {
        if let Mode::Recording(owned) = &mut self.mode {
            self.touched.extend(inputs);
            let buffers = Rc::clone(&self.buffers);
            dfdx::prelude::Tape::add_backward_op(owned, move |_| backward(&buffers));
        }
    }

    /// Runs backward from `seeds`: each array with the gradient of the objective with respect to it.
    ///
    /// # Errors
    /// A seed has another length than its array, an op that ran again failed, or the device did.
    pub fn backward(mut self, device: &D, seeds: Vec<(Array<D>, Vec<f32>)>) -> Result<Grads<D>, OpError> {
        for (array, seed) in seeds {
            if array.len() != seed.len() {
                let want = format!("its gradient has {} values", seed.len());
                return Err(OpError::Shape { op: "backward", operand: "a seed", got: array.shape(), want });
            }
            let (id, on, failure) = (array.id, device.clone(), Rc::clone(&self.failure));
            self.record([id].into_iter(), move |buffers| {
                match on.buffer(seed) {
                    Ok(buffer) => _ = buffers.borrow_mut().insert(id, buffer),
                    Err(error) => _ = failure.set(error),
                }
                Ok(())
            });
        }
        let (buffers, touched) = (Rc::clone(&self.buffers), std::mem::take(&mut self.touched));
        self.run(device)?;
        Ok(Grads { buffers: buffers.take(), touched })
    }

    /// Runs what is recorded, last to first.
    ///
    /// # Errors
    /// The device failed.
    pub(crate) fn run(self, device: &D) -> Result<(), OpError> {
        if let Mode::Recording(owned) = self.mode {
            device.execute(owned).map_err(|error| OpError::device("backward", error))?;
        }
        self.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// The gradients that one backward left, or the sum of several, by array. They may go to another thread.
pub struct Grads<D: Device> {
    buffers: HashMap<u64, D::Vec>,
    touched: HashSet<u64>,
}

/// What backward left of one array, on the host: what [`Grads`] are made of again elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Whether an op read the array.
    pub reached: bool,
    /// Its gradient; `None` where none came that far.
    pub gradient: Option<Vec<f32>>,
}

impl<D: Device> Default for Grads<D> {
    /// The gradients of no array.
    fn default() -> Self {
        Grads { buffers: HashMap::new(), touched: HashSet::new() }
    }
}

impl<D: Device> Grads<D> {
    /// What backward left of `array`.
    ///
    /// # Errors
    /// The device failed.
    pub fn left(&self, array: &Array<D>) -> Result<Left, OpError> {
        let read = |buffer| array.device().read_buffer(buffer);
        let gradient = self.buffers.get(&array.id).map(read).transpose()?;
        Ok(Left { reached: self.reached(array), gradient })
    }

    /// Takes over what a backward elsewhere left of the array that is `array` here.
    ///
    /// # Errors
    /// The gradient has another length than the array, or the device has no room.
    pub fn take_over(&mut self, array: &Array<D>, left: Left) -> Result<(), OpError> {
        if left.reached {
            self.touched.insert(array.id);
        }
        let Some(gradient) = left.gradient else { return Ok(()) };
        if gradient.len() != array.len() {
            let want = format!("its gradient has {} values", gradient.len());
            return Err(OpError::Shape { op: "gradients", operand: "an array", got: array.shape(), want });
        }
        self.buffers.insert(array.id, array.device().buffer(gradient)?);
        Ok(())
    }

    /// Whether backward reached `array`; a parameter that no op read has no gradient.
    pub fn reached(&self, array: &Array<D>) -> bool {
        self.touched.contains(&array.id)
    }

    /// The gradient buffer of `array`; `None` where no gradient came that far: then all of it is zero.
    pub fn there(&self, array: &Array<D>) -> Option<&D::Vec> {
        self.buffers.get(&array.id)
    }

    /// The gradient buffer of `array`; zeros if backward did not reach it.
    ///
    /// # Errors
    /// The device has no room.
    pub fn buffer(&mut self, array: &Array<D>) -> Result<&mut D::Vec, OpError> {
        use std::collections::hash_map::Entry;
        match self.buffers.entry(array.id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let (device, bytes) = (array.device(), size_of::<f32>() * array.len());
                let zeros = device.room(array.len(), Fill::Zeros);
                Ok(entry.insert(zeros.map_err(|error| device.no_room("gradients", bytes, error))?))
            }
        }
    }

    /// Adds the gradients of another micro-batch of the same update. Each of their buffers is freed when it has been added.
    ///
    /// Whose gradients come first is the caller's to fix: sums of floats depend on it.
    ///
    /// # Errors
    /// The device failed.
    pub fn add(&mut self, device: &D, mut more: Grads<D>) -> Result<(), OpError> {
        self.touched.extend(more.touched);
        let pairs = self.buffers.iter_mut();
        let pairs = pairs.filter_map(|(id, sum)| Some((sum, more.buffers.remove(id)?))).collect();
        device.add(pairs)?;
        self.buffers.extend(more.buffers);
        Ok(())
    }

    /// The gradient of `array` on the host.
    ///
    /// # Errors
    /// The device failed.
    pub fn to_vec(&mut self, array: &Array<D>) -> Result<Vec<f32>, OpError> {
        let device = array.device().clone();
        let buffer = self.buffer(array)?;
        device.read_buffer(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cpu;
    use crate::linear::linear;
    use crate::silu::silu;

    fn array(values: &[f32], shape: [usize; 2]) -> Array<Cpu> {
        Array::from_vec(&Cpu::default(), values.to_vec(), shape).unwrap()
    }

    /// The gradient of Σ c · silu(x wᵀ) with respect to x and w.
    fn backward(x: &Array<Cpu>, w: &Array<Cpu>, c: f32) -> Grads<Cpu> {
        let mut tape = Tape::recording();
        let y = linear(&mut tape, x, w, None).unwrap();
        let y = silu(&mut tape, &y).unwrap();
        let seed = vec![c; y.len()];
        tape.backward(&Cpu::default(), vec![(y, seed)]).unwrap()
    }

    /// Σ c · silu(x wᵀ) in f64.
    fn value(x: &[f64; 4], w: &[f64; 4], c: f64) -> f64 {
        let silu = |y: f64| y / (1.0 + (-y).exp());
        let pairs = [(0, 0), (0, 2), (2, 0), (2, 2)];
        pairs.iter().map(|&(row, column)| c * silu(x[row] * w[column] + x[row + 1] * w[column + 1])).sum()
    }

    #[test]
    fn summed_gradients_are_those_of_the_sum() {
        let (x, z, w) = ([0.3, -1.2, 0.7, 0.5], [-0.4, 0.9, 1.1, -0.2], [0.8, -0.6, 0.1, 1.3]);
        let single = |values: &[f64; 4]| array(&values.map(|value| value as f32), [2, 2]);
        let weight = single(&w).tracked();
        let mut grads = backward(&single(&x), &weight, 2.0);
        grads.add(&Cpu::default(), backward(&single(&z), &weight, -3.0)).unwrap();
        let got = grads.to_vec(&weight).unwrap();
        for index in 0..4 {
            let at = |step: f64| {
                let mut w = w;
                w[index] += step;
                value(&x, &w, 2.0) + value(&z, &w, -3.0)
            };
            let want = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((f64::from(got[index]) - want).abs() < 1e-5, "{index}: {} and {want}", got[index]);
        }
    }

    /// Larger than what is added in one piece, with an end that fills none.
    #[test]
    fn every_value_is_added_once_in_the_order_asked_for() {
        const LEN: usize = 3 * (1 << 16) + 17;
        let device = Cpu::default();
        let parameter = array(&vec![0.0; LEN], [1, LEN]).tracked();
        let of = |scale: f32| {
            let seed = (0..LEN).map(|index| (index as f32).sin() * scale).collect();
            Tape::recording().backward(&device, vec![(parameter.clone(), seed)]).unwrap()
        };
        let mut grads = of(1.0);
        grads.add(&device, of(1e4)).unwrap();
        grads.add(&device, of(-1e4)).unwrap();
        let want = |index: usize| {
            let sine = (index as f32).sin();
            (sine + sine * 1e4) + sine * -1e4
        };
        let got = grads.to_vec(&parameter).unwrap();
        assert!(got.iter().enumerate().all(|(index, value)| value.to_bits() == want(index).to_bits()));
    }

    /// What a process hands to another and back: the bits of a gradient, what was reached without one, and what was not.
    #[test]
    fn gradients_that_were_handed_over_are_the_same() {
        let [x, first, second, neither] =
            [1.0, 2.0, 3.0, 4.0].map(|value| array(&[value; 4], [2, 2]).tracked());
        let mut grads = backward(&x, &first, 0.3);
        grads.touched.insert(second.id);
        let mut there = Grads::default();
        for array in [&x, &first, &second, &neither] {
            there.take_over(array, grads.left(array).unwrap()).unwrap();
        }
        let left =
            |grads: &Grads<Cpu>| [&x, &first, &second, &neither].map(|array| grads.left(array).unwrap());
        assert_eq!(left(&there), left(&grads));
        assert!(left(&there)[1].gradient.as_ref().is_some_and(|gradient| gradient[0] != 0.0));
        assert_eq!(left(&there)[2], Left { reached: true, gradient: None });
        assert_eq!(left(&there)[3], Left { reached: false, gradient: None });

        let short = Left { reached: true, gradient: Some(vec![0.0; 3]) };
        let error = there.take_over(&first, short).unwrap_err().to_string();
        assert!(error.contains("its gradient has 3 values"), "{error}");
    }

    #[test]
    fn what_one_micro_batch_alone_reached_is_reached() {
        let device = Cpu::default();
        let [x, first, second, neither] =
            [1.0, 2.0, 3.0, 4.0].map(|value| array(&[value; 4], [2, 2]).tracked());
        let mut grads = backward(&x, &first, 1.0);
        let alone = backward(&x, &second, 1.0).to_vec(&second).unwrap();
        grads.add(&device, backward(&x, &second, 1.0)).unwrap();
        let reached = [&first, &second, &neither].map(|array| grads.reached(array));
        assert_eq!((reached, grads.to_vec(&second).unwrap()), ([true, true, false], alone));
    }
}
