//! The device half: cuBLAS's products with one pass over the middle values between them.

use super::FeedForward;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gemm, Gradient, Grid, Launch, Matrix, Part, Source, reduce};
use crate::dropout::Factors;

static SOURCE: Source = Source { name: "feed_forward", text: include_str!("feed_forward.cu") };

const THREADS: usize = 256;

impl CudaOp for FeedForward {
    /// h.
    type Saved = Option<Buffer>;

    fn keeps_input(&self, index: usize) -> bool {
        [0, 1, 3].contains(&index)
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
    ) -> Result<Option<Buffer>, Failure> {
        let &[x, w1, b1, w2, b2] = inputs else { unreachable!("five inputs") };
        let (rows, y) = (self.rows, outputs[0]);
        let g = gpu.buffer(rows * self.middle)?;
        let h = save.then(|| gpu.buffer(rows * self.middle)).transpose()?;
        let product = h.as_ref().unwrap_or(&g).part();
        let x = Matrix::new(x, rows, self.inputs);
        let w1 = Matrix::new(w1, self.middle, self.inputs);
        gpu.gemm(Gemm::new(x, w1.t(), Matrix::new(product, rows, self.middle)))?;
        let kept = h.as_ref().map_or(Part::NONE, Buffer::part);
        let len = rows * self.middle;
        let operands = [product, b1, kept, g.part()].map(Arg::from);
        let args = [&operands[..], &[len.into(), self.middle.into()], &Factors::args(self.factors)].concat();
        gpu.launch(&SOURCE, "feed_forward_middle", Grid::over(len, THREADS), &args)?;
        let args = [b2.into(), y.into(), y.len().into(), self.outputs.into()];
        gpu.launch(&SOURCE, "feed_forward_bias", Grid::over(y.len(), THREADS), &args)?;
        let g = Matrix::new(g.part(), rows, self.middle);
        let w2 = Matrix::new(w2, self.outputs, self.middle);
        gpu.gemm(Gemm::new(g, w2.t(), Matrix::new(y, rows, self.outputs)).beta(1.0))?;
        Ok(h)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (rows, middle) = (self.rows, self.middle);
        let Some(h) = saved else { return Ok(()) };
        let &[dx, dw1, db1, dw2, db2] = dinputs else { unreachable!("five inputs") };
        let dh = gpu.buffer(rows * middle)?;
        let dy = Matrix::new(doutputs[0], rows, self.outputs);
        let w2 = Matrix::new(inputs[3], self.outputs, middle);
        let as_middle = |buffer: &Buffer| Matrix::new(buffer.part(), rows, middle);
        gpu.gemm(Gemm::new(dy, w2, as_middle(&dh)))?;
        let len = rows * middle;
        let args = [&[Arg::from(&h), (&dh).into(), len.into()][..], &Factors::args(self.factors)].concat();
        gpu.launch(&SOURCE, "feed_forward_back", Grid::over(len, THREADS), &args)?;
        if let Some(dw2) = dw2 {
            let to = Matrix::new(dw2.part, self.outputs, middle);
            gpu.gemm(Gemm::new(dy.t(), as_middle(&h), to).beta(dw2.beta()))?;
        }
        drop(h);
        if let Some(db2) = db2 {
            reduce::column_sums(gpu, doutputs[0], [rows, self.outputs], db2.part, db2.beta())?;
        }
        if let Some(dw1) = dw1 {
            let (x, to) =
                (Matrix::new(inputs[0], rows, self.inputs), Matrix::new(dw1.part, middle, self.inputs));
            gpu.gemm(Gemm::new(as_middle(&dh).t(), x, to).beta(dw1.beta()))?;
        }
        if let Some(db1) = db1 {
            reduce::column_sums(gpu, dh.part(), [rows, middle], db1.part, db1.beta())?;
        }
        if let Some(dx) = dx {
            let (w1, to) =
                (Matrix::new(inputs[1], middle, self.inputs), Matrix::new(dx.part, rows, self.inputs));
            gpu.gemm(Gemm::new(as_middle(&dh), w1, to).beta(dx.beta()))?;
        }
        Ok(())
    }
}
