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
    if array.is_empty() {
        return Ok(Part::NONE);
    }
    let address = address(&array.flat).ok_or_else(|| Failure::new("a tensor does not say where it lies"))?;
    Ok(Part::new(address, array.len()))
}

/// Gives an array a buffer of its own, with the same values, where clones share it.
///
/// # Errors
/// The device has no room.
pub(crate) fn own(gpu: &dyn Launch, array: &mut Array<Cuda>) -> Result<(), Failure> {
    if array.is_shared() && !array.is_empty() {
        let before = array_part(array)?;
        let flat = array.device().tensor(array.len(), Fill::Anything).map_err(Failure::new)?;
        let to = address(&flat).ok_or_else(|| Failure::new("a tensor does not say where it lies"))?;
        gpu.copy(before, Part::new(to, before.len()))?;
        array.move_to(flat);
    }
    Ok(())
}

/// Where a gradient lies.
pub(crate) fn buffer_part(buffer: &Buffer) -> Part {
    use cudarc::driver::DeviceSlice;
    Part::new(*buffer.device_ptr(), DeviceSlice::len(buffer))
}

/// dfdx's own error, where the GPU is not lost.
fn noticed(error: <Cuda as HasErr>::Err) -> <Cuda as HasErr>::Err {
    if let CudaError::Driver(error) = &error {
        notice(*error);
    }
    error
}

/// dfdx's own error where the driver's is told elsewhere.
fn told_elsewhere(_: Failure) -> <Cuda as HasErr>::Err {
    use cudarc::driver::{DriverError, sys::CUresult};
    CudaError::Driver(DriverError(CUresult::CUDA_ERROR_UNKNOWN))
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

    fn room(&self, len: usize, _fill: Fill) -> Result<Buffer, <Cuda as HasErr>::Err> {
        Storage::<f32>::try_alloc_len(self, len).map_err(noticed)
    }

    fn buffer(&self, values: Vec<f32>) -> Result<Buffer, <Cuda as HasErr>::Err> {
        let mut buffer = self.room(values.len(), Fill::Anything)?;
        let device = buffer.device();
        device.htod_copy_into(values, &mut buffer).map_err(|error| noticed(error.into()))?;
        Ok(buffer)
    }

    fn read(&self, array: &Array<Cuda>) -> Result<Vec<f32>, OpError> {
        let words = array_part(array).and_then(|part| Driver::current()?.download(part));
        let words = words.map_err(|failure| failure.of("read"))?;
        Ok(words.into_iter().map(f32::from_bits).collect())
    }

    fn write(&self, array: &mut Array<Cuda>, values: &[f32]) -> Result<(), OpError> {
        const OP: &str = "write";
        let words: Vec<u32> = values.iter().copied().map(f32::to_bits).collect();
        if array.is_shared() {
            let flat = self.tensor(array.len(), Fill::Anything);
            array.move_to(flat.map_err(|error| self.no_room(OP, size_of_val(values), error))?);
        }
        let run = || {
            let gpu = Driver::current()?;
            gpu.copy(gpu.upload(&words)?.part(), array_part(array)?)
        };
        run().map_err(|failure: Failure| failure.of(OP))
    }

    fn download(&self, buffer: &Buffer) -> Result<Vec<f32>, <Cuda as HasErr>::Err> {
        buffer.device().dtoh_sync_copy(buffer).map_err(|error| noticed(error.into()))
    }

    fn add(&self, pairs: Vec<(&mut Buffer, Buffer)>) -> Result<(), <Cuda as HasErr>::Err> {
        let add = |sum: &Buffer, more: &Buffer| {
            let [sum, more] = [buffer_part(sum), buffer_part(more)];
            reduce::add_to(Driver::current()?, sum, more)
        };
        pairs.into_iter().try_for_each(|(sum, more)| add(sum, &more)).map_err(told_elsewhere)
    }
}
