//! Small words in an image: letters of three by five dots.

/// Pixels of a dot.
const DOT: usize = 3;
const COLUMNS: usize = 3;
const ROWS: usize = 5;
const INK: [u8; 3] = [0; 3];

/// a to z, a digit for each line: its dots from the left as the bits 4, 2 and 1.
#[rustfmt::skip]
const LETTERS: [&str; 26] = [
    "25755", "65656", "34443", "65556", "74647", "74644", "34553", "55755", "72227", "11152", "55655", "44447", "57755",
    "57775", "25552", "65644", "25563", "65655", "34216", "72222", "55557", "55552", "55775", "55255", "55222", "71247",
];

/// Writes `words` into an image of the given width, from the corner `[left, top]`; what is no letter is a space.
pub fn write(pixels: &mut [[u8; 3]], width: usize, [left, top]: [usize; 2], words: &str) {
    for (at, letter) in words.to_ascii_lowercase().bytes().enumerate() {
        let Some(lines) = letter.checked_sub(b'a').and_then(|letter| LETTERS.get(usize::from(letter))) else {
            continue;
        };
        let from = left + at * (COLUMNS + 1) * DOT;
        for (row, line) in lines.bytes().enumerate() {
            for column in (0..COLUMNS).filter(|column| (line - b'0') >> (COLUMNS - 1 - column) & 1 == 1) {
                dot(pixels, width, [from + column * DOT, top + row * DOT]);
            }
        }
    }
    debug_assert!(LETTERS.iter().all(|lines| lines.len() == ROWS));
}

fn dot(pixels: &mut [[u8; 3]], width: usize, [left, top]: [usize; 2]) {
    // A word too long for the image ends at its edge.
    let right = (left + DOT).min(width);
    for y in top..top + DOT {
        if let Some(line) = pixels.get_mut(y * width + left.min(width)..y * width + right) {
            line.fill(INK);
        }
    }
}
