//! The device half: α and β of each utterance side by side, then all frames' gradients at once.
//!
//! As on the CPU, forward makes the gradient of each loss where a backward will follow, B·T·V values; α and β are scratch.

use super::CtcLossOver;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source};

static SOURCE: Source = Source { name: "ctc_loss", text: include_str!("ctc_loss.cu") };

/// Threads of a block that walks from frame to frame, at most; of one that makes a frame; of one for single elements.
const WALKERS: usize = 512;
const FRAME: usize = 128;
const THREADS: usize = 256;
/// The most states of a target: two columns of f64 in shared memory.
const STATES: usize = Grid::SHARED_BYTES / 16;

/// What was said, on the device.
struct Targets {
    /// Frames, labels, and where labels begin, of each utterance.
    spans: Buffer,
    /// The labels of all utterances.
    labels: Buffer,
    /// Of each utterance the places of its labels, sorted by class.
    order: Buffer,
    /// The most states of a target.
    most: usize,
}

impl CtcLossOver {
    fn targets(&self, gpu: &dyn Launch) -> Result<Targets, Failure> {
        let (mut spans, mut labels, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for (target, &frames) in self.constants.targets.iter().zip(&self.constants.input_lens) {
            spans.extend([frames as u32, target.len() as u32, labels.len() as u32]);
            labels.extend_from_slice(target);
            let mut places: Vec<u32> = (0..target.len() as u32).collect();
            places.sort_by_key(|&place| target[place as usize]);
            order.extend(places);
        }
        let longest = self.constants.targets.iter().map(Vec::len).max().unwrap_or(0);
        let most = 2 * longest + 1;
        if most > STATES {
            let words =
                format!("a target of {longest} labels, where the kernels take at most {}", STATES / 2);
            return Err(Failure::new(words));
        }
        let upload = |words: &[u32]| gpu.upload(words);
        Ok(Targets { spans: upload(&spans)?, labels: upload(&labels)?, order: upload(&order)?, most })
    }
}

impl CudaOp for CtcLossOver {
    /// The gradient of each loss with respect to its logits, [B, T, V].
    type Saved = Option<Buffer>;

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
        save: bool,
    ) -> Result<Option<Buffer>, Failure> {
        let (logits, losses) = (inputs[0], outputs[0]);
        let (time, classes, batch) = (self.time, self.classes, self.constants.targets.len());
        let Targets { spans, labels, order, most } = self.targets(gpu)?;
        let rows = batch * time;
        // Values of f64 take two places.
        let (log_sums, log_ps) = (gpu.buffer(2 * rows)?, gpu.buffer(2 * batch)?);
        let args = [logits, spans.part(), log_sums.part()].map(Arg::from);
        let args = [&args[..], &[time.into(), classes.into()]].concat();
        gpu.launch(&SOURCE, "ctc_loss_normalise", Grid::new(rows, FRAME), &args)?;
        let save = save && !logits.is_empty();
        let column = || save.then(|| gpu.buffer(2 * rows * most)).transpose();
        let (alphas, betas) = (column()?, column()?);
        let part = |buffer: &Option<Buffer>| buffer.as_ref().map_or(Part::NONE, Buffer::part);
        let kept = [part(&alphas), part(&betas), log_ps.part()];
        let common = [logits, spans.part(), labels.part()];
        let extents = [Arg::from(time), classes.into(), most.into()];
        let settings = [Arg::from(u64::from(self.constants.blank)), self.constants.zero_infinity.into()];
        let parts = [&common[..], &[log_sums.part()], &kept, &[losses]].concat();
        let args: Vec<Arg> = parts.iter().map(|&part| part.into()).collect();
        let args = [&args[..], &extents, &settings].concat();
        let threads = most.next_multiple_of(32).min(WALKERS);
        let grid = Grid::new(batch, threads).by(if save { 2 } else { 1 }).shared(4 * most);
        gpu.launch(&SOURCE, "ctc_loss_walk", grid, &args)?;
        if !save {
            return Ok(None);
        }
        let gradient = gpu.buffer(logits.len())?;
        let parts = [&common[..], &[order.part(), log_sums.part()], &kept, &[gradient.part()]].concat();
        let args: Vec<Arg> = parts.iter().map(|&part| part.into()).collect();
        let args = [&args[..], &extents, &settings].concat();
        gpu.launch(&SOURCE, "ctc_loss_gradient", Grid::new(rows, FRAME), &args)?;
        Ok(Some(gradient))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(gradient), Some(dx)) = (saved, dinputs[0]) else { return Ok(()) };
        let of_one = self.time * self.classes;
        let operands = [gradient.part(), doutputs[0], dx.part].map(Arg::from);
        let args = [&operands[..], &[dx.beta().into(), dx.part.len().into(), of_one.into()]].concat();
        gpu.launch(&SOURCE, "ctc_loss_backward", Grid::over(dx.part.len(), THREADS), &args)
    }
}
