//! What a sweep writes down before anything runs, so that a file changed meanwhile changes nothing.

use serde::Serialize;

use super::study::Study;
use crate::cli::arguments::Request;
use crate::cli::failure::{self, Failure};
use crate::record::host::VERSION;
use crate::record::{Frozen, SweepRow};

/// sweep.toml: what was asked for.
#[derive(Serialize)]
struct Asked<'a> {
    name: &'a str,
    experiment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hparams: Option<&'a str>,
    sets: &'a [String],
    /// Options that differ between points.
    varying: &'a [String],
    points: usize,
    version: &'a str,
}

/// Writes every run as its workers take it, then the list of them.
pub fn freeze(study: &Study, request: &Request) -> Result<(), Failure> {
    let orders = study.runs.iter().map(|run| &run.order);
    let frozen = orders.map(|order| {
        let frozen = Frozen {
            id: order.plan.id.clone(),
            experiment: order.experiment.clone(),
            profile: order.profile.clone(),
            role: order.role.clone(),
            origins: order.origins.clone(),
        };
        (order.config_toml.as_str(), frozen)
    });
    study.folder.freeze(frozen)?;
    let asked = Asked {
        name: &study.name,
        experiment: request.experiment.display().to_string(),
        profile: request.profile.as_deref(),
        hparams: request.hparams.as_deref(),
        sets: &request.sets,
        varying: &study.varying,
        points: study.points().count(),
        version: VERSION,
    };
    let text = toml::to_string(&asked).map_err(|error| {
        Failure::new(failure::INTERNAL, format!("cannot write the sweep as TOML: {error}"))
    })?;
    let rows: Vec<SweepRow> = study.points().chain(study.needed()).map(|run| run.row.clone()).collect();
    Ok(study.folder.write(&text, &rows)?)
}
