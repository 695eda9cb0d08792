//! The device half: as the CPU's, powers in f64, threads walking by so many of them at a time.

use super::{Rule, S4dKernel};
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "s4d_kernel", text: include_str!("s4d_kernel.cu") };

/// As in the kernels: threads of a block that walks, steps of a walk forward, pairs of a block backward, values kept of each pair.
const STRIDE: usize = 128;
const STEPS: usize = 16;
const PAIRS: usize = 4;
const PULLED: usize = 5;
/// Values of 32 bits in λ, c₀ and c₁, complex numbers of f64.
const TERMS: usize = 12;

impl S4dKernel {
    fn rows(&self) -> usize {
        self.responses * self.heads
    }

    /// The rule's number in the kernels.
    fn number(&self) -> i32 {
        match self.rule {
            Rule::ZeroOrderHold => 0,
            Rule::FirstOrderHold => 1,
            Rule::Bilinear => 2,
        }
    }

    /// The rows' derivatives, added up to the gradients that are wanted.
    fn add_up(
        &self,
        gpu: &dyn Launch,
        pulled: Part,
        inputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let &[by_dt, by_real, by_imag, by_c] = dinputs else { unreachable!("four inputs") };
        let [heads, groups, pairs] = [self.heads, self.groups, self.pairs];
        if let Some(to) = by_dt {
            let extents = [heads, pairs, self.responses].map(Arg::from);
            let args = [Arg::from(inputs[0]), pulled.into(), to.part.into(), to.beta().into()];
            let grid = Grid::over(32 * heads, 256);
            gpu.launch(&SOURCE, "s4d_kernel_by_dt", grid, &[&args[..], &extents].concat())?;
        }
        if by_real.is_some() || by_imag.is_some() {
            let ([real, beta_real], [imag, beta_imag]) =
                (pointwise::wanted(by_real), pointwise::wanted(by_imag));
            let operands = [inputs[1].into(), pulled.into(), real, imag, beta_real, beta_imag];
            let extents = [heads, groups, pairs, self.rows()].map(Arg::from);
            let args = [&operands[..], &extents].concat();
            gpu.launch(&SOURCE, "s4d_kernel_by_poles", Grid::over(32 * groups * pairs, 256), &args)?;
        }
        if let Some(to) = by_c {
            let len = to.part.len();
            let args = [pulled.into(), to.part.into(), to.beta().into(), len.into()];
            gpu.launch(&SOURCE, "s4d_kernel_by_c", Grid::over(len, 256), &args)?;
        }
        Ok(())
    }
}

impl CudaOp for S4dKernel {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        if outputs[0].is_empty() {
            return Ok(());
        }
        let all = self.rows() * self.pairs;
        let terms = gpu.buffer(TERMS * all)?;
        let operands = [inputs[0], inputs[1], inputs[2], inputs[3], terms.part()].map(Arg::from);
        let extents = [self.heads, self.groups, self.pairs, all].map(Arg::from);
        let args = [&operands[..], &extents, &[Arg::from(self.number())]].concat();
        gpu.launch(&SOURCE, "s4d_kernel_terms", Grid::over(all, 128), &args)?;
        let tiles = (self.len - 1).div_ceil(STRIDE * STEPS).max(1);
        let args = [(&terms).into(), outputs[0].into(), self.pairs.into(), self.len.into()];
        gpu.launch(&SOURCE, "s4d_kernel_forward", Grid::new(self.rows(), STRIDE).by(tiles), &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        if doutputs[0].is_empty() {
            return pointwise::zero_fresh(gpu, dinputs);
        }
        let rows = self.rows();
        let pulled = gpu.buffer(2 * PULLED * rows * self.pairs)?;
        let operands =
            [inputs[0], inputs[1], inputs[2], inputs[3], doutputs[0], pulled.part()].map(Arg::from);
        let extents = [self.heads, self.groups, self.pairs, self.len].map(Arg::from);
        let args = [&operands[..], &extents, &[Arg::from(self.number())]].concat();
        let grid = Grid::new(rows, STRIDE).by(self.pairs.div_ceil(PAIRS));
        gpu.launch(&SOURCE, "s4d_kernel_backward", grid, &args)?;
        self.add_up(gpu, pulled.part(), inputs, dinputs)
    }
}
