//! Checksums made right again, so that mutations come past them to what they guard.

/// Leaves the bytes as they are.
pub fn none(_: &mut [u8]) {}

/// Tar: the checksum of every block that looks like a header.
pub fn tar(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// Zip: of stored members, whose sizes are in their local headers, the CRC there and, by name's place, in the directory.
pub fn zip(bytes: &mut [u8]) {
    let mut at = 0;
    let mut sums = Vec::new();
    while let Some(head) = find(bytes, at, b"PK\x03\x04") {
        let Some(fields) = bytes.get(head + 26..head + 30) else { break };
        let skip = usize::from(u16::from_le_bytes([fields[0], fields[1]]))
            + usize::from(u16::from_le_bytes([fields[2], fields[3]]));
        let Some(size) = word(bytes, head + 18) else { break };
        let data = head + 30 + skip;
        if let Some(data) =
            bytes.get(data..data.saturating_add(size as usize)).filter(|_| bytes[head + 8] == 0)
        {
            let sum = crc32(data);
            bytes[head + 14..head + 18].copy_from_slice(&sum.to_le_bytes());
            sums.push((head as u32, sum));
        }
        at = head + 4;
    }
    at = 0;
    while let Some(head) = find(bytes, at, b"PK\x01\x02") {
        let Some(local) = word(bytes, head + 42) else { break };
        if let Some((_, sum)) = sums.iter().find(|(place, _)| *place == local) {
            bytes[head + 16..head + 20].copy_from_slice(&sum.to_le_bytes());
        }
        at = head + 4;
    }
}

/// Ogg: the checksum of every page that is whole.
pub fn ogg(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = find(bytes, at, b"OggS") {
        at = head + 4;
        let Some(&segments) = bytes.get(head + 26) else { return };
        let lacing = head + 27..head + 27 + usize::from(segments);
        let Some(body) =
            bytes.get(lacing.clone()).map(|sizes| sizes.iter().map(|&n| usize::from(n)).sum::<usize>())
        else {
            return;
        };
        let Some(page) = bytes.get_mut(head..lacing.end + body) else { return };
        page[22..26].fill(0);
        let mut sum = 0_u32;
        for &byte in page.iter() {
            sum ^= u32::from(byte) << 24;
            for _ in 0..8 {
                sum = if sum & 0x8000_0000 == 0 { sum << 1 } else { sum << 1 ^ 0x04c1_1db7 };
            }
        }
        page[22..26].copy_from_slice(&sum.to_le_bytes());
    }
}

fn find(bytes: &[u8], from: usize, word: &[u8; 4]) -> Option<usize> {
    bytes.get(from..)?.windows(4).position(|window| window == word).map(|at| from + at)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// That of zip and gzip.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(
            sum ^ u32::from(byte),
            |sum, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0xedb8_8320 },
        )
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_usual_check_value() {
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
    }
}
