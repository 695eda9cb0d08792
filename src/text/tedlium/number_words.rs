//! Numbers in English words, with the spelling and the commas of the Python library inflect.
//!
//! Numbers come as decimal digits, so that their size has no bound; leading zeros do not count.

/// Names of the powers of a thousand.
const SCALES: [&str; 12] = [
    "",
    "thousand",
    "million",
    "billion",
    "trillion",
    "quadrillion",
    "quintillion",
    "sextillion",
    "septillion",
    "octillion",
    "nonillion",
    "decillion",
];

/// Digits that the scales reach.
const MOST_DIGITS: usize = 3 * SCALES.len();

const UP_TO_NINETEEN: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Endings of cardinals whose ordinals are no mere `th`.
const ORDINAL_ENDINGS: [(&str, &str); 8] = [
    ("ty", "tieth"),
    ("one", "first"),
    ("two", "second"),
    ("three", "third"),
    ("five", "fifth"),
    ("eight", "eighth"),
    ("nine", "ninth"),
    ("twelve", "twelfth"),
];

/// `1234` is "one thousand, two hundred thirty-four", `1001` "one thousand one". More than 36 digits are read one by one.
pub(super) fn cardinal(digits: &str) -> String {
    in_scales(digits, "")
}

/// `101` is "one hundred and first", `1001` "one thousand and first".
pub(super) fn ordinal(digits: &str) -> String {
    let words = in_scales(digits, "and ");
    let ending = ORDINAL_ENDINGS.iter().find_map(|(ending, ordinal)| {
        let stem = words.strip_suffix(ending)?;
        Some(format!("{stem}{ordinal}"))
    });
    ending.unwrap_or_else(|| format!("{words}th"))
}

/// A number of four digits as years are read: `1999` is "nineteen ninety-nine", `1905` "nineteen oh five".
pub(super) fn in_pairs(number: u32) -> String {
    let low = match number % 100 {
        low @ 0..10 => format!("oh {}", below_hundred(low)),
        low => below_hundred(low),
    };
    format!("{} {low}", below_hundred(number / 100))
}

/// `05` is "zero five".
pub(super) fn one_by_one(digits: &str) -> String {
    let words: Vec<String> = digits.bytes().map(|digit| below_hundred(u32::from(digit - b'0'))).collect();
    words.join(" ")
}

/// Groups of a thousand, parted by commas; `and` joins what is below a hundred to what is above.
fn in_scales(digits: &str, and: &str) -> String {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return UP_TO_NINETEEN[0].to_owned();
    }
    if digits.len() > MOST_DIGITS {
        return one_by_one(digits);
    }
    let mut out = String::new();
    for (group, scale) in groups(digits).zip(SCALES[..digits.len().div_ceil(3)].iter().rev()) {
        if group == 0 {
            continue;
        }
        if !out.is_empty() {
            let joins = scale.is_empty() && group < 100;
            out.push_str(if joins { " " } else { ", " });
            out.push_str(if joins { and } else { "" });
        }
        out.push_str(&below_thousand(group, and));
        if !scale.is_empty() {
            out.push(' ');
            out.push_str(scale);
        }
    }
    out
}

/// The value of every three digits, counted from the right; the first group may have fewer.
fn groups(digits: &str) -> impl Iterator<Item = u32> {
    let (head, tail) = digits.split_at(digits.len() % 3);
    let chunks = tail.as_bytes().chunks(3);
    let head = (!head.is_empty()).then_some(head.as_bytes());
    head.into_iter()
        .chain(chunks)
        .map(|group| group.iter().fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0')))
}

fn below_thousand(number: u32, and: &str) -> String {
    match (number / 100, number % 100) {
        (0, low) => below_hundred(low),
        (hundreds, 0) => format!("{} hundred", below_hundred(hundreds)),
        (hundreds, low) => format!("{} hundred {and}{}", below_hundred(hundreds), below_hundred(low)),
    }
}

/// # Panics
/// Not below a hundred.
fn below_hundred(number: u32) -> String {
    let (tens, units) = (number as usize / 10, number as usize % 10);
    match (tens, units) {
        (0 | 1, _) => UP_TO_NINETEEN[number as usize].to_owned(),
        (_, 0) => TENS[tens].to_owned(),
        _ => format!("{}-{}", TENS[tens], UP_TO_NINETEEN[units]),
    }
}
