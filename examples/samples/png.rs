//! An image of eight-bit colours as a PNG file, without filters.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::ZlibEncoder};

/// The file of an image [height, width] of red, green and blue.
pub fn encode(pixels: &[[u8; 3]], width: usize) -> io::Result<Vec<u8>> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in pixels.chunks_exact(width) {
        // Each row begins with its filter: none.
        packed.write_all(&[0])?;
        packed.write_all(row.as_flattened())?;
    }
    let side = |length: usize| (length as u32).to_be_bytes();
    let mut header = [side(width), side(pixels.len() / width)].concat();
    // Eight bits, colours, and the only methods that there are.
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &packed.finish()?);
    chunk(&mut file, *b"IEND", &[]);
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let mut sum = Crc::new();
    sum.update(&name);
    sum.update(data);
    file.extend((data.len() as u32).to_be_bytes());
    file.extend(name);
    file.extend(data);
    file.extend(sum.sum().to_be_bytes());
}
