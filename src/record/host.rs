//! The machine and the program: what run.json says about them.
//!
//! Everything is read from files of the system, so no program has to be installed; what a system does not tell is `None`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The machine a run ran on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    pub name: String,
    /// `linux x86_64`, for example.
    pub system: String,
    pub cpu: Option<String>,
    /// Cores this process may use.
    pub cores: Option<usize>,
    pub memory_bytes: Option<u64>,
}

impl Host {
    /// This machine.
    pub fn this() -> Self {
        Host {
            name: name(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().ok().map(Into::into),
            memory_bytes: field("/proc/meminfo", "MemTotal").as_deref().and_then(kibibytes),
        }
    }
}

/// The processor's name; its architecture where the system does not tell.
pub fn cpu() -> String {
    field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The machine's name; `unknown` where the system does not tell.
pub fn name() -> String {
    let told =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    let told = told.ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    told.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| "unknown".into())
}

/// The most memory this process ever had resident, where the system tells (Linux).
pub fn peak_bytes() -> Option<u64> {
    field("/proc/self/status", "VmHWM").as_deref().and_then(kibibytes)
}

/// Memory that could be had without taking it from anybody, where the system tells (Linux).
pub fn available_bytes() -> Option<u64> {
    field("/proc/meminfo", "MemAvailable").as_deref().and_then(kibibytes)
}

/// The most memory this process may ever have: the machine's, or what a limit on its group of processes or on itself leaves of that. `None` where
/// the system does not tell.
pub fn usable_bytes() -> Option<u64> {
    let machine = field("/proc/meminfo", "MemTotal").as_deref().and_then(kibibytes);
    [machine, group_bytes(Path::new("/sys/fs/cgroup")), own_bytes()].into_iter().flatten().min()
}

/// The least limit of the control groups that this process is in.
fn group_bytes(root: &Path) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limit = |file: PathBuf| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let of = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (kinds, path) = (fields.next()?, fields.next()?.trim_start_matches('/').to_owned());
        let (base, file) = match kinds {
            "" => (root.to_owned(), "memory.max"),
            kinds if kinds.split(',').any(|kind| kind == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // A container may show its own group as the root.
        Path::new(&path).ancestors().filter_map(|group| limit(base.join(group).join(file))).min()
    };
    text.lines().filter_map(of).min()
}

/// The limit on what this process may map, as `ulimit -v` sets it.
fn own_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find(|line| line.contains("address space"))?;
    // The first number is the limit that holds; without one there are none.
    line.split_whitespace().find_map(|word| word.parse().ok())
}

/// Bytes this user may still write where `dir` is.
pub fn free_bytes(dir: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(dir).ok()?;
    Some(facts.f_bavail * facts.f_frsize)
}

/// The commit checked out in the repository around `dir`, read from `.git` itself.
pub fn git_sha(dir: &Path) -> Option<String> {
    let git = git_dir(dir)?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    // A linked work tree has its own HEAD but shares the branches.
    let common = fs::read_to_string(git.join("commondir")).map(|path| git.join(path.trim()));
    let common = common.unwrap_or(git);
    if let Ok(sha) = fs::read_to_string(common.join(reference)) {
        return Some(sha.trim().to_owned());
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| {
        let (sha, name) = line.split_once(' ')?;
        (name == reference).then(|| sha.to_owned())
    })
}

/// `.git` of `dir` or of the nearest folder around it; a file there names the real one.
fn git_dir(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    let found = dir.ancestors().map(|dir| dir.join(".git")).find(|git| git.exists())?;
    if found.is_dir() {
        return Some(found);
    }
    let text = fs::read_to_string(&found).ok()?;
    Some(found.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

/// The value of `key: value` in one of the system's listings.
fn field(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

/// Bytes of `1234 kB`, which the kernel means as kibibytes.
fn kibibytes(text: &str) -> Option<u64> {
    Some(text.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_commit_is_found_wherever_git_keeps_it() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("loose/.git/HEAD", "ref: refs/heads/main\n");
        write("loose/.git/refs/heads/main", &format!("{SHA}\n"));
        write("loose/deep/down/file", "");
        write("packed/.git/HEAD", "ref: refs/heads/a/b\n");
        write("packed/.git/packed-refs", &format!("# pack-refs\nffff refs/heads/a\n{SHA} refs/heads/a/b\n"));
        write("detached/.git/HEAD", SHA);
        write("loose/.git/worktrees/w/HEAD", "ref: refs/heads/main\n");
        write("loose/.git/worktrees/w/commondir", "../..\n");
        write("linked/.git", "gitdir: ../loose/.git/worktrees/w\n");
        write("empty/.git/HEAD", "ref: refs/heads/unborn\n");
        for dir in ["loose", "loose/deep/down", "packed", "detached", "linked"] {
            assert_eq!(git_sha(&root.path().join(dir)).as_deref(), Some(SHA), "{dir}");
        }
        assert_eq!(git_sha(&root.path().join("empty")), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells_the_peak() {
        let before = peak_bytes().unwrap();
        let block = vec![1_u8; 64 << 20];
        assert!(std::hint::black_box(&block).len() == 64 << 20);
        assert!(peak_bytes().unwrap() >= before.max(64 << 20));
    }
}
