//! NumPy's `RandomState`: the generator whose draws the published programs' data order and time masks are made of.
//!
//! MT19937 (Matsumoto & Nishimura 1998) with NumPy's frozen ways to turn its words into intervals, permutations and fractions. For
//! comparing with those programs only: everything else draws from [`stream`](super::stream), which needs no state.

/// Words of state, and the distance of the recurrence.
const WORDS: usize = 624;
const DISTANCE: usize = 397;

/// A generator that repeats `numpy.random.RandomState(seed)` word by word.
#[derive(Debug, Clone)]
pub struct RandomState {
    words: [u32; WORDS],
    used: usize,
}

impl RandomState {
    /// `RandomState(seed)`; NumPy refuses seeds beyond 32 bits, here the higher ones are left out.
    pub fn new(seed: u64) -> Self {
        let mut words = [seed as u32; WORDS];
        for index in 1..WORDS {
            let before = words[index - 1];
            words[index] = 1_812_433_253_u32.wrapping_mul(before ^ before >> 30).wrapping_add(index as u32);
        }
        RandomState { words, used: WORDS }
    }

    /// `random_sample()`: a fraction in [0, 1) of 53 bits.
    pub fn fraction(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `shuffle(items)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.up_to(last));
        }
    }

    /// `choice(below, count, replace=False)`: different numbers below `below`.
    pub fn choice(&mut self, below: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..below).collect();
        self.shuffle(&mut all);
        all.truncate(count);
        all
    }

    /// `randint(below)`, which is also each draw of `choice(below, replace=True)`. A range of one takes no draw.
    pub fn below(&mut self, below: usize) -> usize {
        if below > 1 { self.up_to(below - 1) } else { 0 }
    }

    /// A number from 0 to `most`, by rejection. Beyond 32 bits NumPy would draw two words; no list here is that long.
    fn up_to(&mut self, most: usize) -> usize {
        let mask = (u32::MAX >> (most as u32).leading_zeros()) as usize;
        loop {
            let value = self.word() as usize & mask;
            if value <= most {
                return value;
            }
        }
    }

    fn word(&mut self) -> u32 {
        if self.used == WORDS {
            self.refill();
        }
        let mut word = self.words[self.used];
        self.used += 1;
        word ^= word >> 11;
        word ^= word << 7 & 0x9D2C_5680;
        word ^= word << 15 & 0xEFC6_0000;
        word ^ word >> 18
    }

    fn refill(&mut self) {
        for index in 0..WORDS {
            let mixed = self.words[index] & 0x8000_0000 | self.words[(index + 1) % WORDS] & 0x7FFF_FFFF;
            let twist = if mixed & 1 == 0 { 0 } else { 0x9908_B0DF };
            self.words[index] = self.words[(index + DISTANCE) % WORDS] ^ mixed >> 1 ^ twist;
        }
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `seed`, then a shuffle of 0..n, three fractions and a choice, drawn one after the other: tests/parity/make_random_state.py.
    #[test]
    fn draws_are_numpys() {
        let table = crate::checkout().join("tests/parity/random_state.tsv");
        let table = std::fs::read_to_string(table).expect("the golden is committed");
        let numbers = |text: &str| -> Vec<usize> {
            text.split(' ').filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
        };
        let mut rows = 0;
        for row in table.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = row.split('\t').collect();
            let [seed, shuffled, fractions, below, chosen] = cells[..] else { panic!("five cells: {row}") };
            let mut random = RandomState::new(seed.parse().unwrap());
            let want = numbers(shuffled);
            let mut got: Vec<usize> = (0..want.len()).collect();
            random.shuffle(&mut got);
            assert_eq!(got, want, "the shuffle of seed {seed}");
            for fraction in fractions.split(' ') {
                assert_eq!(random.fraction(), fraction.parse::<f64>().unwrap(), "seed {seed}");
            }
            let want = numbers(chosen);
            assert_eq!(random.choice(below.parse().unwrap(), want.len()), want, "the choice of seed {seed}");
            rows += 1;
        }
        assert!(rows >= 100, "{rows} rows");
    }

    #[test]
    fn an_empty_list_and_a_single_item_take_no_draw() {
        let mut random = RandomState::new(0);
        random.shuffle::<u8>(&mut []);
        random.shuffle(&mut [1]);
        assert_eq!(random.fraction(), 0.548_813_503_927_324_8);
    }
}
