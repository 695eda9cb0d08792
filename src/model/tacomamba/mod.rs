//! Text to speech: symbols → encoder → how long each lasts → a decoder of mel frames → a postnet.
//!
//! - h = Encoder(text); μ = Mean(h), a token's mean frame. Which frames belong to which token is found by monotonic alignment search, the frames taken
//!   for normal around the means (Glow-TTS, arXiv 2005.11129); nothing flows back through the choice.
//! - frame t: c_t = h of its token + where in it t is; z_t = c_t + Prenet(y_{t−1}); ŷ = Decoder(z), ŷ⁺ = ŷ + Postnet(ŷ) (Tacotron 2, arXiv
//!   1712.05884, whose attention is not needed)
//! - ln duration = Durations(h), through which nothing flows back into h
//!
//! Not for: losses (`task`), spectrograms of sound (`audio`). Start at [`Tacomamba`]; one frame after another is in `stream.rs`, an ablation without durations in
//! `prefix.rs`.

mod decoder;
mod durations;
mod encoder;
mod postnet;
mod prefix;
mod prefix_stream;
mod spread;
mod stream;

#[cfg(test)]
mod tests;

use kernels::monotonic_alignment::{Utterance, durations};
use kernels::{Array, Backend, OpError};

use crate::nn::{Linear, Mamba1Sizes, Mamba2Sizes, MixerSizes, Pass, Scope};
use crate::plan::{MixerPlan, TacomambaPlan};
use decoder::Decoder;
use durations::DurationHead;
use encoder::TextEncoder;
use postnet::Postnet;
use spread::Spread;

pub use crate::nn::stepping::States;
pub use prefix::{Continued, PrefixSpeech};
pub use prefix_stream::PrefixStep;
pub use stream::SpeechStep;

const NORM_EPS: f32 = 1e-5;

/// Rows of the table of symbols: those of texts, their end and beginning, to a multiple of eight.
pub(super) const TABLE: usize = 152;

/// Texts of a batch, as symbols.
#[derive(Debug, Clone, PartialEq)]
pub struct Texts {
    /// [B, N], anything behind a text's end.
    pub symbols: Vec<u32>,
    /// N.
    pub padded: usize,
    /// Symbols of each.
    pub lens: Vec<usize>,
    /// The voice of each; none where the model has one.
    pub speakers: Vec<u32>,
}

impl Texts {
    /// Pads texts to one length; `speakers` as many, or none.
    pub fn new(texts: &[&[u32]], speakers: Vec<u32>) -> Self {
        let lens: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let padded = lens.iter().copied().max().unwrap_or(0);
        let mut symbols = vec![0; texts.len() * padded];
        for (row, text) in symbols.chunks_mut(padded.max(1)).zip(texts) {
            row[..text.len()].copy_from_slice(text);
        }
        Texts { symbols, padded, lens, speakers }
    }
}

/// Mel frames of a batch, as the model sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct MelFrames {
    /// [B, T, bands], 0 behind an utterance's end.
    pub values: Vec<f32>,
    /// T.
    pub padded: usize,
    /// Frames of each.
    pub lens: Vec<usize>,
}

/// What a pass over known speech gives.
pub struct Taught<D: Backend> {
    /// ŷ [B, T, bands].
    pub frames: Array<D>,
    /// ŷ⁺ [B, T, bands], where there is a postnet.
    pub refined: Option<Array<D>>,
    /// μ of each frame's token [B, T, bands].
    pub means: Array<D>,
    /// ln of each token's duration as the model tells it [B, N].
    pub log_durations: Array<D>,
    /// Frames of each token, as they were found.
    pub durations: Vec<Vec<usize>>,
}

/// The network: where its parameters are and how they act.
#[derive(Debug, Clone)]
pub struct Tacomamba {
    plan: TacomambaPlan,
    encoder: TextEncoder,
    mean: Linear,
    durations: DurationHead,
    decoder: Decoder,
    postnet: Option<Postnet>,
}

impl Tacomamba {
    /// Parameters `encoder.*`, `mean.*`, `durations.*`, `decoder.*` and `postnet.*`.
    pub fn declare(scope: &mut Scope<'_>, plan: &TacomambaPlan) -> Self {
        let bands = plan.mel.bands;
        let postnet = plan.postnet.map(|layers| Postnet::declare(&mut scope.child("postnet"), bands, layers));
        Tacomamba {
            plan: plan.clone(),
            encoder: TextEncoder::declare(&mut scope.child("encoder"), plan),
            mean: Linear::torch(&mut scope.child("mean"), plan.width, bands, true),
            durations: DurationHead::declare(&mut scope.child("durations"), plan),
            decoder: Decoder::declare(&mut scope.child("decoder"), plan),
            postnet,
        }
    }

    /// The plan this network was made from.
    pub fn plan(&self) -> &TacomambaPlan {
        &self.plan
    }

    /// A pass over known speech: the decoder hears the true frame before.
    ///
    /// # Errors
    /// An utterance has fewer frames than symbols, shapes do not fit, or the device failed.
    pub fn forward<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        texts: &Texts,
        spoken: &MelFrames,
    ) -> Result<Taught<D>, OpError> {
        let h = self.encode(pass, texts)?;
        let means = self.means(pass, &h)?;
        let durations = self.align(&means, texts, spoken)?;
        let log_durations = self.log_durations(pass, &h, texts)?;
        let spread = Spread::new(&durations, texts.padded, spoken.padded);
        let means = spread.over(pass.tape, &means)?;
        let frames = self.decode(pass, &h, &spread, Some(spoken))?;
        let refined = match &self.postnet {
            Some(_) => Some(self.refine(pass, &frames, &spoken.lens)?),
            None => None,
        };
        Ok(Taught { frames, refined, means, log_durations, durations })
    }

    /// h [B, N, width], 0 behind a text's end.
    ///
    /// # Errors
    /// A symbol or a voice is unknown, or the device failed.
    pub fn encode<D: Backend>(&self, pass: &mut Pass<'_, D>, texts: &Texts) -> Result<Array<D>, OpError> {
        pass.within("encoder", |pass| self.encoder.forward(pass, texts))
    }

    /// μ [B, N, bands] of encoded texts.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn means<D: Backend>(&self, pass: &mut Pass<'_, D>, h: &Array<D>) -> Result<Array<D>, OpError> {
        pass.within("mean", |pass| self.mean.forward(pass, h))
    }

    /// ln of each symbol's duration [B, N].
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn log_durations<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        h: &Array<D>,
        texts: &Texts,
    ) -> Result<Array<D>, OpError> {
        pass.within("durations", |pass| self.durations.forward(pass, &h.detached(), &texts.lens))
    }

    /// c [B, T, width]: what each frame is told of its symbol, T frames of the longest utterance.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn conditions<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        h: &Array<D>,
        durations: &[Vec<usize>],
    ) -> Result<Array<D>, OpError> {
        let [_, padded, _] = h.dims("tacomamba", "the encoded texts")?;
        let longest = durations.iter().map(|durations| durations.iter().sum()).max().unwrap_or(0);
        let spread = Spread::new(durations, padded, longest);
        pass.within("decoder", |pass| self.decoder.conditions(pass, h, &spread))
    }

    /// Mel frames [B, T, bands] of conditions, all at once: for models that do not hear the frame before.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn at_once<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        conditions: &Array<D>,
    ) -> Result<Array<D>, OpError> {
        pass.within("decoder", |pass| self.decoder.forward(pass, conditions, None))
    }

    /// ŷ⁺ of ŷ; ŷ itself where there is no postnet.
    ///
    /// # Errors
    /// The shapes do not fit, or the device failed.
    pub fn refine<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        frames: &Array<D>,
        lens: &[usize],
    ) -> Result<Array<D>, OpError> {
        match &self.postnet {
            Some(postnet) => pass.within("postnet", |pass| postnet.forward(pass, frames, lens)),
            None => Ok(frames.clone()),
        }
    }

    /// How many frames before and behind a frame its refinement depends on.
    pub fn reach(&self) -> usize {
        self.postnet.as_ref().map_or(0, |_| Postnet::REACH)
    }

    fn decode<D: Backend>(
        &self,
        pass: &mut Pass<'_, D>,
        h: &Array<D>,
        spread: &Spread,
        spoken: Option<&MelFrames>,
    ) -> Result<Array<D>, OpError> {
        pass.within("decoder", |pass| {
            let conditions = self.decoder.conditions(pass, h, spread)?;
            self.decoder.forward(pass, &conditions, spoken)
        })
    }

    /// Frames of each symbol.
    fn align<D: Backend>(
        &self,
        means: &Array<D>,
        texts: &Texts,
        spoken: &MelFrames,
    ) -> Result<Vec<Vec<usize>>, OpError> {
        let (bands, means) = (self.plan.mel.bands, means.download()?);
        let rows = texts.lens.iter().zip(&spoken.lens).enumerate();
        let utterances: Vec<Utterance<'_>> = rows
            .map(|(row, (&symbols, &frames))| Utterance {
                frames: &spoken.values[row * spoken.padded * bands..][..frames * bands],
                means: &means[row * texts.padded * bands..][..symbols * bands],
            })
            .collect();
        durations(&utterances, bands)
    }
}

/// The sizes of a mixer of the plan.
fn mixer_sizes(plan: &TacomambaPlan) -> MixerSizes {
    let (width, simple) = (plan.width, plan.simple_scan);
    match plan.mixer {
        MixerPlan::Mamba1 { inner, state, taps, rank, .. } => {
            MixerSizes::Mamba1(Mamba1Sizes { width, inner, state, taps, rank, simple })
        }
        MixerPlan::Mamba2 { inner, head_dim, state, taps, chunk, .. } => {
            MixerSizes::Mamba2(Mamba2Sizes { width, inner, head_dim, state, taps, chunk, simple })
        }
        MixerPlan::Attention { .. } => unreachable!("a plan of this family has mixers"),
    }
}
