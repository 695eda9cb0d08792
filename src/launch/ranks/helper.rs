//! One helper process, from where rank 0 sees it.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use kernels::Backend;

use super::{BUFFER_BYTES, FAILED, PART};
use crate::launch::ended::how;
use crate::train::wire::{WireError, get_text, read_part};
use crate::train::{Part, Sum, TrainError};

/// How long a process that closed its socket may take to end.
const PATIENCE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(5);

/// A helper process. It ends when this is dropped.
pub struct Helper {
    rank: usize,
    child: Child,
    /// Open as long as it is needed.
    leash: Option<ChildStdin>,
    from: BufReader<Box<dyn Read + Send>>,
    to: BufWriter<Box<dyn Write + Send>>,
}

impl Helper {
    /// Starts `command` as the process of this rank.
    ///
    /// # Errors
    /// The program does not start, or the system gives no sockets.
    pub fn start(rank: usize, command: io::Result<Command>) -> Result<Self, TrainError> {
        Self::spawn(rank, command).map_err(|error| TrainError::NoHelper { rank, reason: error.to_string() })
    }

    #[cfg(unix)]
    fn spawn(rank: usize, command: io::Result<Command>) -> io::Result<Self> {
        use std::os::fd::OwnedFd;
        use std::os::unix::net::UnixStream;
        use std::os::unix::process::CommandExt;
        let mut command = command?;
        let (here, there) = UnixStream::pair()?;
        // A Ctrl-C is for rank 0, which decides what becomes of it.
        let command = command.process_group(0).stdin(Stdio::piped()).stdout(OwnedFd::from(there));
        let mut child = command.spawn()?;
        let leash = child.stdin.take();
        let to: Box<dyn Write + Send> = Box::new(here.try_clone()?);
        Ok(Helper {
            rank,
            child,
            leash,
            from: BufReader::with_capacity(BUFFER_BYTES, Box::new(here)),
            to: BufWriter::with_capacity(BUFFER_BYTES, to),
        })
    }

    #[cfg(not(unix))]
    fn spawn(_: usize, _: io::Result<Command>) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no pairs of sockets"))
    }

    /// Where rank 0 writes to it.
    pub fn to(&mut self) -> &mut dyn Write {
        &mut self.to
    }

    /// What it has made of its next micro-batch.
    ///
    /// # Errors
    /// It is lost, or could make nothing.
    pub fn part<D: Backend>(&mut self, sum: &Sum<'_, D>) -> Result<Part<D>, TrainError> {
        let mut tag = [0];
        match self.from.read_exact(&mut tag) {
            Ok(()) if tag[0] == PART => {}
            Ok(()) if tag[0] == FAILED => return Err(self.failed()),
            _ => return Err(self.ended()),
        }
        read_part(sum.params, &mut self.from).map_err(|error| match error {
            WireError::Io(_) => self.ended(),
            WireError::Train(error) => error,
        })
    }

    /// Why nothing can be written to it any more: in its own words, where it left some.
    pub fn lost(&mut self) -> TrainError {
        let mut tag = [0];
        match self.from.read_exact(&mut tag) {
            Ok(()) if tag[0] == FAILED => self.failed(),
            _ => self.ended(),
        }
    }

    fn failed(&mut self) -> TrainError {
        match get_text(&mut self.from) {
            Ok(cause) => TrainError::Helper { rank: self.rank, pid: self.child.id(), cause },
            Err(_) => self.ended(),
        }
    }

    fn ended(&mut self) -> TrainError {
        let began = Instant::now();
        let how = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break how(status),
                Ok(None) if began.elapsed() < PATIENCE => std::thread::sleep(TICK),
                Ok(None) => break "says nothing more".into(),
                Err(error) => break format!("cannot be waited for: {error}"),
            }
        };
        TrainError::Lost { rank: self.rank, pid: self.child.id(), how }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It has nothing to lose: all that stays is rank 0's. One that has been stopped would not see the leash go.
        self.leash = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;
    use crate::nn::Params;

    /// What comes of a process of rank 1 that does this.
    fn asked_for_a_part(script: &str) -> String {
        let device = Cpu::default();
        let params = Params::draw(&device, &[], 0).unwrap();
        let sum = Sum { device: &device, params: &params, batches: 2, step: 0, falls: 0, whole: None };
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut helper = Helper::start(1, Ok(command)).unwrap();
        let said = helper.part(&sum).err().unwrap().to_string();
        let pid = format!("(process {})", helper.child.id());
        assert!(said.contains(&pid), "{said}");
        said.replace(&format!(" {pid}"), "")
    }

    #[test]
    fn a_helper_that_ends_is_named_with_how_it_ended_or_in_its_own_words() {
        let helper = "the helper process of rank 1 ";
        assert_eq!(asked_for_a_part("exit 3"), format!("{helper}ended with exit code 3"));
        assert_eq!(asked_for_a_part("kill -9 $$"), format!("{helper}was killed by signal 9"));
        let words = r"printf '\002\005\000\000\000\000\000\000\000alas!'; exec sleep 100";
        assert_eq!(asked_for_a_part(words), format!("{helper}failed: alas!"));
        // Words that broke off.
        assert_eq!(asked_for_a_part(r"printf '\002\005'; exit 4"), format!("{helper}ended with exit code 4"));
    }

    #[test]
    fn a_program_that_is_not_there_is_said_with_its_rank() {
        let error = Helper::start(2, Ok(Command::new("/nowhere/at/all"))).err().unwrap();
        let said = error.to_string();
        assert!(said.starts_with("cannot start the helper process of rank 2: "), "{said}");
    }
}
