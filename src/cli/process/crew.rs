//! Workers: how many, on which part of the machine, and how they share the recordings.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use kernels::threads::count_for;

use super::Coding;
use super::coder::{Coder, Outcome};
use crate::cli::Talk;
use crate::cli::arguments::ProcessArguments;
use crate::cli::failure::Failure;
use crate::cli::prepare::counted;
use crate::cli::side_by_side::Pieces;
use crate::codec::Codec;
use crate::codec::process::Recording;
use crate::record::nodes::{Node, nodes, spread, stay_on};
use crate::text::g2p::Backend;

/// Workers, and where each of them works.
pub(super) struct Crew {
    nodes: Vec<Node>,
    /// For each worker the index of its node.
    places: Vec<usize>,
    /// Threads of each worker.
    threads: usize,
}

impl Crew {
    /// As many workers as are asked for, by default one for each thread, but no more than there are recordings; they share the machine's threads.
    pub fn of(arguments: &ProcessArguments, recordings: usize) -> Self {
        let threads = count_for(0);
        let asked = arguments.workers.map_or(threads, Into::into);
        let workers = asked.min(recordings).max(1);
        let nodes = nodes();
        let places = spread(&nodes, workers);
        Crew { nodes, places, threads: (threads / workers).max(1) }
    }

    /// Whether workers have to be kept apart.
    fn is_bound(&self) -> bool {
        self.nodes.len() > 1
    }

    /// How many there are, and where.
    pub fn told(&self) -> String {
        let workers = counted(self.places.len(), "worker", "workers");
        let threads = counted(self.threads, "thread", "threads");
        match self.is_bound() {
            true => {
                let numbers: BTreeSet<usize> = self.places.iter().map(|at| self.nodes[*at].number).collect();
                let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
                format!("{workers} of {threads}, on NUMA nodes {}", numbers.join(", "))
            }
            false => format!("{workers} of {threads}"),
        }
    }

    /// Sees to every recording. Where the machine has several nodes, each has a copy of the codec in its own memory.
    pub fn code(
        &self,
        recordings: &[Recording],
        codec: Box<dyn Codec + Sync>,
        again: &(dyn Fn() -> Result<Box<dyn Codec + Sync>, Failure> + Sync),
        backend: Backend,
        coding: &Coding,
        talk: Talk,
    ) -> Result<Vec<(usize, Outcome)>, Failure> {
        let broken = AtomicBool::new(false);
        let failed: Mutex<Option<Failure>> = Mutex::new(None);
        let fail = |failure: Failure| {
            broken.store(true, Ordering::Relaxed);
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        };
        let ended = || coding.stop.requested() || broken.load(Ordering::Relaxed);
        let heard = |outcome: &Outcome| {
            outcome.bad.iter().for_each(|bad| talk.say(bad));
            if outcome.failure.is_some() {
                broken.store(true, Ordering::Relaxed);
            }
        };
        let pieces = Pieces::new(recordings.len(), talk, &ended, &heard);
        let worker =
            |codec: &(dyn Codec + Sync)| match Coder::new(codec, backend.clone(), self.threads, coding) {
                Ok(mut coder) => pieces.work(|at| coder.code(&recordings[at])),
                Err(failure) => fail(failure),
            };
        let team = |codec: &(dyn Codec + Sync), at: usize| {
            std::thread::scope(|scope| {
                self.places.iter().filter(|place| **place == at).for_each(|_| {
                    scope.spawn(|| worker(codec));
                });
            });
        };
        if self.is_bound() {
            drop(codec);
            std::thread::scope(|scope| {
                for (at, node) in self.nodes.iter().enumerate().filter(|(at, _)| self.places.contains(at)) {
                    let (team, fail) = (&team, &fail);
                    scope.spawn(move || {
                        if !stay_on(&node.cpus) {
                            talk.say(format_args!("cannot keep workers on NUMA node {}", node.number));
                        }
                        match again() {
                            Ok(codec) => team(&*codec, at),
                            Err(failure) => fail(failure),
                        }
                    });
                }
            });
        } else {
            team(&*codec, 0);
        }
        let outcomes = pieces.finish();
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => Err(failure),
            None => Ok(outcomes),
        }
    }
}
