//! One target played for a while: what ended in a new way is kept to go on from, what failed is kept for good.

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mutate::{Random, mutated};
use crate::{Target, memory};

/// Seconds of the processor that an input may take: far more than any needs, far less than what grows with the square of its length.
pub const MOST_SECS: f64 = 4.0;

/// How an input failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The program's own words, and where.
    Panic(String),
    /// Bytes taken at once.
    Memory(usize),
    /// Seconds taken.
    Time(f64),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Panic(said) => write!(out, "panic: {said}"),
            Fault::Memory(bytes) => write!(out, "memory: {} MiB at once", bytes >> 20),
            Fault::Time(secs) => write!(out, "time: {secs:.1} s of the processor"),
        }
    }
}

/// Inputs tried so far: who watches sees that it goes on.
pub static TRIED: AtomicU64 = AtomicU64::new(0);

static SAID: Mutex<String> = Mutex::new(String::new());

/// One input in an empty folder `place`.
///
/// # Errors
/// What of the promises it broke.
pub fn trial(target: &Target, place: &Path, bytes: &[u8]) -> Result<String, Fault> {
    TRIED.fetch_add(1, Ordering::Relaxed);
    let begun = cpu_secs();
    let (ended, peak) = memory::peak_of(|| catch_unwind(AssertUnwindSafe(|| (target.run)(place, bytes))));
    let secs = cpu_secs() - begun;
    match ended {
        Err(_) => Err(Fault::Panic(SAID.lock().map_or_else(|_| String::new(), |said| said.clone()))),
        Ok(_) if peak > memory::allowed(bytes.len()) => Err(Fault::Memory(peak)),
        Ok(_) if secs > MOST_SECS => Err(Fault::Time(secs)),
        Ok(ended) => Ok(ended),
    }
}

/// Panics are noted, not printed, while `work` runs.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let usual = take_hook();
    set_hook(Box::new(|panic| {
        if let Ok(mut said) = SAID.lock() {
            let place =
                panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
            let words = panic.payload_as_str().unwrap_or("without words");
            *said = format!("{words}{place}");
        }
    }));
    let done = work();
    set_hook(usual);
    done
}

/// What is asked of a session.
pub struct Asked {
    pub secs: f64,
    pub seed: u64,
    /// Holds the input at work, for who finds the process dead.
    pub current: PathBuf,
    /// An empty folder for the target, made anew as needed.
    pub place: PathBuf,
}

/// What came of a session.
#[derive(Debug, Default)]
pub struct Came {
    pub tried: u64,
    /// Different ways in which inputs ended.
    pub endings: usize,
    pub faults: Vec<(Fault, PathBuf)>,
    pub slowest_secs: f64,
    pub cpu_secs: f64,
}

/// Most inputs that are kept to go on from.
const POOL: usize = 600;
/// So many faults are enough to work on.
const ENOUGH: usize = 6;

/// Plays a target until its time is over.
///
/// # Panics
/// The disk does not take the inputs.
pub fn play(target: &Target, asked: &Asked) -> Came {
    let mut random = Random(asked.seed ^ hash(target.name.as_bytes()));
    let mut pool = target.inputs();
    if pool.is_empty() {
        pool.push(Vec::new());
    }
    let begins: Vec<Vec<u8>> = pool.iter().cloned().chain(target.grown()).collect();
    let first = begins.len();
    let (mut endings, mut faulty) = (HashSet::new(), HashSet::new());
    let (mut came, begun) = (Came::default(), cpu_secs());
    let mut at = 0;
    while cpu_secs() - begun < asked.secs && came.faults.len() < ENOUGH {
        // Every input of the corpus as it is; then changes, rather of what was found lately.
        let bytes = if at < first {
            begins[at].clone()
        } else {
            let recent = if random.below(3) == 0 { pool.len() } else { pool.len().min(40) };
            let base = pool[pool.len() - 1 - random.below(recent)].clone();
            let mut bytes = mutated(&mut random, &base, &pool, target.words, target.most_bytes);
            if random.below(8) > 0 {
                (target.repair)(&mut bytes);
            }
            bytes
        };
        at += 1;
        fs::write(&asked.current, &bytes).expect("the input at work is noted");
        let before = cpu_secs();
        let ended = quietly(|| trial(target, &asked.place, &bytes));
        came.slowest_secs = came.slowest_secs.max(cpu_secs() - before);
        match ended {
            Ok(ended) => {
                if endings.insert(hash(&alike(&ended))) && at > first && pool.len() < POOL {
                    pool.push(bytes);
                }
            }
            Err(fault) => {
                if faulty.insert(alike(&fault.to_string())) {
                    let small = smaller(target, asked, bytes, &fault);
                    came.faults.push((fault, keep(target, &small)));
                }
            }
        }
    }
    came.tried = at as u64;
    came.endings = endings.len();
    came.cpu_secs = cpu_secs() - begun;
    came
}

/// Saves a failing input in the corpus, and says where.
///
/// # Panics
/// The disk does not take it.
pub fn keep(target: &Target, bytes: &[u8]) -> PathBuf {
    let corpus = target.corpus();
    fs::create_dir_all(&corpus).expect("a folder for what failed");
    let path = corpus.join(format!("found-{:08x}", hash(bytes) as u32));
    fs::write(&path, bytes).expect("what failed is kept");
    path
}

/// The input without what it fails without: pieces are left out as long as it fails alike, for some seconds.
fn smaller(target: &Target, asked: &Asked, bytes: Vec<u8>, fault: &Fault) -> Vec<u8> {
    let mut bytes = bytes;
    if !matches!(fault, Fault::Panic(_)) {
        return bytes;
    }
    let begun = cpu_secs();
    let mut piece = bytes.len() / 2;
    while piece > 0 && cpu_secs() - begun < 3.0 {
        let mut at = 0;
        while at < bytes.len() && cpu_secs() - begun < 3.0 {
            let mut less = bytes.clone();
            less.drain(at..(at + piece).min(bytes.len()));
            let again = quietly(|| trial(target, &asked.place, &less));
            if again.is_err_and(|again| alike(&again.to_string()) == alike(&fault.to_string())) {
                bytes = less;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    bytes
}

/// A sentence without what differs from input to input: what stands in back-ticks, and digits.
fn alike(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut quoted = false;
    for byte in text.bytes().take(4096) {
        match byte {
            b'`' => quoted = !quoted,
            b'0'..=b'9' => {}
            _ if quoted => {}
            other => out.push(other),
        }
    }
    out
}

/// FNV-1a, 64 bits.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Seconds of the processor that this thread has had.
pub fn cpu_secs() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: f64 = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default();
    nanos / 1e9
}

/// Empties a folder, or makes it.
///
/// # Panics
/// The disk refuses.
pub fn emptied(place: &Path) -> &Path {
    _ = fs::remove_dir_all(place);
    fs::create_dir_all(place).expect("a folder to work in");
    place
}
