//! What a cluster's settings mean for runs: its own words, and ours beside them.

use serde::Serialize;

use super::call::{SlurmError, ask};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name in Slurm, or a partition's.
    pub name: String,
    /// Its value, in Slurm's words.
    pub value: String,
    /// What that means here.
    pub means: String,
    /// What to ask for, or to set, where it is a drawback.
    pub cure: Option<String>,
}

/// The most tasks of an array where a cluster does not say.
const USUAL_ARRAY: usize = 1001;

/// Reads the cluster's settings and partitions, with three calls.
///
/// # Errors
/// There is no Slurm here, or its controller does not answer.
pub fn look() -> Result<Vec<Setting>, SlurmError> {
    let config = ask("scontrol", &["show", "config"], "")?.out;
    let partitions = ask("scontrol", &["--oneliner", "show", "partition"], "")?.out;
    let nodes = ask("sinfo", &["--noheader", "-o", "%R|%D|%T|%c|%m|%G"], "")?.out;
    Ok(settings(&config, &partitions, &nodes))
}

/// The most tasks that an array may have.
///
/// # Errors
/// There is no Slurm here, or its controller does not answer.
pub fn most_tasks() -> Result<usize, SlurmError> {
    let config = ask("scontrol", &["show", "config"], "")?.out;
    Ok(value(&config, "MaxArraySize").and_then(|size| size.parse().ok()).unwrap_or(USUAL_ARRAY).max(1))
}

/// What the settings of a cluster mean.
pub(super) fn settings(config: &str, partitions: &str, nodes: &str) -> Vec<Setting> {
    let mut settings: Vec<Setting> = RULES
        .iter()
        .filter_map(|(name, meaning)| {
            let value = value(config, name).unwrap_or_default();
            let (means, cure) = meaning(&value)?;
            Some(Setting { name: (*name).into(), value, means, cure })
        })
        .collect();
    settings.extend(partitions.lines().filter_map(|line| partition(line, nodes)));
    settings
}

/// `None`: nothing to say.
type Meaning = Option<(String, Option<String>)>;

fn fine(means: impl Into<String>) -> Meaning {
    Some((means.into(), None))
}

fn drawback(means: impl Into<String>, cure: impl Into<String>) -> Meaning {
    Some((means.into(), Some(cure.into())))
}

/// A setting's name, and what its value means.
type Rule = (&'static str, fn(&str) -> Meaning);

/// Settings in the order in which they are told.
const RULES: [Rule; 12] = [
    ("SLURM_VERSION", |_| fine("the version")),
    ("PreemptType", |value| match value.rsplit('/').next().unwrap_or_default() {
        "none" => fine("no job is pushed aside for another"),
        "partition_prio" => fine("jobs of a partition with a higher tier push others aside"),
        "qos" => fine("jobs of a higher quality of service push others aside"),
        _ => fine("jobs may be pushed aside"),
    }),
    ("PreemptMode", |value| fine(preemption(value))),
    ("SlurmctldParameters", |value| match value.contains("preempt_send_user_signal") {
        true => fine("a job hears `USR2` as soon as it is pushed aside, and saves in its grace time"),
        false => drawback(
            "a job that is pushed aside hears no `USR2`, only `TERM`: on that it saves, too",
            "where the grace time is 0, ask for `SlurmctldParameters=preempt_send_user_signal` and a grace time",
        ),
    }),
    ("KillWait", |value| match number(value) {
        Some(secs) if secs < 30 => drawback(
            format!("behind `TERM` a job has {secs} s to save before it is killed"),
            "nothing is lost but the updates since the last checkpoint; keep `eval.checkpoint_interval` short",
        ),
        Some(secs) => fine(format!("behind `TERM` a job has {secs} s to save before it is killed")),
        None => None,
    }),
    ("JobRequeue", |value| match value {
        "0" => fine("jobs are queued again only where they ask for it, as those of a sweep do (`--requeue`)"),
        _ => fine("jobs are queued again unless they refuse"),
    }),
    ("AuthInfo", |value| {
        let told = value.split(',').find_map(|part| part.strip_prefix("cred_expire=")?.parse::<u64>().ok());
        let secs = told.unwrap_or(120) + 1;
        fine(format!("a job that queues itself again waits at least {secs} s before it starts"))
    }),
    ("RequeueExit", |value| match value.split(',').any(|code| code == "75") {
        true => fine("exit code 75, interrupted with a valid checkpoint, queues a job again"),
        false => fine("no exit code queues a job again; those of a sweep do it themselves"),
    }),
    ("MaxArraySize", |value| match number(value) {
        Some(0 | 1) => drawback("there are no arrays", "ask for `MaxArraySize` above 1"),
        Some(size) => fine(format!("an array has at most {size} tasks; a larger sweep becomes several")),
        None => None,
    }),
    ("MaxJobCount", |value| {
        number(value).and_then(|count| fine(format!("the cluster keeps at most {count} jobs")))
    }),
    ("SelectType", |value| match value.rsplit('/').next().unwrap_or_default() {
        "linear" => drawback(
            "a job gets whole nodes, whatever it asks for",
            "set `slurm.cpus_per_task` to all cores of a node, or nothing uses the others",
        ),
        _ => fine("jobs share nodes by the cores they ask for"),
    }),
    ("AccountingStorageType", |value| match value.rsplit('/').next().unwrap_or_default() {
        "none" => fine("ended jobs are forgotten (no `sacct`); how a run ended stands in its folder"),
        _ => fine("`sacct` tells of ended jobs"),
    }),
];

/// What becomes of a job that is pushed aside.
fn preemption(mode: &str) -> &'static str {
    match mode {
        _ if mode.contains("REQUEUE") => {
            "a job that is pushed aside is queued again, and goes on from its checkpoint"
        }
        _ if mode.contains("CANCEL") => {
            "a job that is pushed aside is ended, unless it queues itself again in its grace time, as those of a sweep do"
        }
        _ if mode.contains("SUSPEND") => "a job that is pushed aside stays in memory and goes on later",
        _ => "no job is pushed aside",
    }
}

/// One line of `scontrol --oneliner show partition`.
fn partition(line: &str, nodes: &str) -> Option<Setting> {
    let field =
        |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let name = field("PartitionName")?;
    let default = if field("Default") == Some("YES") { ", the default" } else { "" };
    let limit = field("MaxTime").unwrap_or("?");
    let mut means = vec![match limit {
        "UNLIMITED" => "jobs run as long as they like".to_owned(),
        limit => format!("jobs run at most {limit}"),
    }];
    if let Some(usual) = field("DefaultTime").filter(|usual| *usual != "NONE") {
        means.push(format!("{usual} where `time_limit` is not set"));
    }
    let mode = field("PreemptMode").unwrap_or_default();
    let grace = field("GraceTime").and_then(number).unwrap_or(0);
    let mut cure = None;
    match mode {
        "OFF" | "" => means.push(preemption("OFF").into()),
        mode => {
            means.push(format!("{}; its grace is {grace} s", preemption(mode)));
            if grace < 30 && !mode.contains("SUSPEND") {
                cure = Some("ask for a longer `GraceTime`, or keep `eval.checkpoint_interval` short".into());
            }
        }
    }
    means.extend(nodes_of(name, nodes));
    let up = field("State").unwrap_or("?");
    Some(Setting {
        name: format!("partition {name}"),
        value: format!("{up}{default}"),
        means: means.join("; "),
        cure,
    })
}

/// `3 nodes idle, 1 mixed, of 64 CPUs and 256000 MB`, from lines of `sinfo`.
fn nodes_of(partition: &str, nodes: &str) -> Option<String> {
    let rows: Vec<Vec<&str>> = nodes.lines().map(|line| line.trim().split('|').collect()).collect();
    let own: Vec<&Vec<&str>> = rows.iter().filter(|row| row.len() == 6 && row[0] == partition).collect();
    let first = own.first()?;
    let states: Vec<String> = own.iter().map(|row| format!("{} {}", row[1], row[2])).collect();
    let gpus = if first[5] == "(null)" { String::new() } else { format!(", {}", first[5]) };
    Some(format!("nodes: {}, of {} CPUs and {} MB{gpus}", states.join(", "), first[3], first[4]))
}

/// The value of a setting in `scontrol show config`.
fn value(config: &str, name: &str) -> Option<String> {
    config.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// The number that a value begins with, as in `30 sec`.
fn number(value: &str) -> Option<u64> {
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
