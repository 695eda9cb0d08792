//! All recordings, on several threads; results come back in the order of the layout whoever made them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::feed::Feed;
use super::target::Staging;
use super::work::{Bench, Made};
use super::{How, Layout, PrepareError, Recipe, Watch};

/// Makes every unit that is not yet made.
///
/// # Errors
/// Reading a file of many sounds or writing failed, or it was asked to stop; what is done is in the journal.
pub(super) fn run(
    recipe: &dyn Recipe,
    layout: &Layout,
    staging: &mut Staging,
    mut made: Vec<Option<Made>>,
    how: &How<'_>,
    watch: &mut dyn Watch,
) -> Result<Vec<Made>, PrepareError> {
    let feed = Feed::new(recipe, layout, &made);
    let mut done = made.iter().flatten().count();
    let workers = how.threads.clamp(1, (made.len() - done).max(1));
    let dir = staging.dir().to_owned();
    // Set when a worker cannot read or write: the others need not try.
    let failed = AtomicBool::new(false);
    // Bounded, so that the journal is never far behind what is done.
    let (report, reports) = mpsc::sync_channel(workers);
    let result = std::thread::scope(|scope| {
        for worker in 0..workers {
            let (report, scratch) = (report.clone(), staging.scratch(worker));
            let (feed, failed, dir) = (&feed, &failed, &dir);
            scope.spawn(move || {
                let bench = Bench { layout, dir, scratch: &scratch, stop: how.stop };
                while !how.stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                    let Some(job) = feed.next().transpose() else { break };
                    // The receiver lives until all workers are done.
                    _ = report.send(job.and_then(|job| bench.make(&job)));
                }
            });
        }
        drop(report);
        let mut result = Ok(());
        for report in reports {
            match report.and_then(|unit| noted(unit, staging)) {
                Ok(Some(unit)) => {
                    done += 1;
                    let at = unit.unit;
                    made[at] = Some(unit);
                    watch.file(done);
                }
                Ok(None) => {}
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    result = result.and(Err(error));
                }
            }
        }
        result
    });
    result?;
    let files = made.len();
    let made: Vec<Made> = made.into_iter().flatten().collect();
    if made.len() < files { Err(PrepareError::Stopped { done, files }) } else { Ok(made) }
}

/// A unit that was made, once it stands in the journal.
fn noted(unit: Option<Made>, staging: &mut Staging) -> Result<Option<Made>, PrepareError> {
    if let Some(unit) = &unit {
        staging.done(unit)?;
    }
    Ok(unit)
}
