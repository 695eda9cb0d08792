//! Floats that start at a cache line: a vector of the widest unit then lies in one line, not across two.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// A fixed number of floats, from a cache line on.
#[derive(Debug)]
pub(super) struct Aligned {
    /// Never grown or shrunk, so that it stays where it is.
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros, from the start of a cache line on.
    pub fn zeros(len: usize) -> Self {
        let values = vec![0.0f32; len + LINE / size_of::<f32>()];
        // Where the offset cannot be told, any start is right, and slower.
        let start = values.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        Aligned { values, start, len }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..][..self.len]
    }
}
