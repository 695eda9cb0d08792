//! A page as what a reader would do with it, in order.

/// A thing to do.
pub enum Block {
    /// A file that the page has the reader write.
    File {
        name: String,
        text: String,
    },
    /// What the page takes for done.
    Before(String),
    Command(Command),
}

/// A command, and what the page shows of it.
pub struct Command {
    /// Line of the page, from 1.
    pub number: usize,
    pub line: String,
    /// `None`: the page shows nothing.
    pub shown: Option<String>,
    pub reason: Option<Reason>,
}

/// Why a command is not run.
#[derive(Clone)]
pub enum Reason {
    /// It takes minutes, and is run if asked for.
    Slow,
    /// It cannot be run here.
    Not(String),
}

/// A comment of the page about the block behind it; several may stand together.
///
/// `<!-- not run: WHY -->` and `<!-- slow -->` are of all commands of the block, `<!-- not run "runner sweep": WHY -->` and `<!-- slow "runner sweep" -->` of those
/// that begin with these words, `<!-- before: COMMAND -->` is done first, `<!-- with NAME = tedlium_direct -->` says what a reader would put there, and
/// `<!-- said by "runner run" -->` that the indented block behind it is the end of what such a command says, which stands above it.
#[derive(Clone)]
pub enum Remark {
    About { beginning: String, reason: Reason },
    Before(String),
    With { name: String, value: String },
    SaidBy(String),
}

impl Remark {
    fn of(line: &str) -> Option<Self> {
        let said = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
        if let Some(command) = said.strip_prefix("before: ") {
            return Some(Remark::Before(command.to_owned()));
        }
        if let Some(quoted) = said.strip_prefix("said by \"") {
            return Some(Remark::SaidBy(quoted.strip_suffix('"')?.to_owned()));
        }
        if let Some((name, value)) = said.strip_prefix("with ").and_then(|with| with.split_once(" = ")) {
            return Some(Remark::With { name: name.to_owned(), value: value.to_owned() });
        }
        let slow = said.strip_prefix("slow");
        let rest = slow.or_else(|| said.strip_prefix("not run"))?.trim_start();
        let (beginning, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => ("", rest),
        };
        let reason = match slow {
            Some(_) => Reason::Slow,
            None => Reason::Not(behind.strip_prefix(':')?.trim().to_owned()),
        };
        Some(Remark::About { beginning: beginning.to_owned(), reason })
    }
}

/// Words that an indented block of commands begins with.
const PROGRAMS: [&str; 8] =
    ["runner ", "cargo ", "just ", "tensorboard ", "RUNNER_PYTHON=", "python3 ", "sbatch ", "git "];

/// All that a page has a reader do.
pub struct Page {
    pub blocks: Vec<Block>,
}

impl Page {
    pub fn of(text: &str) -> Self {
        let lines: Vec<(usize, &str)> = (1..).zip(text.lines()).collect();
        let mut page = Page { blocks: Vec::new() };
        let (mut remarks, mut at) = (Vec::new(), 0);
        while let Some(&(_, line)) = lines.get(at) {
            at += 1;
            if let Some(remark) = Remark::of(line) {
                remarks.push(remark);
                continue;
            }
            let fenced = line.strip_prefix("```").filter(|heading| !heading.is_empty());
            let (heading, block) = if let Some(heading) = fenced {
                let block: Vec<_> =
                    lines[at..].iter().take_while(|(_, line)| *line != "```").copied().collect();
                at += block.len() + 1;
                (heading, block)
            } else if PROGRAMS
                .iter()
                .any(|program| line.strip_prefix("    ").is_some_and(|l| l.starts_with(program)))
            {
                let block: Vec<_> = lines[at - 1..]
                    .iter()
                    .map_while(|(number, line)| Some((*number, line.strip_prefix("    ")?)))
                    .collect();
                at += block.len() - 1;
                ("sh", block)
            } else if let Some(Remark::SaidBy(beginning)) = remarks.last()
                && line.starts_with("    ")
            {
                let said = lines[at - 1..].iter().map_while(|(_, line)| line.strip_prefix("    "));
                let shown: Vec<String> = said.map(|line| format!("{line}\n")).collect();
                at += shown.len() - 1;
                page.said_by(beginning, format!("…\n{}", shown.concat()));
                remarks.clear();
                continue;
            } else {
                if !line.is_empty() {
                    remarks.clear();
                }
                continue;
            };
            page.take(heading, &block, &std::mem::take(&mut remarks));
        }
        page
    }

    fn take(&mut self, heading: &str, block: &[(usize, &str)], remarks: &[Remark]) {
        for remark in remarks {
            if let Remark::Before(command) = remark {
                self.blocks.push(Block::Before(command.clone()));
            }
        }
        match heading.split_once(' ').unwrap_or((heading, "")) {
            ("console", _) => self.console(block, remarks),
            ("sh", _) => {
                for (number, line) in block.iter().filter(|(_, line)| !line.trim_start().starts_with('#')) {
                    // The page's own words behind a command.
                    let line = line
                        .split_once("  #")
                        .or_else(|| line.split_once(" # "))
                        .map_or(*line, |(line, _)| line);
                    self.command(*number, line.trim_end(), None, remarks);
                }
            }
            (_, name) if !name.is_empty() => {
                let text = block.iter().map(|(_, line)| format!("{line}\n")).collect();
                self.blocks.push(Block::File { name: name.to_owned(), text });
            }
            _ => {}
        }
    }

    /// Holds the last command of this beginning to what is shown.
    fn said_by(&mut self, beginning: &str, text: String) {
        let commands = self.blocks.iter_mut().rev().filter_map(|block| match block {
            Block::Command(command) => Some(command),
            Block::File { .. } | Block::Before(_) => None,
        });
        if let Some(command) = commands.into_iter().find(|command| command.line.starts_with(beginning)) {
            command.shown = Some(text);
        }
    }

    fn console(&mut self, block: &[(usize, &str)], remarks: &[Remark]) {
        let mut rest = block;
        while let Some(((number, first), after)) = rest.split_first() {
            let said = after.iter().take_while(|(_, line)| !line.starts_with("$ ")).count();
            let (shown, next) = after.split_at(said);
            let shown = shown.iter().map(|(_, line)| format!("{line}\n")).collect();
            self.command(*number, first.strip_prefix("$ ").unwrap_or(first), Some(shown), remarks);
            rest = next;
        }
    }

    fn command(&mut self, number: usize, line: &str, shown: Option<String>, remarks: &[Remark]) {
        if line.is_empty() {
            return;
        }
        let about = |remark: &Remark| match remark {
            Remark::About { beginning, reason } => {
                line.starts_with(beginning.as_str()).then(|| reason.clone())
            }
            Remark::Before(_) | Remark::With { .. } | Remark::SaidBy(_) => None,
        };
        let reason = remarks.iter().find_map(about);
        let mut filled = line.to_owned();
        for remark in remarks {
            if let Remark::With { name, value } = remark {
                filled = filled.replace(name.as_str(), value);
            }
        }
        self.blocks.push(Block::Command(Command { number, line: filled, shown, reason }));
    }
}
