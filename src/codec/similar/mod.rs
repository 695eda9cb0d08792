//! Which utterances are alike? Vectors by their cosine, every pair of them: an exact search.
//!
//! For: bringing vectors of utterances onto one footing ([`Vectors::normalise`]), the most similar of each ([`Vectors::nearest`]), and which
//! utterances are parts of one recording ([`recording_of`]). Not for: making the vectors (`audio`, codecs, models), reading and writing files.
//! Start at [`Vectors`].

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use kernels::linear::linear;
use kernels::threads::for_each;
use kernels::{Array, Cpu, OpError, Tape};

/// Vectors that are compared with a block of others at once: their scores stay near to the processor.
const QUERIES: usize = 64;
/// Vectors in such a block.
const KEYS: usize = 4096;
/// Standard deviations below this share of a mean are those of rounding.
const LEAST_STD: f64 = 1e-7;

/// What is done to vectors before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalise {
    /// Nothing.
    None,
    /// The mean over all vectors is taken off.
    Mean,
    /// The same, and each value is divided by its standard deviation over all vectors.
    MeanVariance,
}

/// One of the most similar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar {
    /// Whose vector it is.
    pub index: usize,
    /// The cosine between the two.
    pub score: f32,
}

/// How many are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// At most so many; 0: all.
    pub top: usize,
    /// With scores above this.
    pub above: f32,
}

/// A vector for each utterance; none where an utterance has no features.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    width: usize,
    rows: Vec<Option<Vec<f32>>>,
}

impl Vectors {
    /// Vectors of one width.
    ///
    /// # Errors
    /// One is wider than another, or has values that are no numbers: which, as a fragment of a sentence.
    pub fn new(rows: Vec<Option<Vec<f32>>>) -> Result<Self, String> {
        let width = rows.iter().flatten().map(Vec::len).next().unwrap_or_default();
        for (at, row) in rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.as_ref()?))) {
            if row.len() != width {
                return Err(format!("vector {at} has {} values, others {width}", row.len()));
            }
            if let Some(value) = row.iter().find(|value| !value.is_finite()) {
                return Err(format!("vector {at} has the value {value}"));
            }
        }
        Ok(Vectors { width, rows })
    }

    /// How many there are, those without features counted.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One of them.
    pub fn row(&self, at: usize) -> Option<&[f32]> {
        self.rows.get(at)?.as_deref()
    }

    /// Brings all onto one footing.
    pub fn normalise(&mut self, how: Normalise) {
        if how == Normalise::None {
            return;
        }
        let count = self.rows.iter().flatten().count().max(1) as f64;
        for at in 0..self.width {
            let column = || self.rows.iter().flatten().map(|row| f64::from(row[at]));
            let mean = column().sum::<f64>() / count;
            let std = (column().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
            let scale = match how {
                Normalise::MeanVariance if std > LEAST_STD * mean.abs() && std > 0.0 => 1.0 / std,
                // Equal in all vectors: it tells nothing apart.
                Normalise::MeanVariance => 0.0,
                _ => 1.0,
            };
            for row in self.rows.iter_mut().flatten() {
                row[at] = ((f64::from(row[at]) - mean) * scale) as f32;
            }
        }
    }

    /// For each vector the most similar of the others that it `may` be compared with (asked for two different indices), the most similar first, of
    /// those as similar the first in order. A vector of zeros, and one that is not there, is similar to none.
    ///
    /// # Errors
    /// There is no room.
    pub fn nearest(
        &self,
        wanted: Wanted,
        may: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Result<Vec<Vec<Similar>>, OpError> {
        let mut found: Vec<Vec<Similar>> = vec![Vec::new(); self.rows.len()];
        let (directions, owners) = self.directions();
        if owners.is_empty() {
            return Ok(found);
        }
        let device = Cpu::default();
        let blocks = |rows: usize| {
            let blocks = directions.chunks(rows * self.width).zip(owners.chunks(rows));
            blocks.map(|(values, owners)| {
                Ok((Array::from_vec(&device, values.to_vec(), [owners.len(), self.width])?, owners))
            })
        };
        let keys: Vec<_> = blocks(KEYS).collect::<Result<_, OpError>>()?;
        let queries: Vec<_> = blocks(QUERIES).collect::<Result<_, OpError>>()?;
        let mut answers: Vec<Result<Vec<Best>, OpError>> = queries.iter().map(|_| Ok(Vec::new())).collect();
        for_each(queries.iter().zip(&mut answers).collect(), |((query, owners), answer)| {
            *answer = answered(query, owners, &keys, wanted, may);
        });
        for ((_, owners), answer) in queries.iter().zip(answers) {
            for (owner, best) in owners.iter().zip(answer?) {
                found[*owner] = best.found;
            }
        }
        Ok(found)
    }

    /// Vectors of length 1 one behind the other, and whose each is.
    fn directions(&self) -> (Vec<f32>, Vec<usize>) {
        let (mut directions, mut owners) = (Vec::new(), Vec::new());
        for (at, row) in self.rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let length = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
            if length > 0.0 {
                directions.extend(row.iter().map(|x| (f64::from(*x) / length) as f32));
                owners.push(at);
            }
        }
        (directions, owners)
    }
}

/// The most similar of a block of queries.
fn answered(
    query: &Array<Cpu>,
    owners: &[usize],
    keys: &[(Array<Cpu>, &[usize])],
    wanted: Wanted,
    may: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<Vec<Best>, OpError> {
    let mut best: Vec<Best> = owners.iter().map(|_| Best { wanted, found: Vec::new() }).collect();
    let mut tape = Tape::silent();
    for (block, others) in keys {
        let scores = linear(&mut tape, query, block, None)?;
        let rows = scores.as_slice().chunks_exact(others.len());
        for ((best, owner), scores) in best.iter_mut().zip(owners).zip(rows) {
            for (other, score) in others.iter().zip(scores) {
                if best.takes(*score) && owner != other && may(*owner, *other) {
                    best.add(Similar { index: *other, score: *score });
                }
            }
        }
    }
    Ok(best)
}

/// The most similar so far, in order.
struct Best {
    wanted: Wanted,
    found: Vec<Similar>,
}

impl Best {
    /// Whether a score is good enough; of equal ones those that came before stay.
    fn takes(&self, score: f32) -> bool {
        let is_full = self.wanted.top > 0 && self.found.len() == self.wanted.top;
        score > self.wanted.above
            && (!is_full
                || self.found.last().is_some_and(|last| score.total_cmp(&last.score) == Ordering::Greater))
    }

    fn add(&mut self, similar: Similar) {
        let at = self.found.partition_point(|other| other.score >= similar.score);
        self.found.insert(at, similar);
        if self.wanted.top > 0 {
            self.found.truncate(self.wanted.top);
        }
    }
}

/// The recording that an utterance is of, by its id: slices are called like their recording, with `_` and five digits behind.
pub fn recording_of(id: &str) -> &str {
    match id.rsplit_once('_') {
        Some((recording, number))
            if number.len() == 5 && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            recording
        }
        _ => id,
    }
}
