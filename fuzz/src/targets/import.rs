//! Published commands, recipes and READMEs.

use std::io;
use std::path::Path;

use runner::import::{Input, Options, import};

use crate::{Target, repair};

const WORDS: &[&str] = &[
    "python train.py --x 1\n",
    "python3 ",
    "bash run.sh\n",
    "for x in a b; do\n",
    "for ((i=0;i<9;i++)); do\n",
    "done\n",
    "if [ a == b ]; then\n",
    "elif ",
    "else\n",
    "fi\n",
    "a=$a$a\n",
    "a=(${a[@]} ${a[@]})\n",
    "$((",
    "))",
    "${",
    "}",
    "$(",
    ")",
    "`",
    "\"",
    "'",
    "\\\n",
    "--hparams ",
    "{1..9999}",
    ";",
    "&&",
    "||",
    "|",
    "2>&1",
    "<<EOF\n",
    "```\n",
    "> ",
    "--",
    "=",
    "[[ ",
    " ]]",
    "while true; do\n",
    "case $x in\n",
];

pub fn targets() -> Vec<Target> {
    let target = |name, seeds, run| Target {
        name,
        seeds,
        words: WORDS,
        repair: repair::none,
        run,
        most_bytes: 96 << 10,
    };
    vec![
        target("readme", &["tests/import/cald_readme.md"], readme as fn(&Path, &[u8]) -> String),
        target("recipe", &[], recipe),
        target("command", &[], command),
        target("hparams", &["tests/parity/published/hparams.json"], hparams),
    ]
}

fn imported(input: &Input, file: &str) -> String {
    // Whatever is asked for is there, and is the text itself.
    let read = |_: &Path| Ok::<String, io::Error>(file.to_owned());
    match import(input, &Options { name: None, read: &read }) {
        Ok(imported) => {
            let made: usize =
                imported.experiments.iter().map(|experiment| experiment.toml("s", &[]).len()).sum();
            format!("{} experiments, {}", imported.experiments.len().min(9), made > 0)
        }
        Err(problems) => {
            let shown = problems.to_string();
            assert!(!shown.is_empty());
            problems.0.iter().take(8).map(|problem| problem.message.as_str()).collect()
        }
    }
}

fn readme(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    imported(&Input::file("README.md", &text), &text)
}

fn recipe(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    imported(&Input::file("run.sh", &text), &text)
}

fn command(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    imported(&Input::command(&text), "x=1\n")
}

fn hparams(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    imported(&Input::command("python train.py --hparams h.json"), &text)
}
