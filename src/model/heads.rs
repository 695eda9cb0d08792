//! What stands on the encoder: the CTC head and the classifier heads.

use kernels::dropout::dropout;
use kernels::padding::{first_frame, mean_pool};
use kernels::{Array, Backend, Device, OpError};

use crate::nn::{Linear, Pass, Scope};
use crate::plan::{Heads, Pooling, Wav2vec2Plan};

/// The CTC head: dropout, then one linear layer over frames.
#[derive(Debug, Clone)]
pub struct CtcHead {
    lm_head: Linear,
    dropout: f32,
}

impl CtcHead {
    /// Parameters `weight` and `bias` of `lm_head`.
    pub fn declare(scope: &mut Scope<'_>, plan: &Wav2vec2Plan) -> Self {
        let lm_head = Linear::normal(scope, plan.width, plan.heads.vocab_size, plan.initializer_range);
        CtcHead { lm_head, dropout: plan.rates.final_dropout }
    }

    /// # Shapes
    /// x [B, T, width] → logits [B, T, V]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        let (rate, seed) = pass.dropout(self.dropout);
        let x = dropout(pass.tape, x, rate, seed)?;
        self.lm_head.forward(pass, &x)
    }
}

/// What classifiers make of frames.
pub struct Classed<D: Device> {
    /// The pooled frames [B, width], where there are heads.
    pub pooled: Option<Array<D>>,
    /// Scores [B, classes] per head.
    pub logits: Vec<Array<D>>,
}

/// Linear classifiers on the pooled frames.
#[derive(Debug, Clone)]
pub struct Pooled {
    heads: Vec<Linear>,
    pooling: Pooling,
}

impl Pooled {
    /// Parameters `linear.{h}.*`, one per head.
    pub fn declare(scope: &mut Scope<'_>, width: usize, heads: &Heads) -> Self {
        let mut linear = scope.child("linear");
        let classes = heads.classes.iter().enumerate();
        Pooled {
            heads: classes
                .map(|(h, &classes)| Linear::torch(&mut linear.child(h), width, classes, true))
                .collect(),
            pooling: heads.pooling,
        }
    }

    /// # Shapes
    /// x [B, T, width], `lens` valid frames → [B, width] and, per head, [B, classes]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Classed<D>, OpError> {
        if self.heads.is_empty() {
            return Ok(Classed { pooled: None, logits: Vec::new() });
        }
        let pooled = match self.pooling {
            Pooling::Mean => mean_pool(pass.tape, x, lens)?,
            Pooling::First => first_frame(pass.tape, x)?,
        };
        let heads = self.heads.iter().enumerate();
        let logits = heads
            .map(|(h, head)| pass.within(format_args!("linear.{h}"), |pass| head.forward(pass, &pooled)))
            .collect::<Result<_, _>>()?;
        Ok(Classed { pooled: Some(pooled), logits })
    }
}
