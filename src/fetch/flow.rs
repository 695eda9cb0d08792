//! Bytes from a server into a part, summed up as they pass.

use std::fs::File;
use std::io::{Read, Write};

use super::digest::Digest;
use super::download::{End, Way};
use super::error::FetchError;
use super::http::Answer;
use super::notice::Notice;
use super::part::Part;

/// Bytes on their way from a server into a part.
pub(super) struct Flow {
    /// Length of the part.
    pub at: u64,
    pub expected: Option<u64>,
    pub digest: Digest,
}

impl Flow {
    /// Writes all that the server sends; `None` where that is all there is.
    ///
    /// # Errors
    /// The disk refuses, or the user asked to stop.
    pub(super) fn pour(
        &mut self,
        way: &mut Way<'_>,
        part: &Part,
        file: &mut File,
        answer: &mut Answer,
    ) -> Result<Option<End>, FetchError> {
        let mut buffer = vec![0; 1 << 18];
        // A server that announced more than it should is read on to see whether it means it.
        let overlong = answer.total_bytes > self.expected;
        loop {
            way.go_on()?;
            if self.expected == Some(self.at) && !overlong {
                return Ok(None);
            }
            let count = match answer.body.read(&mut buffer) {
                Ok(0) => return Ok(self.ended("the connection ended")),
                Ok(count) => count,
                Err(error) => return Ok(self.ended(&format!("the connection failed ({error})"))),
            };
            if let Some(expected) = self.expected
                && self.at + count as u64 > expected
            {
                return Ok(Some(End::Spoilt(format!("more than the expected {expected} bytes are sent"))));
            }
            self.digest.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(|error| FetchError::io("write", &part.path, error))?;
            self.at += count as u64;
            (way.tell)(&Notice::At { bytes: self.at, total: self.expected });
        }
    }

    /// Nothing more comes: is that all?
    fn ended(&self, how: &str) -> Option<End> {
        let why = match self.expected {
            Some(expected) if self.at < expected => format!("{how} after {} of {expected} bytes", self.at),
            // Without a length the end is known only from a clean end.
            None if how != "the connection ended" => format!("{how} after {} bytes", self.at),
            _ => return None,
        };
        Some(End::Broken { why, at: self.at, retry_after_secs: None })
    }
}
