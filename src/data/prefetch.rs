//! The stream, one step ahead on a thread of its own.

use std::sync::mpsc::{Receiver, sync_channel};

use super::{Batch, DataError, Position, Stream};

/// Batches prepared ahead of their use.
pub struct Prefetch {
    batches: Receiver<Result<(Batch, Position), DataError>>,
}

impl Prefetch {
    /// Starts the thread; it stays at most `ahead` batches ahead and ends when this is dropped or the stream fails.
    pub fn start(mut stream: Stream, ahead: usize) -> Self {
        let (sender, batches) = sync_channel(ahead);
        std::thread::spawn(move || {
            loop {
                let next = stream.next_batch();
                let failed = next.is_err();
                if sender.send(next).is_err() || failed {
                    return;
                }
            }
        });
        Prefetch { batches }
    }

    /// The next batch, and the position after it.
    ///
    /// # Errors
    /// What the thread met. A thread that vanished is an error too: this never waits for one that is gone.
    pub fn next_batch(&self) -> Result<(Batch, Position), DataError> {
        self.batches.recv().unwrap_or(Err(DataError::ThreadEnded))
    }
}
