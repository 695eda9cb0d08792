//! Bytes out of bytes: flips, numbers at their limits, words of the format, pieces cut, doubled, moved and taken from other inputs.

/// A stream of random numbers that is the same for the same seed (Steele, Lea and Flood 2014: SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.draw() % end as u64) as usize }
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// A range inside of `length` bytes: mostly short, now and then long.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let longest = if self.below(4) == 0 { length - start } else { (length - start).min(16) };
        start..start + self.below(longest + 1)
    }
}

/// Numbers at which arithmetic goes wrong.
const LIMITS: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_fff0,
    u64::MAX,
];

/// The same as text.
const WRITTEN: [&str; 18] = [
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
    "1e308",
    "1e309",
    "-1e-320",
    "nan",
    "inf",
    "-inf",
];

/// Text that is trouble in any format.
const TROUBLE: [&str; 14] = [
    "\0",
    "\u{feff}",
    "\u{202e}",
    "\r",
    "\n\n",
    "..",
    "../../x",
    "/etc/passwd",
    "<script>",
    "\u{301}",
    "\u{1f600}",
    "\"",
    "\\",
    "%s",
];

/// A new input from `base`, with `others` to take pieces from.
pub fn mutated(
    random: &mut Random,
    base: &[u8],
    others: &[Vec<u8>],
    words: &[&str],
    most_bytes: usize,
) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for _ in 0..1 + random.below(6) {
        once(random, &mut bytes, others, words);
        bytes.truncate(most_bytes);
    }
    // Now and then very much of the same, for what is quadratic.
    if random.below(40) == 0 && !bytes.is_empty() {
        swell(random, &mut bytes, most_bytes);
    }
    bytes
}

fn once(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str]) {
    if bytes.is_empty() {
        bytes.push(random.draw() as u8);
    }
    let length = bytes.len();
    match random.below(14) {
        0 => bytes[random.below(length)] ^= 1 << random.below(8),
        1 => bytes[random.below(length)] = random.draw() as u8,
        2 => limit(random, bytes),
        3 | 4 => written(random, bytes),
        5 => drop(bytes.drain(random.range(length))),
        6 => bytes.truncate(random.below(length)),
        7 => {
            let piece = bytes[random.range(length)].to_vec();
            insert(bytes, random.below(length), &piece);
        }
        8 => {
            let Some(other) = random.pick(others).filter(|other| !other.is_empty()) else { return };
            let piece = other[random.range(other.len())].to_vec();
            insert(bytes, random.below(length), &piece);
        }
        9 => {
            let Some(other) = random.pick(others) else { return };
            bytes.truncate(random.below(length));
            bytes.extend(&other[random.below(other.len() + 1).min(other.len())..]);
        }
        10 | 11 => {
            let all = if words.is_empty() || random.below(4) == 0 { &TROUBLE[..] } else { words };
            let word = random.pick(all).copied().unwrap_or_default();
            insert(bytes, random.below(length), word.as_bytes());
        }
        12 => lines(random, bytes),
        _ => {
            let (from, to) = (random.range(length), random.below(length));
            let piece = bytes[from].to_vec();
            for (at, byte) in piece.into_iter().enumerate() {
                if let Some(place) = bytes.get_mut(to + at) {
                    *place = byte;
                }
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// A binary number becomes one at a limit.
fn limit(random: &mut Random, bytes: &mut [u8]) {
    let width = [1, 2, 4, 8][random.below(4)];
    let number = random.pick(&LIMITS).copied().unwrap_or_default().wrapping_add(random.draw() % 3);
    let (little, big) = (number.to_le_bytes(), number.to_be_bytes());
    let number = if random.below(2) == 0 { &little[..width] } else { &big[8 - width..] };
    let at = random.below(bytes.len());
    bytes[at..].iter_mut().zip(number).for_each(|(place, byte)| *place = *byte);
}

/// A written number becomes another one.
fn written(random: &mut Random, bytes: &mut Vec<u8>) {
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|&at| bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_digit()))
        .take(4096)
        .collect();
    let Some(&start) = random.pick(&starts) else { return };
    let end =
        bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |end| start + end);
    let number = random.pick(&WRITTEN).copied().unwrap_or_default();
    bytes.splice(start..end, number.bytes());
}

/// A line goes, comes twice, or changes places with another.
fn lines(random: &mut Random, bytes: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let (a, b) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(3) {
        0 => drop(lines.remove(a)),
        1 => lines.insert(b, lines[a].clone()),
        _ => lines.swap(a, b),
    }
    *bytes = lines.concat();
}

fn swell(random: &mut Random, bytes: &mut Vec<u8>, most_bytes: usize) {
    let from = random.range(bytes.len());
    let piece = if from.is_empty() { vec![bytes[0]] } else { bytes[from.clone()].to_vec() };
    let room = most_bytes.saturating_sub(bytes.len()) / piece.len();
    let times = random.below(room + 1);
    insert(bytes, from.start, &piece.repeat(times));
}

#[cfg(test)]
mod tests {
    use super::{Random, mutated};

    #[test]
    fn the_same_seed_makes_the_same_bytes_and_none_too_many() {
        let made = |seed| {
            let mut random = Random(seed);
            let others = [b"other 17\n".to_vec()];
            (0..2000)
                .map(|_| mutated(&mut random, b"key = 12\nrow|3|x\n", &others, &["[[", "]]"], 200))
                .collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        assert!(made(3).iter().all(|bytes| bytes.len() <= 200 + 200));
    }
}
