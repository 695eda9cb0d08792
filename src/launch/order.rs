//! A run that is asked for: its plan, and what is written down about where the request came from.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::Plan;

/// A run to be brought to its end.
#[derive(Debug, Clone)]
pub struct Order {
    pub plan: Plan,
    /// `teacher`, `student` or `parent`: what it is to the request.
    pub role: String,
    /// The resolved experiment as TOML.
    pub config_toml: String,
    /// Each option with its value and where that came from.
    pub origins: Value,
    /// Leaves of the resolved configuration by dotted key.
    pub leaves: BTreeMap<String, Value>,
    /// The experiment file and profile that were asked for.
    pub experiment: String,
    pub profile: Option<String>,
}
