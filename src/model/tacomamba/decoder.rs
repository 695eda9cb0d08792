//! What each frame is told, and the mel frame that comes of it.

use std::sync::Arc;

use kernels::add::add;
use kernels::dropout::dropout;
use kernels::relu::relu;
use kernels::shift::shift;
use kernels::{Array, Backend, OpError};
use rand::Rng;

use super::spread::Spread;
use super::{MelFrames, NORM_EPS, mixer_sizes};
use crate::nn::{CausalLayer, Linear, Pass, RmsNorm, Scope};
use crate::plan::{DroppedLayers, TacomambaPlan};

/// Seeds of what drops of the frame before in a pass at rest: the same each time, so that a judgement can be repeated.
const AT_REST: [u64; 2] = [0x5bd1_e995, 0x1b87_3593];

/// The frame before: twice linear → ReLU → dropout, then linear.
#[derive(Debug, Clone)]
pub(super) struct Prenet {
    pub layers: [Linear; 2],
    pub out: Linear,
    pub dropout: f32,
}

impl Prenet {
    fn declare(scope: &mut Scope<'_>, bands: usize, width: usize, plan: DroppedLayers) -> Self {
        let first = Linear::torch(&mut scope.child("layers.0"), bands, plan.width, true);
        let second = Linear::torch(&mut scope.child("layers.1"), plan.width, plan.width, true);
        let out = Linear::torch(&mut scope.child("out"), plan.width, width, true);
        Prenet { layers: [first, second], out, dropout: plan.dropout }
    }

    /// What the frames before each one say of it.
    ///
    /// # Shapes
    /// before [B, T, bands] → [B, T, width]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        before: &Array<D>,
    ) -> Result<Array<D>, OpError> {
        let mut x = before.clone();
        for (layer, at_rest) in self.layers.iter().zip(AT_REST) {
            x = layer.forward(pass, &x)?;
            x = relu(pass.tape, &x)?;
            let seed = pass.rng().map_or(at_rest, Rng::next_u64);
            x = dropout(pass.tape, &x, self.dropout, seed)?;
        }
        self.out.forward(pass, &x)
    }
}

/// Conditions and the frame before → mixers → norm → a mel frame.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    position: Option<Linear>,
    pub prenet: Option<Prenet>,
    pub layers: Vec<Arc<CausalLayer>>,
    pub norm: RmsNorm,
    pub out: Linear,
    bands: usize,
}

impl Decoder {
    /// Parameters `position`, `prenet.*`, `layers.{i}.*`, `norm` and `out`.
    pub fn declare(scope: &mut Scope<'_>, plan: &TacomambaPlan) -> Self {
        let (width, bands) = (plan.width, plan.mel.bands);
        let position = plan.positions.then(|| Linear::torch(&mut scope.child("position"), 2, width, true));
        let prenet =
            plan.prenet.map(|layers| Prenet::declare(&mut scope.child("prenet"), bands, width, layers));
        let layer = |at: usize| {
            let mut layers = scope.child("layers");
            let mut scope = layers.child(at);
            let (sizes, residuals) = (mixer_sizes(plan), plan.decoder_layers);
            Arc::new(CausalLayer::declare(&mut scope, sizes, width, residuals, NORM_EPS, 0.0))
        };
        let layers = (0..plan.decoder_layers).map(layer).collect();
        Decoder {
            position,
            prenet,
            layers,
            norm: RmsNorm::declare(&mut scope.child("norm"), width, NORM_EPS),
            out: Linear::torch(&mut scope.child("out"), width, bands, true),
            bands,
        }
    }

    /// c [B, T, width].
    pub fn conditions<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        h: &Array<D>,
        spread: &Spread,
    ) -> Result<Array<D>, OpError> {
        let told = spread.over(pass.tape, h)?;
        let Some(position) = &self.position else { return Ok(told) };
        let places = spread.places(h.device())?;
        let places = pass.within("position", |pass| position.forward(pass, &places))?;
        add(pass.tape, &told, &places)
    }

    /// ŷ [B, T, bands]. What is spoken is heard a frame later.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        conditions: &Array<D>,
        spoken: Option<&MelFrames>,
    ) -> Result<Array<D>, OpError> {
        let mut x = conditions.clone();
        if let (Some(prenet), Some(spoken)) = (&self.prenet, spoken) {
            let shape = [spoken.lens.len(), spoken.padded, self.bands];
            let spoken = Array::from_vec(conditions.device(), spoken.values.clone(), shape)?;
            let before = shift(pass.tape, &spoken)?;
            let before = pass.within("prenet", |pass| prenet.forward(pass, &before))?;
            x = add(pass.tape, &x, &before)?;
        }
        for (at, layer) in self.layers.iter().enumerate() {
            let layer = Arc::clone(layer);
            let block = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x);
            x = pass.within(format_args!("layers.{at}"), |pass| pass.block(&x, block))?;
        }
        let x = pass.within("norm", |pass| self.norm.forward(pass, &x))?;
        pass.within("out", |pass| self.out.forward(pass, &x))
    }
}
