//! The objective of one micro-batch.

use kernels::binary_cross_entropy::binary_cross_entropy;
use kernels::cross_entropy::cross_entropy;
use kernels::ctc_loss::{CtcLoss, ctc_loss};
use kernels::{Array, Backend, OpError, Tape};

use super::distil::{FrameWeights, terms};
use super::{Losses, Reading, Shares};
use crate::data::{Batch, Labels, Target};
use crate::model::Activations;
use crate::plan::{self, ClassifierLoss, DistillPlan, Heads};

/// What is minimised, and what it is made of.
pub struct Objective<'a> {
    pub plan: &'a plan::Objective,
    pub heads: &'a Heads,
    pub distill: Option<&'a DistillPlan>,
}

/// Losses [B] with a weight for each.
type Weighted<D> = (Array<D>, Vec<f32>);

/// One micro-batch's share of an update.
pub struct MicroBatch<D: Backend> {
    /// Where backward starts, with the gradient there.
    pub seeds: Vec<(Array<D>, Vec<f32>)>,
    /// What it adds to N, the divisor of the update's gradient.
    pub count: f64,
    pub losses: Losses<D>,
    /// Utterances whose CTC loss is infinite: they count nowhere.
    pub infinite: usize,
}

impl<D: Backend> MicroBatch<D> {
    /// The loss of telling what comes next, from logits [rows, classes]: a sum over the rows that have a target, and how many they are; beside it
    /// the same in bits.
    ///
    /// # Errors
    /// Shapes do not fit, or the device failed.
    pub fn of_next(
        tape: &mut Tape<D>,
        logits: &Array<D>,
        targets: &[Option<usize>],
    ) -> Result<MicroBatch<D>, OpError> {
        let nats = cross_entropy(tape, logits, targets.to_vec())?;
        let mut losses = Losses::known(0.0, []);
        losses.unread.push(Reading {
            name: "bits",
            values: nats.clone(),
            shares: vec![1.0; targets.len()],
            logged: std::f64::consts::LN_2.recip(),
            weight: 1.0,
        });
        Ok(MicroBatch {
            seeds: vec![(nats, vec![1.0; targets.len()])],
            count: targets.iter().flatten().count() as f64,
            losses,
            infinite: 0,
        })
    }
}

/// The CTC loss [B] of each utterance; 0 where the transcript is longer than the utterance.
///
/// # Errors
/// Shapes do not fit, or the device failed.
pub fn ctc_losses<D: Backend>(
    tape: &mut Tape<D>,
    out: &Activations<D>,
    batch: &Batch,
    blank: usize,
) -> Result<Array<D>, OpError> {
    let settings = CtcLoss {
        targets: batch.labels.iter().map(|labels| labels.symbols.clone()).collect(),
        input_lens: out.frames.clone(),
        blank: blank as u32,
        zero_infinity: true,
    };
    ctc_loss(tape, out.ctc()?, settings)
}

/// How much of each of so many classes there is, [B, classes].
fn multi_hot(targets: &[&Target], classes: usize) -> Vec<f32> {
    let mut rows = vec![0.0; targets.len() * classes];
    for (row, target) in rows.chunks_exact_mut(classes.max(1)).zip(targets) {
        target.shares().iter().for_each(|&(class, weight)| row[class] += weight);
    }
    rows
}

impl Objective<'_> {
    /// Loss terms of `student` on `batch`, next to `teacher` where there is one.
    ///
    /// # Errors
    /// Shapes do not fit, or the device failed.
    pub fn micro_batch<D: Backend>(
        &self,
        tape: &mut Tape<D>,
        student: &Activations<D>,
        teacher: Option<&Activations<D>>,
        batch: &Batch,
        shares: &Shares,
    ) -> Result<MicroBatch<D>, OpError> {
        let mut micro =
            MicroBatch { seeds: Vec::new(), count: 0.0, losses: Losses::known(0.0, []), infinite: 0 };
        let counted = self.ctc(tape, student, batch, &mut micro)?;
        if let (Some(distill), Some(teacher)) = (self.distill, teacher) {
            let [_, padded_frames, _] = student.ctc()?.dims("distillation", "the logits")?;
            let weights = FrameWeights {
                padded_frames,
                frames: student.frames.clone(),
                counted,
                per_utterance: !self.plan.per_sample,
            };
            let scale = if self.plan.per_sample {
                shares.frame_scale(distill.alpha_scaling, micro.count)
            } else {
                1.0
            };
            for term in terms(tape, distill, student, teacher, &weights, scale)? {
                micro.losses.unread.push(Reading {
                    name: term.name,
                    values: term.value.clone(),
                    shares: vec![1.0],
                    logged: term.logged,
                    weight: term.weight,
                });
                micro.seeds.push((term.value, vec![term.weight as f32]));
            }
        }
        self.classifiers(tape, student, batch, shares, &mut micro)?;
        Ok(micro)
    }

    /// The CTC term. Returns which utterances count: those that can be spelt in their frames, so that their loss is finite, or all where CTC is
    /// off.
    fn ctc<D: Backend>(
        &self,
        tape: &mut Tape<D>,
        student: &Activations<D>,
        batch: &Batch,
        micro: &mut MicroBatch<D>,
    ) -> Result<Vec<bool>, OpError> {
        let divisor = |chars: usize| if self.plan.per_sample { 1.0 } else { chars.max(1) as f64 };
        let counts = |chars: usize| if self.plan.per_sample { chars as f64 } else { 1.0 };
        if self.plan.ctc_weight == 0.0 {
            micro.count = batch.labels.iter().map(|labels| counts(labels.chars)).sum();
            return Ok(vec![true; batch.len()]);
        }
        let losses = ctc_losses(tape, student, batch, self.heads.blank)?;
        let spelt = |(labels, &frames): (&Labels, &usize)| frames > 0 && labels.least_frames() <= frames;
        let counted: Vec<bool> = batch.labels.iter().zip(&student.frames).map(spelt).collect();
        let (mut shares, mut seed) = (vec![0.0; batch.len()], vec![0.0f32; batch.len()]);
        for (row, labels) in batch.labels.iter().enumerate() {
            if counted[row] {
                micro.count += counts(labels.chars);
                shares[row] = divisor(labels.chars).recip();
                seed[row] = (self.plan.ctc_weight / divisor(labels.chars)) as f32;
            } else {
                micro.infinite += 1;
            }
        }
        let (logged, weight) = (1.0, self.plan.ctc_weight);
        micro.losses.unread.push(Reading { name: "ctc", values: losses.clone(), shares, logged, weight });
        micro.seeds.push((losses, seed));
        Ok(counted)
    }

    /// The classifiers' loss: mean over heads, sum over utterances.
    fn classifiers<D: Backend>(
        &self,
        tape: &mut Tape<D>,
        student: &Activations<D>,
        batch: &Batch,
        shares: &Shares,
        micro: &mut MicroBatch<D>,
    ) -> Result<(), OpError> {
        let heads = student.class_logits.len();
        if heads == 0 || self.plan.classifier_weight == 0.0 {
            return Ok(());
        }
        let scale =
            if self.plan.per_sample { shares.utterance_scale(self.plan.classifier_norm) } else { 1.0 };
        let scale = scale / heads as f64;
        for (head, logits) in student.class_logits.iter().enumerate() {
            let targets: Vec<&Target> =
                batch.labels.iter().filter_map(|labels| labels.classes.get(head)).collect();
            for (losses, weights) in self.class_losses(tape, logits, &targets)? {
                micro.losses.unread.push(Reading {
                    name: "classifier",
                    values: losses.clone(),
                    shares: weights.iter().copied().map(f64::from).collect(),
                    logged: scale,
                    weight: scale * self.plan.classifier_weight,
                });
                let seed = (self.plan.classifier_weight * scale) as f32;
                micro.seeds.push((losses, weights.iter().map(|weight| seed * weight).collect()));
            }
        }
        Ok(())
    }

    /// The losses [B] of one head's scores, as sums of losses with a weight for each clip.
    fn class_losses<D: Backend>(
        &self,
        tape: &mut Tape<D>,
        logits: &Array<D>,
        targets: &[&Target],
    ) -> Result<Vec<Weighted<D>>, OpError> {
        if self.plan.classifier_loss == ClassifierLoss::Binary {
            let classes = logits.shape().last();
            let losses = binary_cross_entropy(tape, logits, multi_hot(targets, classes))?;
            return Ok(vec![(losses, vec![1.0; targets.len()])]);
        }
        // Cross-entropy is linear in its target: a mixed clip has as many losses as classes, each with its share.
        let most = targets.iter().map(|target| target.shares().len()).max().unwrap_or(0).max(1);
        let share = |place: usize| {
            let at = |target: &&Target| target.shares().get(place).copied();
            let (classes, weights): (Vec<_>, Vec<f32>) = targets
                .iter()
                .map(|target| at(target).map_or((None, 0.0), |(class, weight)| (Some(class), weight)))
                .unzip();
            Ok((cross_entropy(tape, logits, classes)?, weights))
        };
        (0..most).map(share).collect()
    }
}
