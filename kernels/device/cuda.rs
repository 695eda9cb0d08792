//! dfdx's GPU: where its tensors lie.
//!
//! dfdx 0.13 hides a tensor's buffer, but a tensor's public `Debug` prints its device address before anything large. [`array_part`] lets it print
//! into a sink that stops there, which costs neither a copy nor a wait. [`open`] tries it on a tensor whose values it knows, so that another
//! layout of that text is an error when a run starts and nowhere else.

use std::fmt::{self, Write};

use cudarc::driver::DevicePtr;
use dfdx::prelude::{Backward, Cuda, HasErr, OwnedTape, PutTape, Storage, TensorFromVec, ZerosTensor};
use dfdx::tensor::CudaError;

use super::{Device, Fill, Flat};
use crate::cuda::{Driver, Failure, Launch, Part, look, notice, reduce};
use crate::{Array, OpError};

type Buffer = <Cuda as Storage<f32>>::Vec;

/// The GPU `ordinal`, as the one of this process.
///
/// # Errors
/// There is no driver, no such GPU, another one is in use, it is too old, or dfdx hides its addresses in another way than expected.
pub fn open(ordinal: usize) -> Result<Cuda, Failure> {
    look(ordinal)?;
    let gpu = Cuda::try_build(ordinal, 0).map_err(Failure::new)?;
    let buffer: Buffer = Storage::<f32>::try_alloc_len(&gpu, 1).map_err(Failure::new)?;
    let driver = Driver::open(buffer.device())?;
    let values = [3.0f32, -1.5, 0.25];
    let flat = gpu.try_tensor_from_vec(values.to_vec(), (values.len(),)).map_err(Failure::new)?;
    let seen = address(&flat).map(|address| driver.download(Part::new(address, values.len()))).transpose()?;
    if seen.as_deref() != Some(&values.map(f32::to_bits)) {
        let words = "a tensor's device address is not where dfdx 0.13 prints it; this is a bug of runner";
        return Err(Failure::new(words));
    }
    Ok(gpu)
}

/// The device address of a tensor.
fn address(tensor: &Flat<Cuda>) -> Option<u64> {
    let mut sink = Sink { said: String::new() };
    // It is told to stop as soon as the address is there.
    _ = write!(sink, "{tensor:?}");
    sink.address()
}

/// Takes text until an address has been said in it.
struct Sink {
    said: String,
}

impl Sink {
    fn address(&self) -> Option<u64> {
        let (_, rest) = self.said.split_once("cu_device_ptr: ")?;
        rest.split_once(',')?.0.trim().parse().ok()
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const LONG: usize = 4096;
        self.said.push_str(text);
        if self.said.len() > LONG || self.address().is_some() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Where an array lies.
///
/// # Errors
/// dfdx does not print an address.
pub(crate) fn array_part(array: &Array<Cuda>) -> Result<Part, Failure> {
    flat_part(&array.flat, array.len())
}

/// Where a tensor of `len` values lies.
fn flat_part(flat: &Flat<Cuda>, len: usize) -> Result<Part, Failure> {
    if len == 0 {
        return Ok(Part::NONE);
    }
    let address = address(flat).ok_or_else(|| Failure::new("a tensor does not say where it lies"))?;
    Ok(Part::new(address, len))
}

/// Gives an array a buffer of its own, with the same values, where clones share it.
///
/// # Errors
/// The device has no room.
pub(crate) fn own(gpu: &dyn Launch, array: &mut Array<Cuda>) -> Result<(), Failure> {
    if array.is_shared() && !array.is_empty() {
        let before = array_part(array)?;
        let flat = array.device().tensor(array.len(), Fill::Anything).map_err(Failure::new)?;
        gpu.copy(before, flat_part(&flat, before.len())?)?;
        array.move_to(flat);
    }
    Ok(())
}

/// Where a gradient lies.
pub(crate) fn buffer_part(buffer: &Buffer) -> Part {
    use cudarc::driver::DeviceSlice;
    Part::new(*buffer.device_ptr(), DeviceSlice::len(buffer))
}

/// The values as a GPU is handed them.
fn bits(values: &[f32]) -> impl ExactSizeIterator<Item = u32> {
    values.iter().map(|value| value.to_bits())
}

/// What a GPU has handed over, as values.
fn floats(words: Vec<u32>) -> Vec<f32> {
    words.into_iter().map(f32::from_bits).collect()
}

/// dfdx's own error, where the GPU is not lost.
fn noticed(error: <Cuda as HasErr>::Err) -> <Cuda as HasErr>::Err {
    if let CudaError::Driver(error) = &error {
        notice(*error);
    }
    error
}

// SAFETY: dfdx's `Cuda` is not `Sync` for one thing only, the handle of a second stream, which nothing here uses; the driver takes handles from any
// thread, and each call here makes the device its thread's own first.
unsafe impl Device for Cuda {
    fn execute(&self, tape: OwnedTape<f32, Cuda>) -> Result<(), <Cuda as HasErr>::Err> {
        self.try_zeros_like(&())
            .and_then(|start| start.put_tape(tape).try_backward())
            .map(drop)
            .map_err(noticed)
    }

    fn no_room(&self, op: &'static str, bytes: usize, error: <Cuda as HasErr>::Err) -> OpError {
        match (error, Driver::current()) {
            (CudaError::Driver(error), Ok(driver)) => driver.refused(bytes, error).of(op),
            (error, _) => OpError::device(op, error),
        }
    }

    fn wait(&self) -> Result<(), OpError> {
        Driver::current().and_then(Driver::wait).map_err(|failure| failure.of("wait"))
    }

    fn memory_bytes(&self) -> Option<[u64; 2]> {
        let told = Driver::current().and_then(Driver::memory_bytes).ok()?;
        Some(told.map(|bytes| bytes as u64))
    }

    fn peak_bytes(&self) -> Option<u64> {
        Driver::current().and_then(Driver::peak_bytes).ok()
    }

    /// dfdx sets every new tensor to zero, whatever is to follow: 4 bytes a value written once too often.
    fn tensor(&self, len: usize, _fill: Fill) -> Result<Flat<Cuda>, <Cuda as HasErr>::Err> {
        self.try_zeros_like(&(len,)).map_err(noticed)
    }

    fn tensor_of(&self, values: Vec<f32>) -> Result<Flat<Cuda>, OpError> {
        const OP: &str = "array";
        let flat = self.tensor(values.len(), Fill::Anything);
        let flat = flat.map_err(|error| self.no_room(OP, size_of_val(values.as_slice()), error))?;
        let filled =
            flat_part(&flat, values.len()).and_then(|part| Driver::current()?.fill(part, bits(&values)));
        filled.map(|()| flat).map_err(|failure| failure.of(OP))
    }

    fn room(&self, len: usize, _fill: Fill) -> Result<Buffer, <Cuda as HasErr>::Err> {
        Storage::<f32>::try_alloc_len(self, len).map_err(noticed)
    }

    fn buffer(&self, values: Vec<f32>) -> Result<Buffer, OpError> {
        const OP: &str = "gradients";
        let buffer = self.room(values.len(), Fill::Anything);
        let buffer = buffer.map_err(|error| self.no_room(OP, size_of_val(values.as_slice()), error))?;
        let filled = Driver::current().and_then(|gpu| gpu.fill(buffer_part(&buffer), bits(&values)));
        filled.map(|()| buffer).map_err(|failure| failure.of(OP))
    }

    fn read(&self, array: &Array<Cuda>) -> Result<Vec<f32>, OpError> {
        let words = array_part(array).and_then(|part| Driver::current()?.download(part));
        Ok(floats(words.map_err(|failure| failure.of("read"))?))
    }

    /// Side by side in one piece of memory, which is copied back.
    fn read_all(&self, arrays: &[&Array<Cuda>]) -> Result<Vec<Vec<f32>>, OpError> {
        let run = || {
            let gpu = Driver::current()?;
            let all = gpu.buffer(arrays.iter().map(|array| array.len()).sum())?;
            let mut first = 0;
            for array in arrays {
                gpu.copy(array_part(array)?, all.part().slice(first, array.len()))?;
                first += array.len();
            }
            gpu.download(all.part())
        };
        let words = run().map_err(|failure: Failure| failure.of("read"))?;
        let mut values = floats(words).into_iter();
        Ok(arrays.iter().map(|array| values.by_ref().take(array.len()).collect()).collect())
    }

    fn write(&self, array: &mut Array<Cuda>, values: &[f32]) -> Result<(), OpError> {
        const OP: &str = "write";
        if array.is_shared() {
            let flat = self.tensor(array.len(), Fill::Anything);
            array.move_to(flat.map_err(|error| self.no_room(OP, size_of_val(values), error))?);
        }
        let filled = array_part(array).and_then(|part| Driver::current()?.fill(part, bits(values)));
        filled.map_err(|failure| failure.of(OP))
    }

    fn read_buffer(&self, buffer: &Buffer) -> Result<Vec<f32>, OpError> {
        let words = Driver::current().and_then(|gpu| gpu.download(buffer_part(buffer)));
        Ok(floats(words.map_err(|failure| failure.of("gradients"))?))
    }

    fn add(&self, pairs: Vec<(&mut Buffer, Buffer)>) -> Result<(), OpError> {
        let add = |sum: &Buffer, more: &Buffer| {
            let [sum, more] = [buffer_part(sum), buffer_part(more)];
            reduce::add_to(Driver::current()?, sum, more)
        };
        let added = pairs.into_iter().try_for_each(|(sum, more)| add(sum, &more));
        added.map_err(|failure| failure.of("gradients"))
    }
}
