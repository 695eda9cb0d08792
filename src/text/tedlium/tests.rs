//! The reference's libraries on four thousand lines and on every character; sentences for the sound reading.

use sha2::{Digest, Sha256};

use super::*;
use crate::text::collapse_spaces;

const LINES: &str = include_str!("../../../tests/parity/tedlium.tsv");
const REFUSED: &str = "REFUSED";

fn goldens() -> impl Iterator<Item = (&'static str, &'static str)> {
    LINES.lines().map(|line| line.split_once('\t').expect("two columns"))
}

#[test]
fn lines_are_normalised_as_the_reference_does() {
    let (mut equal, mut refused) = (0, 0);
    for (text, wanted) in goldens() {
        let ours = normalise(text);
        if wanted == REFUSED {
            refused += 1;
            assert!(!ours.bytes().any(|byte| byte.is_ascii_digit()), "{text:?} became {ours:?}");
        } else {
            equal += 1;
            assert_eq!(ours, wanted, "{text:?}");
        }
    }
    assert!(equal > 4000 && refused > 100, "{equal} {refused}");
}

#[test]
fn every_character_is_transliterated_as_python_does() {
    let wanted = include_str!("../../../tests/parity/transliteration.tsv");
    let wanted: std::collections::HashMap<u32, &str> = wanted
        .lines()
        .filter_map(|row| row.split_once('\t'))
        .map(|(block, digest)| (u32::from_str_radix(block, 16).expect("a code point"), digest))
        .collect();
    assert_eq!(wanted.len(), 186);
    let surrogates = 0xd800..0xe000;
    for block in (0..0x11_0000).step_by(256).filter(|block| !surrogates.contains(block)) {
        let ascii: Vec<String> = (block..block + 256)
            .filter_map(char::from_u32)
            .map(|c| transliteration::ascii(&c.to_string()))
            .collect();
        match wanted.get(&block) {
            None => assert!(ascii.iter().all(String::is_empty), "block {block:x}"),
            Some(digest) => {
                let ours: String =
                    Sha256::digest(ascii.join("\n")).iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(ours, *digest, "block {block:x}");
            }
        }
    }
}

#[test]
fn what_stops_the_reference_is_read_in_both_readings() {
    let cases = [
        ("$1,000", "one thousand dollars"),
        ("$1,999", "one thousand, nine hundred ninety-nine dollars"),
        ("a $1,000,001.50 note", "a one million one dollars, fifty cents note"),
        ("$2,500 million,", "two thousand, five hundred million dollars,"),
        ("$1,000 and $5.", "one thousand dollars and five dollars."),
        ("$5,10", "five dollars, ten"),
        ("$,5", "$, five"),
        ("$5.0,1", "five dollars, one"),
    ];
    for (text, wanted) in cases {
        assert_eq!(collapse_spaces(&normalise(text)), wanted, "{text:?}");
        assert_eq!(collapse_spaces(&normalise_as(text, Reading::Sound)), wanted, "{text:?}");
    }
    let long = "12".repeat(20);
    assert_eq!(normalise(&long), format!(" {}", "one two ".repeat(20)));
    assert_eq!(normalise(&format!("{long}nd")), format!("{}one second", "one two ".repeat(19)));
}

#[test]
fn the_sound_reading_says_what_people_say() {
    let cases = [
        ("1,000,000 people", "one million people"),
        ("1,999 of 1999", "one thousand, nine hundred ninety-nine of nineteen ninety-nine"),
        ("the 1,000th", "the one thousandth"),
        ("10.05 and 3.14", "ten point zero five and three point one four"),
        ("1,234.5", "one thousand, two hundred thirty-four point five"),
        ("1999.5", "one thousand, nine hundred ninety-nine point five"),
        ("12.05.2019", "twelve . five . twenty nineteen"),
        ("0.5 1.", "zero point five one ."),
        ("1,2 and 1,00 and 1000,000", "one , two and one , zero and one thousand , zero"),
        ("1.5th", "one point five th"),
        ("$1", "one dollar"),
        ("$0", "zero dollars"),
        ("$1.01", "one dollar, one cent"),
        ("$3.5", "three dollars, fifty cents"),
        ("$.05", "five cents"),
        ("$1.005", "one point zero zero five dollars"),
        ("$1.5 million and $1 billions", "one point five million dollars and one dollar billions"),
        ("$1999", "one thousand, nine hundred ninety-nine dollars"),
        ("$5a day", "five dollars a day"),
        ("$ and 5", "$ and five"),
        ("12th 2005 <unk>", "twelfth two thousand five [UNK]"),
    ];
    for (text, wanted) in cases {
        assert_eq!(collapse_spaces(&normalise_as(text, Reading::Sound)), wanted, "{text:?}");
    }
}

/// Texts of a few characters each, drawn so that rules meet: figures, symbols, and any character at all.
fn drawn_texts() -> impl Iterator<Item = String> {
    let likely: Vec<char> = "0123456789012345,..$$stndrdth<unk>[]&%+@ \t-é½²－".chars().collect();
    let mut state = 7_u64;
    let mut draw = move |below: usize| {
        // Knuth's MMIX generator; the high bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    (0..20_000).map(move |_| {
        let length = draw(24);
        let one = |_| match draw(8) {
            0 => char::from_u32(draw(0x11_0000) as u32).unwrap_or('x'),
            _ => likely[draw(likely.len())],
        };
        (0..length).map(one).collect()
    })
}

#[test]
fn any_text_becomes_ascii_words() {
    for text in drawn_texts() {
        for reading in [Reading::Reference, Reading::Sound] {
            let out = normalise_as(&text, reading);
            assert!(
                out.is_ascii() && !out.bytes().any(|byte| byte.is_ascii_digit()),
                "{text:?} became {out:?}"
            );
            assert!(!out.contains("  ") && !out.contains('\t'), "{text:?} became {out:?}");
        }
    }
}

#[test]
fn what_is_normalised_stays_as_it_is() {
    let golden = goldens().map(|(text, _)| text.to_owned());
    for text in golden.chain(drawn_texts()) {
        for reading in [Reading::Reference, Reading::Sound] {
            let once = normalise_as(&text, reading);
            // Transliteration comes after symbols, so it can make new ones; and the brackets of `[UNK]` are brackets.
            if once.contains(['[', ']', '&', '%', '+', '@', '<']) {
                continue;
            }
            assert_eq!(normalise_as(&once, reading), once, "{text:?}");
        }
    }
}

#[test]
fn long_figures_take_no_square_of_time() {
    let digits = "1".repeat(200_000);
    for text in [
        digits.clone(),
        format!("${digits}"),
        format!("{digits}.{digits}"),
        format!("${}", "1,".repeat(100_000)),
    ] {
        assert!(!normalise(&text).is_empty());
        assert!(!normalise_as(&text, Reading::Sound).is_empty());
    }
}
