//! The layers of both halves of the network. There is no batch: one window of sound, one transcript.

use std::path::{Path, PathBuf};

use candle_core::{D, Device, Module, Result, Tensor};
use candle_nn::{LayerNorm, Linear};

use crate::model::weights::{Tensors, WeightsError};

/// What keeps a deviation from being 0.
const NORM_EPSILON: f64 = 1e-5;

/// The tensors of a file, taken one by one. All that is wrong with them is told at the end.
pub struct Bag {
    tensors: Tensors,
    from: PathBuf,
    misfits: Vec<String>,
    not_finite: Option<(String, f32)>,
}

impl Bag {
    pub fn new(tensors: Tensors, from: &Path) -> Self {
        Bag { tensors, from: from.to_owned(), misfits: Vec::new(), not_finite: None }
    }

    /// The tensor of that name; something else where it is missing or does not fit, which [`Bag::end`] tells of.
    pub fn take(&mut self, name: &str, dims: &[usize]) -> Result<Tensor> {
        let found = self.tensors.remove(&format!("model.{name}")).or_else(|| self.tensors.remove(name));
        match found {
            Some((there, values)) if there == dims => {
                if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                    self.not_finite.get_or_insert((name.to_owned(), value));
                }
                return Tensor::from_vec(values, dims, &Device::Cpu);
            }
            Some((there, _)) => self.misfits.push(format!("`{name}` is {there:?} there and {dims:?} here")),
            None => self.misfits.push(format!("`{name}` is missing")),
        }
        Tensor::new(0f32, &Device::Cpu)
    }

    pub fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Linear> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.take(&format!("{name}.bias"), &[outputs])?;
        Ok(Linear::new(weight, Some(bias)))
    }

    pub fn norm(&mut self, name: &str, width: usize) -> Result<LayerNorm> {
        let weight = self.take(&format!("{name}.weight"), &[width])?;
        let bias = self.take(&format!("{name}.bias"), &[width])?;
        Ok(LayerNorm::new(weight, bias, NORM_EPSILON))
    }

    /// Whether all that was taken was there.
    ///
    /// # Errors
    /// All that was not.
    pub fn end(self) -> std::result::Result<(), WeightsError> {
        let Bag { from: path, misfits, not_finite, .. } = self;
        match not_finite {
            _ if !misfits.is_empty() => Err(WeightsError::Misfit { path, misfits }),
            Some((name, value)) => Err(WeightsError::NotFinite { path, name, value }),
            None => Ok(()),
        }
    }
}

/// What is attended to: keys [heads, width of a head, positions] and values [heads, positions, width of a head].
#[derive(Debug, Clone)]
pub struct Memory {
    keys: Tensor,
    values: Tensor,
}

impl Memory {
    /// This and then that.
    fn and(&self, more: &Memory) -> Result<Memory> {
        Ok(Memory {
            keys: Tensor::cat(&[&self.keys, &more.keys], 2)?,
            values: Tensor::cat(&[&self.values, &more.values], 1)?,
        })
    }

    /// Positions in it.
    fn len(&self) -> Result<usize> {
        self.keys.dim(D::Minus1)
    }
}

/// Attention of several heads.
#[derive(Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

impl Attention {
    fn take(bag: &mut Bag, name: &str, width: usize, heads: usize) -> Result<Self> {
        Ok(Attention {
            query: bag.linear(&format!("{name}.q_proj"), width, width)?,
            key: Linear::new(bag.take(&format!("{name}.k_proj.weight"), &[width, width])?, None),
            value: bag.linear(&format!("{name}.v_proj"), width, width)?,
            out: bag.linear(&format!("{name}.out_proj"), width, width)?,
            heads,
        })
    }

    /// [positions, width] → [heads, positions, width of a head]
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (positions, width) = x.dims2()?;
        x.reshape((positions, self.heads, width / self.heads))?.transpose(0, 1)?.contiguous()
    }

    fn memory(&self, x: &Tensor) -> Result<Memory> {
        Ok(Memory {
            keys: self.split(&self.key.forward(x)?)?.transpose(1, 2)?.contiguous()?,
            values: self.split(&self.value.forward(x)?)?,
        })
    }

    /// [positions, width] → the same; with `causal` the last of them sees all of the memory, and each before it one position less.
    fn forward(&self, x: &Tensor, memory: &Memory, causal: bool) -> Result<Tensor> {
        let (positions, width) = x.dims2()?;
        let scale = ((width / self.heads) as f64).powf(-0.5);
        let query = (self.split(&self.query.forward(x)?)? * scale)?;
        let mut scores = query.matmul(&memory.keys)?;
        if causal && positions > 1 {
            scores = scores.broadcast_add(&mask(positions, memory.len()?)?)?;
        }
        let heard = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&memory.values)?;
        self.out.forward(&heard.transpose(0, 1)?.reshape((positions, width))?)
    }
}

/// 0 where a position may look, and what hides the others.
fn mask(positions: usize, seen: usize) -> Result<Tensor> {
    let hidden = |row: usize, column: usize| column + positions > row + seen;
    let value = |row, column| if hidden(row, column) { f32::NEG_INFINITY } else { 0.0 };
    let values: Vec<f32> =
        (0..positions).flat_map(|row| (0..seen).map(move |column| value(row, column))).collect();
    Tensor::from_vec(values, (positions, seen), &Device::Cpu)
}

/// A layer of either half: attention to itself, in the decoder to the sound as well, and a feed-forward net.
#[derive(Debug)]
pub struct Layer {
    own_norm: LayerNorm,
    own: Attention,
    sound: Option<(LayerNorm, Attention)>,
    norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
}

/// The widths of a half's layers.
#[derive(Debug, Clone, Copy)]
pub struct Widths {
    pub width: usize,
    pub heads: usize,
    pub inner: usize,
    /// Whether it attends to the sound.
    pub hears: bool,
}

impl Layer {
    pub fn take(bag: &mut Bag, name: &str, widths: Widths) -> Result<Self> {
        let Widths { width, heads, inner, hears } = widths;
        let at = |part: &str| format!("{name}.{part}");
        let sound = match hears {
            true => Some((
                bag.norm(&at("encoder_attn_layer_norm"), width)?,
                Attention::take(bag, &at("encoder_attn"), width, heads)?,
            )),
            false => None,
        };
        Ok(Layer {
            own_norm: bag.norm(&at("self_attn_layer_norm"), width)?,
            own: Attention::take(bag, &at("self_attn"), width, heads)?,
            sound,
            norm: bag.norm(&at("final_layer_norm"), width)?,
            wide: bag.linear(&at("fc1"), width, inner)?,
            narrow: bag.linear(&at("fc2"), inner, width)?,
        })
    }

    /// What of the sound it attends to.
    pub fn hear(&self, encoded: &Tensor) -> Result<Option<Memory>> {
        self.sound.as_ref().map(|(_, attention)| attention.memory(encoded)).transpose()
    }

    /// [positions, width] → the same, where every position sees every other.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = self.own_norm.forward(x)?;
        let x = (x + self.own.forward(&normed, &self.own.memory(&normed)?, false)?)?;
        self.feed(&x)
    }

    /// The same for the positions that follow `past`, which they are added to; each sees those before it, and the sound.
    pub fn follow(&self, x: &Tensor, past: &mut Option<Memory>, sound: Option<&Memory>) -> Result<Tensor> {
        let normed = self.own_norm.forward(x)?;
        let own = self.own.memory(&normed)?;
        let seen = past.as_ref().map_or(Ok(own.clone()), |past| past.and(&own))?;
        let mut x = (x + self.own.forward(&normed, &seen, true)?)?;
        *past = Some(seen);
        if let (Some((norm, attention)), Some(sound)) = (&self.sound, sound) {
            x = (&x + attention.forward(&norm.forward(&x)?, sound, false)?)?;
        }
        self.feed(&x)
    }

    fn feed(&self, x: &Tensor) -> Result<Tensor> {
        x + self.narrow.forward(&self.wide.forward(&self.norm.forward(x)?)?.gelu_erf()?)?
    }
}
