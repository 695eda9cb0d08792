//! The published containers: a numpy file of one dictionary with `codes` and `metadata`.
//!
//! The pickle's structure is read by `model::torch::pickle`, which calls nothing. Of what it would call, numpy's arrays, their types and
//! numpy's numbers are known here by name and built by hand; a file that names anything else is refused.

use super::header;
use super::{Artifact, Codes, Dac, Fault, Kind, Metadata};
use crate::model::torch::pickle::{Id, Node, Pickle};

/// Modules that numpy's own functions are in: of versions before 2, and since.
const MODULES: [&str; 2] = ["numpy.core.multiarray", "numpy._core.multiarray"];
/// Samples per second that a recording may have.
const RATES_HZ: std::ops::RangeInclusive<u64> = 1_000..=768_000;

/// Reads a file's bytes.
///
/// # Errors
/// It is another file, damaged, or has codes of no codec.
pub(super) fn parse(kind: Kind, bytes: &[u8]) -> Result<Artifact, Fault> {
    let pickle = Pickle::parse(header::payload(bytes).map_err(Fault::Numpy)?).map_err(Fault::Pickle)?;
    if let Some(name) = pickle.globals().find(|name| !is_numpy(name)) {
        return Err(Fault::Foreign(name.replacen(' ', ".", 1)));
    }
    let file = File { pickle: &pickle };
    let root = file.only_object()?;
    let codes = file.codes(root)?;
    Ok(Artifact { kind, codes, metadata: file.metadata(kind, root)? })
}

fn is_numpy(name: &str) -> bool {
    let Some((module, name)) = name.split_once(' ') else { return false };
    match module {
        "numpy" => matches!(name, "ndarray" | "dtype"),
        module => MODULES.contains(&module) && matches!(name, "_reconstruct" | "scalar"),
    }
}

struct File<'a> {
    pickle: &'a Pickle,
}

/// An array or number of numpy's, as its pickle describes it.
struct Numbers<'a> {
    shape: Vec<usize>,
    /// Element type: `u2`, `f4`.
    kind: String,
    big_endian: bool,
    /// Whether the first axis varies fastest.
    fortran: bool,
    bytes: &'a [u8],
}

impl<'a> File<'a> {
    /// What the array of one object holds.
    fn only_object(&self) -> Result<Id, Fault> {
        let damaged = || Fault::Pickle("it is no array of one object".into());
        let [_, _, _, _, held] = self.state(self.pickle.root()).ok_or_else(damaged)? else {
            return Err(damaged());
        };
        match self.pickle.items(*held) {
            Some([object]) if self.pickle.entries(*object).is_some() => Ok(*object),
            _ => Err(Fault::Pickle("its object is no dictionary".into())),
        }
    }

    fn codes(&self, root: Id) -> Result<Codes, Fault> {
        let wrong = |what: String| Fault::Value { key: "codes", what };
        let id = self.pickle.get(root, "codes").ok_or_else(|| wrong("is missing".into()))?;
        let numbers = self.array(id).ok_or_else(|| wrong("is no array of numbers".into()))?;
        let (levels, frames) = match numbers.shape[..] {
            [levels, frames] | [1, levels, frames] => (levels, frames),
            _ => {
                return Err(wrong(format!(
                    "has the shape {:?}, which is not that of one utterance",
                    numbers.shape
                )));
            }
        };
        let values = numbers.whole().ok_or_else(|| {
            wrong(format!(
                "of {levels} levels and {frames} frames has elements that do not fit: {}",
                numbers.kind
            ))
        })?;
        let values = if numbers.fortran { transposed(&values, levels, frames) } else { values };
        let narrow: Result<Vec<u16>, i64> =
            values.iter().map(|&value| u16::try_from(value).map_err(|_| value)).collect();
        let values = narrow.map_err(|value| wrong(format!("has {value}, which is no code")))?;
        Ok(Codes::new(levels, frames, values))
    }

    fn metadata(&self, kind: Kind, root: Id) -> Result<Metadata, Fault> {
        let missing = || Fault::Value { key: "metadata", what: "is missing".into() };
        let inside = self.pickle.get(root, "metadata").ok_or_else(missing)?;
        let text = |key: &'static str| self.text(inside, key);
        let sample_rate = self.size(inside, "sample_rate")?;
        if !RATES_HZ.contains(&sample_rate) {
            let what = format!("is {sample_rate}, which no recording has");
            return Err(Fault::Value { key: "sample_rate", what });
        }
        Ok(Metadata {
            original_length: self.size(inside, "original_length")?,
            sample_rate: sample_rate as u32,
            text: text("text")?,
            phonemes: text("phonemes")?,
            language: text("language")?,
            dac: if kind == Kind::Dac { self.dac(root, inside)? } else { None },
        })
    }

    /// DAC's own keys, beside the others or beside the codes; none where none is there.
    fn dac(&self, root: Id, inside: Id) -> Result<Option<Dac>, Fault> {
        let Some(place) = [inside, root].into_iter().find(|id| self.pickle.get(*id, "input_db").is_some())
        else {
            return Ok(None);
        };
        let wrong = |key, what: &str| Fault::Value { key, what: what.into() };
        let loudness = self.pickle.get(place, "input_db").and_then(|id| self.number(id));
        let input_db =
            loudness.filter(|db| db.is_finite()).ok_or_else(|| wrong("input_db", "is no loudness"))?;
        let padding = self.pickle.get(place, "padding").and_then(|id| self.pickle.truth(id));
        Ok(Some(Dac {
            input_db: input_db as f32,
            chunk_length: self.size(place, "chunk_length")?,
            channels: self.size(place, "channels")?,
            padding: padding.ok_or_else(|| wrong("padding", "is neither yes nor no"))?,
        }))
    }

    fn text(&self, place: Id, key: &'static str) -> Result<Option<String>, Fault> {
        let Some(id) = self.pickle.get(place, key) else { return Ok(None) };
        match self.pickle.node(id) {
            Node::None => Ok(None),
            Node::Text(text) => Ok(Some(text.clone())),
            _ => Err(Fault::Value { key, what: "is no text".into() }),
        }
    }

    /// A whole number that is not negative.
    fn size(&self, place: Id, key: &'static str) -> Result<u64, Fault> {
        let wrong = |what: &str| Fault::Value { key, what: what.into() };
        let id = self.pickle.get(place, key).ok_or_else(|| wrong("is missing"))?;
        if let Some(size) = self.pickle.size(id) {
            return Ok(size as u64);
        }
        let value = self.array(id).and_then(|numbers| numbers.whole()?.first().copied());
        value.and_then(|value| u64::try_from(value).ok()).ok_or_else(|| wrong("is no number of that kind"))
    }

    /// A number in any form.
    fn number(&self, id: Id) -> Option<f64> {
        match self.pickle.node(id) {
            Node::Int(number) => Some(*number as f64),
            Node::Float(number) => Some(*number),
            _ => self.array(id)?.fraction(),
        }
    }

    /// The five values that an array is made of, where `id` is one.
    fn state(&self, id: Id) -> Option<&'a [Id]> {
        let Node::Call { function, .. } = self.pickle.node(id) else { return None };
        MODULES
            .iter()
            .any(|module| self.pickle.is_global(*function, &format!("{module} _reconstruct")))
            .then_some(())?;
        self.pickle.items(self.pickle.state(id)?)
    }

    /// An array, or a number as an array of one.
    fn array(&self, id: Id) -> Option<Numbers<'a>> {
        let Node::Call { function, arguments, .. } = self.pickle.node(id) else { return None };
        if MODULES.iter().any(|module| self.pickle.is_global(*function, &format!("{module} scalar"))) {
            let [kind, value] = self.pickle.items(*arguments)? else { return None };
            let (kind, big_endian) = self.kind(*kind)?;
            return Some(Numbers {
                shape: Vec::new(),
                kind,
                big_endian,
                fortran: false,
                bytes: self.pickle.bytes(*value)?,
            });
        }
        let [_, shape, kind, fortran, payload] = self.state(id)? else { return None };
        let shape: Option<Vec<usize>> =
            self.pickle.items(*shape)?.iter().take(4).map(|extent| self.pickle.size(*extent)).collect();
        let (kind, big_endian) = self.kind(*kind)?;
        let fortran = self.pickle.truth(*fortran)?;
        Some(Numbers { shape: shape?, kind, big_endian, fortran, bytes: self.pickle.bytes(*payload)? })
    }

    /// The element type that a call of `numpy.dtype` would have made, and whether its bytes are in the order of the other machines.
    fn kind(&self, id: Id) -> Option<(String, bool)> {
        let Node::Call { function, arguments, state } = self.pickle.node(id) else { return None };
        self.pickle.is_global(*function, "numpy dtype").then_some(())?;
        let name = self.pickle.text(*self.pickle.items(*arguments)?.first()?)?;
        let order = state.and_then(|state| self.pickle.text(*self.pickle.items(state)?.get(1)?));
        Some((name.trim_start_matches(['<', '|', '=']).to_owned(), order == Some(">")))
    }
}

impl Numbers<'_> {
    /// The bytes of each element, the least significant first; `None` where there are more or fewer than the shape says.
    fn elements<const N: usize>(&self) -> Option<impl Iterator<Item = [u8; N]>> {
        let count = self.shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent))?;
        let (elements, rest) = self.bytes.as_chunks::<N>();
        let ordered = |mut bytes: [u8; N]| {
            if self.big_endian {
                bytes.reverse();
            }
            bytes
        };
        (rest.is_empty() && elements.len() == count)
            .then(|| elements.iter().map(move |bytes| ordered(*bytes)))
    }

    /// The values, where they are whole numbers.
    fn whole(&self) -> Option<Vec<i64>> {
        Some(match self.kind.as_str() {
            "u1" => self.elements()?.map(|bytes| u8::from_le_bytes(bytes).into()).collect(),
            "i1" => self.elements()?.map(|bytes| i8::from_le_bytes(bytes).into()).collect(),
            "u2" => self.elements()?.map(|bytes| u16::from_le_bytes(bytes).into()).collect(),
            "i2" => self.elements()?.map(|bytes| i16::from_le_bytes(bytes).into()).collect(),
            "u4" => self.elements()?.map(|bytes| u32::from_le_bytes(bytes).into()).collect(),
            "i4" => self.elements()?.map(|bytes| i32::from_le_bytes(bytes).into()).collect(),
            "i8" | "u8" => self.elements()?.map(i64::from_le_bytes).collect(),
            _ => return None,
        })
    }

    /// The first value, whatever its type.
    fn fraction(&self) -> Option<f64> {
        match self.kind.as_str() {
            "f4" => Some(f32::from_le_bytes(self.elements()?.next()?).into()),
            "f8" => Some(f64::from_le_bytes(self.elements()?.next()?)),
            _ => self.whole()?.first().map(|&value| value as f64),
        }
    }
}

/// Values that are there column by column, row by row.
fn transposed(values: &[i64], rows: usize, columns: usize) -> Vec<i64> {
    (0..rows).flat_map(|row| (0..columns).map(move |column| values[column * rows + row])).collect()
}
