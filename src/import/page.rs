//! `docs/import.md`: every program, every flag, and how it is said here.

use std::fmt::Write as _;

use super::flag::{Flag, Script};
use super::scripts::scripts;

/// The whole page.
pub fn page() -> String {
    let mut text = String::from(
        "# The papers' commands\n\n\
         Generated; `runner explain PROGRAM` prints one table. `runner import` reads a command line, a shell recipe or a README and prints \
         experiments:\n\n\
         <!-- not run: the dots stand for what the reader has -->\n\n\
         ```sh\n\
         runner import 'python train_distill.py --model-dir=… --data-dir=… --hparams=… --teacher_path …' > experiments/mine.toml\n\
         runner import README.md -o experiments/imported    # a file for each command\n\
         runner import 'bash run_as_amba.sh ssamba_tiny_400' # a recipe with its argument: read, never executed\n\
         ```\n\n\
         ```console\n\
         $ runner -q import 'python train.py --model-dir=output/tedlium/direct --data-dir=data/tedlium --hparams=max_lr=1e-4 --max_steps 90000'\n\
         #:schema ../schemas/experiment.schema.json\n\n\
         # tedlium_direct.toml: from the command, train.py\n\n\
         [data]\n\
         dir = \"data/tedlium\"  # --data-dir\n\n\
         [train]\n\
         max_steps = 90000  # --max_steps\n\
         max_lr = 1e-4  # --hparams max_lr\n\
         weight_decay_groups = \"reference\"  # as the published code\n\n\
         [eval]\n\
         decode_padding = \"reference\"  # as the published code\n\
         ```\n\n\
         Each line of the experiment says which flag it came from. Where the published code has a defect that changes results, the \
         experiment keeps it (`\"reference\"`), so that numbers can be compared. A flag that does not exist is an error, never ignored.\n",
    );
    for script in scripts() {
        _ = writeln!(text, "\n{}", table(script).trim_end());
    }
    text
}

/// One program's tables, as Markdown.
pub fn table(script: &Script) -> String {
    let mut text = format!("## `{}` ({})\n\nIt {}.\n", script.name, script.system, script.about);
    rows("flag", script.flags(), &mut text);
    if !script.hparams.is_empty() {
        text.push_str("\nInside `--hparams`:\n");
        rows("hparam", script.hparams.iter(), &mut text);
    }
    text
}

fn rows(heading: &str, flags: impl Iterator<Item = &'static Flag>, text: &mut String) {
    _ = writeln!(text, "\n| {heading} | takes | default | here |\n|---|---|---|---|");
    for flag in flags {
        let names: Vec<String> = flag.spellings().map(|name| format!("`{name}`")).collect();
        let default = match flag.default {
            _ if flag.required => "required",
            "" => "–",
            default => default,
        };
        _ = writeln!(
            text,
            "| {} | {} | {default} | {} |",
            names.join(", "),
            flag.takes.text(),
            flag.here.text()
        );
    }
}
