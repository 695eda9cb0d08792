//! Mandarin's tones: digits of the answer as marks that the vocabulary of phonemes has.
//!
//! espeak-ng tells tones in IPA with a loss (the first and the fourth are both `5`, the second is `ɜ`), and so do the checkpoints that learnt
//! from it. The program tells them as they are said: a third tone before another as the second, a tone that is lost as none. `phonemizer`, by
//! espeak-ng's library, has them as they stand in the dictionary; of the program they cannot be had so.

/// The digits of tones as marks.
pub(super) fn marked(phonemes: &str) -> String {
    phonemes
        .chars()
        .map(|c| match c {
            '1' => 'ˇ',
            '2' => 'ˉ',
            '3' => 'ˊ',
            '4' => 'ˋ',
            '5' => '_',
            c => c,
        })
        .collect()
}
