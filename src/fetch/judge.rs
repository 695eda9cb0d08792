//! Whether a file is the one that was wanted.

use std::path::Path;

use super::digest::{Digest, Sum, pieces, sum_like};
use super::download::{Wanted, Way};
use super::error::FetchError;
use super::notice::Notice;
use super::unpack;

/// A file that is here.
#[derive(Debug)]
pub(super) struct Got {
    pub bytes: u64,
    pub sha256: String,
    /// What it was compared with.
    pub sum: Option<Sum>,
    /// What a hub says: its checksum, and the commit it is of.
    pub stated: Option<Sum>,
    pub commit: Option<String>,
}

/// Sums up what is here.
///
/// # Errors
/// It cannot be read, or the user asked to stop.
pub(super) fn reread(
    way: &mut Way<'_>,
    wanted: &Wanted<'_>,
    sum: Option<&Sum>,
    path: &Path,
    bytes: u64,
) -> Result<Digest, FetchError> {
    (way.tell)(&Notice::Rereading { file: wanted.name.to_owned(), bytes });
    let mut digest = Digest::for_sum(sum);
    let mut stopped = Ok(());
    pieces(path, |bytes| {
        digest.update(bytes);
        stopped = way.go_on();
        if stopped.is_err() { Err(std::io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    })
    .or_else(|error| if stopped.is_err() { Ok(()) } else { Err(FetchError::io("read", path, error)) })?;
    stopped.map(|()| digest)
}

/// Compares the whole file with what it must be; the inner error says how it differs.
///
/// # Errors
/// It cannot be read.
pub(super) fn judge(
    digest: Digest,
    bytes: u64,
    sum: Option<Sum>,
    path: &Path,
) -> Result<Result<Got, String>, FetchError> {
    let (sha256, md5) = digest.finish();
    let found = match &sum {
        None => None,
        Some(Sum::Sha256(_)) => Some(Sum::Sha256(sha256.clone())),
        Some(Sum::Md5(_)) if md5.is_some() => md5.map(Sum::Md5),
        Some(sum) => Some(sum_like(sum, path).map_err(|error| FetchError::io("read", path, error))?),
    };
    let fault = match (&found, &sum) {
        (Some(found), Some(sum)) if !found.value().eq_ignore_ascii_case(sum.value()) => {
            Some(format!("its {} is {}, {} is expected", sum.kind(), found.value(), sum.value()))
        }
        (Some(_), Some(_)) => None,
        _ => unpack::format_fault(path),
    };
    Ok(match fault {
        Some(fault) => Err(fault),
        None => Ok(Got { bytes, sha256, sum, stated: None, commit: None }),
    })
}

/// Looks at a file that is already there under its final name.
///
/// # Errors
/// It is not the wanted one.
pub(super) fn accept(way: &mut Way<'_>, wanted: &Wanted<'_>) -> Result<Got, FetchError> {
    let foreign = |detail: String| FetchError::Foreign { path: wanted.file.to_owned(), detail };
    let unread = |error| FetchError::io("read", wanted.file, error);
    let bytes = wanted.file.metadata().map_err(unread)?.len();
    if let Some(expected) = wanted.bytes.filter(|expected| *expected != bytes) {
        return Err(foreign(format!("it has {bytes} bytes, {expected} are expected")));
    }
    let digest = reread(way, wanted, wanted.sum.as_ref(), wanted.file, bytes)?;
    match judge(digest, bytes, wanted.sum.clone(), wanted.file)? {
        Ok(got) => {
            (way.tell)(&Notice::verified(wanted.name, bytes, got.sum.as_ref(), false));
            Ok(got)
        }
        Err(detail) => Err(foreign(detail)),
    }
}
