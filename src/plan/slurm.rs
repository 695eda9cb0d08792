//! What a run's job gets on a cluster: sizes as numbers, options in the words of `sbatch`, contradictions found.

use super::problem::Problem;
use crate::config::Slurm;

/// What a job asks for. Two runs with the same can be tasks of one array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmPlan {
    /// Options of `sbatch`, in the order in which scripts have them.
    pub options: Vec<String>,
    /// The time limit of a job; `None` = the partition's.
    pub time_limit_secs: Option<u64>,
    pub cpus_per_task: usize,
    /// Tasks of an array at a time; 0 = no bound.
    pub max_parallel: usize,
    /// How often a job queues itself again after its time limit.
    pub max_requeues: usize,
    /// How long before the time limit Slurm says so.
    pub signal_lead_secs: u64,
    /// Lines of shell before the program.
    pub setup: Vec<String>,
}

/// Slurm may send the signal of a near end so much too early.
pub const EARLY_SECS: u64 = 60;

/// Options of `sbatch` that a sweep's scripts set themselves, and the option here that says the same, where there is one.
const TAKEN: [(&str, &str); 23] = [
    ("account", "account"),
    ("array", "max_parallel"),
    ("chdir", ""),
    ("constraint", "constraint"),
    ("cpus-per-task", "cpus_per_task"),
    ("dependency", ""),
    ("error", ""),
    ("gres", "gpus"),
    ("job-name", ""),
    ("kill-on-invalid-dep", ""),
    ("mem", "mem"),
    ("no-requeue", ""),
    ("ntasks", ""),
    ("open-mode", ""),
    ("output", ""),
    ("parsable", ""),
    ("partition", "partition"),
    ("qos", "qos"),
    ("requeue", ""),
    ("signal", "signal_lead_secs"),
    ("test-only", ""),
    ("time", "time_limit"),
    ("wrap", "setup"),
];

/// The plan of a job, of an experiment with or without `[slurm]`.
pub(super) fn slurm_plan(slurm: Option<&Slurm>, problems: &mut Vec<Problem>) -> SlurmPlan {
    let defaults = Slurm::default();
    let slurm = slurm.unwrap_or(&defaults);
    let time_limit_secs = time_limit(&slurm.time_limit, problems);
    let lead = slurm.signal_lead_secs;
    if let Some(limit) = time_limit_secs.filter(|limit| *limit <= lead + EARLY_SECS) {
        let message = format!(
            "a job of {} is told {lead} s before its end, and Slurm may be {EARLY_SECS} s early: nothing is left to train",
            minutes(limit)
        );
        let help =
            format!("set `time_limit` above {}, or a smaller `signal_lead_secs`", minutes(lead + EARLY_SECS));
        problems.push(Problem::new("slurm.time_limit", message, help));
    }
    for option in &slurm.sbatch {
        problems.extend(taken(option));
    }
    SlurmPlan {
        options: options(slurm, time_limit_secs),
        time_limit_secs,
        cpus_per_task: slurm.cpus_per_task,
        max_parallel: slurm.max_parallel,
        max_requeues: slurm.max_requeues,
        signal_lead_secs: lead,
        setup: slurm.setup.clone(),
    }
}

/// Seconds of `1d 12h 30m`; `None` where nothing is written.
fn time_limit(written: &str, problems: &mut Vec<Problem>) -> Option<u64> {
    if written.trim().is_empty() {
        return None;
    }
    let (mut secs, mut number) = (0, 0_u64);
    for letter in written.chars() {
        let unit_secs = match letter {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            _ => {
                number =
                    letter.to_digit(10).map_or(number, |digit| number.saturating_mul(10) + u64::from(digit));
                continue;
            }
        };
        secs += number.saturating_mul(unit_secs);
        number = 0;
    }
    if secs == 0 {
        let message = "a job without time does nothing";
        problems.push(Problem::new("slurm.time_limit", message, "set `time_limit = \"12h\"`, for example"));
        return None;
    }
    Some(secs)
}

/// A time of whole minutes, as `time_limit` is written.
fn minutes(secs: u64) -> String {
    format!("`{}m`", secs.div_ceil(60))
}

fn taken(option: &str) -> Option<Problem> {
    let name = option.trim_start_matches("--").split('=').next().unwrap_or_default();
    let (_, own) = TAKEN.iter().find(|(taken, _)| *taken == name)?;
    let help = match *own {
        "" => "take it out: the jobs of a sweep need theirs".to_owned(),
        own => format!("take it out, and set `slurm.{own}`"),
    };
    Some(Problem::new("slurm.sbatch", format!("`--{name}` is set by the sweep itself"), help))
}

/// What stands in the script's head about resources.
fn options(slurm: &Slurm, time_limit_secs: Option<u64>) -> Vec<String> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            options.push(format!("--{name}={value}"));
        }
    };
    add("partition", &slurm.partition);
    add("account", &slurm.account);
    add("qos", &slurm.qos);
    add("time", &time_limit_secs.map(clock).unwrap_or_default());
    add("cpus-per-task", &slurm.cpus_per_task.to_string());
    add("mem", &slurm.mem);
    if !slurm.gpus.is_empty() {
        add("gres", &format!("gpu:{}", slurm.gpus));
    }
    if !slurm.constraint.is_empty() {
        add("constraint", &format!("\"{}\"", slurm.constraint));
    }
    options.extend(slurm.sbatch.iter().cloned());
    options
}

/// A time in Slurm's notation, `1-12:00:00`.
fn clock(secs: u64) -> String {
    format!("{}-{:02}:{:02}:00", secs / 86_400, secs / 3_600 % 24, secs / 60 % 60)
}

impl Default for SlurmPlan {
    fn default() -> Self {
        slurm_plan(None, &mut Vec::new())
    }
}
