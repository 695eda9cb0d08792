//! Measures the house: how long its files and functions are, what is undocumented, unread or written twice. A mirror, not a gate:
//! it always ends well. Beside what it measures stands what is aimed at. `--checks` times `cargo check` after a touch, `--time` that and the tests;
//! with `--all` lists are not cut.
//!
//! `just house`, `just house --checks`, `just house --time`

mod docs;
mod fields;
mod functions;
mod repeats;
mod source;
mod time;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use source::Source;

/// Entries of a list that are shown unless all are asked for.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| ".".into()));
    let sources = match source::all(&root) {
        Ok(sources) => sources,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let shown = if asked.iter().any(|word| word == "--all") { usize::MAX } else { SHOWN };
    rooms(&sources);
    sizes(&sources, shown);
    debts(&sources, shown);
    let timed = asked.iter().any(|word| word == "--time");
    if timed || asked.iter().any(|word| word == "--checks") {
        time::checks(&root);
    }
    if timed {
        time::tests(&root);
    }
    ExitCode::SUCCESS
}

fn rooms(sources: &[Source]) {
    let mut rooms: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for source in sources {
        let (all, code) = source.lines();
        let room = rooms.entry(&source.room).or_default();
        room[0] += 1;
        room[1] += code;
        room[2] += all - code;
    }
    println!("{:<12} {:>6} {:>8} {:>8}", "room", "files", "code", "tests");
    for (room, [files, code, tests]) in rooms {
        println!("{room:<12} {files:>6} {code:>8} {tests:>8}");
    }
}

fn sizes(sources: &[Source], shown: usize) {
    let code: Vec<&Source> = sources.iter().filter(|source| !source.is_test).collect();
    let tests: Vec<&Source> = sources.iter().filter(|source| source.is_test).collect();
    let of = |sources: &[&Source], size: fn(&Source) -> usize| {
        let sizes = sources.iter().map(|source| (size(source), source.path.display().to_string()));
        sizes.collect::<Vec<_>>()
    };
    println!("\n{:<28} {:>6} {:>7} {:>5} {:>8}", "lines", "count", "median", "p90", "longest");
    row("a file, code alone", of(&code, |source| source.lines().1));
    row("a file, inline tests with it", of(&code, |source| source.lines().0));
    row("a file of tests", of(&tests, |source| source.lines().0));
    let (in_tests, in_code): (Vec<_>, Vec<_>) =
        functions::all(sources).into_iter().partition(|function| function.is_test);
    let pairs = |functions: &[functions::Function]| {
        let sizes = functions
            .iter()
            .map(|function| (function.lines, format!("{} {}", function.place, function.name)));
        sizes.collect::<Vec<_>>()
    };
    row("a function", pairs(&in_code));
    row("a function of tests", pairs(&in_tests));
    println!("{:<28} {:>6} {:>7} {:>5} {:>8}", "aim: a file", "", "≤ 150", "≤ 400", "≤ 500");
    println!("{:<28} {:>6} {:>7} {:>5}", "aim: a function", "", "", "≤ 45");
    let mut longest = pairs(&in_code);
    longest.sort_unstable_by(|a, b| b.cmp(a));
    println!("\nthe longest functions");
    for (lines, place) in longest.iter().take(shown.min(60)) {
        println!("{lines:>6}  {place}");
    }
    let mut files = of(&code, |source| source.lines().0);
    files.sort_unstable_by(|a, b| b.cmp(a));
    println!("\nthe longest files");
    for (lines, place) in files.iter().take(shown.min(60)) {
        println!("{lines:>6}  {place}");
    }
}

/// The files of the two crates, without the programs around them.
fn rooms_of(sources: &[Source]) -> impl Iterator<Item = &Source> {
    let programs = ["tests", "benches", "examples"];
    sources.iter().filter(move |source| !programs.contains(&source.room.as_str()))
}

/// Median, ninetieth percentile and maximum, each a value that occurs.
fn row(name: &str, mut sizes: Vec<(usize, String)>) {
    sizes.sort_unstable();
    let at = |share: f64| sizes.get(((sizes.len() as f64 * share).ceil() as usize).max(1) - 1);
    let lines = |share| at(share).map_or(0, |(lines, _)| *lines);
    let longest = at(1.0).map_or("", |(_, place)| place.as_str());
    println!(
        "{name:<28} {:>6} {:>7} {:>5} {:>8}  {longest}",
        sizes.len(),
        lines(0.5),
        lines(0.9),
        lines(1.0)
    );
}

fn debts(sources: &[Source], shown: usize) {
    let (kernels, others): (Vec<&Source>, Vec<&Source>) =
        rooms_of(sources).partition(|source| source.room == "kernels");
    let (tests, code): (Vec<&Source>, Vec<&Source>) = sources.iter().partition(|source| source.is_test);
    println!();
    let (items, members) = docs::undocumented(kernels);
    list("public items of kernels without docs", items, shown);
    list("public fields and variants of kernels without docs", members, shown);
    let (items, members) = docs::undocumented(others);
    list("public items of runner without docs", items, shown);
    list("public fields and variants of runner without docs", members, shown);
    list("files without a module doc", docs::silent_files(sources), shown);
    list("`unsafe` without a reason", docs::unsafe_without_reason(sources), shown);
    list("put off (TODO, FIXME, HACK)", docs::put_off(sources), shown);
    list("options that nobody outside src/config reads", fields::unread(sources, "config"), shown);
    let named = |sources: &[&Source]| {
        let one = |repeat: repeats::Repeat| {
            format!("{:>4} lines  {}  {}", repeat.lines, repeat.places[0], repeat.places[1])
        };
        repeats::all(sources).into_iter().map(one).collect::<Vec<_>>()
    };
    list("repeated blocks, names of variables aside", named(&code), shown);
    list("repeated blocks of tests", named(&tests), shown);
}

fn list(name: &str, entries: Vec<String>, shown: usize) {
    println!("{:>6}  {name}", entries.len());
    for entry in entries.iter().take(shown) {
        println!("          {entry}");
    }
    if entries.len() > shown {
        println!("          … and {} more (`--all`)", entries.len() - shown);
    }
}
