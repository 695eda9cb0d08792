//! A helper's end: it gives its parts to rank 0, and gets the sum of all.

use std::io::{self, BufReader, BufWriter, Read, Write};

use kernels::Backend;

use super::{BUFFER_BYTES, FAILED, PART};
use crate::train::wire::{WireError, put_text, read_state, read_sum, write_part};
use crate::train::{Part, Rank, State, Sum, TrainError, Transport};

/// The way to rank 0.
pub struct Link {
    rank: Rank,
    from: BufReader<Box<dyn Read + Send>>,
    to: BufWriter<Box<dyn Write + Send>>,
}

impl Link {
    /// The way that rank 0 left open when it started this process.
    ///
    /// # Errors
    /// There is none: somebody else started it.
    #[cfg(unix)]
    pub fn inherited(rank: Rank) -> io::Result<Self> {
        use std::os::fd::AsFd;
        use std::os::unix::net::UnixStream;
        let stream = UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?);
        stream.peer_addr()?;
        let to: Box<dyn Write + Send> = Box::new(stream.try_clone()?);
        Ok(Link {
            rank,
            from: BufReader::with_capacity(BUFFER_BYTES, Box::new(stream)),
            to: BufWriter::with_capacity(BUFFER_BYTES, to),
        })
    }

    /// The way that rank 0 left open when it started this process.
    ///
    /// # Errors
    /// This system has none.
    #[cfg(not(unix))]
    pub fn inherited(_: Rank) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no pairs of sockets"))
    }

    /// Says why this process cannot go on.
    pub fn fail(&mut self, cause: &str) {
        let to = &mut self.to;
        // Where nobody listens any more, nobody needs to know.
        let _ = to.write_all(&[FAILED]).and_then(|()| put_text(to, cause)).and_then(|()| to.flush());
    }
}

impl<D: Backend> Transport<D> for Link {
    fn rank(&self) -> Rank {
        self.rank
    }

    fn begin(&mut self, device: &D, state: &mut State<D>) -> Result<(), TrainError> {
        read_state(device, state, &mut self.from).map_err(let_go)
    }

    fn add(
        &mut self,
        sum: &mut Sum<'_, D>,
        _: usize,
        part: Result<Part<D>, TrainError>,
    ) -> Result<(), TrainError> {
        let mut part = part?;
        self.to.write_all(&[PART]).map_err(|_| TrainError::LetGo)?;
        write_part(sum.params, &mut part, &mut self.to).map_err(let_go)?;
        self.to.flush().map_err(|_| TrainError::LetGo)
    }

    fn all_reduce(&mut self, sum: &mut Sum<'_, D>) -> Result<(), TrainError> {
        read_sum(sum, &mut self.from).map_err(let_go)
    }
}

/// Rank 0 is gone where nothing comes or goes any more.
fn let_go(error: WireError) -> TrainError {
    match error {
        WireError::Io(_) => TrainError::LetGo,
        WireError::Train(error) => error,
    }
}
