//! One file, whole or not at all: tried again where a connection fails, gone on with where it broke off, compared with what it must be.
//!
//! A part is gone on with only if the rest can be known to belong to it: the server confirms the version (`If-Range`), or a checksum of
//! the whole decides in the end. What does not verify is thrown away and fetched once more from the beginning, and then it is an error.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::digest::{Digest, Sum};
use super::error::FetchError;
use super::flow::Flow;
use super::http::{Answer, Http, Rest};
use super::judge::{Got, judge, reread};
use super::notice::Notice;
use super::part::{Part, Version};
use super::request::Manners;
use super::tree;

/// A try that came so much farther than all before counts as a success: the next failure is again the first.
const PROGRESS_BYTES: u64 = 1 << 20;
const LONGEST_WAIT_SECS: f64 = 60.0;
/// How often the user's wish to stop is looked at while waiting.
const GLANCE: Duration = Duration::from_millis(50);

/// What is needed on the way.
pub(super) struct Way<'a> {
    pub http: &'a Http,
    pub manners: &'a Manners,
    pub stop: &'a AtomicBool,
    pub tell: &'a mut dyn FnMut(&Notice),
}

/// A file that is wanted.
pub(super) struct Wanted<'a> {
    /// What it is called in messages.
    pub name: &'a str,
    pub urls: &'a [String],
    /// Where it goes.
    pub file: &'a Path,
    pub bytes: Option<u64>,
    pub sum: Option<Sum>,
}

/// How a try ended, where another may follow.
pub(super) enum End {
    Whole(Got),
    /// The connection, or the server for now.
    Broken {
        why: String,
        /// How far the file had come.
        at: u64,
        retry_after_secs: Option<u64>,
    },
    /// The bytes are not the wanted ones.
    Spoilt(String),
}

impl End {
    fn broken(why: impl Into<String>) -> Self {
        End::Broken { why: why.into(), at: 0, retry_after_secs: None }
    }
}

impl From<Result<Got, String>> for End {
    fn from(judged: Result<Got, String>) -> Self {
        judged.map_or_else(End::Spoilt, End::Whole)
    }
}

impl Way<'_> {
    /// # Errors
    /// The user asked to stop.
    pub(super) fn go_on(&self) -> Result<(), FetchError> {
        if self.stop.load(Ordering::Relaxed) { Err(FetchError::Interrupted) } else { Ok(()) }
    }

    fn wait(&self, secs: f64) -> Result<(), FetchError> {
        let until = Instant::now() + Duration::from_secs_f64(secs);
        while Instant::now() < until {
            self.go_on()?;
            std::thread::sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

/// Fetches a file from the first of its addresses that has it.
///
/// # Errors
/// No address has it whole, the disk refuses, or the user asked to stop; then what arrived is kept.
pub(super) fn download(way: &mut Way<'_>, wanted: &Wanted<'_>) -> Result<Got, FetchError> {
    let mut addresses: Vec<String> = wanted.urls.iter().map(|url| way.http.address(url)).collect();
    addresses.dedup();
    let mut addresses = addresses.iter().peekable();
    while let Some(address) = addresses.next() {
        match from(way, wanted, address) {
            Err(error) if error.is_of_the_server() && addresses.peek().is_some() => {
                let url = addresses.peek().map(|next| (*next).clone()).unwrap_or_default();
                (way.tell)(&Notice::Elsewhere { why: error.to_string(), url });
            }
            ended => return ended,
        }
    }
    Err(FetchError::Answer { url: wanted.name.to_owned(), detail: "it has no address".into() })
}

fn from(way: &mut Way<'_>, wanted: &Wanted<'_>, address: &str) -> Result<Got, FetchError> {
    let part = Part::of(wanted.file);
    let (mut failures, mut spoilt) = (0, false);
    let mut farthest = part.here().map_or(0, |(bytes, _)| bytes);
    loop {
        way.go_on()?;
        match attempt(way, wanted, address, &part)? {
            End::Whole(got) => {
                part.finish(wanted.file)?;
                let by_the_server = wanted.sum.is_none();
                (way.tell)(&Notice::verified(wanted.name, got.bytes, got.sum.as_ref(), by_the_server));
                return Ok(got);
            }
            End::Spoilt(detail) => {
                part.discard()?;
                if std::mem::replace(&mut spoilt, true) {
                    return Err(FetchError::Spoilt { url: address.to_owned(), detail });
                }
                (way.tell)(&Notice::StartsOver { why: format!("{}: {detail}", wanted.name) });
            }
            End::Broken { why, at, retry_after_secs } => {
                failures = if at >= farthest + PROGRESS_BYTES { 1 } else { failures + 1 };
                farthest = farthest.max(at);
                if failures > way.manners.retries {
                    return Err(FetchError::GaveUp { url: address.to_owned(), why, tries: failures });
                }
                let doubled = way.manners.wait_secs * f64::from(1_u32 << (failures - 1).min(16));
                let asked = retry_after_secs.unwrap_or(0) as f64;
                let wait_secs = doubled.max(asked).min(LONGEST_WAIT_SECS);
                let left = way.manners.retries - failures + 1;
                (way.tell)(&Notice::Again { why: format!("{}: {why}", wanted.name), wait_secs, left });
                way.wait(wait_secs)?;
            }
        }
    }
}

fn attempt(way: &mut Way<'_>, wanted: &Wanted<'_>, address: &str, part: &Part) -> Result<End, FetchError> {
    let here = part.here().filter(|(bytes, version)| may_go_on(*bytes, version, address, wanted));
    if let Some((bytes, _)) = &here
        && Some(*bytes) == wanted.bytes
    {
        // All had arrived when the process ended.
        let digest = reread(way, wanted, wanted.sum.as_ref(), &part.path, *bytes)?;
        return Ok(judge(digest, *bytes, wanted.sum.clone(), &part.path)?.into());
    }
    let rest = match &here {
        Some((bytes, version)) => Rest { start: *bytes, validator: version.validator() },
        None => Rest { start: 0, validator: None },
    };
    let answer = match way.http.get(address, rest) {
        Ok(answer) => answer,
        Err(why) => return Ok(End::broken(format!("{}: {why}", host(address)))),
    };
    match answer.status {
        200 | 206 => receive(way, wanted, address, part, here, answer),
        416 => {
            part.discard()?;
            Ok(End::broken("the server has no more than what is here"))
        }
        408 | 429 | 500..=599 => Ok(End::Broken {
            why: format!("{} answers {}", host(address), answer.status),
            at: 0,
            retry_after_secs: answer.retry_after_secs,
        }),
        status @ 400..=499 => Err(FetchError::Refused { url: answer.url, status }),
        status => Err(FetchError::Answer { url: answer.url, detail: format!("it answers {status}") }),
    }
}

/// Whether the rest of a file can be known to belong to a part.
fn may_go_on(bytes: u64, version: &Version, address: &str, wanted: &Wanted<'_>) -> bool {
    let total = wanted.bytes.or(version.total_bytes);
    let confirmed = version.url == address && version.validator().is_some();
    total.is_none_or(|total| bytes < total || wanted.bytes == Some(bytes) && wanted.sum.is_some())
        && (confirmed || wanted.sum.is_some())
}

/// Writes what is sent, and judges the whole.
fn receive(
    way: &mut Way<'_>,
    wanted: &Wanted<'_>,
    address: &str,
    part: &Part,
    here: Option<(u64, Version)>,
    mut answer: Answer,
) -> Result<End, FetchError> {
    let sum = wanted.sum.clone().or_else(|| answer.stated.clone());
    if let Some(fault) = announced_fault(wanted, &answer) {
        return Ok(End::Spoilt(fault));
    }
    let have = match going_on(&here, &answer) {
        Ok(have) => have,
        Err(why) if answer.status == 200 => {
            (way.tell)(&Notice::StartsOver { why: format!("{}: {why}", wanted.name) });
            0
        }
        Err(why) => {
            part.discard()?;
            return Ok(End::broken(why));
        }
    };
    let expected = wanted.bytes.or(answer.total_bytes);
    room(wanted.file, expected.map(|expected| expected.saturating_sub(have)))?;
    (way.tell)(&Notice::Begun { file: wanted.name.to_owned(), bytes: expected, have });
    let (mut file, digest) = if have > 0 {
        (part.append()?, reread(way, wanted, sum.as_ref(), &part.path, have)?)
    } else {
        let version = Version {
            url: address.to_owned(),
            etag: answer.etag.take(),
            last_modified: answer.last_modified.take(),
            total_bytes: answer.total_bytes,
        };
        (part.begin(&version)?, Digest::for_sum(sum.as_ref()))
    };
    let mut flow = Flow { at: have, expected, digest };
    if let Some(end) = flow.pour(way, part, &mut file, &mut answer)? {
        return Ok(end);
    }
    drop(file);
    let mut end = End::from(judge(flow.digest, flow.at, sum, &part.path)?);
    if let End::Whole(got) = &mut end {
        (got.stated, got.commit) = (answer.stated, answer.commit);
    }
    Ok(end)
}

/// What a server says of the file, where that already shows it to be another one.
fn announced_fault(wanted: &Wanted<'_>, answer: &Answer) -> Option<String> {
    if let (Some(expected), Some(total)) = (wanted.bytes, answer.total_bytes)
        && total < expected
    {
        return Some(format!("it is {total} bytes long there, {expected} are expected"));
    }
    match (&wanted.sum, &answer.stated) {
        (Some(Sum::Sha256(expected)), Some(Sum::Sha256(stated)))
            if !expected.eq_ignore_ascii_case(stated) =>
        {
            Some(format!("the server states the SHA-256 {stated}, {expected} is expected"))
        }
        _ => None,
    }
}

/// How much of what is here the answer continues, or why it does not.
fn going_on(here: &Option<(u64, Version)>, answer: &Answer) -> Result<u64, &'static str> {
    let Some((have, version)) = here else { return Ok(0) };
    let changed = matches!((&version.etag, &answer.etag), (Some(old), Some(new)) if old != new)
        || matches!((version.total_bytes, answer.total_bytes), (Some(old), Some(new)) if old != new);
    if changed {
        Err("the file has changed on the server")
    } else if answer.status == 200 {
        Err("the server does not go on in the middle of a file")
    } else if answer.start != *have {
        Err("the server goes on at another place than asked")
    } else {
        Ok(*have)
    }
}

/// Whether there is room for so many bytes more.
fn room(file: &Path, needed: Option<u64>) -> Result<(), FetchError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    tree::room(folder, needed.unwrap_or(0), "for what is still to be fetched")
}

/// The host of an address.
fn host(address: &str) -> &str {
    let rest = address.split("://").nth(1).unwrap_or(address);
    rest.split('/').next().unwrap_or(rest)
}
