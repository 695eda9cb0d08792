//! Device memory that is host memory: between guards, so that what is written beside it is found.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::cuda::{Failure, Part};

/// Words of a guard: enough for a kernel's next four values, or its next warps.
const GUARD: usize = 256;
/// A NaN that no arithmetic makes.
const POISON: u32 = 0x7fc0_dead;
/// As a GPU's allocator has it, with which kernels read four values at once.
const ALIGNED: usize = 256;

/// All memory that lives, by address.
#[derive(Default)]
pub(super) struct Memory {
    lens: RefCell<BTreeMap<u64, usize>>,
}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(4 * (len + 2 * GUARD), ALIGNED).expect("a size")
}

fn words<'a>(first: u64, len: usize) -> &'a mut [u32] {
    // SAFETY: callers name what `Memory` has allocated and not yet freed; tests run a kernel or look at its memory, never both at once.
    unsafe { std::slice::from_raw_parts_mut(first as *mut u32, len) }
}

impl Memory {
    /// Room for `len` words, all of them a NaN.
    pub fn take(&self, len: usize) -> Part {
        // SAFETY: the size is never zero, as there are guards.
        let base = unsafe { alloc(layout(len)) } as u64;
        assert_ne!(base, 0, "no memory");
        words(base, len + 2 * GUARD).fill(POISON);
        let address = base + 4 * GUARD as u64;
        self.lens.borrow_mut().insert(address, len);
        Part::new(address, len)
    }

    pub fn free(&self, part: Part) {
        self.lens.borrow_mut().remove(&part.address());
        // SAFETY: `take` has made it with this layout, and whoever took it frees it once, when it is dropped.
        unsafe { dealloc((part.address() - 4 * GUARD as u64) as *mut u8, layout(part.len())) };
    }

    /// The words of `part`.
    pub fn read(&self, part: Part) -> &[u32] {
        self.inside(part)
    }

    /// Writes `from` over the first words of `part`.
    pub fn write(&self, part: Part, from: &[u32]) {
        self.inside(part)[..from.len()].copy_from_slice(from);
    }

    fn inside<'a>(&self, part: Part) -> &'a mut [u32] {
        if part.is_empty() {
            return &mut [];
        }
        let last = part.address() + 4 * part.len() as u64;
        let (lens, address) = (self.lens.borrow(), part.address());
        let found = lens.range(..=address).next_back();
        let lies = found.is_some_and(|(&first, &len)| last <= first + 4 * len as u64);
        assert!(lies, "{part:?} is no device memory");
        words(address, part.len())
    }

    /// Whether a pointer handed to a kernel points into live memory, or to its end.
    pub fn has(&self, address: u64) -> bool {
        let lens = self.lens.borrow();
        let found = lens.range(..=address).next_back();
        address == 0 || found.is_some_and(|(&first, &len)| address <= first + 4 * len as u64)
    }

    /// Whether all guards are as they were made.
    pub fn check(&self) -> Result<(), Failure> {
        for (&address, &len) in self.lens.borrow().iter() {
            let before = words(address - 4 * GUARD as u64, GUARD);
            let behind = words(address + 4 * len as u64, GUARD);
            if let Some(at) = before.iter().rposition(|&word| word != POISON) {
                let away = GUARD - at;
                return Err(Failure::new(format!("wrote {away} values before a buffer of {len}")));
            }
            if let Some(at) = behind.iter().position(|&word| word != POISON) {
                return Err(Failure::new(format!("wrote {at} values behind the end of a buffer of {len}")));
            }
        }
        Ok(())
    }
}
