//! Which attention weights are dropped: a hash of the position, so that forward, backward and any number of threads agree.

/// The factors of one batch row and head.
#[derive(Clone, Copy)]
pub(super) struct Dropout {
    key: u64,
    /// A weight whose 32-bit hash is below this is dropped.
    threshold: u32,
    /// What kept weights are multiplied by.
    kept: f32,
}

impl Dropout {
    /// Of one head of one sequence; `rate` is the share of weights that is dropped.
    pub fn new(rate: f32, seed: u64, batch_row: usize, head: usize) -> Self {
        let key = mix64(mix64(seed ^ mix64(batch_row as u64)) ^ head as u64);
        let (threshold, kept) = Self::constants(rate);
        Dropout { key, threshold, kept }
    }

    /// The hash from which on a weight is kept, and what it is multiplied by then.
    pub fn constants(rate: f32) -> (u32, f32) {
        const HASHES: f64 = 4_294_967_296.0;
        ((f64::from(rate) * HASHES) as u32, 1.0 / (1.0 - rate))
    }

    /// The factors of query `i` and the keys from `first` on, or `None` where nothing is dropped at all.
    #[inline(always)]
    pub fn row(self, i: usize, first: usize) -> Option<Row> {
        if self.threshold == 0 {
            return None;
        }
        let key = mix64(self.key ^ mix64(i as u64));
        let start = (key as u32).wrapping_add(first as u32);
        Some(Row { start, salt: (key >> 32) as u32, threshold: self.threshold, kept: self.kept })
    }
}

/// One query's stream of factors.
#[derive(Clone, Copy)]
pub(super) struct Row {
    start: u32,
    salt: u32,
    threshold: u32,
    kept: f32,
}

impl Row {
    /// The factor of the `j`-th key: two rounds of multiply and shift with the row's salt between them.
    #[inline(always)]
    pub fn factor(self, j: usize) -> f32 {
        let x = self.start.wrapping_add(j as u32);
        let x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D) ^ self.salt;
        let x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
        if x ^ (x >> 16) < self.threshold { 0.0 } else { self.kept }
    }
}

/// The finaliser of SplitMix64.
#[inline(always)]
fn mix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
