//! Who is this run? A hash of what it means.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Eight hexadecimal digits of the SHA-256 of `meaning` as JSON.
///
/// The plan's serde attributes leave out what changes no result (paths, device, threads, processes, what is recomputed or runs side by side, display) and `max_steps`, whose extension
/// continues a run. The format's version is part of the hash: plans of another layout are other runs.
pub(super) fn identity(meaning: &impl Serialize) -> String {
    const LAYOUT: &str = "runner plan 1\n";
    let json = serde_json::to_vec(meaning).unwrap_or_default();
    let digest = Sha256::new().chain_update(LAYOUT).chain_update(json).finalize();
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
