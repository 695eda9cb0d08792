//! The losses of a micro-batch, some of which only the device knows as yet.
//!
//! To read a value from a GPU is to wait for all that was asked of it. So what is learned says how its losses are to be summed, and whoever takes the
//! update reads them, of all its micro-batches together, where it has to wait anyway. Not for: what the losses are ([`super::Objective`]).
//! Start at [`Losses`].

use std::collections::BTreeMap;

use kernels::{Array, Backend, OpError};

/// A term of the objective on the device: Σ share · value over its values.
pub struct Reading<D: Backend> {
    /// What it is logged as.
    pub name: &'static str,
    pub values: Array<D>,
    /// One for each value.
    pub shares: Vec<f64>,
    /// What the sum is multiplied with in the log.
    pub logged: f64,
    /// What it is multiplied with in the objective.
    pub weight: f64,
}

/// What is minimised and what it is made of, as sums; divided by the update's N they are what is logged.
pub struct Losses<D: Backend> {
    /// The objective: the loss terms with their weights.
    pub total: f64,
    /// The loss terms.
    pub by_name: BTreeMap<String, f64>,
    /// What is yet to be added to both.
    pub unread: Vec<Reading<D>>,
}

impl<D: Backend> Losses<D> {
    /// What the host has worked out by itself.
    pub fn known(total: f64, by_name: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        let by_name = by_name.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Losses { total, by_name, unread: Vec::new() }
    }

    /// Waits for all that is unread in `all`, once, and adds it there.
    ///
    /// # Errors
    /// The device failed.
    pub fn read(all: &mut [Self]) -> Result<(), OpError> {
        let unread = all.iter().flat_map(|losses| &losses.unread);
        let arrays: Vec<&Array<D>> = unread.map(|reading| &reading.values).collect();
        let mut read = Array::download_all(&arrays)?.into_iter();
        for losses in all {
            for (reading, values) in std::mem::take(&mut losses.unread).into_iter().zip(read.by_ref()) {
                losses.add_reading(&reading, &values);
            }
        }
        Ok(())
    }

    fn add_reading(&mut self, reading: &Reading<D>, values: &[f32]) {
        let terms = values.iter().zip(&reading.shares).map(|(&value, share)| f64::from(value) * share);
        let sum: f64 = terms.sum();
        *self.by_name.entry(reading.name.to_owned()).or_default() += sum * reading.logged;
        self.total += sum * reading.weight;
    }

    /// Adds the sums of what comes after it, which have been read.
    pub fn add(&mut self, more: &Self) {
        self.total += more.total;
        for (name, value) in &more.by_name {
            *self.by_name.entry(name.clone()).or_default() += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;

    fn reading(name: &'static str, values: &[f32], shares: &[f64]) -> Reading<Cpu> {
        let values = Array::from_vec(&Cpu::default(), values.to_vec(), [values.len()]).unwrap();
        Reading { name, values, shares: shares.to_vec(), logged: 2.0, weight: 10.0 }
    }

    #[test]
    fn what_was_unread_is_added_to_its_own_micro_batch() {
        let mut all = [Losses::known(1.0, [("known", 0.5)]), Losses::known(0.0, [])];
        all[0].unread = vec![reading("ctc", &[3.0, 5.0], &[1.0, 0.5]), reading("known", &[0.25], &[1.0])];
        all[1].unread = vec![reading("ctc", &[7.0], &[1.0])];
        Losses::read(&mut all).unwrap();
        let told = |losses: &Losses<Cpu>| (losses.total, losses.by_name.clone(), losses.unread.len());
        assert_eq!(told(&all[0]), (58.5, [("ctc".to_owned(), 11.0), ("known".to_owned(), 1.0)].into(), 0));
        assert_eq!(told(&all[1]), (70.0, [("ctc".to_owned(), 14.0)].into(), 0));
        let [mut first, second] = all;
        first.add(&second);
        assert_eq!((first.total, first.by_name["ctc"], first.by_name["known"]), (128.5, 25.0, 1.0));
    }
}
