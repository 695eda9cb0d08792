//! All source files, on several threads; results come back in the order of the layout whoever made them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::target::Staging;
use super::work::{Bench, Made};
use super::{How, Layout, PrepareError, Watch};

/// Makes every unit that is not yet made.
///
/// # Errors
/// Writing failed, or it was asked to stop; what is done is in the journal.
pub(super) fn run(
    layout: &Layout,
    staging: &mut Staging,
    mut made: Vec<Option<Made>>,
    how: &How<'_>,
    watch: &mut dyn Watch,
) -> Result<Vec<Made>, PrepareError> {
    let pending: Vec<usize> = (0..made.len()).filter(|&at| made[at].is_none()).collect();
    let mut done = made.len() - pending.len();
    let workers = how.threads.clamp(1, pending.len().max(1));
    let dir = staging.dir().to_owned();
    let next = AtomicUsize::new(0);
    // Set when a worker cannot write: the others need not try.
    let failed = AtomicBool::new(false);
    let (report, reports) = mpsc::channel();
    let result = std::thread::scope(|scope| {
        for worker in 0..workers {
            let (report, scratch) = (report.clone(), staging.scratch(worker));
            let (pending, next, failed, dir) = (&pending, &next, &failed, &dir);
            scope.spawn(move || {
                let bench = Bench { layout, dir, scratch: &scratch, stop: how.stop };
                while !how.stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                    let Some(&at) = pending.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    // The receiver lives until all workers are done.
                    _ = report.send(bench.make(at));
                }
            });
        }
        drop(report);
        let mut result = Ok(());
        for report in reports {
            let noted = report.and_then(|unit| match unit {
                Some(unit) => staging.done(&unit).map(|()| Some(unit)),
                None => Ok(None),
            });
            match noted {
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
