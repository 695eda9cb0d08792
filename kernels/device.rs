//! The only file that knows how to reach a tensor's buffer.
//!
//! dfdx 0.13 keeps a tensor's storage private. On the CPU its `Index` gives a reference into the contiguous
//! storage, from which the whole slice follows without a copy; gradient buffers are public.

#[cfg(feature = "cuda")]
pub mod cuda;

use dfdx::prelude::{Backward, Cpu, HasErr, OwnedTape, PutTape, Storage, Tensor, TensorFromVec, ZerosTensor};
use rayon::prelude::*;

use crate::{Array, OpError, simd};

/// Values that are worked on in one piece.
const BLOCK: usize = 1 << 16;

/// What a new buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Zeros.
    Zeros,
    /// Whatever is there: every value is written before one is read. Debug builds put NaN.
    Anything,
}

/// What an op needs of a device: storage for `f32`, zeros, and the way in and out for host data.
///
/// # Safety
/// Its values and tensors may be used from several threads at once, whether or not dfdx has said so of its own type.
pub unsafe trait Device: Storage<f32> + ZerosTensor<f32> {
    /// Runs a recorded tape backward.
    ///
    /// # Errors
    /// The device failed.
    fn execute(&self, tape: OwnedTape<f32, Self>) -> Result<(), Self::Err>;

    /// What it means that `op` did not get `bytes` more: [`OpError::NoRoom`] where nothing but memory is missing.
    fn no_room(&self, op: &'static str, bytes: usize, error: Self::Err) -> OpError {
        OpError::device(op, format!("no room for {} MiB: {error}", bytes.div_ceil(1 << 20)))
    }

    /// Comes back when all that was asked of it is done: at once where work is done in the asking.
    ///
    /// # Errors
    /// Something that it was asked for has failed, or it is lost.
    fn wait(&self) -> Result<(), OpError> {
        Ok(())
    }

    /// Its free memory and all of it, in bytes, where the device has memory of its own.
    fn memory_bytes(&self) -> Option<[u64; 2]> {
        None
    }

    /// The most memory that was in use at a time, in bytes, where the device has memory of its own and counts it.
    fn peak_bytes(&self) -> Option<u64> {
        None
    }

    /// A new tensor of `len` values.
    ///
    /// # Errors
    /// The device has no room.
    fn tensor(&self, len: usize, fill: Fill) -> Result<Flat<Self>, Self::Err>;

    /// A new tensor that holds `values`.
    ///
    /// # Errors
    /// The device has no room.
    fn tensor_of(&self, values: Vec<f32>) -> Result<Flat<Self>, OpError>;

    /// A new buffer of `len` values.
    ///
    /// # Errors
    /// The device has no room.
    fn room(&self, len: usize, fill: Fill) -> Result<Self::Vec, Self::Err>;

    /// A new buffer that holds `values`.
    ///
    /// # Errors
    /// The device has no room.
    fn buffer(&self, values: Vec<f32>) -> Result<Self::Vec, OpError>;

    /// Copies an array's elements to the host.
    ///
    /// # Errors
    /// The device is lost, or what it was asked for before has failed.
    fn read(&self, array: &Array<Self>) -> Result<Vec<f32>, OpError>;

    /// The same of several arrays, of which the device is asked at once.
    ///
    /// # Errors
    /// As [`Device::read`].
    fn read_all(&self, arrays: &[&Array<Self>]) -> Result<Vec<Vec<f32>>, OpError> {
        arrays.iter().map(|array| self.read(array)).collect()
    }

    /// Overwrites an array's elements with as many `values` from the host; one whose buffer is shared gets another.
    ///
    /// # Errors
    /// The device has no room, or is lost.
    fn write(&self, array: &mut Array<Self>, values: &[f32]) -> Result<(), OpError>;

    /// Copies a buffer to the host.
    ///
    /// # Errors
    /// The device failed.
    fn read_buffer(&self, buffer: &Self::Vec) -> Result<Vec<f32>, OpError>;

    /// Adds to each buffer one of the same length, which is freed.
    ///
    /// # Errors
    /// The device failed.
    fn add(&self, pairs: Vec<(&mut Self::Vec, Self::Vec)>) -> Result<(), OpError>;
}

/// A device that several threads may use: what [`Device`] promises, in a type.
pub struct Shared<'a, D: Device>(pub &'a D);

// SAFETY: a device may be used from several threads, by its promise.
unsafe impl<D: Device> Send for Shared<'_, D> {}
// SAFETY: as above.
unsafe impl<D: Device> Sync for Shared<'_, D> {}

impl<D: Device> Clone for Shared<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Device> Copy for Shared<'_, D> {}

// SAFETY: dfdx's `Cpu` is `Send` and `Sync`.
unsafe impl Device for Cpu {
    fn execute(&self, tape: OwnedTape<f32, Cpu>) -> Result<(), <Cpu as HasErr>::Err> {
        self.try_zeros_like(&())?.put_tape(tape).try_backward().map(drop)
    }

    fn tensor(&self, len: usize, fill: Fill) -> Result<Flat<Cpu>, <Cpu as HasErr>::Err> {
        self.try_tensor_from_vec(values(len, fill), (len,))
    }

    fn tensor_of(&self, values: Vec<f32>) -> Result<Flat<Cpu>, OpError> {
        let len = values.len();
        let flat = self.try_tensor_from_vec(values, (len,));
        flat.map_err(|error| self.no_room("array", size_of::<f32>() * len, error))
    }

    fn room(&self, len: usize, fill: Fill) -> Result<Self::Vec, <Cpu as HasErr>::Err> {
        let mut buffer = Storage::<f32>::try_alloc_len(self, 0)?;
        *buffer = values(len, fill);
        Ok(buffer)
    }

    fn buffer(&self, values: Vec<f32>) -> Result<Self::Vec, OpError> {
        let buffer = Storage::<f32>::try_alloc_len(self, 0);
        let mut buffer = buffer.map_err(|error| self.no_room("gradients", 0, error))?;
        *buffer = values;
        Ok(buffer)
    }

    fn read(&self, array: &Array<Cpu>) -> Result<Vec<f32>, OpError> {
        Ok(array.to_vec())
    }

    fn write(&self, array: &mut Array<Cpu>, values: &[f32]) -> Result<(), OpError> {
        array.as_mut_slice().copy_from_slice(values);
        Ok(())
    }

    fn read_buffer(&self, buffer: &Self::Vec) -> Result<Vec<f32>, OpError> {
        Ok(buffer.to_vec())
    }

    fn add(&self, pairs: Vec<(&mut Self::Vec, Self::Vec)>) -> Result<(), OpError> {
        pairs.into_par_iter().for_each(|(sum, more)| {
            sum.par_chunks_mut(BLOCK).zip(more.par_chunks(BLOCK)).for_each(|(sum, more)| {
                simd::add(sum, more);
            });
        });
        Ok(())
    }
}

/// Host memory for a kernel's own use: every value is written before one is read.
pub(crate) fn scratch(len: usize) -> Vec<f32> {
    values(len, Fill::Anything)
}

/// Host memory for `len` values; zeros are written on all threads, because first touches are dear.
fn values(len: usize, fill: Fill) -> Vec<f32> {
    let mut values = Box::<[f32]>::new_uninit_slice(len);
    let first = match fill {
        Fill::Zeros => Some(0.0),
        Fill::Anything => cfg!(debug_assertions).then_some(f32::NAN),
    };
    if let Some(first) = first {
        values.par_chunks_mut(BLOCK).for_each(|block| {
            block.iter_mut().for_each(|value| _ = value.write(first));
        });
    }
    // SAFETY: written above, or asked for by somebody who promises to write every value before reading one; any bits are an f32.
    unsafe { values.assume_init() }.into_vec()
}

/// A flat, contiguous dfdx tensor: the buffer under an [`Array`](crate::Array).
pub type Flat<D> = Tensor<(usize,), f32, D>;

/// The elements of a CPU tensor, without a copy.
pub(crate) fn cpu_slice(tensor: &Flat<Cpu>, len: usize) -> &[f32] {
    if len == 0 {
        return &[];
    }
    let first: *const f32 = &tensor[[0]];
    // SAFETY: a `Flat` is only ever made by `Array`, contiguous and with `len` elements in one `Vec`;
    // the borrow of `tensor` keeps that `Vec` alive and unaliased by writers.
    unsafe { std::slice::from_raw_parts(first, len) }
}

/// The elements of a CPU tensor for writing; copied first if the buffer is shared.
pub(crate) fn cpu_slice_mut(tensor: &mut Flat<Cpu>, len: usize) -> &mut [f32] {
    if len == 0 {
        return &mut [];
    }
    let first: *mut f32 = &mut tensor[[0]];
    // SAFETY: as `cpu_slice`; `IndexMut` has made the buffer unique (`Arc::make_mut`).
    unsafe { std::slice::from_raw_parts_mut(first, len) }
}
