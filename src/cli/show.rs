//! `runner show`: the experiment as merged.

use super::Talk;
use super::arguments::ShowArguments;
use super::failure::{self, Failure};
use super::order::{Orders, idle_everywhere, orders};
use crate::config::{origins, resolved_toml};

/// Prints the merged experiment, as TOML that can be run again, or with the origin of every value.
pub fn show(arguments: &ShowArguments, talk: Talk) -> Result<u8, Failure> {
    let Orders { loaded, asked, .. } = orders(&arguments.request)?;
    let written = |error: toml::ser::Error| Failure::new(failure::INTERNAL, error.to_string());
    if talk.json {
        let value = serde_json::to_value(&loaded.experiment);
        talk.data(&value.map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?);
    } else if arguments.origin {
        let origins = origins(&loaded).map_err(written)?;
        let width = origins.iter().map(|o| o.path.len() + o.value.len() + 3).max().unwrap_or(0).min(70);
        for origin in origins {
            let pair = format!("{} = {}", origin.path, origin.value);
            println!("{pair:width$}  # {}", origin.origin);
        }
    } else {
        let idle = idle_everywhere(&loaded.experiment, &asked.plan.needs);
        print!("{}", resolved_toml(&loaded.experiment, &idle).map_err(written)?);
    }
    Ok(0)
}
