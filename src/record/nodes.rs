//! The parts of a machine whose processors are near to their own memory (NUMA nodes), and threads that stay on one.
//!
//! A thread that stays on a node has its memory there, too: Linux gives a page to the node of the thread that first writes to it. Where a system tells
//! nothing of nodes it is one. Start at [`nodes`].

use std::fs;
use std::path::Path;

/// Where Linux tells of nodes.
#[cfg(target_os = "linux")]
const NODES: &str = "/sys/devices/system/node";

/// A node: processors, and the memory that is near to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub number: usize,
    /// The processors of it that this process may use, at least one.
    pub cpus: Vec<usize>,
}

/// The nodes of this machine with processors that this process may use; none where the system tells nothing of them.
#[cfg(target_os = "linux")]
pub fn nodes() -> Vec<Node> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let allowed = sched_getaffinity(None).ok();
    let may = |cpu| cpu < CpuSet::MAX_CPU && allowed.as_ref().is_none_or(|allowed| allowed.is_set(cpu));
    nodes_below(Path::new(NODES), &may)
}

/// The nodes of this machine: nothing is told of them here.
#[cfg(not(target_os = "linux"))]
pub fn nodes() -> Vec<Node> {
    Vec::new()
}

/// Keeps this thread, and those that it starts from now on, on these processors. False where the system refuses, or knows no such thing.
#[cfg(target_os = "linux")]
pub fn stay_on(cpus: &[usize]) -> bool {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU).for_each(|cpu| set.set(*cpu));
    sched_setaffinity(None, &set).is_ok()
}

/// Keeps this thread where it is: false, since this system knows no such thing.
#[cfg(not(target_os = "linux"))]
pub fn stay_on(_cpus: &[usize]) -> bool {
    false
}

/// For each of so many workers the index of its node: as many on each as its share of the processors.
pub fn spread(nodes: &[Node], workers: usize) -> Vec<usize> {
    let cpus: Vec<usize> =
        nodes.iter().enumerate().flat_map(|(at, node)| node.cpus.iter().map(move |_| at)).collect();
    let middle = |worker: usize| (2 * worker + 1) * cpus.len() / (2 * workers.max(1));
    (0..workers).map(|worker| cpus.get(middle(worker)).copied().unwrap_or_default()).collect()
}

/// The nodes told of in the folder `root`, in the order of their numbers, with the processors that `may` be used.
fn nodes_below(root: &Path, may: &dyn Fn(usize) -> bool) -> Vec<Node> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let node = |path: &Path| {
        let number = path.file_name()?.to_str()?.strip_prefix("node")?.parse().ok()?;
        let mut cpus = cpus_in(&fs::read_to_string(path.join("cpulist")).ok()?)?;
        cpus.retain(|cpu| may(*cpu));
        Some(Node { number, cpus }).filter(|node| !node.cpus.is_empty())
    };
    let mut nodes: Vec<Node> = entries.flatten().filter_map(|entry| node(&entry.path())).collect();
    nodes.sort_by_key(|node| node.number);
    nodes
}

/// The numbers in a list such as `0-3,8,10-11`; none in an empty one, `None` where it is no list.
fn cpus_in(list: &str) -> Option<Vec<usize>> {
    /// More processors than Linux can count: with it a damaged list cannot ask for all memory.
    const MOST: usize = 1 << 16;
    let list = list.trim();
    if list.is_empty() {
        return Some(Vec::new());
    }
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read() {
        for (list, want) in [
            ("0-3,8,10-11\n", Some(vec![0, 1, 2, 3, 8, 10, 11])),
            ("5\n", Some(vec![5])),
            ("0,2,4", Some(vec![0, 2, 4])),
            ("\n", Some(vec![])),
            ("3-1", None),
            ("0-", None),
            ("all", None),
            ("0-99999999999", None),
        ] {
            assert_eq!(cpus_in(list), want, "{list:?}");
        }
    }

    #[test]
    fn nodes_have_the_processors_that_may_be_used() {
        let root = tempfile::tempdir().unwrap();
        // A node of memory alone has no processors; other entries of the folder are none.
        for (name, list) in [("node0", "0-3,8-11"), ("node10", "16-17"), ("node1", "4-7"), ("node2", "")] {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("cpulist"), format!("{list}\n")).unwrap();
        }
        fs::write(root.path().join("possible"), "0-10\n").unwrap();
        let node = |number, cpus: &[usize]| Node { number, cpus: cpus.to_vec() };
        let all = nodes_below(root.path(), &|_| true);
        assert_eq!(all, [node(0, &[0, 1, 2, 3, 8, 9, 10, 11]), node(1, &[4, 5, 6, 7]), node(10, &[16, 17])]);
        let some = nodes_below(root.path(), &|cpu| cpu % 8 < 2);
        assert_eq!(some, [node(0, &[0, 1, 8, 9]), node(10, &[16, 17])]);
        assert_eq!(nodes_below(&root.path().join("none"), &|_| true), []);
    }

    #[test]
    fn workers_are_spread_by_processors() {
        let node = |number: usize, cpus: usize| Node { number, cpus: (0..cpus).collect() };
        let two = [node(0, 4), node(1, 4)];
        assert_eq!(spread(&two, 1), [1]);
        assert_eq!(spread(&two, 2), [0, 1]);
        assert_eq!(spread(&two, 8), [0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(spread(&[node(0, 6), node(1, 2)], 4), [0, 0, 0, 1]);
        assert_eq!(spread(&two, 16).iter().filter(|at| **at == 1).count(), 8);
        assert_eq!(spread(&[], 3), [0, 0, 0]);
        assert_eq!(spread(&two, 0), [0; 0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_stays_where_it_is_told_to_and_so_do_those_it_starts() {
        let threads = || std::thread::available_parallelism().map(usize::from).unwrap_or(0);
        let cpus: Vec<usize> = nodes().into_iter().flat_map(|node| node.cpus).collect();
        let Some(first) = cpus.first().copied() else { return };
        let bound = std::thread::spawn(move || {
            let bound = stay_on(&[first]);
            (bound, threads(), std::thread::spawn(threads).join().unwrap())
        });
        assert_eq!(bound.join().unwrap(), (true, 1, 1));
        // The others are where they were.
        assert!(threads() >= 1 && nodes().iter().map(|node| node.cpus.len()).sum::<usize>() == cpus.len());
    }
}
