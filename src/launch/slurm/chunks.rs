//! Which runs become one submission: an array of what shares resources and waits for the same runs, or a job of its own.

use crate::plan::SlurmPlan;

/// A run that wants a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Its place in the list of runs.
    pub run: usize,
    pub plan: &'a SlurmPlan,
    /// Runs that have to be done before, by their places.
    pub after: Vec<usize>,
    /// Others wait for it, so it needs a job with a number of its own.
    pub is_needed: bool,
}

/// One submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<'a> {
    pub plan: &'a SlurmPlan,
    /// Places of its runs: task 0, 1, …
    pub runs: Vec<usize>,
    /// Runs that it waits for.
    pub after: Vec<usize>,
    /// A single job, for whose end others wait.
    pub is_needed: bool,
}

/// The submissions it takes, in an order in which what a chunk waits for stands before it; at most `most` runs in each.
pub fn chunks<'a>(wanted: &[Wanted<'a>], most: usize) -> Vec<Chunk<'a>> {
    let mut chunks: Vec<Chunk<'a>> = Vec::new();
    for want in wanted {
        let fits = |chunk: &&mut Chunk<'a>| {
            !chunk.is_needed
                && chunk.plan == want.plan
                && chunk.after == want.after
                && chunk.runs.len() < most.max(1)
        };
        match chunks.iter_mut().find(fits).filter(|_| !want.is_needed) {
            Some(chunk) => chunk.runs.push(want.run),
            None => chunks.push(Chunk {
                plan: want.plan,
                runs: vec![want.run],
                after: want.after.clone(),
                is_needed: want.is_needed,
            }),
        }
    }
    chunks
}
