//! The network: an encoder of a window of sound, and a decoder that scores the next token.

use std::path::Path;

use candle_core::{Device, Module, Result, Tensor};
use candle_nn::LayerNorm;

use super::TranscribeError;
use super::layers::{Bag, Layer, Memory, Widths};
use super::sizes::Sizes;
use crate::model::weights::read_checkpoint;

/// Both halves.
#[derive(Debug)]
pub struct Network {
    pub encoder: Encoder,
    pub decoder: Decoder,
}

/// A convolution three frames wide.
#[derive(Debug)]
struct Convolution {
    weight: Tensor,
    /// [1, outputs, 1]
    bias: Tensor,
    step: usize,
}

/// Sound to one vector for every 20 ms.
#[derive(Debug)]
pub struct Encoder {
    convolutions: [Convolution; 2],
    positions: Tensor,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

/// The tokens so far to the scores of the next one.
#[derive(Debug)]
pub struct Decoder {
    tokens: Tensor,
    positions: Tensor,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

/// What the decoder keeps of a window's sound and of the tokens so far.
#[derive(Debug, Clone)]
pub struct State {
    sound: Vec<Option<Memory>>,
    past: Vec<Option<Memory>>,
    length: usize,
}

impl Network {
    /// Reads the weights of a folder in Hugging Face's layout.
    ///
    /// # Errors
    /// They cannot be read, lack a tensor or have one of another shape: all of them at once.
    pub fn read(folder: &Path, sizes: &Sizes) -> std::result::Result<Self, TranscribeError> {
        let mut bag = Bag::new(read_checkpoint(folder)?, folder);
        let network =
            Network { encoder: Encoder::take(&mut bag, sizes)?, decoder: Decoder::take(&mut bag, sizes)? };
        bag.end()?;
        Ok(network)
    }
}

impl Convolution {
    fn take(bag: &mut Bag, name: &str, inputs: usize, outputs: usize, step: usize) -> Result<Self> {
        let weight = bag.take(&format!("{name}.weight"), &[outputs, inputs, 3])?;
        let bias = bag.take(&format!("{name}.bias"), &[outputs])?;
        Ok(Convolution { weight, bias: bias.reshape((1, (), 1))?, step })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.conv1d(&self.weight, 1, self.step, 1, 1)?.broadcast_add(&self.bias)?.gelu_erf()
    }
}

fn layers(bag: &mut Bag, half: &str, count: usize, widths: Widths) -> Result<Vec<Layer>> {
    (0..count).map(|at| Layer::take(bag, &format!("{half}.layers.{at}"), widths)).collect()
}

impl Encoder {
    fn take(bag: &mut Bag, sizes: &Sizes) -> Result<Self> {
        let width = sizes.d_model;
        let (heads, inner) = (sizes.encoder_attention_heads, sizes.encoder_ffn_dim);
        Ok(Encoder {
            convolutions: [
                Convolution::take(bag, "encoder.conv1", sizes.num_mel_bins, width, 1)?,
                Convolution::take(bag, "encoder.conv2", width, width, 2)?,
            ],
            positions: bag.take("encoder.embed_positions.weight", &[sizes.max_source_positions, width])?,
            layers: layers(
                bag,
                "encoder",
                sizes.encoder_layers,
                Widths { width, heads, inner, hears: false },
            )?,
            norm: bag.norm("encoder.layer_norm", width)?,
        })
    }

    /// # Shapes
    /// mel [frames of a window, bands] → [frames / 2, width]
    pub fn forward(&self, mel: Vec<f32>, bands: usize) -> Result<Tensor> {
        let mel = Tensor::from_vec(mel, ((), bands), &Device::Cpu)?;
        let mut x = mel.t()?.contiguous()?.unsqueeze(0)?;
        for convolution in &self.convolutions {
            x = convolution.forward(&x)?;
        }
        let mut x = x.squeeze(0)?.t()?.contiguous()?.broadcast_add(&self.positions)?;
        for layer in &self.layers {
            x = layer.forward(&x)?;
        }
        self.norm.forward(&x)
    }
}

impl Decoder {
    fn take(bag: &mut Bag, sizes: &Sizes) -> Result<Self> {
        let width = sizes.d_model;
        let (heads, inner) = (sizes.decoder_attention_heads, sizes.decoder_ffn_dim);
        Ok(Decoder {
            tokens: bag.take("decoder.embed_tokens.weight", &[sizes.vocab_size, width])?,
            positions: bag.take("decoder.embed_positions.weight", &[sizes.max_target_positions, width])?,
            layers: layers(
                bag,
                "decoder",
                sizes.decoder_layers,
                Widths { width, heads, inner, hears: true },
            )?,
            norm: bag.norm("decoder.layer_norm", width)?,
        })
    }

    /// The state before the first token of a window's transcript.
    pub fn begin(&self, encoded: &Tensor) -> Result<State> {
        let sound = self.layers.iter().map(|layer| layer.hear(encoded)).collect::<Result<_>>()?;
        Ok(State { sound, past: vec![None; self.layers.len()], length: 0 })
    }

    /// Takes tokens in, and scores what may come behind each of them.
    ///
    /// # Shapes
    /// tokens [n] → [n, vocabulary]
    pub fn follow(&self, tokens: &[u32], state: &mut State) -> Result<Vec<Vec<f32>>> {
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let positions = self.positions.narrow(0, state.length, tokens.len())?;
        let mut x = self.tokens.index_select(&ids, 0)?.add(&positions)?;
        for ((layer, past), sound) in self.layers.iter().zip(&mut state.past).zip(&state.sound) {
            x = layer.follow(&x, past, sound.as_ref())?;
        }
        state.length += tokens.len();
        self.norm.forward(&x)?.matmul(&self.tokens.t()?)?.to_vec2()
    }
}
