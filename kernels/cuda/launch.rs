//! What a device half may ask of a GPU: memory, kernels, products.

use std::any::Any;
use std::fmt;

use super::Gemm;
use crate::OpError;
use crate::op::Held;

/// A piece of device memory: `len` values of 32 bits from a device address on. Whoever made it keeps the memory alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    address: u64,
    len: usize,
}

impl Part {
    /// No memory: what stands where an input was not kept.
    pub const NONE: Part = Part { address: 0, len: 0 };

    /// The `len` values at `address`.
    pub(crate) fn new(address: u64, len: usize) -> Self {
        Part { address, len }
    }

    /// The device address.
    pub fn address(self) -> u64 {
        self.address
    }

    /// Number of values.
    pub fn len(self) -> usize {
        self.len
    }

    /// True when there are no values.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The values from `first` on, `len` of them.
    ///
    /// # Panics
    /// They are not all in it, which is a mistake of the op.
    pub fn slice(self, first: usize, len: usize) -> Self {
        assert!(first + len <= self.len, "{len} values from {first} on, of {}", self.len);
        Part { address: self.address + 4 * first as u64, len }
    }
}

/// Device memory of an op's own: scratch, or what it keeps for backward. Freed when dropped, after the work that was asked for before.
pub struct Buffer {
    part: Part,
    _owner: Box<dyn Any>,
}

impl Buffer {
    /// Memory at `part` that lives as long as `owner`.
    pub(crate) fn new(part: Part, owner: impl Any) -> Self {
        Buffer { part, _owner: Box::new(owner) }
    }

    /// Where it is.
    pub fn part(&self) -> Part {
        self.part
    }
}

impl Held for Buffer {
    fn held_bytes(&self) -> usize {
        4 * self.part.len
    }
}

impl<T: Held> Held for Option<T> {
    fn held_bytes(&self) -> usize {
        self.as_ref().map_or(0, Held::held_bytes)
    }
}

impl<T: Held, const N: usize> Held for [T; N] {
    fn held_bytes(&self) -> usize {
        self.iter().map(Held::held_bytes).sum()
    }
}

/// A `.cu` file. Compiled behind `common.cuh` when one of its kernels is first started.
pub struct Source {
    /// What errors call it.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arg {
    /// A pointer, `const float*` say.
    At(u64),
    /// An `int`.
    I32(i32),
    /// An `index_t`: 64 bits with a sign.
    I64(i64),
    /// A `float`.
    F32(f32),
    /// An `unsigned long long`.
    U64(u64),
}

impl Arg {
    /// The value in the lowest of 64 bits.
    pub(crate) fn bits(&self) -> u64 {
        match *self {
            Arg::At(bits) | Arg::U64(bits) => bits,
            Arg::I32(value) => u64::from(value as u32),
            Arg::I64(value) => value as u64,
            Arg::F32(value) => u64::from(value.to_bits()),
        }
    }
}

impl From<Part> for Arg {
    fn from(part: Part) -> Self {
        Arg::At(part.address)
    }
}

impl From<&Buffer> for Arg {
    fn from(buffer: &Buffer) -> Self {
        buffer.part.into()
    }
}

/// Extents and offsets: an `index_t`.
impl From<usize> for Arg {
    fn from(value: usize) -> Self {
        Arg::I64(value as i64)
    }
}

impl From<i32> for Arg {
    fn from(value: i32) -> Self {
        Arg::I32(value)
    }
}

impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        Arg::I32(i32::from(value))
    }
}

impl From<f32> for Arg {
    fn from(value: f32) -> Self {
        Arg::F32(value)
    }
}

impl From<u64> for Arg {
    fn from(value: u64) -> Self {
        Arg::U64(value)
    }
}

/// How many threads run a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Blocks along x, y and z. Where one is 0, nothing is to be done and nothing is started.
    pub blocks: [usize; 3],
    /// Threads of a block along x, y and z.
    pub threads: [usize; 3],
    /// Dynamic shared memory of a block.
    pub shared_bytes: usize,
}

impl Grid {
    /// The most dynamic shared memory that a block may ask for: what every GPU from sm_80 on can give.
    pub const SHARED_BYTES: usize = 99 * 1024;

    /// `blocks` blocks of `threads` threads.
    pub fn new(blocks: usize, threads: usize) -> Self {
        Grid { blocks: [blocks, 1, 1], threads: [threads, 1, 1], shared_bytes: 0 }
    }

    /// A thread for each of `work` pieces, in blocks of `threads`.
    pub fn over(work: usize, threads: usize) -> Self {
        Self::new(work.div_ceil(threads), threads)
    }

    /// The same with so many blocks along y.
    pub fn by(mut self, blocks: usize) -> Self {
        self.blocks[1] = blocks;
        self
    }

    /// The same with so many blocks along z.
    pub fn deep(mut self, blocks: usize) -> Self {
        self.blocks[2] = blocks;
        self
    }

    /// The same with dynamic shared memory for `values` values of 32 bits in each block.
    pub fn shared(mut self, values: usize) -> Self {
        self.shared_bytes = 4 * values;
        self
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.contains(&0)
    }

    /// Refuses what no GPU can start.
    pub(crate) fn check(&self, entry: &str) -> Result<(), Failure> {
        const BLOCKS: [usize; 3] = [i32::MAX as usize, 65_535, 65_535];
        let threads: usize = self.threads.iter().product();
        let fits = self.blocks.iter().zip(BLOCKS).all(|(&blocks, most)| blocks <= most);
        if !fits || !(1..=1024).contains(&threads) || self.threads[2] > 64 {
            return Err(Failure::new(format!("no GPU can start `{entry}` over {self:?}")));
        }
        if self.shared_bytes > Self::SHARED_BYTES {
            let want = self.shared_bytes;
            return Err(Failure::new(format!("`{entry}` asks for {want} bytes of shared memory a block")));
        }
        Ok(())
    }
}

/// Why a GPU did not do what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    reason: String,
    /// Bytes asked for, and bytes in use, where there was no room.
    room: Option<[u64; 2]>,
}

impl Failure {
    /// A failure in words.
    pub fn new(reason: impl fmt::Display) -> Self {
        Failure { reason: reason.to_string(), room: None }
    }

    /// There is no room for `asked` bytes, `free` of `all` being free.
    pub fn no_room(asked: u64, [free, all]: [u64; 2]) -> Self {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let (want, left, whole) = (mib(asked), free >> 20, mib(all));
        let reason =
            format!("no room for {want} MiB more on the GPU: {left} MiB of its {whole} MiB are free");
        Failure { reason, room: Some([asked, all.saturating_sub(free)]) }
    }

    /// As the failure of an op.
    pub fn of(self, op: &'static str) -> OpError {
        match self.room {
            Some([asked_bytes, held_bytes]) => {
                OpError::NoRoom { op, asked_bytes, held_bytes, reason: self.reason }
            }
            None => OpError::device(op, self.reason),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A GPU. What is asked of it is done one after another in the order of asking; only [`Launch::download`] waits for it.
pub trait Launch {
    /// Starts the kernel `entry` of `source`. Arguments have the kernel's own types in its own order.
    ///
    /// # Errors
    /// The source does not compile, the grid is none, or the device failed.
    fn launch(
        &self,
        source: &'static Source,
        entry: &'static str,
        grid: Grid,
        args: &[Arg],
    ) -> Result<(), Failure>;

    /// Memory for `len` values of 32 bits, of which each is written before it is read.
    ///
    /// # Errors
    /// There is no room.
    fn buffer(&self, len: usize) -> Result<Buffer, Failure>;

    /// Sets all bits to 0.
    ///
    /// # Errors
    /// The device failed.
    fn zero(&self, part: Part) -> Result<(), Failure>;

    /// Copies to a part of the same length.
    ///
    /// # Errors
    /// The device failed.
    fn copy(&self, from: Part, to: Part) -> Result<(), Failure>;

    /// Memory that holds `words`: lengths, offsets, masks.
    ///
    /// # Errors
    /// There is no room.
    fn upload(&self, words: &[u32]) -> Result<Buffer, Failure>;

    /// The bits of `part` on the host. Waits until all work before is done.
    ///
    /// # Errors
    /// The device failed.
    fn download(&self, part: Part) -> Result<Vec<u32>, Failure>;

    /// A matrix product, or several of the same extents.
    ///
    /// # Errors
    /// A matrix does not lie in its part, or the device failed.
    fn gemm(&self, gemm: Gemm) -> Result<(), Failure>;

    /// Number of multiprocessors: as many blocks run at once, or some times as many.
    fn processors(&self) -> usize;
}
