//! Symbols and a voice to a vector for each symbol.

use std::sync::Arc;

use kernels::add::add;
use kernels::add_to_frames::add_to_frames;
use kernels::dropout::dropout;
use kernels::embedding::embedding;
use kernels::padding::zero_padding;
use kernels::relu::relu;
use kernels::{Array, Backend, OpError};

use super::{NORM_EPS, TABLE, Texts, mixer_sizes};
use crate::nn::{Bidirectional, Init, Linear, Mixer, ParamId, Pass, RmsNorm, SameConv, Scope};
use crate::plan::{SpeakersPlan, TacomambaPlan};

/// Symbols that a convolution of the encoder sees.
const TAPS: usize = 5;

/// x + dropout(ReLU(norm(conv(x)))).
#[derive(Debug, Clone)]
struct ConvLayer {
    conv: SameConv,
    norm: RmsNorm,
    dropout: f32,
}

impl ConvLayer {
    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let y = zero_padding(pass.tape, x, lens)?;
        let y = self.conv.forward(pass, &y)?;
        let y = self.norm.forward(pass, &y)?;
        let y = relu(pass.tape, &y)?;
        let (rate, seed) = pass.dropout(self.dropout);
        let y = dropout(pass.tape, &y, rate, seed)?;
        add(pass.tape, x, &y)
    }
}

/// One way or both.
#[derive(Debug, Clone)]
enum Ways {
    Ahead(Mixer),
    Both(Bidirectional),
}

/// x + mixer(norm(x)).
#[derive(Debug, Clone)]
struct MixerLayer {
    norm: RmsNorm,
    ways: Ways,
}

impl MixerLayer {
    fn declare(scope: &mut Scope<'_>, plan: &TacomambaPlan) -> Self {
        let sizes = mixer_sizes(plan);
        let mut mixer = scope.child("mixer");
        let ways = match plan.bidirectional {
            true => Ways::Both(Bidirectional::among(&mut mixer, sizes, false, 2 * plan.encoder_layers)),
            false => Ways::Ahead(Mixer::declare(&mut mixer, sizes, plan.encoder_layers)),
        };
        MixerLayer { norm: RmsNorm::declare(&mut scope.child("norm"), plan.width, NORM_EPS), ways }
    }

    fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        let normed = pass.within("norm", |pass| self.norm.forward(pass, x))?;
        let mixed = pass.within("mixer", |pass| match &self.ways {
            Ways::Ahead(mixer) => mixer.forward(pass, &normed),
            Ways::Both(mixer) => mixer.forward(pass, &normed, lens),
        })?;
        add(pass.tape, x, &mixed)
    }
}

/// A vector for each voice, widened.
#[derive(Debug, Clone)]
pub(super) struct Speakers {
    pub embedding: ParamId,
    pub linear: Linear,
}

impl Speakers {
    /// Parameters `embedding.weight` and `linear.weight`.
    pub fn declare(scope: &mut Scope<'_>, width: usize, plan: SpeakersPlan) -> Self {
        let init = Init::Normal { std: 1.0 };
        Speakers {
            embedding: scope.child("embedding").param("weight", [plan.count, plan.width], init),
            linear: Linear::torch(&mut scope.child("linear"), plan.width, width, false),
        }
    }

    /// x [B, N, width] with each text's voice added.
    pub fn voiced<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        x: &Array<D>,
        texts: &Texts,
    ) -> Result<Array<D>, OpError> {
        let [batch, _, width] = x.dims("tacomamba", "the texts")?;
        if texts.speakers.len() != batch {
            let want = format!("{} voices are told", texts.speakers.len());
            return Err(OpError::Shape { op: "tacomamba", operand: "the texts", got: x.shape(), want });
        }
        pass.within("speaker", |pass| {
            let table = pass.param(self.embedding);
            let voices = embedding(pass.tape, table, &texts.speakers, [batch, 1])?;
            let voices = self.linear.forward(pass, &voices)?.reshaped([batch, width])?;
            add_to_frames(pass.tape, x, &voices)
        })
    }
}

/// Embedding → convolutions → mixers → norm, and a voice on top.
#[derive(Debug, Clone)]
pub(super) struct TextEncoder {
    embedding: ParamId,
    convs: Vec<ConvLayer>,
    layers: Vec<Arc<MixerLayer>>,
    norm: RmsNorm,
    speakers: Option<Speakers>,
}

impl TextEncoder {
    /// Parameters `embedding.weight`, `convs.{i}.*`, `layers.{i}.*`, `norm.*` and `speaker.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &TacomambaPlan) -> Self {
        let width = plan.width;
        let init = Init::Normal { std: (width as f32).powf(-0.5) };
        let embedding = scope.child("embedding").param("weight", [TABLE, width], init);
        let conv = |at: usize| {
            let mut convs = scope.child("convs");
            let mut scope = convs.child(at);
            ConvLayer {
                conv: SameConv::declare(&mut scope.child("conv"), width, width, TAPS),
                norm: RmsNorm::declare(&mut scope.child("norm"), width, NORM_EPS),
                dropout: plan.dropout,
            }
        };
        let convs = (0..plan.encoder_convs).map(conv).collect();
        let layer = |at: usize| Arc::new(MixerLayer::declare(&mut scope.child("layers").child(at), plan));
        let layers = (0..plan.encoder_layers).map(layer).collect();
        let norm = RmsNorm::declare(&mut scope.child("norm"), width, NORM_EPS);
        let speakers = plan.speakers.map(|plan| Speakers::declare(&mut scope.child("speaker"), width, plan));
        TextEncoder { embedding, convs, layers, norm, speakers }
    }

    /// [B, N, width], 0 behind a text's end.
    pub fn forward<D: Backend>(&self, pass: &mut Pass<'_, D>, texts: &Texts) -> Result<Array<D>, OpError> {
        let batch = texts.lens.len();
        let table = pass.param(self.embedding);
        let mut x = pass
            .within("embedding", |pass| embedding(pass.tape, table, &texts.symbols, [batch, texts.padded]))?;
        for (at, conv) in self.convs.iter().enumerate() {
            x = pass.within(format_args!("convs.{at}"), |pass| conv.forward(pass, &x, &texts.lens))?;
        }
        let lens: Arc<[usize]> = texts.lens.as_slice().into();
        for (at, layer) in self.layers.iter().enumerate() {
            let (layer, lens) = (Arc::clone(layer), Arc::clone(&lens));
            let block = move |pass: &mut Pass<'_, D>, x: &Array<D>| layer.forward(pass, x, &lens);
            x = pass.within(format_args!("layers.{at}"), |pass| pass.block(&x, block))?;
        }
        let x = pass.within("norm", |pass| self.norm.forward(pass, &x))?;
        let x = match &self.speakers {
            Some(speakers) => speakers.voiced(pass, &x, texts)?,
            None => x,
        };
        zero_padding(pass.tape, &x, &texts.lens)
    }
}
