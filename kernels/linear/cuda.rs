//! The device half: cuBLAS's products, a bias that is there before, and column sums.

use super::Linear;
use crate::cuda::{CudaOp, Failure, Gemm, Gradient, Grid, Launch, Matrix, Part, Source, reduce};

static SOURCE: Source = Source { name: "linear", text: include_str!("linear.cu") };

impl CudaOp for Linear {
    type Saved = ();

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
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
        _save: bool,
    ) -> Result<(), Failure> {
        let x = Matrix::new(inputs[0], self.rows, self.inputs);
        let mut first = 0;
        for (&y, &width) in outputs.iter().zip(&self.widths) {
            if self.bias {
                let bias = inputs[2].slice(first, width);
                let args = [bias.into(), y.into(), y.len().into(), width.into()];
                gpu.launch(&SOURCE, "linear_bias", Grid::over(y.len(), 256), &args)?;
            }
            let weight = inputs[1].slice(first * self.inputs, width * self.inputs);
            let weight = Matrix::new(weight, width, self.inputs);
            let beta = if self.bias { 1.0 } else { 0.0 };
            gpu.gemm(Gemm::new(x, weight.t(), Matrix::new(y, self.rows, width)).beta(beta))?;
            first += width;
        }
        Ok(())
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let x = Matrix::new(inputs[0], self.rows, self.inputs);
        let mut first = 0;
        for (&dy, &width) in doutputs.iter().zip(&self.widths) {
            let (from, len) = (first * self.inputs, width * self.inputs);
            let as_weight = |part: Part| Matrix::new(part.slice(from, len), width, self.inputs);
            let columns = Matrix::new(dy, self.rows, width);
            if let Some(dx) = dinputs[0] {
                let beta = if first == 0 { dx.beta() } else { 1.0 };
                let dx = Matrix::new(dx.part, self.rows, self.inputs);
                gpu.gemm(Gemm::new(columns, as_weight(inputs[1]), dx).beta(beta))?;
            }
            if let Some(dweight) = dinputs[1] {
                let product = Gemm::new(columns.t(), x, as_weight(dweight.part));
                gpu.gemm(product.beta(dweight.beta()))?;
            }
            if self.bias
                && let Some(dbias) = dinputs[2]
            {
                let out = dbias.part.slice(first, width);
                reduce::column_sums(gpu, dy, [self.rows, width], out, dbias.beta())?;
            }
            first += width;
        }
        Ok(())
    }
}
