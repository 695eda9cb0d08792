//! What is drawn? Every random number of a run, as a pure function of the seed and of what it is for.
//!
//! A stream is named by a purpose and two counters (epoch and group, step and batch), so that nothing about randomness
//! needs saving: resuming at step 700 draws what an uninterrupted run would have drawn there. Not for: dropout masks inside kernels, which
//! hash their element index; they take one `u64` from here. Start at [`stream`]. [`RandomState`] is apart: it repeats the published
//! programs' generator, state and all, where their very draws are asked for.

mod random_state;

pub use random_state::RandomState;

use rand_pcg::Pcg64Mcg;

/// What a stream of random numbers is for. Streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// The first value of the parameter of this name.
    Weight(&'a str),
    /// The order of the utterances in an epoch.
    Order,
    /// The order of the batches in a group.
    Batches,
    /// Dropout, layerdrop and time masks of the student in a step.
    Student,
    /// The same for a teacher in train mode.
    Teacher,
    /// The samples of a generated clip, by its number.
    Generation,
    /// Noise that is added to sound, and which diffusion step it is.
    Noise,
    /// Which clips of a batch are mixed with which others, and how much.
    Mixup,
    /// Which utterances of a corpus an epoch draws that draws a part of it.
    Share,
    /// Which stretch of an utterance's codes is taken.
    Cut,
}

/// The stream of `purpose` at two counters.
pub fn stream(seed: u64, purpose: Purpose<'_>, major: u64, minor: u64) -> Pcg64Mcg {
    let (tag, name) = match purpose {
        Purpose::Weight(name) => (1, name),
        Purpose::Order => (2, ""),
        Purpose::Batches => (3, ""),
        Purpose::Student => (4, ""),
        Purpose::Teacher => (5, ""),
        Purpose::Generation => (6, ""),
        Purpose::Noise => (7, ""),
        Purpose::Mixup => (8, ""),
        Purpose::Share => (9, ""),
        Purpose::Cut => (10, ""),
    };
    let mut state = mix(seed, tag);
    for byte in name.bytes() {
        state = mix(state, u64::from(byte));
    }
    let low = mix(mix(state, major), minor);
    let high = mix(low, tag);
    Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low))
}

/// One round of the SplitMix64 finaliser over both words.
fn mix(state: u64, word: u64) -> u64 {
    let mut z = (state ^ word.wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |purpose, major, minor| stream(7, purpose, major, minor).next_u64();
        assert_eq!(draw(Purpose::Order, 3, 0), draw(Purpose::Order, 3, 0));
        let all = [
            draw(Purpose::Order, 3, 0),
            draw(Purpose::Order, 4, 0),
            draw(Purpose::Order, 3, 1),
            draw(Purpose::Batches, 3, 0),
            draw(Purpose::Weight("a"), 3, 0),
            draw(Purpose::Weight("b"), 3, 0),
            stream(8, Purpose::Order, 3, 0).next_u64(),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "two streams agree");
        }
    }
}
