//! `Array`: a dfdx buffer with a run-time shape.
//!
//! dfdx puts the rank into the type; a graph compiled from a file has no rank to give. So every buffer is one flat
//! dfdx tensor and the shape lies beside it. Reshaping is free and keeps the tensor's identity, hence its gradient.

#[cfg(feature = "cuda")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dfdx::prelude::Cpu;

use crate::device::{Device, Fill, Flat, cpu_slice, cpu_slice_mut};
use crate::{OpError, Shape};

/// A contiguous row-major array of `f32` on device `D`. Cloning shares the buffer.
#[derive(Clone)]
pub struct Array<D: Device> {
    pub(crate) flat: Flat<D>,
    pub(crate) id: u64,
    /// Counts the arrays that share the buffer: dfdx knows on the host alone who does.
    #[cfg(feature = "cuda")]
    owners: Arc<()>,
    shape: Shape,
    tracked: bool,
}

// SAFETY: a device's tensors may be used from several threads, by its promise; what else an array has may as well.
unsafe impl<D: Device> Send for Array<D> {}
// SAFETY: as above.
unsafe impl<D: Device> Sync for Array<D> {}

impl<D: Device> Array<D> {
    /// An array of `shape` holding `values`.
    ///
    /// # Errors
    /// The number of values is not the shape's, or the device has no room.
    pub fn from_vec(device: &D, values: Vec<f32>, shape: impl Into<Shape>) -> Result<Self, OpError> {
        let shape = shape.into();
        if values.len() != shape.len() {
            let want = format!("{} values were given", values.len());
            return Err(OpError::Shape { op: "array", operand: "the array", got: shape, want });
        }
        Ok(Self::wrap(device.tensor_of(values)?, shape))
    }

    /// The elements of several arrays, each on the host by itself: the device is waited for once.
    ///
    /// # Errors
    /// As [`Array::download`].
    pub fn download_all(arrays: &[&Self]) -> Result<Vec<Vec<f32>>, OpError> {
        arrays.first().map_or(Ok(Vec::new()), |first| first.device().read_all(arrays))
    }

    /// An array of `shape` holding zeros.
    ///
    /// # Errors
    /// The device has no room.
    pub fn zeros(device: &D, shape: impl Into<Shape>) -> Result<Self, OpError> {
        Self::filled(device, shape.into(), Fill::Zeros)
    }

    /// An array of `shape`, for an op to fill.
    ///
    /// # Errors
    /// The device has no room.
    pub(crate) fn filled(device: &D, shape: Shape, fill: Fill) -> Result<Self, OpError> {
        let flat = device.tensor(shape.len(), fill);
        let flat = flat.map_err(|error| device.no_room("array", size_of::<f32>() * shape.len(), error))?;
        Ok(Self::wrap(flat, shape))
    }

    fn wrap(flat: Flat<D>, shape: Shape) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Array {
            flat,
            id,
            #[cfg(feature = "cuda")]
            owners: Arc::default(),
            shape,
            tracked: false,
        }
    }

    /// The extents.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The extents, when there are exactly `N`.
    ///
    /// # Errors
    /// The rank is another; `op` and `operand` name the culprit.
    pub fn dims<const N: usize>(
        &self,
        op: &'static str,
        operand: &'static str,
    ) -> Result<[usize; N], OpError> {
        <[usize; N]>::try_from(self.shape.dims()).map_err(|_| OpError::Shape {
            op,
            operand,
            got: self.shape,
            want: format!("it needs {N} axes"),
        })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.len()
    }

    /// True when there are no elements.
    pub fn is_empty(&self) -> bool {
        self.shape.is_empty()
    }

    /// The device that holds the buffer.
    pub fn device(&self) -> &D {
        self.flat.device()
    }

    /// The same buffer seen with other extents.
    ///
    /// # Errors
    /// The number of elements differs.
    pub fn reshaped(&self, shape: impl Into<Shape>) -> Result<Self, OpError> {
        let shape = shape.into();
        if shape.len() != self.shape.len() {
            let want = format!("it is to become {shape}");
            return Err(OpError::Shape { op: "reshape", operand: "the array", got: self.shape, want });
        }
        Ok(Array { shape, ..self.clone() })
    }

    /// A copy of the elements on the host.
    ///
    /// # Errors
    /// The device is lost, or what it was asked for before has failed.
    pub fn download(&self) -> Result<Vec<f32>, OpError> {
        self.device().read(self)
    }

    /// The first element that is infinite or no number; on the CPU nothing is copied to find it.
    ///
    /// # Errors
    /// Those of [`Array::download`].
    pub fn first_not_finite(&self) -> Result<Option<f32>, OpError> {
        let flat: &dyn std::any::Any = &self.flat;
        Ok(match flat.downcast_ref::<Flat<Cpu>>() {
            Some(flat) => first_not_finite(cpu_slice(flat, self.len())),
            None => first_not_finite(&self.download()?),
        })
    }

    /// Overwrites the elements with `values` from the host. A shared buffer is copied first.
    ///
    /// # Errors
    /// The number of values differs from the array's, the device has no room for a copy, or it is lost.
    pub fn copy_from(&mut self, values: &[f32]) -> Result<(), OpError> {
        if values.len() != self.len() {
            let want = format!("{} values are to be written", values.len());
            return Err(OpError::Shape { op: "copy", operand: "the array", got: self.shape, want });
        }
        if !values.is_empty() {
            let device = self.device().clone();
            device.write(self, values)?;
        }
        Ok(())
    }

    /// The same array, marked as one whose gradient is wanted (a trainable parameter).
    pub fn tracked(&self) -> Self {
        Array { tracked: true, ..self.clone() }
    }

    /// The same array, through which no gradient flows.
    pub fn detached(&self) -> Self {
        Array { tracked: false, ..self.clone() }
    }

    /// Whether a backward pass has to reach this array.
    pub fn is_tracked(&self) -> bool {
        self.tracked
    }

    /// Whether another array has the same buffer.
    #[cfg(feature = "cuda")]
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.owners) > 1
    }

    /// The same array in another buffer, which nobody shares.
    #[cfg(feature = "cuda")]
    pub(crate) fn move_to(&mut self, flat: Flat<D>) {
        (self.flat, self.owners) = (flat, Arc::default());
    }

    pub(crate) fn with_tracking(mut self, tracked: bool) -> Self {
        self.tracked = tracked;
        self
    }
}

/// Blocks are looked through whole, which vectors can do, and one by one only where there is something to find.
fn first_not_finite(values: &[f32]) -> Option<f32> {
    const BLOCK: usize = 4096;
    let magnitude = |value: &f32| value.to_bits() & 0x7fff_ffff;
    let infinite = f32::INFINITY.to_bits();
    let broken = |block: &&[f32]| block.iter().fold(0, |most, value| magnitude(value).max(most)) >= infinite;
    let block = values.chunks(BLOCK).find(broken)?;
    block.iter().copied().find(|value| !value.is_finite())
}

impl Array<Cpu> {
    /// A copy of the elements.
    pub fn to_vec(&self) -> Vec<f32> {
        self.as_slice().to_vec()
    }

    /// The elements, without a copy.
    pub fn as_slice(&self) -> &[f32] {
        cpu_slice(&self.flat, self.shape.len())
    }

    /// The elements for writing; a shared buffer is copied first.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.shape.len();
        cpu_slice_mut(&mut self.flat, len)
    }
}

impl<D: Device> std::fmt::Debug for Array<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tracked = if self.tracked { ", tracked" } else { "" };
        write!(f, "Array{}{tracked}", self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_found_wherever_it_stands() {
        let sound: Vec<f32> = (0..10_000).map(|at| if at % 3 == 0 { f32::MAX } else { -1e-45 }).collect();
        let array = |values: &[f32]| Array::from_vec(&Cpu::default(), values.to_vec(), [values.len()]);
        assert_eq!(array(&sound).unwrap().first_not_finite().unwrap(), None);
        for at in [0, 4_095, 4_096, 9_999] {
            for broken in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut values = sound.clone();
                values[at] = broken;
                let found = array(&values).unwrap().first_not_finite().unwrap().map(f32::to_bits);
                assert_eq!(found, Some(broken.to_bits()), "{broken} at {at}");
            }
        }
        assert_eq!(array(&[]).unwrap().first_not_finite().unwrap(), None);
    }
}
