//! Rank 0's end: it collects the parts of all, and gives the sum to all.

use std::io::{self, Write};

use kernels::Backend;

use super::HelperCommand;
use super::helper::Helper;
use crate::record::Folder;
use crate::train::wire::{WireError, write_state, write_sum};
use crate::train::{Part, Rank, State, Sum, TrainError, Transport};

/// The helpers of a run; without any, rank 0 is alone.
pub struct Hub {
    rank: Rank,
    /// Of rank 1 and up.
    helpers: Vec<Helper>,
    /// The micro-batch of this update whose gradients are added next.
    next: usize,
}

impl Hub {
    /// Starts the helpers of the run `id` in `folder`, `ranks` processes in all, which share `threads` threads.
    ///
    /// # Errors
    /// One does not start.
    pub fn start(
        folder: &Folder,
        id: &str,
        ranks: usize,
        threads: usize,
        command: HelperCommand,
    ) -> Result<Self, TrainError> {
        let start = |rank: usize| {
            let place = Rank { rank, ranks };
            Helper::start(rank, command(folder, id, place, place.threads(threads)))
        };
        let helpers = (1..ranks).map(start).collect::<Result<_, _>>()?;
        Ok(Hub { rank: Rank { rank: 0, ranks }, helpers, next: 0 })
    }

    /// Adds what helpers have made of the micro-batches before `end`.
    fn collect<D: Backend>(&mut self, sum: &mut Sum<'_, D>, end: usize) -> Result<(), TrainError> {
        while self.next < end {
            let part = self.helpers[self.rank.owner(self.next) - 1].part(sum)?;
            sum.push(part)?;
            self.next += 1;
        }
        Ok(())
    }

    /// Writes the same to all helpers.
    fn tell(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), WireError>,
    ) -> Result<(), TrainError> {
        if self.helpers.is_empty() {
            return Ok(());
        }
        let mut all = All { helpers: &mut self.helpers, lost: 0 };
        let told = write(&mut all).and_then(|()| Ok(all.flush()?));
        let lost = all.lost;
        told.map_err(|error| match error {
            WireError::Io(_) => self.helpers[lost].lost(),
            WireError::Train(error) => error,
        })
    }
}

impl<D: Backend> Transport<D> for Hub {
    fn rank(&self) -> Rank {
        self.rank
    }

    fn begin(&mut self, _: &D, state: &mut State<D>) -> Result<(), TrainError> {
        self.tell(|to| write_state(state, to))
    }

    fn add(
        &mut self,
        sum: &mut Sum<'_, D>,
        index: usize,
        part: Result<Part<D>, TrainError>,
    ) -> Result<(), TrainError> {
        self.collect(sum, index)?;
        sum.push(part?)?;
        self.next = index + 1;
        Ok(())
    }

    fn all_reduce(&mut self, sum: &mut Sum<'_, D>) -> Result<(), TrainError> {
        self.collect(sum, sum.batches)?;
        self.next = 0;
        self.tell(|to| write_sum(sum, to))
    }
}

/// Writes to every helper, and remembers which of them did not take it.
struct All<'a> {
    helpers: &'a mut [Helper],
    lost: usize,
}

impl All<'_> {
    fn each(&mut self, mut work: impl FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        for (index, helper) in self.helpers.iter_mut().enumerate() {
            self.lost = index;
            work(helper.to())?;
        }
        Ok(())
    }
}

impl Write for All<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.each(|to| to.write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.each(|to| to.flush())
    }
}
