//! Device halves without a GPU: the same `.cu` files compiled for the CPU, the same grids, thread by thread.
//!
//! For tests: [`emulated`] makes a [`CpuOp`] of a [`CudaOp`], so that `agree::check` and every table of cases hold it to the specification as they
//! hold the CPU's half. Each run is made twice, with threads and blocks in order and in reverse, and has to come to the same bits: a barrier
//! that is missing is found so. Outputs, scratch and shared memory are NaN before; memory lies between guards that are looked at after each
//! kernel; arguments have to be of the kernel's types. Not for: speed, or the rounding of a GPU's own `expf`.

mod library;
mod memory;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use self::memory::Memory;
use super::gemm::{Blas, Operand};
use super::{Arg, Buffer, CudaOp, Failure, Gemm, Gradient, Grid, Launch, Part, Source};
use crate::op::{self, CpuOp, Held, Op};

/// A GPU that is not there.
#[derive(Default)]
pub struct Emulator {
    memory: Rc<Memory>,
    /// Whether blocks and threads run in reverse.
    descending: bool,
}

/// Frees what it was taken from.
struct Lent {
    memory: Rc<Memory>,
    part: Part,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.memory.free(self.part);
    }
}

impl Emulator {
    /// One whose threads run in order, or in reverse; `None` where there is no compiler, which is said on standard error.
    pub fn new(descending: bool) -> Option<Self> {
        library::is_there().then(|| Emulator { descending, ..Emulator::default() })
    }

    /// Memory holding `values`.
    pub fn holding(&self, values: &[f32]) -> Buffer {
        let words: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
        self.upload(&words).expect("there is always room")
    }

    /// The values of `part`.
    pub fn values(&self, part: Part) -> Vec<f32> {
        self.memory.read(part).iter().map(|&word| f32::from_bits(word)).collect()
    }
}

impl Launch for Emulator {
    fn launch(
        &self,
        source: &'static Source,
        entry: &'static str,
        grid: Grid,
        args: &[Arg],
    ) -> Result<(), Failure> {
        let named = |failure: Failure| Failure::new(format!("{}.cu: {entry}: {failure}", source.name));
        grid.check(entry)?;
        if grid.is_empty() {
            return Ok(());
        }
        for (place, arg) in args.iter().enumerate() {
            if let Arg::At(address) = *arg
                && !self.memory.has(address)
            {
                return Err(named(Failure::new(format!("argument {place} points nowhere"))));
            }
        }
        library::run(source, entry, grid, args, self.descending).map_err(named)?;
        self.memory.check().map_err(named)
    }

    fn buffer(&self, len: usize) -> Result<Buffer, Failure> {
        let part = self.memory.take(len);
        Ok(Buffer::new(part, Lent { memory: Rc::clone(&self.memory), part }))
    }

    fn zero(&self, part: Part) -> Result<(), Failure> {
        self.memory.write(part, &vec![0; part.len()]);
        Ok(())
    }

    fn copy(&self, from: Part, to: Part) -> Result<(), Failure> {
        assert_eq!(from.len(), to.len(), "a copy of another length");
        let words = self.download(from)?;
        self.memory.write(to, &words);
        Ok(())
    }

    fn upload(&self, words: &[u32]) -> Result<Buffer, Failure> {
        let buffer = self.buffer(words.len())?;
        self.memory.write(buffer.part(), words);
        Ok(buffer)
    }

    fn download(&self, part: Part) -> Result<Vec<u32>, Failure> {
        Ok(self.memory.read(part).to_vec())
    }

    /// As BLAS is documented, so that the way from rows to columns is tested too; sums in f64.
    fn gemm(&self, gemm: Gemm) -> Result<(), Failure> {
        let Some(blas) = gemm.blas()? else { return Ok(()) };
        let Blas { transpose, m, n, k, alpha, a, b, beta, c, batch } = blas;
        let place = |x: &Operand, transposed: bool, batch: usize, row: usize, col: usize| {
            let (row, col) = if transposed { (col, row) } else { (row, col) };
            batch * x.apart + col * x.leading + row
        };
        let (left, right, mut out) = (self.values(a.part), self.values(b.part), self.values(c.part));
        for batch in 0..batch {
            for (row, col) in (0..n).flat_map(|col| (0..m).map(move |row| (row, col))) {
                let product = |i| {
                    let left = left[place(&a, transpose[0], batch, row, i)];
                    f64::from(left) * f64::from(right[place(&b, transpose[1], batch, i, col)])
                };
                let sum: f64 = (0..k).map(product).sum();
                let at = place(&c, false, batch, row, col);
                let before = if beta == 0.0 { 0.0 } else { f64::from(beta) * f64::from(out[at]) };
                out[at] = (f64::from(alpha) * sum + before) as f32;
            }
        }
        self.memory.write(c.part, &bits(&out));
        Ok(())
    }

    /// Few, so that kernels which divide their work by it divide small cases too.
    fn processors(&self) -> usize {
        3
    }
}

/// `op`'s device half as a CPU kernel, for the tables of cases; `None` where there is no compiler, which is said on standard error.
///
/// In a program built for CUDA with `RUNNER_GPU` set to the number of a GPU, it runs on that one instead, twice all the same.
pub fn emulated<O: CudaOp>(op: O) -> Option<Emulated<O>> {
    let machines = match real() {
        Some(machines) => machines,
        None => [Machine::Emulated(Emulator::new(false)?), Machine::Emulated(Emulator::new(true)?)],
    };
    Some(Emulated { op, machines })
}

/// What a device half runs on.
enum Machine {
    Emulated(Emulator),
    #[cfg(feature = "cuda")]
    Real(&'static crate::cuda::Driver),
}

impl Machine {
    fn gpu(&self) -> &dyn Launch {
        match self {
            Machine::Emulated(emulator) => emulator,
            #[cfg(feature = "cuda")]
            Machine::Real(driver) => *driver,
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn real() -> Option<[Machine; 2]> {
    None
}

/// The GPU that tests are to run on, where one is asked for: then it has to be there.
#[cfg(feature = "cuda")]
fn real() -> Option<[Machine; 2]> {
    let ordinal = std::env::var("RUNNER_GPU").ok()?.parse().expect("RUNNER_GPU is the number of a GPU");
    crate::device::cuda::open(ordinal).unwrap_or_else(|failure| panic!("{failure}"));
    let driver = crate::cuda::Driver::current().expect("just opened");
    Some([Machine::Real(driver), Machine::Real(driver)])
}

/// Memory of `gpu` that holds `values`.
fn holding(gpu: &dyn Launch, values: &[f32]) -> Buffer {
    gpu.upload(&bits(values)).unwrap_or_else(|failure| panic!("{failure}"))
}

/// What `part` holds.
fn values(gpu: &dyn Launch, part: Part) -> Vec<f32> {
    let words = gpu.download(part).unwrap_or_else(|failure| panic!("{failure}"));
    words.into_iter().map(f32::from_bits).collect()
}

/// A device half run on the CPU, twice.
pub struct Emulated<O> {
    op: O,
    machines: [Machine; 2],
}

impl<O: CudaOp> Op for Emulated<O> {
    const NAME: &'static str = O::NAME;
}

/// What each of both runs holds for backward.
pub struct Both<S>(Option<[S; 2]>);

impl<S> Default for Both<S> {
    fn default() -> Self {
        Both(None)
    }
}

impl<S: Held> Held for Both<S> {
    fn held_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |[first, _]| first.held_bytes())
    }
}

impl<O: CudaOp> Emulated<O> {
    /// Runs forward in one order, into `outputs`.
    fn forward_in(
        &self,
        gpu: &dyn Launch,
        inputs: &[&[f32]],
        outputs: &mut [Vec<f32>],
        save: bool,
    ) -> O::Saved {
        let lent: Vec<Buffer> = inputs.iter().map(|input| holding(gpu, input)).collect();
        let made: Vec<Buffer> = outputs.iter().map(|output| holding(gpu, output)).collect();
        let saved = self.op.forward(gpu, &parts(&lent), &parts(&made), save);
        let saved = saved.unwrap_or_else(|failure| panic!("{} forward: {failure}", O::NAME));
        unchanged::<O>(gpu, &lent, inputs);
        for (output, made) in outputs.iter_mut().zip(&made) {
            *output = values(gpu, made.part());
        }
        saved
    }

    /// Runs backward in one order, into `gradients`.
    fn backward_in(
        &self,
        gpu: &dyn Launch,
        saved: O::Saved,
        operands: [&[&[f32]]; 2],
        gradients: &mut [Option<(Vec<f32>, bool)>],
    ) {
        let [inputs, doutputs] = operands;
        let lend = |values: &[&[f32]]| -> Vec<Buffer> { values.iter().map(|x| holding(gpu, x)).collect() };
        let (lent, owed) = (lend(inputs), lend(doutputs));
        let kept = |(index, part)| {
            let is_input = index < gradients.len();
            if is_input && !self.op.keeps_input(index) { Part::NONE } else { part }
        };
        let kept: Vec<Part> = parts(&lent).into_iter().enumerate().map(kept).collect();
        let held: Vec<Option<Buffer>> =
            gradients.iter().map(|gradient| Some(holding(gpu, &gradient.as_ref()?.0))).collect();
        let wanted = held.iter().zip(&*gradients).map(|(held, gradient)| {
            Some(Gradient { part: held.as_ref()?.part(), fresh: gradient.as_ref()?.1 })
        });
        let wanted: Vec<Option<Gradient>> = wanted.collect();
        let done = self.op.backward(gpu, saved, &kept, &parts(&owed), &wanted);
        done.unwrap_or_else(|failure| panic!("{} backward: {failure}", O::NAME));
        unchanged::<O>(gpu, &lent, inputs);
        unchanged::<O>(gpu, &owed, doutputs);
        for (gradient, held) in gradients.iter_mut().zip(&held) {
            if let (Some((gradient, _)), Some(held)) = (gradient, held) {
                *gradient = values(gpu, held.part());
            }
        }
    }
}

fn parts(buffers: &[Buffer]) -> Vec<Part> {
    buffers.iter().map(Buffer::part).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// An op writes to nothing but its outputs and gradients.
fn unchanged<O: Op>(gpu: &dyn Launch, lent: &[Buffer], before: &[&[f32]]) {
    for (index, (lent, before)) in lent.iter().zip(before).enumerate() {
        assert!(
            bits(&values(gpu, lent.part())) == bits(before),
            "{}: operand {index} was written to",
            O::NAME
        );
    }
}

/// The same bits, whatever the order of threads and blocks.
fn alike<O: Op>(what: &str, first: &[f32], second: &[f32]) {
    let differ = first.iter().zip(second).position(|(a, b)| a.to_bits() != b.to_bits());
    if let Some(at) = differ {
        let (a, b) = (first[at], second[at]);
        panic!("{} {what}[{at}] depends on the order of threads: {a} and {b}", O::NAME);
    }
}

impl<O: CudaOp> CpuOp for Emulated<O> {
    type Saved = Both<O::Saved>;

    fn keeps_input(&self, index: usize) -> bool {
        self.op.keeps_input(index)
    }

    fn keeps_output(&self, index: usize) -> bool {
        self.op.keeps_output(index)
    }

    fn overwrites(&self) -> bool {
        self.op.overwrites()
    }

    fn sets_gradient(&self, index: usize) -> bool {
        self.op.sets_gradient(index)
    }

    fn forward(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], save: bool) -> Self::Saved {
        let before: Vec<Vec<f32>> = outputs.iter().map(|output| output.to_vec()).collect();
        let (mut first, mut second) = (before.clone(), before);
        let [ascending, descending] = self.machines.each_ref().map(Machine::gpu);
        let saved = self.forward_in(ascending, inputs, &mut first, save);
        let again = self.forward_in(descending, inputs, &mut second, save);
        for (index, (output, first)) in outputs.iter_mut().zip(&first).enumerate() {
            alike::<O>(&format!("output {index}"), first, &second[index]);
            output.copy_from_slice(first);
        }
        Both(Some([saved, again]))
    }

    fn backward(
        &self,
        saved: Self::Saved,
        inputs: &[&[f32]],
        doutputs: &[&[f32]],
        dinputs: &mut [Option<op::Gradient<'_>>],
    ) {
        let start = dinputs.iter().map(|gradient| {
            let gradient = gradient.as_ref()?;
            Some((gradient.to_vec(), gradient.is_fresh()))
        });
        let mut first: Vec<Option<(Vec<f32>, bool)>> = start.collect();
        let mut second = first.clone();
        let [saved, again] = saved.0.expect("forward has run");
        let [ascending, descending] = self.machines.each_ref().map(Machine::gpu);
        self.backward_in(ascending, saved, [inputs, doutputs], &mut first);
        self.backward_in(descending, again, [inputs, doutputs], &mut second);
        for (index, gradient) in dinputs.iter_mut().enumerate() {
            if let (Some(gradient), Some((first, _)), Some((second, _))) =
                (gradient, &first[index], &second[index])
            {
                alike::<O>(&format!("gradient of input {index}"), first, second);
                gradient.copy_from_slice(first);
            }
        }
    }
}
