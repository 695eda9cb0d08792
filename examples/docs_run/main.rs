//! Everything that README.md and docs/ say is run as said: `just docs-run [--slow] [PAGE…]`.
//!
//! A page is followed from its top in a folder of its own, where a reader of a fresh checkout would be. Blocks headed `console` have commands after `$ ` and
//! what they say; blocks headed `sh`, and indented ones that begin with a command, have commands alone, which must end well, except where a text
//! is shown behind them. A block headed `toml NAME` is written to NAME. What is shown is compared with what is said ([`mask`] has the rules). Comments of the
//! page, which a reader does not see, tell what cannot be followed here ([`page::Remark`]); such commands are counted, with their reasons. Not for: making pages fresh
//! (`RUNNER_UPDATE=1 cargo test --test cli the_pages_are_true` does that for `console` blocks).

mod mask;
mod page;
mod shell;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use page::{Block, Command, Page, Reason};
use shell::Folder;

/// What came of the commands of a page.
#[derive(Default)]
struct Count {
    run: usize,
    wrong: usize,
    not_run: BTreeMap<String, usize>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (options, pages): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    if let Some(unknown) = options.iter().find(|option| *option != "--slow") {
        return Err(format!("`{unknown}` is unknown; there is `--slow`").into());
    }
    let slow = !options.is_empty();
    let pages = if pages.is_empty() { all_pages()? } else { pages.iter().map(PathBuf::from).collect() };
    let mut sum = Count::default();
    for path in pages {
        let began = Instant::now();
        let count = follow(&path, slow)?;
        let not_run: usize = count.not_run.values().sum();
        println!(
            "{}: {} run, {} wrong, {not_run} not run, {:.0} s",
            path.display(),
            count.run,
            count.wrong,
            began.elapsed().as_secs_f64()
        );
        sum.run += count.run;
        sum.wrong += count.wrong;
        count.not_run.into_iter().for_each(|(why, times)| *sum.not_run.entry(why).or_default() += times);
    }
    println!("\nin all: {} run, {} wrong", sum.run, sum.wrong);
    for (why, times) in &sum.not_run {
        println!("not run, {times}: {why}");
    }
    Ok(if sum.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// README.md and the pages of docs/, in the order of their names.
fn all_pages() -> std::io::Result<Vec<PathBuf>> {
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir("docs")?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages.sort();
    pages.insert(0, PathBuf::from("README.md"));
    Ok(pages)
}

/// Does what a page says.
fn follow(path: &Path, slow: bool) -> Result<Count, Box<dyn Error>> {
    let page = Page::of(&std::fs::read_to_string(path)?);
    let folder = Folder::new()?;
    let mut count = Count::default();
    for block in page.blocks {
        match block {
            Block::File { name, text } => folder.write(&name, &text)?,
            Block::Before(line) => {
                let said = folder.run(&line)?;
                if !said.well {
                    count.wrong += 1;
                    println!("{}: what has to be done before failed: {line}\n{}", path.display(), said.text);
                }
            }
            Block::Command(command) => one(path, &folder, &command, slow, &mut count)?,
        }
    }
    Ok(count)
}

fn one(
    path: &Path,
    folder: &Folder,
    command: &Command,
    slow: bool,
    count: &mut Count,
) -> Result<(), Box<dyn Error>> {
    let why = match &command.reason {
        Some(Reason::Slow) if !slow => Some("it takes minutes: `--slow` runs it".to_owned()),
        Some(Reason::Not(why)) => Some(why.clone()),
        Some(Reason::Slow) | None => None,
    };
    if let Some(why) = why {
        *count.not_run.entry(why).or_default() += 1;
        return Ok(());
    }
    count.run += 1;
    let said = folder.run(&command.line)?;
    let at = format!("{}:{}: $ {}", path.display(), command.number, command.line);
    if command.shown.is_none() && !said.well {
        count.wrong += 1;
        println!("{at}\n  it failed:\n{}", said.text);
    }
    if let Some(shown) = command.shown.as_ref().filter(|shown| !mask::agree(shown, &said.text)) {
        count.wrong += 1;
        println!("{at}\n  the page shows:\n{shown}  it says:\n{}", said.text);
    }
    Ok(())
}
