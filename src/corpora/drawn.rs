//! Which recordings are held out, where a publisher does not say: settled by their names alone, so that it is the same everywhere.

/// A number that a name draws (FNV-1a, mixed).
pub(super) fn number(name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The last characters alone tell a chapter's utterances apart, and have to reach the highest bits.
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}
