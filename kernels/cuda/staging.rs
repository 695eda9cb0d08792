//! Pages of the host that a GPU reads by itself: what values pass through on their way to it.
//!
//! From any other memory a copy would first wait for all work that the GPU has. From here it takes its turn on the stream, and who asked goes on; a
//! batch so lies on the GPU before the work in front of it is done. Not for: the way back, where somebody waits for the values anyway. Start at
//! [`Staging::send`].

use std::ffi::c_void;

use cudarc::driver::result::{DriverError, event, memcpy_htod_async};
use cudarc::driver::sys;

use super::Part;

/// Stages: while some are being read the others are filled.
const STAGES: usize = 4;

/// Values of a stage: 4 MiB, more than a batch of speech.
const VALUES: usize = 1 << 20;

/// The stages that there are, made as they are needed, and whose turn it is.
#[derive(Default)]
pub(super) struct Staging {
    stages: Vec<Stage>,
    turn: usize,
}

impl Staging {
    /// Copies `values`, as many as `to` has, in the order of the stream.
    ///
    /// # Errors
    /// The host has no such memory left, or the device failed.
    ///
    /// # Safety
    /// `to` is device memory that stays until the stream comes to what is asked for behind this. The stream's device is this thread's own.
    pub unsafe fn send(
        &mut self,
        stream: sys::CUstream,
        to: Part,
        values: impl ExactSizeIterator<Item = u32>,
    ) -> Result<(), DriverError> {
        let mut values = values.take(to.len());
        let mut sent = 0;
        while sent < to.len() {
            let part = to.slice(sent, VALUES.min(to.len() - sent));
            // SAFETY: a part of `to`, and the caller's promises for it.
            unsafe { self.next()?.send(stream, part, &mut values)? };
            sent += part.len();
        }
        Ok(())
    }

    /// The stage whose turn it is.
    fn next(&mut self) -> Result<&mut Stage, DriverError> {
        if self.stages.len() < STAGES {
            self.stages.push(Stage::new()?);
        }
        let turn = self.turn % self.stages.len();
        self.turn = turn + 1;
        Ok(&mut self.stages[turn])
    }
}

/// One piece of such memory.
struct Stage {
    /// [`VALUES`] values. It is never given back: the driver frees it with the process, and may not be asked any more when statics end.
    values: *mut u32,
    /// Comes when the GPU has read what was put in last.
    read: sys::CUevent,
}

// SAFETY: a piece of memory that this alone knows, and a handle; the driver takes both from any thread.
unsafe impl Send for Stage {}

impl Stage {
    fn new() -> Result<Self, DriverError> {
        let mut values: *mut c_void = std::ptr::null_mut();
        // SAFETY: a place for an address.
        unsafe { sys::cuMemAllocHost_v2(&raw mut values, VALUES * size_of::<u32>()) }.result()?;
        let read = event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING)?;
        Ok(Stage { values: values.cast(), read })
    }

    /// Takes as many values as `part` has, and has them copied there.
    ///
    /// # Safety
    /// As [`Staging::send`]; there are at least so many values, and [`VALUES`] at most.
    unsafe fn send(
        &mut self,
        stream: sys::CUstream,
        part: Part,
        values: &mut impl Iterator<Item = u32>,
    ) -> Result<(), DriverError> {
        // SAFETY: an event of `new`; one that was never asked for is there at once.
        unsafe { sys::cuEventSynchronize(self.read) }.result()?;
        // SAFETY: `new` has made so many values, the GPU has read what was in them, and `self` is borrowed by nobody else.
        let room = unsafe { std::slice::from_raw_parts_mut(self.values, part.len()) };
        for (slot, value) in room.iter_mut().zip(values) {
            *slot = value;
        }
        // SAFETY: room for as many values on the device, by the caller's promise; what is read stays as it is until the event has come.
        unsafe {
            memcpy_htod_async(part.address(), room, stream)?;
            event::record(self.read, stream)
        }
    }
}
