//! Sums over rows, in an order that depends on extents alone, and of two buffers.

use super::{Failure, Grid, Launch, Part, Source};

static SOURCE: Source = Source { name: "reduce", text: include_str!("reduce.cu") };

/// Into how many chunks `rows` are cut, and how many rows one has: enough for all multiprocessors, each with enough to do.
pub(crate) fn chunks(rows: usize) -> [usize; 2] {
    const SHORT: usize = 64;
    const MOST: usize = 256;
    let each = rows.div_ceil(MOST).max(SHORT);
    [rows.div_ceil(each), each]
}

/// `out` [cols] = beta · `out` + the column sums of `x` [rows, cols].
pub(crate) fn column_sums(
    gpu: &dyn Launch,
    x: Part,
    [rows, cols]: [usize; 2],
    out: Part,
    beta: f32,
) -> Result<(), Failure> {
    let [count, each] = chunks(rows);
    let parts = gpu.buffer(count * cols)?;
    let args = [x.into(), (&parts).into(), rows.into(), cols.into(), each.into()];
    gpu.launch(&SOURCE, "column_parts", over_columns(cols, count, 1), &args)?;
    sum_parts(gpu, parts.part(), count, out, beta)
}

/// `out` = beta · `out` + the sum of `count` parts of its length, in their order.
pub(crate) fn sum_parts(
    gpu: &dyn Launch,
    parts: Part,
    count: usize,
    out: Part,
    beta: f32,
) -> Result<(), Failure> {
    let args = [parts.into(), out.into(), count.into(), out.len().into(), beta.into()];
    gpu.launch(&SOURCE, "sum_parts", Grid::over(out.len(), 256), &args)
}

/// `sum` += `more`, of the same length.
pub(crate) fn add_to(gpu: &dyn Launch, sum: Part, more: Part) -> Result<(), Failure> {
    let args = [more.into(), sum.into(), sum.len().into()];
    gpu.launch(&SOURCE, "add_to", Grid::over(sum.len().div_ceil(4), 256), &args)
}

/// Over rows that are added up, and whether they are so long that each has a block and not a warp: `row_of_thread` of `common.cuh` says
/// whose a thread is.
pub(crate) fn over_rows(rows: usize, cols: usize) -> (bool, Grid) {
    const THREADS: usize = 256;
    const LONG: usize = 4096;
    let long = cols >= LONG;
    (long, if long { Grid::new(rows, THREADS) } else { Grid::over(32 * rows, THREADS) })
}

/// Over columns of `sequences` arrays in `count` chunks of their rows: blocks of 32 columns by 8 rows, chunks along y, arrays along z.
pub(crate) fn over_columns(cols: usize, count: usize, sequences: usize) -> Grid {
    Grid { threads: [32, 8, 1], ..Grid::new(cols.div_ceil(32), 1).by(count).deep(sequences) }
}
