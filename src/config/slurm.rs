//! `[slurm]`: what the jobs of a cluster get.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `runner sweep FILE --on slurm` asks the cluster for; the plain run reads none of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slurm {
    /// Partition (queue) of the jobs; empty = the cluster's default.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.,-]*$"), extend("x-form" = "names of partitions with `,` between them"))]
    pub partition: String,

    /// Account that is charged; empty = the user's default.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.@-]*$"), extend("x-form" = "the name of an account"))]
    pub account: String,

    /// Quality of service; empty = the default.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]*$"), extend("x-form" = "the name of a quality of service"))]
    pub qos: String,

    /// Time after which a job is ended, for example `30m`, `12h` or `1d 12h`; empty = the partition's default.
    ///
    /// It need not be enough for the run: before it is over the job saves, queues itself again and goes on from there, at most `max_requeues`
    /// times. It has to leave room for `signal_lead_secs` and one minute, by which Slurm may be early.
    #[schemars(
        regex(pattern = r"^(([0-9]{1,4}d)? ?([0-9]{1,5}h)? ?([0-9]{1,6}m)?)$"),
        extend("x-form" = "days, hours and minutes, for example `1d 12h` or `90m`", "examples" = ["1d 12h"])
    )]
    pub time_limit: String,

    /// CPUs of each job; it trains on as many threads, unless `run.threads` says another number.
    #[schemars(range(min = 1, max = 4096))]
    pub cpus_per_task: usize,

    /// Memory of each job, for example `16G`; empty = the cluster's default.
    #[schemars(regex(pattern = r"^([1-9][0-9]*[KMGT]?)?$"), extend("x-form" = "a number with `K`, `M`, `G` or `T`, for example `16G`", "examples" = ["16G"]))]
    pub mem: String,

    /// GPUs of each job, for example `1` or `h200:1`; empty = none.
    #[schemars(
        regex(pattern = r"^(([A-Za-z0-9_.-]+:)?[1-9][0-9]*)?$"),
        extend("x-form" = "a number, or a kind with a number, for example `h200:1`", "examples" = ["h200:1"])
    )]
    pub gpus: String,

    /// Features that a node must have, in Slurm's notation; empty = any node will do.
    #[schemars(regex(pattern = r#"^[^\s"'\\]*$"#), extend("x-form" = "features without blanks or quotes, for example `a100|h200`"))]
    pub constraint: String,

    /// Runs of one array that work at a time; 0 = as many as the cluster gives. `--jobs` says another number.
    #[schemars(range(max = 100_000))]
    pub max_parallel: usize,

    /// How often a job queues itself again after its time limit; preemptions do not count.
    #[schemars(range(max = 1_000))]
    pub max_requeues: usize,

    /// Seconds before the time limit at which Slurm says that it is near; enough for an update, an evaluation and a checkpoint.
    ///
    /// Slurm may say it up to a minute earlier.
    #[schemars(range(min = 5, max = 65_535))]
    pub signal_lead_secs: u64,

    /// Lines of shell that a job runs before the program, for example `module load …`.
    #[schemars(inner(length(min = 1)))]
    pub setup: Vec<String>,

    /// Further options of `sbatch`, for example `--exclude=node7`.
    #[schemars(extend("items" = {
        "type": "string",
        "pattern": r"^--[a-z][a-z-]*(=[^\n\r]+)?$",
        "x-form": "a long option of `sbatch`, for example `--exclude=node7`",
        "examples": ["--exclude=node7"],
    }))]
    pub sbatch: Vec<String>,
}

impl Default for Slurm {
    fn default() -> Self {
        Self {
            partition: String::new(),
            account: String::new(),
            qos: String::new(),
            time_limit: String::new(),
            cpus_per_task: 4,
            mem: String::new(),
            gpus: String::new(),
            constraint: String::new(),
            max_parallel: 0,
            max_requeues: 20,
            signal_lead_secs: 120,
            setup: Vec::new(),
            sbatch: Vec::new(),
        }
    }
}
