//! One call of an op: its operands, its settings, its gradients.

use std::collections::BTreeMap;

use super::{Entry, Made};
use crate::{Array, Device, Grads, OpError, Shape, Tape};

/// Shape and values, by name.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;
/// Name, shape, values.
pub type Named = (String, Vec<usize>, Vec<f32>);

/// What is wrong with a request, in words.
#[derive(Debug)]
pub struct Wrong(pub String);

impl From<OpError> for Wrong {
    fn from(error: OpError) -> Self {
        Wrong(error.to_string())
    }
}

/// An op's operands and settings, the tape that it is recorded on, and the gradient that comes.
pub struct Call<D: Device> {
    device: D,
    /// Records where gradients are wanted.
    pub tape: Tape<D>,
    tensors: Tensors,
    settings: BTreeMap<String, String>,
    /// The gradient that comes.
    pub dy: Option<Vec<f32>>,
    /// What was read so far: a second run has the same operands.
    arrays: BTreeMap<String, Array<D>>,
    /// Operands that get a gradient.
    operands: BTreeMap<String, Array<D>>,
}

impl<D: Device> Call<D> {
    /// A call of `op` on `device` with `tensors`, and `settings` of the form `NAME=VALUE`. With a tensor `dy` it is recorded.
    ///
    /// # Errors
    /// There are tensors or settings that the op does not have: nothing is read and ignored.
    pub fn new(device: &D, op: &Entry, mut tensors: Tensors, settings: &[String]) -> Result<Self, Wrong> {
        let mut given = BTreeMap::new();
        for setting in settings {
            let known = setting.split_once('=').filter(|(name, _)| op.settings.iter().any(|s| s.0 == *name));
            let Some((name, value)) = known else {
                let names: Vec<&str> = op.settings.iter().map(|setting| setting.0).collect();
                return Err(Wrong(format!(
                    "`{setting}` is no setting; {} has [{}]",
                    op.name,
                    names.join(", ")
                )));
            };
            given.insert(name.to_owned(), value.to_owned());
        }
        let dy = tensors.remove("dy").map(|(_, values)| values);
        let known = |name: &String| op.operands.iter().any(|operand| operand.0.trim_end_matches('?') == name);
        if let Some(name) = tensors.keys().find(|name| !known(name)) {
            return Err(Wrong(format!(
                "{} has no operand `{name}`; `op {} --help` lists them",
                op.name, op.name
            )));
        }
        let tape = if dy.is_some() { Tape::recording() } else { Tape::silent() };
        Ok(Self {
            device: device.clone(),
            tape,
            tensors,
            settings: given,
            dy,
            arrays: BTreeMap::new(),
            operands: BTreeMap::new(),
        })
    }

    /// An operand that is differentiated by.
    ///
    /// # Errors
    /// It is not there, or has more than four axes.
    pub fn operand(&mut self, name: &str) -> Made<D> {
        self.optional(name)?.ok_or_else(|| Wrong(format!("the file has no `{name}`")))
    }

    /// Several of them.
    ///
    /// # Errors
    /// As [`Call::operand`].
    pub fn operands<const N: usize>(&mut self, names: [&str; N]) -> Result<[Array<D>; N], Wrong> {
        let found: Vec<Array<D>> = names.iter().map(|name| self.operand(name)).collect::<Result<_, _>>()?;
        found.try_into().map_err(|_| Wrong("too few operands".to_owned()))
    }

    /// One that may be absent.
    ///
    /// # Errors
    /// It has more than four axes.
    pub fn optional(&mut self, name: &str) -> Result<Option<Array<D>>, Wrong> {
        let Some(array) = self.take(name)? else { return Ok(None) };
        Ok(Some(self.operands.entry(name.to_owned()).or_insert_with(|| array.tracked()).clone()))
    }

    /// An operand that has no gradient.
    ///
    /// # Errors
    /// As [`Call::operand`].
    pub fn constant(&mut self, name: &str) -> Made<D> {
        self.take(name)?.ok_or_else(|| Wrong(format!("the file has no `{name}`")))
    }

    /// Extents and values of one that the op takes from the host.
    ///
    /// # Errors
    /// It is not there.
    pub fn values(&self, name: &str) -> Result<(&[usize], &[f32]), Wrong> {
        match self.tensors.get(name) {
            Some((extents, values)) => Ok((extents, values)),
            None => Err(Wrong(format!("the file has no `{name}`"))),
        }
    }

    fn take(&mut self, name: &str) -> Result<Option<Array<D>>, Wrong> {
        if let Some(array) = self.arrays.get(name) {
            return Ok(Some(array.clone()));
        }
        let Some((shape, values)) = self.tensors.remove(name) else { return Ok(None) };
        let shape: Shape = match shape[..] {
            [] => [1].into(),
            [a] => [a].into(),
            [a, b] => [a, b].into(),
            [a, b, c] => [a, b, c].into(),
            [a, b, c, d] => [a, b, c, d].into(),
            _ => return Err(Wrong(format!("`{name}` has {} axes; at most 4 are possible", shape.len()))),
        };
        let array = Array::from_vec(&self.device, values, shape)?;
        self.arrays.insert(name.to_owned(), array.clone());
        Ok(Some(array))
    }

    /// Whole numbers in a tensor: lengths, classes.
    ///
    /// # Errors
    /// It is not there.
    pub fn numbers(&self, name: &str) -> Result<Vec<i64>, Wrong> {
        Ok(self.values(name)?.1.iter().map(|&value| value as i64).collect())
    }

    /// The valid frames `lens` of each row of `x` [B, T, …]; all where there is no such tensor.
    ///
    /// # Errors
    /// `x` has not three axes.
    pub fn lens(&mut self, x: &Array<D>) -> Result<Vec<usize>, Wrong> {
        let [batch, time, _] = x.dims("op", "x")?;
        match self.has("lens") {
            true => Ok(self.numbers("lens")?.into_iter().map(|len| len.max(0) as usize).collect()),
            false => Ok(vec![time; batch]),
        }
    }

    /// One weight for each frame of `x` [B, T, …], from `weights`; 1 where there is no such tensor.
    ///
    /// # Errors
    /// `x` has not three axes.
    pub fn weights(&mut self, x: &Array<D>) -> Result<Vec<f32>, Wrong> {
        let [batch, time, _] = x.dims("op", "student")?;
        match self.has("weights") {
            true => Ok(self.values("weights")?.1.to_vec()),
            false => Ok(vec![1.0; batch * time]),
        }
    }

    /// Whether there is a tensor of this name.
    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name) || self.arrays.contains_key(name)
    }

    /// A setting, or what it is where nobody sets it.
    ///
    /// # Errors
    /// What was given cannot be read.
    pub fn setting<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, Wrong> {
        match self.settings.get(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().map_err(|_| Wrong(format!("`{name}={text}`: this value cannot be read")))
            }
        }
    }

    /// Backward from `dy`; nothing where it was not given.
    ///
    /// # Errors
    /// `dy` has not as many values as `y`, or the device failed.
    pub fn backward(&mut self, y: Array<D>) -> Result<Option<Grads<D>>, Wrong> {
        let Some(dy) = self.dy.take() else { return Ok(None) };
        if dy.len() != y.len() {
            return Err(Wrong(format!("`dy` has {} values, but y is {}", dy.len(), y.shape())));
        }
        let tape = std::mem::replace(&mut self.tape, Tape::silent());
        Ok(Some(tape.backward(&self.device, vec![(y, dy)])?))
    }

    /// `y`, and the gradients if `dy` was given.
    ///
    /// # Errors
    /// As [`Call::backward`].
    pub fn finish(&mut self, y: Array<D>) -> Result<Vec<Named>, Wrong> {
        let mut written = vec![("y".to_owned(), y.shape().dims().to_vec(), y.download()?)];
        if let Some(mut grads) = self.backward(y)? {
            for (name, array) in &self.operands {
                written.push((format!("d{name}"), array.shape().dims().to_vec(), grads.to_vec(array)?));
            }
        }
        Ok(written)
    }
}
