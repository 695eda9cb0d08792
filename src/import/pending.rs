//! Commands for models that this version does not have: read to the end, and refused with what was understood.

use super::argparse::{Arguments, Given};
use super::call::Call;
use super::flag::Here;
use super::problem::NO_MODEL;
use super::settings::Settings;
use crate::config::Problem;

/// A command where it stands, with every value of the loops around it.
struct Site {
    call: Call,
    given: Arguments,
    axes: Vec<(String, String)>,
}

/// What is wrong with the commands, and for those that are in order, that their model is missing.
pub fn pending(calls: Vec<(Call, Arguments)>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut sites: Vec<Site> = Vec::new();
    for (call, given) in calls {
        let (settings, refused) = understood(&given);
        problems.extend(given.problems.iter().cloned().chain(settings.problems).chain(refused));
        let same = |other: &Call| other.at.source == call.at.source && other.at.span() == call.at.span();
        match sites.iter_mut().find(|site| same(&site.call)) {
            Some(site) => site.axes.extend(call.axes),
            None => sites.push(Site { axes: call.axes.clone(), call, given }),
        }
    }
    if problems.is_empty() {
        problems.extend(sites.iter().map(refusal));
    }
    problems
}

fn understood(given: &Arguments) -> (Settings, Vec<Problem>) {
    let (mut settings, mut refused) = (Settings::default(), Vec::new());
    for given in &given.given {
        match given.flag.here {
            Here::Key(path) => settings.take(path, given, given.parsed.clone(), given.flag.name),
            here => refused.extend(super::cald::refused(given, here)),
        }
    }
    (settings, refused)
}

fn refusal(Site { call, given, axes }: &Site) -> Problem {
    let script = call.script;
    let message =
        format!("`{}` trains {}, and this version has no `[model.ssamba]`", script.name, script.system);
    let (settings, _) = understood(given);
    let said: Vec<String> = settings
        .list
        .iter()
        .map(|setting| format!("`{} = {}`", setting.path, setting.value.toml()))
        .collect();
    let of = |wanted: fn(Here) -> bool| {
        given
            .given
            .iter()
            .filter(|given: &&Given| wanted(given.flag.here))
            .map(|given| given.flag.name)
            .collect::<Vec<_>>()
    };
    let (ignored, waiting) =
        (of(|here| matches!(here, Here::Ignored(_))), of(|here| matches!(here, Here::Pending(_))));
    let flags = if given.given.len() == 1 { "flag is" } else { "flags are" };
    let mut help = format!("all {} {flags} understood", given.given.len());
    if !said.is_empty() {
        help += &format!("; they come to {}", said.join(", "));
    }
    if !ignored.is_empty() {
        help += &format!("; without effect: {}", ignored.join(", "));
    }
    if !waiting.is_empty() {
        help += &format!("; {} have no counterpart yet, see `runner explain {}`", waiting.len(), script.name);
    }
    for (name, values) in swept(axes) {
        let with = if values.len() == 1 { "with" } else { "swept over" };
        help += &format!("; {with} `{name}` = {}", values.join(", "));
    }
    call.at.problem(NO_MODEL, message).with_help(help)
}

/// Each loop's variable with its values, in order, once.
fn swept(axes: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let mut swept: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in axes {
        match swept.iter_mut().find(|(other, _)| other == name) {
            Some((_, values)) if values.contains(value) => {}
            Some((_, values)) => values.push(value.clone()),
            None => swept.push((name.clone(), vec![value.clone()])),
        }
    }
    swept
}
