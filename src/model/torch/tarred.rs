//! NeMo's archives (`.nemo`): a tar of a checkpoint and of its model's settings.
//!
//! Both are read where they lie in the archive; nothing is unpacked, so nothing can be written anywhere, and no more is held in memory than the
//! checkpoint's own tensors. Not for: other tar archives (`fetch` unpacks those), archives that are compressed as a whole. Start at [`read`].

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::{checkpoint, zipped};
use crate::model::weights::{Tensors, WeightsError};
use crate::model::yaml;

const CHECKPOINT: &str = "model_weights.ckpt";
const SETTINGS: &str = "model_config.yaml";

/// What compressed files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A tar archive is made of blocks, and each member begins with one that describes it.
const BLOCK: u64 = 512;
/// Members of an archive: NeMo's have a few, tokenisers among them.
const MOST_MEMBERS: usize = 4_096;
/// The longest settings that are read.
const MOST_SETTINGS_BYTES: u64 = 1 << 20;

/// What an archive holds.
#[derive(Debug, Clone, Default)]
pub struct Tarred {
    /// The checkpoint's tensors as f32, by their names.
    pub tensors: Tensors,
    /// The model's settings.
    pub settings: Map<String, Json>,
}

/// A file of an archive.
#[derive(Debug, Clone, Copy)]
struct Member {
    begins: u64,
    bytes: u64,
}

/// Whether a file begins as tar archives do: with a block whose sum is right.
pub fn is_tar(path: &Path) -> bool {
    let mut block = [0; BLOCK as usize];
    File::open(path).and_then(|mut file| file.read_exact(&mut block)).is_ok() && sum_is_right(&block)
}

/// Reads an archive.
///
/// # Errors
/// The file cannot be read or is damaged, or has no checkpoint or no settings that can be read.
pub fn read(path: &Path) -> Result<Tarred, WeightsError> {
    let unreadable = |source| WeightsError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    parts(file, length).map_err(|reason| WeightsError::Format { path: path.to_owned(), reason })
}

fn parts(file: File, length: u64) -> Result<Tarred, String> {
    let mut input = file;
    let (mut weights, mut settings) = (None, None);
    let mut first = [0; GZIP.len()];
    if input.read_exact(&mut first).is_ok() && first == GZIP {
        return Err("it is compressed as a whole: `gzip -dc` makes an archive of it that can be read".into());
    }
    walk(&mut input, length, |name, member| match name {
        CHECKPOINT => weights = Some(member),
        SETTINGS => settings = Some(member),
        _ => {}
    })?;
    let lacks = |name: &str| format!("the archive has no `{name}`");
    let (weights, settings) = (weights.ok_or(lacks(CHECKPOINT))?, settings.ok_or(lacks(SETTINGS))?);
    let wrong = |reason: String| format!("of its `{SETTINGS}`, {reason}");
    if settings.bytes > MOST_SETTINGS_BYTES {
        return Err(wrong("more than a mebibyte would have to be read".into()));
    }
    let mut text = String::new();
    Window::new(&mut input, settings).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    let settings = yaml::parse(&text).map_err(wrong)?;
    let (pickle, mut storages) = zipped::open(Window::new(&mut input, weights), weights.bytes)
        .map_err(|reason| format!("of its `{CHECKPOINT}`, {reason}"))?;
    let tensors = checkpoint(&pickle, &mut storages)?.tensors;
    Ok(Tarred { tensors, settings })
}

/// Names each file of an archive of `length` bytes; what describes others is passed over.
fn walk(
    input: &mut (impl Read + Seek),
    length: u64,
    mut found: impl FnMut(&str, Member),
) -> Result<(), String> {
    let mut at = 0;
    for _ in 0..MOST_MEMBERS {
        let mut block = [0; BLOCK as usize];
        let read = input.seek(SeekFrom::Start(at)).and_then(|_| input.read_exact(&mut block));
        match read {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        }
        if block.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        let bytes = number(&block[124..136]).filter(|_| sum_is_right(&block));
        let bytes =
            bytes.ok_or_else(|| format!("it is damaged: no member of an archive begins at byte {at}"))?;
        let begins = at + BLOCK;
        if bytes > length.saturating_sub(begins) {
            return Err("it ends within one of its members".into());
        }
        // A file is a member of the kind 0, in archives of old of none.
        if matches!(block[156], b'0' | 0) {
            let name = block[..100].split(|&byte| byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            found(name.trim_start_matches("./"), Member { begins, bytes });
        }
        at = begins + bytes.next_multiple_of(BLOCK);
    }
    Err(format!("it has more than {MOST_MEMBERS} members"))
}

/// A number as tar writes it: octal figures between spaces and zeros, or binary behind a set bit.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, digits @ ..] = field {
        let (high, low) = digits.split_at_checked(digits.len().checked_sub(8)?)?;
        return high
            .iter()
            .all(|&byte| byte == 0)
            .then(|| low.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

/// Whether a block has the sum of its bytes written in it; its own place counts as spaces.
fn sum_is_right(block: &[u8; BLOCK as usize]) -> bool {
    let place = 148..156;
    let byte = |(at, &byte): (usize, &u8)| u64::from(if place.contains(&at) { b' ' } else { byte });
    number(&block[place.clone()]) == Some(block.iter().enumerate().map(byte).sum())
}

/// One member, as if it were a file of its own.
struct Window<R> {
    input: R,
    member: Member,
    at: u64,
}

impl<R: Read + Seek> Window<R> {
    fn new(input: R, member: Member) -> Self {
        Window { input, member, at: 0 }
    }
}

impl<R: Read + Seek> Read for Window<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.member.bytes.saturating_sub(self.at);
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.input.seek(SeekFrom::Start(self.member.begins + self.at))?;
        let count = self.input.read(&mut buffer[..most])?;
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Window<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.member.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the beginning"))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn small() -> Vec<u8> {
        fs::read(crate::checkout().join("tests/parity/nemo/small.nemo")).expect("the golden is committed")
    }

    fn read_bytes(bytes: &[u8]) -> Result<Tarred, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        read(file.path())
            .map_err(|error| error.to_string().replace(&file.path().display().to_string(), "x.nemo"))
    }

    /// A member's block, as tar writes it.
    fn block(name: &str, bytes: u64, kind: u8) -> Vec<u8> {
        let mut block = vec![0; BLOCK as usize];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{bytes:011o}").as_bytes());
        block[148..156].fill(b' ');
        block[156] = kind;
        let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        block
    }

    #[test]
    fn an_archive_of_pythons_tarfile_is_read() {
        let read = read_bytes(&small()).unwrap();
        assert_eq!(read.settings["sample_rate"], 44_100);
        assert_eq!(read.tensors["discriminator.discriminators.0.weight"], (vec![3], vec![0.0; 3]));
    }

    #[test]
    fn what_is_no_such_archive_is_refused_with_the_reason() {
        let whole = small();
        let with = |members: &[(&str, &[u8], u8)]| {
            let mut archive = Vec::new();
            for (name, content, kind) in members {
                archive.extend(block(name, content.len() as u64, *kind));
                archive.extend_from_slice(content);
                archive.resize(archive.len().next_multiple_of(BLOCK as usize), 0);
            }
            archive
        };
        let mut beyond = block(CHECKPOINT, 1 << 32, b'0');
        beyond.extend([0; 512]);
        for (bytes, why) in [
            (whole[..90_000].to_vec(), "it ends within one of its members"),
            (vec![1; 600], "it is damaged: no member of an archive begins at byte 0"),
            (
                vec![0x1f, 0x8b, 8, 0],
                "it is compressed as a whole: `gzip -dc` makes an archive of it that can be read",
            ),
            (Vec::new(), "the archive has no `model_weights.ckpt`"),
            (beyond, "it ends within one of its members"),
            // A link of that name is no checkpoint.
            (with(&[(CHECKPOINT, b"", b'2')]), "the archive has no `model_weights.ckpt`"),
            (with(&[(CHECKPOINT, b"x", b'0')]), "the archive has no `model_config.yaml`"),
            (
                with(&[(CHECKPOINT, b"x", b'0'), (SETTINGS, b"a: *b", b'0')]),
                "of its `model_config.yaml`, line 1 says `*b`, which OmegaConf does not write",
            ),
            (
                with(&[(CHECKPOINT, b"x", b'0'), (SETTINGS, &vec![b'a'; 2 << 20], b'0')]),
                "of its `model_config.yaml`, more than a mebibyte would have to be read",
            ),
        ] {
            assert_eq!(read_bytes(&bytes).unwrap_err(), format!("`x.nemo` is no file of weights: {why}"));
        }
        let said =
            read_bytes(&with(&[("./model_weights.ckpt", b"x", b'0'), (SETTINGS, b"a: 1", 0)])).unwrap_err();
        assert!(said.contains("of its `model_weights.ckpt`, "), "{said}");
    }

    #[test]
    fn numbers_are_octal_or_binary() {
        for (field, want) in [
            (&b"00000001750\0"[..], Some(1_000)),
            (b"  1750 \0    ", Some(1_000)),
            (b"\x80\0\0\0\0\0\0\0\0\0\x03\xe8", Some(1_000)),
            (b"\x80\x01\0\0\0\0\0\0\0\0\x03\xe8", None),
            (b"00000000008\0", None),
            (b"\0\0\0\0\0\0\0\0\0\0\0\0", None),
        ] {
            assert_eq!(number(field), want, "{field:?}");
        }
    }
}
