//! What would be submitted, and what was.

use serde_json::{Value, json};

use super::Sheet;
use super::compose::{Composed, Fate};
use crate::cli::Talk;
use crate::cli::failure::{self, Failure};
use crate::cli::sweep::show::{self, NO_VALUE, leading, shown};
use crate::cli::sweep::study::Study;
use crate::launch::slurm::journal::Submitted;
use crate::launch::slurm::{self, Run};

/// A run as its script names it: `point 3: train.max_lr=0.001, run.seed=0`.
pub fn in_script(study: &Study, run: usize) -> Run {
    let run = &study.runs[run];
    let point = run.row.number.map_or_else(|| "needed first".to_owned(), |number| format!("point {number}"));
    let values = leading(&study.varying).into_iter().map(|path| (shown(run, &path), path));
    let settings: Vec<String> = values
        .filter(|(value, _)| run.row.number.is_some() && value != NO_VALUE)
        .map(|(value, path)| format!("{path}={value}"))
        .collect();
    let colon = if settings.is_empty() { "" } else { ": " };
    let comment = format!("{point}, {}{colon}{}", run.order.plan.folder_name(), settings.join(", "));
    Run { id: run.row.id.clone(), comment }
}

/// Prints the points and every script; the cluster, where there is one, says what it thinks of them.
pub fn dry_run(
    study: &Study,
    composed: &Composed<'_>,
    sheets: &[Sheet<'_>],
    is_here: bool,
    talk: Talk,
) -> Result<u8, Failure> {
    if talk.json {
        let scripts: Vec<Value> = sheets.iter().map(|sheet| in_json(study, sheet)).collect();
        let mut value = points(study, composed);
        value["scripts"] = scripts.into();
        talk.data(&value);
    } else {
        show::listing(study, talk);
        for sheet in sheets {
            println!("\n==> {} <==\n{}", sheet.file.display(), sheet.text.trim_end());
        }
    }
    talk.say(left_out(study, composed));
    for sheet in sheets {
        if !sheet.chunk.after.is_empty() {
            talk.say(format_args!("{} waits for {}", sheet.file.display(), names(study, &sheet.chunk.after)));
        }
    }
    if !is_here {
        talk.say("`sbatch` is not on the path, so no cluster has judged them");
        return Ok(0);
    }
    let mut code = 0;
    for sheet in sheets {
        match slurm::test_only(&sheet.text) {
            Ok(words) => talk.say(format_args!("{}: `sbatch` would take it: {words}", sheet.file.display())),
            Err(error) => {
                code = failure::FAILED;
                eprintln!("{}: {error}", sheet.file.display());
            }
        }
    }
    Ok(code)
}

/// Prints the jobs that were submitted.
pub fn submitted(study: &Study, composed: &Composed<'_>, submitted: &[Submitted], talk: Talk) {
    if talk.json {
        let mut value = points(study, composed);
        value["submitted"] = json!(submitted);
        talk.data(&value);
    } else if !submitted.is_empty() {
        let mut rows = vec![["job", "runs", "waits for", "script"].map(str::to_owned).to_vec()];
        for job in submitted {
            let after = if job.after.is_empty() { NO_VALUE.to_owned() } else { job.after.join(", ") };
            rows.push(vec![job.job.clone(), job.runs.len().to_string(), after, job.script.clone()]);
        }
        print!("{}", show::columns(&rows));
    }
    talk.say(left_out(study, composed));
    talk.say(format_args!("`runner status {}` shows how they stand", study.folder.dir().display()));
}

/// `11 runs in 2 jobs; 3 done, 1 in the queue`
fn left_out(study: &Study, composed: &Composed<'_>) -> String {
    let count = |test: &dyn Fn(&Fate) -> bool| composed.fates.iter().filter(|fate| test(fate)).count();
    let parts = [
        (count(&|fate| *fate == Fate::Done), "done"),
        (count(&|fate| matches!(fate, Fate::Queued(_))), "in the queue already"),
        (count(&|fate| *fate == Fate::Elsewhere), "worked on by another process"),
        (count(&|fate| *fate == Fate::Left), "left as they are"),
        (count(&|fate| matches!(fate, Fate::Blocked(_))), "without what they need"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let all = study.runs.len();
    let jobs = composed.chunks.len();
    let submitted = count(&|fate| *fate == Fate::Submitted);
    let said = format!(
        "{submitted} of {all} runs in {jobs} {}",
        if jobs == 1 { "submission" } else { "submissions" }
    );
    if parts.is_empty() { said } else { format!("{said}; {}", parts.join(", ")) }
}

fn names(study: &Study, runs: &[usize]) -> String {
    runs.iter().map(|run| study.runs[*run].order.plan.folder_name()).collect::<Vec<_>>().join(", ")
}

/// Every run, with its fate.
fn points(study: &Study, composed: &Composed<'_>) -> Value {
    show::whole(study, |run| {
        let mut value = show::facts(run);
        let at = study.runs.iter().position(|other| other.row.id == run.row.id);
        let fate = at.and_then(|at| composed.fates.get(at));
        value["state"] = fate.map(Fate::name).into();
        if let Some(Fate::Queued(job)) = fate {
            value["job"] = job.as_str().into();
        }
        value
    })
}

fn in_json(study: &Study, sheet: &Sheet<'_>) -> Value {
    let ids = |runs: &[usize]| runs.iter().map(|run| study.runs[*run].row.id.clone()).collect::<Vec<_>>();
    json!({
        "file": sheet.file,
        "runs": ids(&sheet.chunk.runs),
        "after": ids(&sheet.chunk.after),
        "text": sheet.text,
    })
}
