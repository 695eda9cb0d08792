//! Which elements are kept: a counter-based random stream.

/// The kept elements of one call, as a function of their index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    /// Kept where the hash is at least this.
    threshold: u32,
    seed: u64,
}

impl Mask {
    /// The mask that drops with probability `p`, within 2⁻³².
    pub(super) fn new(p: f32, seed: u64) -> Self {
        Mask { threshold: (f64::from(p) * 4_294_967_296.0) as u32, seed }
    }

    /// What a device needs to form the same hashes: the threshold, and the mixed seed that a key is made from.
    #[cfg(any(test, feature = "cuda"))]
    pub(super) fn words(self) -> (u32, u64) {
        (self.threshold, mix64(self.seed))
    }

    /// The elements from `start` on, up to the next multiple of 2³².
    pub(super) fn starting_at(self, start: usize) -> Stretch {
        let start = start as u64;
        let key = mix64(mix64(self.seed) ^ (start >> 32));
        Stretch {
            threshold: self.threshold,
            first: start as u32,
            offset: key as u32,
            flip: (key >> 32) as u32,
        }
    }
}

/// A stretch of elements that share the upper half of their index, and so the key.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    threshold: u32,
    first: u32,
    offset: u32,
    flip: u32,
}

impl Stretch {
    /// Whether the stretch's element `i` is kept. Integer operations of 32 bits alone, so that it vectorises.
    ///
    /// The key enters twice: were it only added to the index, two seeds could have the same mask, shifted.
    #[inline(always)]
    pub(super) fn keeps(self, i: usize) -> bool {
        let index = self.first.wrapping_add(i as u32);
        mix32(mix32(index.wrapping_add(self.offset)) ^ self.flip) >= self.threshold
    }
}

/// A bijection of 32 bits in which each bit of the input moves about half of the output's: MurmurHash3's finaliser.
#[inline(always)]
fn mix32(mut h: u32) -> u32 {
    h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// The same for 64 bits: SplitMix64's step, under which nearby seeds have unrelated keys.
fn mix64(seed: u64) -> u64 {
    let mut h = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    h = (h ^ (h >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    h ^ (h >> 31)
}
