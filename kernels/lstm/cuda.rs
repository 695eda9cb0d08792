//! The device half: one product for all inputs, then for each step a product of all sequences with the hidden weight and a kernel behind it.

use super::Lstm;
use crate::cuda::{
    Arg, Buffer, CudaOp, Failure, Gemm, Gradient, Grid, Launch, Matrix, Part, Source, pointwise, reduce,
};

static SOURCE: Source = Source { name: "lstm", text: include_str!("lstm.cu") };

const THREADS: usize = 256;

impl CudaOp for Lstm {
    /// Gates behind their functions [B, T, 4H] and cells [B, T, H]; nothing where there is no frame.
    type Saved = Option<[Buffer; 2]>;

    fn keeps_input(&self, index: usize) -> bool {
        !matches!(index, 3 | 4)
    }

    fn keeps_output(&self, index: usize) -> bool {
        index == 0
    }

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
        save: bool,
    ) -> Result<Option<[Buffer; 2]>, Failure> {
        let [x, input, hidden, input_bias, hidden_bias, h, c] = *inputs else { unreachable!("seven inputs") };
        let [y, cell] = [outputs[0], outputs[1]];
        gpu.copy(c, cell)?;
        if y.is_empty() {
            return Ok(None);
        }
        let (width, rows) = (self.width(), self.batch * self.time);
        let gates = gpu.buffer(rows * width)?;
        let weight = Matrix::new(input, width, self.inputs);
        let x = Matrix::new(x, rows, self.inputs);
        gpu.gemm(Gemm::new(x, weight.t(), Matrix::new(gates.part(), rows, width)))?;
        let cells = save.then(|| gpu.buffer(y.len())).transpose()?;
        let saved = cells.as_ref().map_or(Part::NONE, Buffer::part);
        let weight = Matrix::new(hidden, width, self.hidden);
        for t in 0..self.time {
            let before = match t {
                0 => Matrix::new(h, self.batch, self.hidden),
                _ => self.of_step(y, t - 1, self.hidden),
            };
            let product = Gemm::new(before, weight.t(), self.of_step(gates.part(), t, width));
            gpu.gemm(product.beta(1.0))?;
            let operands = [gates.part(), input_bias, hidden_bias, cell, saved, y];
            self.launch_step(gpu, "lstm_step", operands, t)?;
        }
        Ok(cells.map(|cells| [gates, cells]))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<[Buffer; 2]>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some([gates, cells]) = saved else {
            pointwise::zero_fresh(gpu, dinputs)?;
            return dinputs[6].map_or(Ok(()), |dc| hand_over(gpu, doutputs[1], dc));
        };
        let [x, input, hidden, _, _, h, c, y] = *inputs else { unreachable!("seven inputs and an output") };
        let owed = self.steps_back(gpu, [gates.part(), cells.part(), hidden, c], doutputs)?;
        for (owed, wanted) in owed.iter().zip(&dinputs[5..]) {
            let Some(gradient) = *wanted else { continue };
            hand_over(gpu, owed.part(), gradient)?;
        }
        // From here on the gates are their gradients.
        let (width, rows) = (self.width(), self.batch * self.time);
        let owed = Matrix::new(gates.part(), rows, width);
        if let Some(dx) = dinputs[0] {
            let to = Matrix::new(dx.part, rows, self.inputs);
            let weight = Matrix::new(input, width, self.inputs);
            gpu.gemm(Gemm::new(owed, weight, to).beta(dx.beta()))?;
        }
        if let Some(dweight) = dinputs[1] {
            let to = Matrix::new(dweight.part, width, self.inputs);
            let x = Matrix::new(x, rows, self.inputs);
            gpu.gemm(Gemm::new(owed.t(), x, to).beta(dweight.beta()))?;
        }
        if let Some(dweight) = dinputs[2] {
            let to = Matrix::new(dweight.part, width, self.hidden);
            let before = self.before_each_step(gpu, h, y)?;
            let before = Matrix::new(before.part(), rows, self.hidden);
            gpu.gemm(Gemm::new(owed.t(), before, to).beta(dweight.beta()))?;
        }
        for dbias in dinputs[3..5].iter().flatten() {
            reduce::column_sums(gpu, gates.part(), [rows, width], dbias.part, dbias.beta())?;
        }
        Ok(())
    }
}

impl Lstm {
    /// Gates of a frame.
    fn width(&self) -> usize {
        4 * self.hidden
    }

    /// Step `t` of all sequences, out of [B, T, width].
    fn of_step(&self, part: Part, t: usize, width: usize) -> Matrix {
        let first = t * width;
        let rest = part.slice(first, part.len() - first);
        Matrix::new(rest, self.batch, width).stride(self.time * width)
    }

    fn launch_step(
        &self,
        gpu: &dyn Launch,
        entry: &'static str,
        operands: [Part; 6],
        t: usize,
    ) -> Result<(), Failure> {
        let extents = [self.batch, self.time, self.hidden, t].map(Arg::from);
        let args = [&operands.map(Arg::from)[..], &extents].concat();
        gpu.launch(&SOURCE, entry, Grid::over(self.batch * self.hidden, THREADS), &args)
    }

    /// Turns the gates into the gradients of what went into them; returns those of the first h and c.
    fn steps_back(
        &self,
        gpu: &dyn Launch,
        [gates, cells, hidden, first_cell]: [Part; 4],
        doutputs: &[Part],
    ) -> Result<[Buffer; 2], Failure> {
        let kept = self.batch * self.hidden;
        let (dh, dc) = (gpu.buffer(kept)?, gpu.buffer(kept)?);
        gpu.copy(doutputs[1], dc.part())?;
        let weight = Matrix::new(hidden, self.width(), self.hidden);
        for t in (0..self.time).rev() {
            let owed = if t + 1 == self.time { Part::NONE } else { dh.part() };
            let operands = [gates, cells, first_cell, doutputs[0], owed, dc.part()];
            self.launch_step(gpu, "lstm_back_step", operands, t)?;
            let to = Matrix::new(dh.part(), self.batch, self.hidden);
            gpu.gemm(Gemm::new(self.of_step(gates, t, self.width()), weight, to))?;
        }
        Ok([dh, dc])
    }

    /// h before each step [B, T, H].
    fn before_each_step(&self, gpu: &dyn Launch, first: Part, y: Part) -> Result<Buffer, Failure> {
        let before = gpu.buffer(y.len())?;
        let operands = [first, y, before.part()].map(Arg::from);
        let extents = [y.len(), self.time, self.hidden].map(Arg::from);
        let args = [operands, extents].concat();
        gpu.launch(&SOURCE, "lstm_before", Grid::over(y.len(), THREADS), &args)?;
        Ok(before)
    }
}

/// Into a gradient what is owed to it.
fn hand_over(gpu: &dyn Launch, owed: Part, to: Gradient) -> Result<(), Failure> {
    if to.fresh { gpu.copy(owed, to.part) } else { reduce::add_to(gpu, to.part, owed) }
}
