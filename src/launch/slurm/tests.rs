//! Scripts to the letter, answers of Slurm 22.05 as they were given, and what is concluded from them.

use std::fs;
use std::path::Path;

use super::ending::{Account, Why, secs};
use super::journal::{self, Submitted};
use super::queue::{Queued, parse};
use super::{Program, Queue, Run, Script, Wanted, call, chunks, cluster};
use crate::plan::{SlurmPlan, under_ci};
use crate::record::SweepFolder;

/// The plan of a job of an experiment with these options.
fn plan(sets: &[&str]) -> SlurmPlan {
    under_ci("speech_commands_classifier", sets).slurm
}

fn run(id: &str, comment: &str) -> Run {
    Run { id: id.into(), comment: comment.into() }
}

#[test]
fn the_script_of_an_array_says_everything_a_job_does() {
    let plan = plan(&[
        "slurm.partition=gpu",
        "slurm.account=speech",
        "slurm.time_limit=1d 2h 30m",
        "slurm.cpus_per_task=8",
        "slurm.mem=16G",
        "slurm.gpus=h200:1",
        "slurm.constraint=a100|h200",
        "slurm.setup=[\"module load cuda/13\"]",
        "slurm.sbatch=[\"--exclude=node7\"]",
    ]);
    let runs = [run("4228a20e", "point 1, lr-4228a20e"), run("b364781c", "point 2, lr\nb364781c")];
    let script = Script {
        name: "lr",
        plan: &plan,
        runs: &runs,
        is_array: true,
        at_a_time: 1,
        working_dir: Path::new("/home/my work"),
        program: Path::new("/home/my work/it's/runner-0a1b2c3d"),
        sweep: Path::new("/s/lr-7a33bc01"),
        logs: Path::new("/s/50%/slurm"),
    };
    let version = crate::record::host::VERSION;
    assert_eq!(
        script.text(),
        format!(
            r#"#!/bin/bash
# 2 runs, frozen by runner {version} in /s/lr-7a33bc01
#SBATCH --job-name=lr
#SBATCH --array=0-1%1
#SBATCH --output=/s/50%%/slurm/%x_%A_%a.out
#SBATCH --chdir="/home/my work"
#SBATCH --ntasks=1
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR2@120
#SBATCH --partition=gpu
#SBATCH --account=speech
#SBATCH --time=1-02:30:00
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --gres=gpu:h200:1
#SBATCH --constraint="a100|h200"
#SBATCH --exclude=node7

trap '' USR2
unset "${{!RUNNER__@}}"
module load cuda/13
runs=(
  4228a20e  # point 1, lr-4228a20e
  b364781c  # point 2, lr b364781c
)
exec '/home/my work/it'\''s/runner-0a1b2c3d' --color never work --slurm --threads "${{SLURM_CPUS_PER_TASK:-0}}" /s/lr-7a33bc01 "${{runs[SLURM_ARRAY_TASK_ID]}}"
"#
        )
    );
}

#[test]
fn the_script_of_a_needed_run_is_a_job_of_its_own() {
    let runs = [run("7810f4d6", "needed first, tedlium_direct-7810f4d6")];
    let script = Script {
        name: "tedlium_direct-7810f4d6",
        plan: &SlurmPlan::default(),
        runs: &runs,
        is_array: false,
        at_a_time: 5,
        working_dir: Path::new("/w"),
        program: Path::new("/w/runner-0a1b2c3d"),
        sweep: Path::new("/w/s"),
        logs: Path::new("/w/s/slurm"),
    };
    let text = script.text();
    assert!(text.contains("# needed first, tedlium_direct-7810f4d6, frozen by runner "), "{text}");
    assert!(text.contains("--output=/w/s/slurm/%x_%j.out\n") && !text.contains("array"), "{text}");
    assert!(text.ends_with("\"${SLURM_CPUS_PER_TASK:-0}\" /w/s 7810f4d6\n"), "{text}");
}

#[test]
fn runs_with_the_same_resources_and_needs_share_an_array() {
    let (small, large) = (SlurmPlan::default(), plan(&["slurm.cpus_per_task=16"]));
    let want = |run, plan, after: &[usize], is_needed| Wanted { run, plan, after: after.to_vec(), is_needed };
    let wanted = [
        want(0, &small, &[], true),
        want(1, &small, &[0], false),
        want(2, &small, &[], false),
        want(3, &large, &[0], false),
        want(4, &small, &[0], false),
        want(5, &small, &[0], true),
        want(6, &small, &[0], false),
        want(7, &small, &[5], false),
    ];
    let made = |most| -> Vec<(Vec<usize>, Vec<usize>)> {
        chunks(&wanted, most).into_iter().map(|chunk| (chunk.runs, chunk.after)).collect()
    };
    assert_eq!(
        made(1000),
        [
            (vec![0], vec![]),
            (vec![1, 4, 6], vec![0]),
            (vec![2], vec![]),
            (vec![3], vec![0]),
            (vec![5], vec![0]),
            (vec![7], vec![5]),
        ]
    );
    assert_eq!(made(2)[1], (vec![1, 4], vec![0]), "an array of the size that the cluster allows");
    assert_eq!(made(2)[5], (vec![6], vec![0]));
    assert_eq!(
        call::dependency(&["17".into(), "18_3".into()]),
        ["--dependency=afterok:17:18_3", "--kill-on-invalid-dep=yes"]
    );
}

#[test]
fn the_queue_is_read_and_jobs_are_found_by_number_name_and_task() {
    let text = "\
2|N/A|tedlium_direct-7810f4d6|RUNNING|0:05|10:00|2026-11-22T00:27:21|vm|None
5|1|cald_alpha-1c2d3e4f|PENDING|0:00|UNLIMITED|N/A||Resources, or so | and more
not a line of it
";
    let jobs = parse(text);
    assert_eq!(jobs.len(), 2);
    assert_eq!((jobs[0].task, jobs[0].number(), jobs[0].is_pending()), (None, "2".to_owned(), false));
    assert_eq!((jobs[1].task, jobs[1].number(), jobs[1].start.clone()), (Some(1), "5_1".to_owned(), None));
    assert_eq!((jobs[1].is_pending(), jobs[1].reason.as_str()), (true, "Resources, or so | and more"));
    let queue = Queue { at_secs: 1, jobs };
    let array = Submitted {
        job: "5".into(),
        name: "cald_alpha-1c2d3e4f".into(),
        is_array: true,
        runs: vec!["a".into(), "b".into()],
        ..Submitted::default()
    };
    let single =
        Submitted { job: "2".into(), name: "another".into(), runs: vec!["c".into()], ..Submitted::default() };
    let found = |id: &str| journal::queued(&[array.clone(), single.clone()], &queue, id).map(Queued::number);
    assert_eq!(found("b").as_deref(), Some("5_1"));
    assert_eq!(found("a"), None, "its task is at its end");
    assert_eq!(found("c"), None, "a job of another name has the number");
    assert_eq!(array.log_of(Some(1)), "cald_alpha-1c2d3e4f_5_1.out");
    let why = |reason: &str| Queued { reason: reason.into(), ..Queued::default() }.why();
    assert_eq!(why("Priority"), "others are before it");
    assert_eq!(why("QOSMaxJobsPerUserLimit"), "QOSMaxJobsPerUserLimit");
}

/// What `scontrol --oneliner show job` said of a job that was being pushed aside, its grace time begun.
const PUSHED_ASIDE: &str = "JobId=1 JobName=w.sh UserId=root(0) JobState=RUNNING Reason=None Dependency=(null) Requeue=1 Restarts=0 \
RunTime=00:00:06 TimeLimit=00:10:00 TimeMin=N/A StartTime=2026-11-22T00:27:21 EndTime=2026-11-22T00:27:42 \
PreemptEligibleTime=2026-11-22T00:27:21 PreemptTime=2026-11-22T00:27:27 Partition=low";

#[test]
fn the_end_of_time_is_told_from_being_pushed_aside() {
    let account = Account::parse(PUSHED_ASIDE);
    assert_eq!((account.used_secs, account.limit_secs, account.preempted), (Some(6), Some(600), Some(true)));
    assert_eq!(account.why(60), Why::Preempted, "its end is near only since it is pushed aside");
    let with = |state: &str, used: u64, preempted| Account {
        state: state.into(),
        used_secs: Some(used),
        limit_secs: Some(600),
        preempted,
    };
    for (account, expected) in [
        (with("RUNNING", 500, Some(false)), Why::TimeLimit),
        (with("RUNNING", 481, Some(false)), Why::TimeLimit),
        (with("RUNNING", 479, Some(false)), Why::Asked),
        (with("RUNNING", 500, Some(true)), Why::Preempted),
        (with("RUNNING", 10, None), Why::Preempted),
        (with("RUNNING", 590, None), Why::TimeLimit),
        (with("COMPLETING", 600, Some(false)), Why::TimeLimit),
        (with("COMPLETING", 10, Some(false)), Why::Settled),
        (with("CANCELLED", 590, Some(false)), Why::Settled),
        (Account { limit_secs: None, ..with("RUNNING", 9_999, Some(false)) }, Why::Asked),
    ] {
        assert_eq!(account.why(60), expected, "{account:?}");
    }
    assert_eq!(secs("1-02:03:04"), Some(93_784));
    assert_eq!(secs("03:04"), Some(184));
    assert_eq!((secs("UNLIMITED"), secs("Partition_Limit"), secs("")), (None, None, None));
}

#[test]
fn returns_to_the_queue_are_counted_by_job() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::at(dir.path().join("study-00000000"));
    fs::create_dir_all(sweep.slurm_dir()).unwrap();
    assert_eq!(journal::requeues(&sweep, "a", "17_0").unwrap(), 0);
    for job in ["17_0", "17_0", "21"] {
        journal::note_requeue(&sweep, "a", job).unwrap();
    }
    assert_eq!(journal::requeues(&sweep, "a", "17_0").unwrap(), 2);
    assert_eq!(journal::requeues(&sweep, "a", "21").unwrap(), 1, "another submission counts anew");
}

#[test]
fn what_was_submitted_is_read_back_for_sweeps_beside_it_too() {
    let dir = tempfile::tempdir().unwrap();
    let sweeps = ["a-0", "b-1"].map(|name| SweepFolder::at(dir.path().join(name)));
    for (sweep, job) in sweeps.iter().zip(["1", "2"]) {
        fs::create_dir_all(sweep.slurm_dir()).unwrap();
        journal::note(sweep, &Submitted { job: job.into(), ..Submitted::default() }).unwrap();
    }
    let path = sweeps[1].slurm_dir().join("submitted.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"job\": \"3").unwrap();
    let jobs = |all: Vec<Submitted>| all.into_iter().map(|one| one.job).collect::<Vec<_>>();
    assert_eq!(
        jobs(journal::submitted(&sweeps[1]).unwrap()),
        ["2"],
        "a line that was cut short is passed over"
    );
    assert_eq!(jobs(journal::submitted_beside(&sweeps[0]).unwrap()), ["1", "2"]);
}

#[test]
fn the_program_is_kept_under_a_name_of_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::at(dir.path().join("study-00000000"));
    fs::create_dir_all(sweep.slurm_dir()).unwrap();
    let built = dir.path().join("runner");
    let freeze = |content: &str| {
        fs::write(&built, content).unwrap();
        let program = Program::at(built.clone(), &sweep).unwrap();
        program.freeze().unwrap();
        program.frozen
    };
    let (first, second) = (freeze("abc"), freeze("def"));
    // SHA-256 of "abc", FIPS 180-2.
    assert!(first.ends_with("slurm/runner-ba7816bf"), "{}", first.display());
    assert_eq!([first, second].map(|path| fs::read_to_string(path).unwrap()), ["abc", "def"]);
}

#[test]
fn a_refusal_is_told_in_one_line_of_the_clusters_words() {
    let said = "sbatch: error: invalid partition specified: nowhere\nsbatch: error: Batch job submission failed: Invalid partition name specified\n";
    assert_eq!(
        call::words("sbatch", said),
        "invalid partition specified: nowhere; Batch job submission failed: Invalid partition name specified"
    );
}

#[test]
fn settings_of_a_cluster_are_told_in_plain_words() {
    let config = "Configuration data as of 2026-11-22T00:27:02
AccountingStorageType   = accounting_storage/none
AuthInfo                = cred_expire=5
JobRequeue              = 1
KillWait                = 5 sec
MaxArraySize            = 1001
PreemptMode             = REQUEUE
PreemptType             = preempt/partition_prio
SlurmctldParameters     = preempt_send_user_signal
";
    let partitions = "PartitionName=low AllowGroups=ALL Default=YES DefaultTime=NONE GraceTime=15 MaxTime=UNLIMITED PreemptMode=REQUEUE State=UP
PartitionName=high Default=NO DefaultTime=00:10:00 GraceTime=0 MaxTime=01:00:00 PreemptMode=OFF State=UP
";
    let settings = cluster::settings(config, partitions, "low|1|idle|2|1|(null)\nhigh|1|idle|2|1|(null)\n");
    let of = |name: &str| settings.iter().find(|setting| setting.name == name).expect("a setting");
    assert_eq!(of("KillWait").means, "behind `TERM` a job has 5 s to save before it is killed");
    assert!(of("KillWait").cure.is_some() && of("SlurmctldParameters").cure.is_none());
    assert_eq!(of("AuthInfo").means, "a job that queues itself again waits at least 6 s before it starts");
    assert_eq!(of("MaxArraySize").means, "an array has at most 1001 tasks; a larger sweep becomes several");
    assert_eq!(of("partition low").value, "UP, the default");
    assert_eq!(
        of("partition low").means,
        "jobs run as long as they like; a job that is pushed aside is queued again, and goes on from its checkpoint; its grace is 15 s; \
         nodes: 1 idle, of 2 CPUs and 1 MB"
    );
    assert_eq!(
        of("partition high").means,
        "jobs run at most 01:00:00; 00:10:00 where `time_limit` is not set; no job is pushed aside; nodes: 1 idle, of 2 CPUs and 1 MB"
    );
    let bare = cluster::settings("", "", "");
    assert!(bare.iter().any(|setting| setting.name == "SlurmctldParameters" && setting.cure.is_some()));
}
