//! The extents of an [`Array`](crate::Array), known at run time.

use std::fmt;

/// The most axes an array can have.
const MAX_RANK: usize = 4;

/// Up to four extents, row-major, the last axis contiguous.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The extents as a slice, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.dims().iter().product()
    }

    /// True when any extent is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The extent of the contiguous axis (1 for a scalar).
    pub fn last(&self) -> usize {
        self.dims().last().copied().unwrap_or(1)
    }

    /// The same shape with another extent of the contiguous axis.
    pub fn with_last(mut self, extent: usize) -> Self {
        if self.rank > 0 {
            self.dims[self.rank - 1] = extent;
        }
        self
    }

    /// The number of contiguous rows, `len / last`.
    pub fn rows(&self) -> usize {
        self.dims()[..self.rank.saturating_sub(1)].iter().product()
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(extents: [usize; N]) -> Self {
        const { assert!(N <= MAX_RANK) };
        let mut dims = [1; MAX_RANK];
        dims[..N].copy_from_slice(&extents);
        Shape { dims, rank: N }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[")?;
        for (i, extent) in self.dims().iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{extent}")?;
        }
        write!(f, "]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
