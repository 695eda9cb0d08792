//! The encoder: position, then layers of mixing and feed-forward, normalised before (stable) or after each.

use std::sync::Arc;

use kernels::add::{add, add_dropped};
use kernels::dropout::dropout;
use kernels::padding::zero_padding;
use kernels::{Array, Backend, OpError};

use crate::nn::{
    Bidirectional, FeedForward, LayerNorm, Mamba1Sizes, Mamba2Sizes, MixerSizes, Pass, PositionalConv, Scope,
    SelfAttention,
};
use crate::plan::{MixerPlan, Wav2vec2Plan};

/// What mixes frames. It stands where the reference's attention stood, under the same name.
#[derive(Debug, Clone)]
enum Mixing {
    Attention(SelfAttention),
    Mamba(Box<Bidirectional>),
}

impl Mixing {
    fn declare(scope: &mut Scope<'_>, plan: &Wav2vec2Plan) -> Self {
        let width = plan.width;
        match plan.mixer {
            MixerPlan::Attention { heads } => Mixing::Attention(SelfAttention::declare(
                scope,
                width,
                heads,
                plan.initializer_range,
                plan.rates.attention,
            )),
            MixerPlan::Mamba1 { inner, state, taps, rank, residual_inside } => {
                let sizes =
                    MixerSizes::Mamba1(Mamba1Sizes { width, inner, state, taps, rank, simple: false });
                Mixing::Mamba(Box::new(Bidirectional::declare(scope, sizes, residual_inside)))
            }
            MixerPlan::Mamba2 { inner, head_dim, state, taps, chunk, residual_inside } => {
                let sizes = MixerSizes::Mamba2(Mamba2Sizes {
                    width,
                    inner,
                    head_dim,
                    state,
                    taps,
                    chunk,
                    simple: false,
                });
                Mixing::Mamba(Box::new(Bidirectional::declare(scope, sizes, residual_inside)))
            }
        }
    }

    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        match self {
            Mixing::Attention(attention) => attention.forward(pass, x, lens),
            Mixing::Mamba(mamba) => mamba.forward(pass, x, lens),
        }
    }
}

#[derive(Debug, Clone)]
struct Layer {
    mixing: Mixing,
    norm: LayerNorm,
    feed_forward: FeedForward,
    final_norm: LayerNorm,
    hidden_dropout: f32,
}

impl Layer {
    fn declare(scope: &mut Scope<'_>, plan: &Wav2vec2Plan) -> Self {
        let (width, eps, rates) = (plan.width, plan.layer_norm_eps, plan.rates);
        Layer {
            mixing: Mixing::declare(&mut scope.child("attention"), plan),
            norm: LayerNorm::declare(&mut scope.child("layer_norm"), width, eps),
            feed_forward: FeedForward::declare(
                &mut scope.child("feed_forward"),
                width,
                plan.inner,
                plan.initializer_range,
                rates.activation,
            ),
            final_norm: LayerNorm::declare(&mut scope.child("final_layer_norm"), width, eps),
            hidden_dropout: rates.hidden,
        }
    }

    fn mix<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        pass.within("attention", |pass| self.mixing.forward(pass, x, lens))
    }

    /// x + dropout(mix(norm(x))), then + dropout(feed_forward(norm(·))).
    fn stable<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let normed = pass.within("layer_norm", |pass| self.norm.forward(pass, x))?;
        let mixed = self.mix(pass, &normed, lens)?;
        let drop = pass.dropout(self.hidden_dropout);
        let norm = &self.final_norm;
        let [x, normed] = pass.within("final_layer_norm", |pass| norm.with_sum(pass, x, &mixed, drop))?;
        let fed = self.feed(pass, &normed)?;
        let drop = pass.dropout(self.hidden_dropout);
        add_dropped(pass.tape, &x, &fed, drop)
    }

    /// norm(x + dropout(mix(x))), then norm(· + dropout(feed_forward(·))).
    fn post_norm<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let mixed = self.mix(pass, x, lens)?;
        let drop = pass.dropout(self.hidden_dropout);
        let x = pass.within("layer_norm", |pass| self.norm.of_sum(pass, x, &mixed, drop))?;
        let fed = self.feed(pass, &x)?;
        let drop = pass.dropout(self.hidden_dropout);
        pass.within("final_layer_norm", |pass| self.final_norm.of_sum(pass, &x, &fed, drop))
    }

    fn feed<D: Backend>(&self, pass: &mut Pass<'_, D>, x: &Array<D>) -> Result<Array<D>, OpError> {
        pass.within("feed_forward", |pass| self.feed_forward.forward(pass, x))
    }

    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
        stable: bool,
    ) -> Result<Array<D>, OpError> {
        match stable {
            true => self.stable(pass, x, lens),
            false => self.post_norm(pass, x, lens),
        }
    }
}

/// Position and layers.
#[derive(Debug, Clone)]
pub struct Encoder {
    positional: PositionalConv,
    norm: LayerNorm,
    layers: Vec<Arc<Layer>>,
    stable: bool,
    hidden_dropout: f32,
    layerdrop: f32,
}

impl Encoder {
    /// Parameters `pos_conv_embed.*`, `layer_norm.*`, `layers.{i}.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &Wav2vec2Plan) -> Self {
        let positional = PositionalConv::declare(
            &mut scope.child("pos_conv_embed"),
            plan.width,
            plan.positional_kernel,
            plan.positional_groups,
        );
        let norm = LayerNorm::declare(&mut scope.child("layer_norm"), plan.width, plan.layer_norm_eps);
        let layers = (0..plan.layers)
            .map(|index| Arc::new(Layer::declare(&mut scope.child("layers").child(index), plan)))
            .collect();
        Encoder {
            positional,
            norm,
            layers,
            stable: plan.stable_layer_norm,
            hidden_dropout: plan.rates.hidden,
            layerdrop: plan.rates.layerdrop,
        }
    }

    /// Hidden states: the encoder's input, each layer's output, the last one normalised in stable models.
    ///
    /// # Shapes
    /// x [B, T, width], `lens` valid frames per row → layers + 1 arrays [B, T, width]
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Vec<Array<D>>, OpError> {
        let x = zero_padding(pass.tape, x, lens)?;
        let position = pass.within("pos_conv_embed", |pass| self.positional.forward(pass, &x))?;
        let x = match self.stable {
            true => add(pass.tape, &x, &position)?,
            false => pass.within("layer_norm", |pass| self.norm.of_sum(pass, &x, &position, (0.0, 0)))?,
        };
        let (rate, seed) = pass.dropout(self.hidden_dropout);
        let mut x = dropout(pass.tape, &x, rate, seed)?;
        let mut states = vec![x.clone()];
        let lens: Arc<[usize]> = lens.into();
        for (index, layer) in self.layers.iter().enumerate() {
            if !pass.skips(self.layerdrop) {
                let name = format_args!("layers.{index}");
                let (layer, lens, stable) = (Arc::clone(layer), Arc::clone(&lens), self.stable);
                let block = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x, &lens, stable);
                x = pass.within(name, |pass| pass.block(&x, block))?;
            }
            states.push(x.clone());
        }
        if self.stable {
            let last = states.len() - 1;
            states[last] = pass.within("layer_norm", |pass| self.norm.forward(pass, &x))?;
        }
        Ok(states)
    }
}
