//! Counts of codes after up to [`ORDER`] codes, interpolated down to all codes alike.
//!
//! Witten–Bell: where a context was seen N times with T different codes behind it, a new one is expected T times in N + T, so that
//! p(w | h) = (c(h, w) + T(h) p(w | h')) / (N(h) + T(h)), where h' is h without its oldest code, and 1 / levels below the empty context.

use std::collections::HashMap;

/// The most codes in a context.
pub const ORDER: usize = 3;
/// Bits of a code in a key.
const CODE_BITS: usize = 16;

/// Counts by context length.
pub struct Counts {
    levels: usize,
    orders: [Order; ORDER + 1],
}

/// Counts behind contexts of one length.
#[derive(Default)]
struct Order {
    /// Of a context with a code behind it.
    together: HashMap<u64, u32>,
    /// Of a context, and how many different codes came behind it.
    contexts: HashMap<u64, Context>,
}

#[derive(Default, Clone, Copy)]
struct Context {
    seen: u32,
    kinds: u32,
}

/// The last `length` codes of a context, newest lowest, without the code behind it.
fn key(newest_first: &[u32; ORDER], length: usize) -> u64 {
    newest_first[..length].iter().rev().fold(0, |key, code| key << CODE_BITS | u64::from(*code))
}

/// The key of a context with `code` behind it. Contexts have fewer than four codes: there is room.
fn with(context: u64, code: u32) -> u64 {
    context << CODE_BITS | u64::from(code)
}

impl Counts {
    /// Nothing counted, of codes below `levels`.
    pub fn new(levels: usize) -> Self {
        Counts { levels, orders: Default::default() }
    }

    /// Counts `code` behind `before`, newest first.
    pub fn count(&mut self, before: &[u32; ORDER], code: u32) {
        for (length, order) in self.orders.iter_mut().enumerate() {
            let context = key(before, length);
            let together = order.together.entry(with(context, code)).or_default();
            *together += 1;
            let of_context = order.contexts.entry(context).or_default();
            of_context.seen += 1;
            of_context.kinds += u32::from(*together == 1);
        }
    }

    /// The probability of `code` behind the last 0, 1, … [`ORDER`] codes of `before`.
    pub fn probabilities(&self, before: &[u32; ORDER], code: u32) -> [f64; ORDER + 1] {
        let mut below = 1.0 / self.levels as f64;
        let mut all = [0.0; ORDER + 1];
        for (length, (order, probability)) in self.orders.iter().zip(&mut all).enumerate() {
            let context = key(before, length);
            if let Some(&Context { seen, kinds }) = order.contexts.get(&context) {
                let together = order.together.get(&with(context, code)).copied().unwrap_or(0);
                below = (f64::from(together) + f64::from(kinds) * below) / f64::from(seen + kinds);
            }
            *probability = below;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes 0 1 0 1 0 2 of three, each behind the ones before it.
    fn small() -> Counts {
        let mut counts = Counts::new(3);
        let mut before = [0; ORDER];
        for code in [0, 1, 0, 1, 0, 2] {
            counts.count(&before, code);
            before = [code, before[0], before[1]];
        }
        counts
    }

    #[test]
    fn a_small_example_by_hand() {
        let got = small().probabilities(&[1, 2, 2], 0);
        // Six codes of three kinds, 0 three times: (3 + 3 · 1/3) / 9. Behind a 1 there were two codes, both 0: (2 + 1 · 4/9) / 3. Nothing ever
        // came behind 2 1: as behind 1.
        let want = [4.0 / 9.0, (2.0 + 4.0 / 9.0) / 3.0];
        assert!((got[0] - want[0]).abs() < 1e-15 && (got[1] - want[1]).abs() < 1e-15, "{got:?}");
        assert_eq!((got[2], got[3]), (got[1], got[1]));
    }

    #[test]
    fn probabilities_sum_to_one_behind_everything() {
        let counts = small();
        for context in 0..27 {
            let before = [context % 3, context / 3 % 3, context / 9];
            let mut sums = [0.0; ORDER + 1];
            for code in 0..3 {
                let all = counts.probabilities(&before, code);
                assert!(all.iter().all(|p| *p > 0.0 && *p < 1.0), "{before:?}, {code}: {all:?}");
                sums.iter_mut().zip(all).for_each(|(sum, p)| *sum += p);
            }
            assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-14), "{before:?}: {sums:?}");
        }
    }

    #[test]
    fn without_counts_all_codes_are_alike() {
        assert_eq!(Counts::new(4).probabilities(&[3, 2, 1], 0), [0.25; ORDER + 1]);
    }

    /// The largest codes of the largest model still have keys of their own.
    #[test]
    fn contexts_of_different_codes_have_different_keys() {
        assert_ne!(with(key(&[65_535, 0, 1], 3), 7), with(key(&[0, 65_535, 1], 3), 7));
        assert_eq!(with(key(&[1, 2, 3], 3), 4), 3 << 48 | 2 << 32 | 1 << 16 | 4);
    }
}
