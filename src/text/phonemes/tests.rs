//! The published vocabulary and its checks, and what the `tokenizers` library makes of the same table (tests/parity/make_phonemes.py).

use std::collections::BTreeSet;

use super::table::{MERGES, SYMBOLS};
use super::{PHONEME_IDS, PhonemeTokenizer};

#[test]
fn the_table_is_that_of_281_strings_on_256_ids() {
    let tokenizer = PhonemeTokenizer::new();
    assert_eq!((PHONEME_IDS, tokenizer.spelling.len()), (256, 256));
    let symbols: usize = SYMBOLS.iter().map(|alike| alike.chars().count()).sum();
    // Four special names, the symbols, `1`, and the merges.
    assert_eq!(4 + symbols + 1 + MERGES.len(), 281);
    let spellings: BTreeSet<&String> = tokenizer.spelling.iter().collect();
    assert_eq!(spellings.len(), 256, "two ids are written alike");
    assert_eq!(tokenizer.merges.len(), MERGES.len(), "two merges join the same ids");
}

#[test]
fn published_checks() {
    let tokenizer = PhonemeTokenizer::new();
    let sentence = "ðə bˈɜːtʃ kənˈuː slˈɪd ɔnðə smˈuːð plˈæŋks.";
    let ids = [
        1, 90, 4, 17, 115, 113, 4, 25, 94, 112, 4, 33, 200, 19, 4, 179, 90, 4, 33, 27, 112, 46, 4, 30, 205,
        47, 171, 11, 2,
    ];
    assert_eq!(tokenizer.encode(sentence), ids);
    assert_eq!(tokenizer.decode(&ids), sentence);
    for (phonemes, ids) in [
        ("yː", &[1, 95, 2][..]),
        ("χχ", &[1, 0, 0, 2]),
        ("", &[1, 2]),
        ("ʌv ðə", &[1, 109, 4, 90, 2]),
        ("ʌvðə", &[1, 190, 2]),
        ("ɒɪ", &[1, 85, 2]),
        ("1", &[1, 211, 2]),
        ("ðə<mask>ðə", &[1, 90, 3, 90, 2]),
    ] {
        assert_eq!(tokenizer.encode(phonemes), ids, "{phonemes}");
    }
}

#[test]
fn every_string_has_the_ids_of_the_tokenizers_library() {
    let tokenizer = PhonemeTokenizer::new();
    let golden = std::fs::read_to_string(crate::checkout().join("tests/parity/phonemes.tsv")).unwrap();
    let mut strings = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let (ids, phonemes) = line.split_once('\t').unwrap();
        let want: Vec<u8> = ids.split(' ').map(|id| id.parse().unwrap()).collect();
        assert_eq!(tokenizer.encode(phonemes), want, "{phonemes}");
        strings += 1;
    }
    assert_eq!(strings, 723);
}

#[test]
fn ids_are_written_one_way_and_read_back_as_the_same() {
    let tokenizer = PhonemeTokenizer::new();
    for id in 4..=255 {
        assert_eq!(tokenizer.encode(tokenizer.spelling(id)), [1, id, 2], "{id}");
    }
    assert_eq!(tokenizer.decode(&[1, 4, 35, 2]), " u");
    assert_eq!(tokenizer.unknown("χaχɫ"), ['χ', 'ɫ']);
}

#[test]
fn long_texts_cost_their_length() {
    let tokenizer = PhonemeTokenizer::new();
    // A walk over all pairs for each merge would take hours.
    let ids = tokenizer.encode(&"ðə bˈɜːtʃ ".repeat(50_000));
    assert_eq!(ids.len(), 2 + 6 * 50_000);
}
