//! The choice offered wherever a published system's defect changed its numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Do what is right, or what the published code did.
///
/// Wherever the reference implementation has a defect that changes results, the option is of this type. Bare defaults
/// are `sound`; the experiments that reproduce a paper say `reference`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// The method as the paper describes it, without the defect.
    Sound,
    /// The published code, defect included, so that its numbers can be reproduced.
    Reference,
}

impl Behaviour {
    /// Whether this is the method as the paper describes it.
    pub fn is_sound(&self) -> bool {
        *self == Behaviour::Sound
    }
}
