//! Energies to frames that the classifier takes the mean of.

use std::f32::consts::TAU;
use std::sync::Arc;

use kernels::add::add;
use kernels::dropout::dropout;
use kernels::padding::{mean_pool, zero_padding};
use kernels::relu::relu;
use kernels::{Array, Backend, Device, OpError};

use crate::nn::{
    FeedForward, LayerNorm, Linear, Mamba1Sizes, Mixer, MixerSizes, Pass, SameConv, Scope, SelfAttention,
};
use crate::plan::{MixerPlan, SpeakerEncoderPlan, SpeakerPlan};

const NORM_EPS: f32 = 1e-5;
/// Frames that a convolution sees.
const TAPS: usize = 3;
/// Standard deviation of the first weights of attention and feed-forward blocks.
const STD: f32 = 0.02;
/// The slowest sine that tells places is so many times slower than the fastest (Vaswani et al. 2017, arXiv 1706.03762).
const SLOWEST: f32 = 10_000.0;

/// What an encoder makes of energies.
pub(super) struct Encoded<D: Device> {
    /// Its input as the layers have it, and what each makes of it [B, T, channels].
    pub states: Vec<Array<D>>,
    /// What the mean over frames is taken of [B, T', channels].
    pub last: Array<D>,
    /// Frames of that.
    pub lens: Vec<usize>,
}

/// One of the encoders.
#[derive(Debug, Clone)]
pub(super) enum Encoder {
    Layers(Layers),
    Convolutions(Convolutions),
}

/// norm(linear), places, layers.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    projection: Linear,
    norm: LayerNorm,
    layers: Vec<Arc<Layer>>,
    dropout: f32,
}

/// norm(x + dropout(mixer(x))), and with attention norm(x + dropout(feed-forward(x))) behind it.
#[derive(Debug, Clone)]
struct Layer {
    mixing: Mixing,
    norm: LayerNorm,
    dropout: f32,
}

#[derive(Debug, Clone)]
enum Mixing {
    Mamba(Mixer),
    Attention { attention: SelfAttention, feed_forward: FeedForward, norm: LayerNorm },
}

/// Times dropout(ReLU(conv)), plus what came in where it is as wide, normalised; then two layers on the mean over frames.
#[derive(Debug, Clone)]
pub(super) struct Convolutions {
    convs: Vec<(SameConv, LayerNorm)>,
    hidden: [(Linear, LayerNorm); 2],
    dropout: f32,
}

impl Encoder {
    /// Parameters `projection`, `norm` and `layers.{i}.*`, or `convs.{i}.*` and `hidden.{i}.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &SpeakerPlan) -> Self {
        let (bands, dropout) = (plan.front.mel_bands, plan.dropout);
        match &plan.encoder {
            SpeakerEncoderPlan::Layers { width, count, mixer, inner } => Encoder::Layers(Layers {
                projection: Linear::torch(&mut scope.child("projection"), bands, *width, true),
                norm: LayerNorm::declare(&mut scope.child("norm"), *width, NORM_EPS),
                layers: (0..*count)
                    .map(|at| {
                        let mut layers = scope.child("layers");
                        Arc::new(Layer::declare(&mut layers.child(at), *width, *mixer, *inner, dropout))
                    })
                    .collect(),
                dropout,
            }),
            SpeakerEncoderPlan::Convolutions { channels, hidden, square } => Encoder::Convolutions(
                Convolutions::declare(scope, bands, channels, *hidden, *square, dropout),
            ),
        }
    }

    /// # Shapes
    /// energies [B, T, bands], `lens` valid frames
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        energies: &Array<D>,
        lens: &[usize],
    ) -> Result<Encoded<D>, OpError> {
        match self {
            Encoder::Layers(layers) => layers.forward(pass, energies, lens),
            Encoder::Convolutions(convolutions) => convolutions.forward(pass, energies, lens),
        }
    }
}

impl Layers {
    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        energies: &Array<D>,
        lens: &[usize],
    ) -> Result<Encoded<D>, OpError> {
        let x = pass.within("projection", |pass| self.projection.forward(pass, energies))?;
        let mut x = pass.within("norm", |pass| self.norm.forward(pass, &x))?;
        let attends = self.layers.iter().any(|layer| matches!(layer.mixing, Mixing::Attention { .. }));
        if attends {
            x = add(pass.tape, &x, &places(&x)?)?;
            let (rate, seed) = pass.dropout(self.dropout);
            x = dropout(pass.tape, &x, rate, seed)?;
        }
        let mut states = vec![x.clone()];
        let lens: Arc<[usize]> = lens.into();
        for (at, layer) in self.layers.iter().enumerate() {
            let (layer, lens) = (Arc::clone(layer), Arc::clone(&lens));
            let block = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x, &lens);
            x = pass.within(format_args!("layers.{at}"), |pass| pass.block(&x, block))?;
            states.push(x.clone());
        }
        Ok(Encoded { states, last: x, lens: lens.to_vec() })
    }
}

impl Layer {
    fn declare(scope: &mut Scope<'_>, width: usize, mixer: MixerPlan, inner: usize, dropout: f32) -> Self {
        let mixing = match mixer {
            MixerPlan::Attention { heads } => Mixing::Attention {
                attention: SelfAttention::declare(&mut scope.child("attention"), width, heads, STD, dropout),
                feed_forward: FeedForward::declare(
                    &mut scope.child("feed_forward"),
                    width,
                    inner,
                    STD,
                    dropout,
                ),
                norm: LayerNorm::declare(&mut scope.child("last_norm"), width, NORM_EPS),
            },
            MixerPlan::Mamba1 { inner, state, taps, rank, .. } => {
                let sizes =
                    MixerSizes::Mamba1(Mamba1Sizes { width, inner, state, taps, rank, simple: false });
                Mixing::Mamba(Mixer::declare(&mut scope.child("mixer"), sizes, 1))
            }
            MixerPlan::Mamba2 { .. } => unreachable!("a plan of this family has no Mamba-2"),
        };
        Layer { mixing, norm: LayerNorm::declare(&mut scope.child("norm"), width, NORM_EPS), dropout }
    }

    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let mixed = pass.within("mixer", |pass| match &self.mixing {
            Mixing::Mamba(mixer) => mixer.forward(pass, x),
            Mixing::Attention { attention, .. } => attention.forward(pass, x, lens),
        })?;
        let drop = pass.dropout(self.dropout);
        let x = pass.within("norm", |pass| self.norm.of_sum(pass, x, &mixed, drop))?;
        let Mixing::Attention { feed_forward, norm, .. } = &self.mixing else { return Ok(x) };
        let fed = pass.within("feed_forward", |pass| feed_forward.forward(pass, &x))?;
        let drop = pass.dropout(self.dropout);
        pass.within("last_norm", |pass| norm.of_sum(pass, &x, &fed, drop))
    }
}

impl Convolutions {
    fn declare(
        scope: &mut Scope<'_>,
        bands: usize,
        channels: &[usize],
        hidden: usize,
        square: bool,
        dropout: f32,
    ) -> Self {
        let inputs = std::iter::once(&bands).chain(channels);
        let conv = |(at, (&inputs, &outputs)): (usize, (&usize, &usize))| {
            let mut convs = scope.child("convs");
            let mut scope = convs.child(at);
            let conv = match square {
                true => SameConv::column(&mut scope.child("conv"), inputs, outputs, TAPS),
                false => SameConv::declare(&mut scope.child("conv"), inputs, outputs, TAPS),
            };
            (conv, LayerNorm::declare(&mut scope.child("norm"), outputs, NORM_EPS))
        };
        let convs = inputs.zip(channels).enumerate().map(conv).collect();
        let width = channels.last().copied().unwrap_or(bands);
        let mut layer = |at: usize, inputs: usize, outputs: usize| {
            let mut layers = scope.child("hidden");
            let mut scope = layers.child(at);
            let linear = Linear::torch(&mut scope.child("linear"), inputs, outputs, true);
            (linear, LayerNorm::declare(&mut scope.child("norm"), outputs, NORM_EPS))
        };
        let hidden = [layer(0, width, hidden), layer(1, hidden, width)];
        Convolutions { convs, hidden, dropout }
    }

    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        energies: &Array<D>,
        lens: &[usize],
    ) -> Result<Encoded<D>, OpError> {
        let mut x = energies.clone();
        let mut states = vec![x.clone()];
        for (at, (conv, norm)) in self.convs.iter().enumerate() {
            x = pass.within(format_args!("convs.{at}"), |pass| {
                // Silence beyond the end is what a recording alone has there.
                let x = zero_padding(pass.tape, &x, lens)?;
                let y = conv.forward(pass, &x)?;
                let y = relu(pass.tape, &y)?;
                let (rate, seed) = pass.dropout(self.dropout);
                let y = dropout(pass.tape, &y, rate, seed)?;
                let y = if y.shape() == x.shape() { add(pass.tape, &x, &y)? } else { y };
                norm.forward(pass, &y)
            })?;
            states.push(x.clone());
        }
        let mut x = mean_pool(pass.tape, &x, lens)?;
        for (at, (linear, norm)) in self.hidden.iter().enumerate() {
            x = pass.within(format_args!("hidden.{at}"), |pass| {
                let y = linear.forward(pass, &x)?;
                let y = norm.forward(pass, &y)?;
                if at == 0 { relu(pass.tape, &y) } else { Ok(y) }
            })?;
        }
        let [batch, width] = x.dims("speaker", "the mean over frames")?;
        Ok(Encoded { states, last: x.reshaped([batch, 1, width])?, lens: vec![1; batch] })
    }
}

/// Sines and cosines of each frame's place [B, T, width]: even channels sines, odd ones cosines, slower and slower.
fn places<D: Backend>(x: &Array<D>) -> Result<Array<D>, OpError> {
    let [batch, frames, width] = x.dims("speaker", "the projected energies")?;
    let rate = |channel: usize| SLOWEST.powf(-((channel / 2 * 2) as f32) / width as f32);
    let value = |frame: usize, channel: usize| {
        // A cosine is a sine a quarter of a turn on.
        (frame as f32 * rate(channel) + (channel % 2) as f32 * TAU / 4.0).sin()
    };
    let one: Vec<f32> =
        (0..frames).flat_map(|frame| (0..width).map(move |channel| value(frame, channel))).collect();
    Array::from_vec(x.device(), one.repeat(batch), [batch, frames, width])
}
