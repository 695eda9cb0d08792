//! What processes that share a run tell each other, as bytes: a run's state, a part of an update, the sum.
//!
//! Numbers go in little-endian order and with every bit, so what arrives is what was sent. Tensors stand in the order of the model's parameters and
//! without names: both ends have the same plan. Not for: files (`state.rs` writes those), sockets (`launch::ranks`). Start at
//! [`write_part`] and [`read_part`].

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use kernels::{Array, Backend, Grads, Left, OpError};
use serde::{Deserialize, Serialize};

use super::lost::Lost;
use super::micro_batch::Part;
use super::optimizer::Moments;
use super::ranks::Sum;
use super::{State, TrainError};
use crate::data::Position;
use crate::nn::Params;
use crate::task::Losses;

/// Values that are written in one piece.
const BLOCK: usize = 1 << 16;

/// What has been left of a parameter, as a byte of two bits.
const REACHED: u8 = 1;
const HAS_GRADIENT: u8 = 2;

/// Why something did not arrive.
#[derive(Debug)]
pub enum WireError {
    /// The other end is gone, or what came makes no sense.
    Io(io::Error),
    /// What came does not fit this process.
    Train(TrainError),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        WireError::Io(error)
    }
}

impl From<TrainError> for WireError {
    fn from(error: TrainError) -> Self {
        WireError::Train(error)
    }
}

impl From<OpError> for WireError {
    fn from(error: OpError) -> Self {
        WireError::Train(error.into())
    }
}

/// What is neither weights nor moments in a state, as far as all processes need it: what is judged is rank 0's to know.
#[derive(Serialize, Deserialize)]
struct Head {
    step: u64,
    position: Position,
    falls: u32,
    lost: Lost,
    /// Updates taken by each parameter.
    updates: BTreeMap<String, u64>,
}

/// Writes a part of an update, or the sum of several.
///
/// # Errors
/// The other end is gone, or the device failed.
pub fn write_part<D: Backend>(
    params: &Params<D>,
    part: &mut Part<D>,
    to: &mut dyn Write,
) -> Result<(), WireError> {
    put_f64(to, part.count)?;
    put_u64(to, part.infinite as u64)?;
    let losses = part.read_losses()?;
    put_f64(to, losses.total)?;
    put_u64(to, losses.by_name.len() as u64)?;
    for (name, value) in &losses.by_name {
        put_text(to, name)?;
        put_f64(to, *value)?;
    }
    for param in params.iter() {
        let Left { reached, gradient } = part.grads.left(param.array())?;
        let bits = if reached { REACHED } else { 0 } | if gradient.is_some() { HAS_GRADIENT } else { 0 };
        to.write_all(&[bits])?;
        if let Some(gradient) = gradient {
            put_floats(to, &gradient)?;
        }
    }
    Ok(())
}

/// Reads what [`write_part`] wrote.
///
/// # Errors
/// The other end is gone, or the device has no room.
pub fn read_part<D: Backend>(params: &Params<D>, from: &mut dyn Read) -> Result<Part<D>, WireError> {
    let count = get_f64(from)?;
    let infinite = get_u64(from)? as usize;
    let mut losses = Losses::known(get_f64(from)?, []);
    for _ in 0..get_u64(from)? {
        losses.by_name.insert(get_text(from)?, get_f64(from)?);
    }
    let mut grads = Grads::default();
    for param in params.iter() {
        let array = param.array();
        let mut bits = [0];
        from.read_exact(&mut bits)?;
        let gradient = if bits[0] & HAS_GRADIENT == 0 { None } else { Some(get_floats(from, array.len())?) };
        grads.take_over(array, Left { reached: bits[0] & REACHED != 0, gradient })?;
    }
    Ok(Part { grads, count, losses: vec![losses], infinite })
}

/// Writes an update's sum, and what rank 0 alone knows.
///
/// # Errors
/// As [`write_part`].
pub fn write_sum<D: Backend>(sum: &mut Sum<'_, D>, to: &mut dyn Write) -> Result<(), WireError> {
    put_u64(to, sum.step)?;
    put_u64(to, u64::from(sum.falls))?;
    to.write_all(&[u8::from(sum.whole.is_some())])?;
    match &mut sum.whole {
        Some(whole) => write_part(sum.params, whole, to),
        None => Ok(()),
    }
}

/// Reads what [`write_sum`] wrote for the same update.
///
/// # Errors
/// As [`read_part`], or it is of another update.
pub fn read_sum<D: Backend>(sum: &mut Sum<'_, D>, from: &mut dyn Read) -> Result<(), WireError> {
    if get_u64(from)? != sum.step {
        return Err(TrainError::OutOfStep.into());
    }
    sum.falls = get_u64(from)? as u32;
    let mut there = [0];
    from.read_exact(&mut there)?;
    sum.whole = match there[0] {
        0 => None,
        _ => Some(read_part(sum.params, from)?),
    };
    Ok(())
}

/// Writes all of a run's state.
///
/// # Errors
/// The other end is gone.
pub fn write_state<D: Backend>(state: &State<D>, to: &mut dyn Write) -> Result<(), WireError> {
    let moments = state.optimizer.moments.iter();
    let head = Head {
        step: state.step,
        position: state.position,
        falls: state.plateau.falls,
        lost: state.lost,
        updates: moments.map(|(name, moments)| (name.clone(), moments.steps)).collect(),
    };
    put_text(to, &serde_json::to_string(&head).map_err(io::Error::from)?)?;
    for param in state.model.params.iter() {
        put_floats(to, &param.array().download()?)?;
    }
    for moments in state.optimizer.moments.values() {
        put_floats(to, &moments.first.download()?)?;
        put_floats(to, &moments.second.download()?)?;
    }
    Ok(())
}

/// Reads what [`write_state`] wrote into the state of a model of the same plan.
///
/// # Errors
/// The other end is gone, or its model is another.
pub fn read_state<D: Backend>(
    device: &D,
    state: &mut State<D>,
    from: &mut dyn Read,
) -> Result<(), WireError> {
    let head: Head = serde_json::from_str(&get_text(from)?).map_err(io::Error::from)?;
    for param in state.model.params.iter_mut() {
        let values = get_floats(from, param.array().len())?;
        param.array_mut().copy_from(&values)?;
    }
    for (name, &steps) in &head.updates {
        let param = state.model.params.by_name(name).ok_or(TrainError::OutOfStep)?;
        let shape = param.array().shape();
        let mut moment =
            || Ok::<_, WireError>(Array::from_vec(device, get_floats(from, shape.len())?, shape)?);
        let (first, second) = (moment()?, moment()?);
        state.optimizer.moments.insert(name.clone(), Moments { first, second, steps });
    }
    state.step = head.step;
    state.position = head.position;
    state.plateau.falls = head.falls;
    state.lost = head.lost;
    Ok(())
}

/// Writes the length of a text, then the text.
///
/// # Errors
/// The other end is gone.
pub fn put_text(to: &mut dyn Write, text: &str) -> io::Result<()> {
    put_u64(to, text.len() as u64)?;
    to.write_all(text.as_bytes())
}

/// Reads what [`put_text`] wrote.
///
/// # Errors
/// The other end is gone, or it is no text.
pub fn get_text(from: &mut dyn Read) -> io::Result<String> {
    let len = get_u64(from)?;
    let mut text = String::new();
    from.take(len).read_to_string(&mut text)?;
    match text.len() as u64 == len {
        true => Ok(text),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn put_u64(to: &mut dyn Write, value: u64) -> io::Result<()> {
    to.write_all(&value.to_le_bytes())
}

fn get_u64(from: &mut dyn Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn put_f64(to: &mut dyn Write, value: f64) -> io::Result<()> {
    put_u64(to, value.to_bits())
}

fn get_f64(from: &mut dyn Read) -> io::Result<f64> {
    get_u64(from).map(f64::from_bits)
}

fn put_floats(to: &mut dyn Write, values: &[f32]) -> io::Result<()> {
    let mut bytes = vec![0; values.len().min(BLOCK) * 4];
    for block in values.chunks(BLOCK) {
        let bytes = &mut bytes[..block.len() * 4];
        for (bytes, value) in bytes.chunks_exact_mut(4).zip(block) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        to.write_all(bytes)?;
    }
    Ok(())
}

fn get_floats(from: &mut dyn Read, len: usize) -> io::Result<Vec<f32>> {
    let mut values = Vec::with_capacity(len);
    let mut bytes = vec![0; len.min(BLOCK) * 4];
    while values.len() < len {
        let block = &mut bytes[..(len - values.len()).min(BLOCK) * 4];
        from.read_exact(block)?;
        let floats = block.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        values.extend(floats);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;
    use crate::nn::{Declaration, Init};

    fn params(names: &[&str]) -> Params<Cpu> {
        let shape = [3, BLOCK / 2 + 1].into();
        let declare =
            |name: &&str| Declaration { name: (*name).to_owned(), shape, init: Init::Constant(0.0) };
        let declarations: Vec<Declaration> = names.iter().map(declare).collect();
        Params::draw(&Cpu::default(), &declarations, 0).unwrap()
    }

    /// Bits that an addition would not keep: a negative zero, a number below the normal ones, a quiet NaN with a payload.
    fn part(params: &Params<Cpu>) -> Part<Cpu> {
        let odd = [-0.0, f32::MIN_POSITIVE / 8.0, f32::from_bits(0x7fc0_1234), f32::NEG_INFINITY];
        let mut grads = Grads::default();
        for (index, param) in params.iter().enumerate().take(2) {
            let values =
                (0..param.array().len()).map(|at| if at < 4 { odd[at] } else { at as f32 }).collect();
            let gradient = (index == 0).then_some(values);
            grads.take_over(param.array(), Left { reached: true, gradient }).unwrap();
        }
        let losses = Losses::known(1e-310, [("ctc", -0.0), ("clf", f64::INFINITY)]);
        Part { grads, count: 7.5, losses: vec![losses], infinite: 3 }
    }

    #[test]
    fn a_sum_arrives_with_every_bit_and_holds_for_one_update_only() {
        let (here, there) = (params(&["a", "b", "c"]), params(&["a", "b", "c"]));
        let device = Cpu::default();
        let sum = |params, step, whole| Sum { device: &device, params, batches: 3, step, falls: 2, whole };
        let mut sent = sum(&here, 9, Some(part(&here)));
        let mut bytes = Vec::new();
        write_sum(&mut sent, &mut bytes).unwrap_or_else(|error| panic!("{error:?}"));

        let mut came = sum(&there, 9, None);
        came.falls = 0;
        read_sum(&mut came, &mut &bytes[..]).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(came.falls, 2);
        let (sent, came) = (sent.whole.unwrap(), came.whole.unwrap());
        let numbers = |part: &Part<Cpu>| {
            let losses = &part.losses[0];
            (part.count.to_bits(), losses.total.to_bits(), part.infinite, losses.by_name.clone())
        };
        assert_eq!(numbers(&came), numbers(&sent));
        let left = |part: &Part<Cpu>, params: &Params<Cpu>| -> Vec<(bool, Option<Vec<u32>>)> {
            let left = params.iter().map(|param| part.grads.left(param.array()).unwrap());
            let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
            left.map(|left| (left.reached, left.gradient.map(bits))).collect()
        };
        assert!(left(&came, &there) == left(&sent, &here));
        assert_eq!(left(&came, &there)[2], (false, None));

        let other = read_sum(&mut sum(&there, 10, None), &mut &bytes[..]);
        assert!(matches!(other, Err(WireError::Train(TrainError::OutOfStep))), "{other:?}");
        for len in [0, 11, 60, bytes.len() - 1] {
            let cut = read_sum(&mut sum(&there, 9, None), &mut &bytes[..len]);
            assert!(matches!(cut, Err(WireError::Io(_))), "{len}: {cut:?}");
        }
    }
}
