//! The device half: rows gathered; gradients by rows of the table, each the sum over its places in their order.

use super::Embedding;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "embedding", text: include_str!("embedding.cu") };

impl CudaOp for Embedding {
    type Saved = ();

    fn keeps_input(&self, _index: usize) -> bool {
        false
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
        let (rows, channels) = (self.codes.len(), self.channels);
        if outputs[0].is_empty() {
            return Ok(());
        }
        let codes = gpu.upload(&self.codes)?;
        let args = [inputs[0].into(), (&codes).into(), outputs[0].into(), rows.into(), channels.into()];
        gpu.launch(&SOURCE, "embedding_rows", pointwise::rows(rows, channels), &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(dtable), channels) = (dinputs[0], self.channels) else { return Ok(()) };
        let rows = dtable.part.len().checked_div(channels).unwrap_or(0);
        let [starts, places] = self.asked_for(gpu, rows)?;
        let grid = Grid { threads: [32, 8, 1], ..Grid::new(rows, 1).by(channels.div_ceil(32)) };
        let operands = [Arg::from(doutputs[0]), (&starts).into(), (&places).into(), dtable.part.into()];
        let args = [&operands[..], &[dtable.beta().into(), channels.into()]].concat();
        gpu.launch(&SOURCE, "embedding_sums", grid, &args)
    }
}

impl Embedding {
    /// Where each of the table's rows is asked for, first to last: the places of all rows one behind the other, and before them where each row's
    /// begin and the last's end.
    fn asked_for(&self, gpu: &dyn Launch, rows: usize) -> Result<[Buffer; 2], Failure> {
        let mut starts = vec![0u32; rows + 1];
        for &code in &self.codes {
            starts[code as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut places = vec![0u32; self.codes.len()];
        let mut next = starts.clone();
        for (place, &code) in (0u32..).zip(&self.codes) {
            let at = &mut next[code as usize];
            places[*at as usize] = place;
            *at += 1;
        }
        Ok([gpu.upload(&starts)?, gpu.upload(&places)?])
    }
}
