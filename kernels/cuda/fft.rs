//! Fourier transforms on the device, of complex sequences whose length is a power of two: their extents, and how they are started.
//!
//! A sequence is a matrix of rows of up to 4096 values. What begins with samples, an op's own kernel, loads them and transforms columns
//! (`transform_columns` of `fft.cuh`), [`Plan`] then the rows, each in a block's shared memory; an op's own kernel again takes columns back.
//! Frequencies lie scrambled in between, which products of spectra do not mind. Not for: other lengths, which `s4_kernel` makes convolutions of.

use super::{Arg, Failure, Grid, Launch, Part, Source};

static SOURCE: Source = Source { name: "fft", text: include_str!("fft.cu") };

/// log₂ of the most values of a row, which also is what a block has room for.
const LOG_ROW: u32 = 12;
/// log₂ of the columns of a block, of all its channels.
const LOG_COLUMNS: u32 = 9;
/// log₂ of the channels of a block where channels are neighbours in memory: two sectors of 32 bytes.
const LOG_CHANNELS: u32 = 4;
/// Threads of a block of columns.
const THREADS: usize = 256;

/// Values of scratch that transforms take at once: with them, the spectra and the samples stay in the L2 of large GPUs. Small in tests, so that small
/// cases too are done in several goes.
const AT_ONCE: usize = if cfg!(test) { 1 << 13 } else { 1 << 23 };

/// How sequences of one length are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    log_rows: u32,
    log_len: u32,
}

/// A grid over columns, and what `tile_of_block` takes.
pub(crate) struct Columns {
    pub grid: Grid,
    pub extents: [Arg; 5],
}

impl Plan {
    /// Sequences of the next power of two from `least` values on.
    ///
    /// # Errors
    /// They are longer than 2²⁴ values.
    pub fn of(least: usize) -> Result<Self, Failure> {
        let log = least.next_power_of_two().trailing_zeros();
        if log > 2 * LOG_ROW {
            return Err(Failure::new(format!("a Fourier transform of {least} values is longer than 2^24")));
        }
        let log_len = log.min(LOG_ROW);
        Ok(Plan { log_rows: log - log_len, log_len })
    }

    /// Complex values of a sequence.
    pub fn len(&self) -> usize {
        1 << (self.log_rows + self.log_len)
    }

    /// How many of the things that take so many sequences each are done at once: no more than blocks along y.
    pub fn at_once(&self, sequences: usize) -> usize {
        (AT_ONCE / (2 * self.len() * sequences).max(1)).clamp(1, 65_535)
    }

    /// Over the columns of `sequences` times `channels`, whose samples are `neighbours` in memory or lie each in one piece.
    pub fn columns(&self, sequences: usize, channels: usize, neighbours: bool) -> Columns {
        let room = (LOG_ROW - self.log_rows).min(LOG_COLUMNS);
        let wanted = channels.next_power_of_two().trailing_zeros();
        let log_channels = if neighbours { wanted.min(LOG_CHANNELS).min(room.div_ceil(2)) } else { 0 };
        let log_columns = (room - log_channels).min(self.log_len);
        let blocks = channels.div_ceil(1 << log_channels) << (self.log_len - log_columns);
        let values = 1 << (self.log_rows + log_channels + log_columns);
        let int = |log: u32| Arg::from(log as i32);
        Columns {
            grid: Grid::new(blocks, THREADS).by(sequences).shared(shared(values)),
            extents: [
                channels.into(),
                int(self.log_rows),
                int(self.log_len),
                int(log_channels),
                int(log_columns),
            ],
        }
    }

    /// Complex values of a row.
    pub fn row(&self) -> usize {
        1 << self.log_len
    }

    /// Over the rows of all sequences in `x`.
    pub fn rows(&self, x: Part) -> Grid {
        // 16 values a thread.
        Grid::new(x.len() / (2 * self.row()), (self.row() / 16).clamp(32, 256)).shared(shared(self.row()))
    }

    /// log₂ of a row's values, as kernels take it.
    pub fn log_len(&self) -> Arg {
        Arg::from(self.log_len as i32)
    }

    /// What a transform there and back makes values too large by, turned over.
    pub fn scale(&self) -> Arg {
        Arg::from(1.0 / self.len() as f32)
    }

    /// The spectra of sequences whose columns are transformed, in place.
    pub fn forward(&self, gpu: &dyn Launch, x: Part) -> Result<(), Failure> {
        gpu.launch(&SOURCE, "fft_forward", self.rows(x), &[x.into(), self.log_len()])
    }

    /// Those sequences convolved with what `spectra` are of, in place; correlated where `conjugated`. Spectra repeat, where they are fewer.
    pub fn filter(&self, gpu: &dyn Launch, x: Part, spectra: Part, conjugated: bool) -> Result<(), Failure> {
        let of_spectra = spectra.len() / (2 * self.row());
        let args =
            [x.into(), spectra.into(), of_spectra.into(), self.log_len(), conjugated.into(), self.scale()];
        gpu.launch(&SOURCE, "fft_filter", self.rows(x), &args)
    }

    /// Sequences whose columns are to be taken back, from spectra in place.
    pub fn back(&self, gpu: &dyn Launch, x: Part) -> Result<(), Failure> {
        gpu.launch(&SOURCE, "fft_back", self.rows(x), &[x.into(), self.log_len(), self.scale()])
    }
}

/// Values of 32 bits of shared memory for `values` complex ones: with the gaps of `padded`.
fn shared(values: usize) -> usize {
    2 * (values + values / 16)
}
