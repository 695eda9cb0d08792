//! Shell recipes: what is followed, and what is refused where.

use std::path::Path;

use super::{imported, nothing};
use crate::import::{Input, Options, import};

const HEAD: &str =
    "#!/bin/bash\n#SBATCH --gres=gpu:1\nset -x\nexport TORCH_HOME=../models\nmkdir exp\nconda activate env\n";

fn recipe(text: &str) -> Input {
    Input::file("run.sh", &format!("{HEAD}{text}"))
}

fn names_and_sizes(text: &str) -> Vec<(String, String)> {
    let imported = imported(&recipe(text), None).expect("a sound recipe");
    let size = |toml: String| {
        toml.lines().find(|line| line.starts_with("batch_size")).unwrap_or_default().to_owned()
    };
    imported.experiments.iter().map(|e| (e.name.clone(), size(e.toml("x", &[])))).collect()
}

#[test]
fn variables_arithmetic_loops_and_comparisons_are_followed() {
    let said = names_and_sizes(
        "name=a; size=4\nkind=\"${name}_tiny\"\nif [[ $kind == *\"tiny\"* ]]; then\n  size=2\nelif [ $kind == b ]; then\n  size=100\nelse\n  size=9\nfi\n\
         declare -a corpora=(\"x\" 'y')\nfor corpus in \"${corpora[@]}\"; do\n  for ((fold=1;fold<=2;fold++));\n  do\n    echo $UNKNOWN\n    \
         A=1 python train.py --model-dir=exp/${corpus}${fold} \\\n      --data-dir=data/$corpus --max_steps 5 \\\n      \
         --hparams=batch_size=$((size * fold + 1)) > log 2>&1 &\n  done\ndone\n",
    );
    let expected = [("x1", 3), ("x2", 5), ("y1", 3), ("y2", 5)]
        .map(|(name, size)| (name.to_owned(), format!("batch_size = {size}  # --hparams batch_size")));
    assert_eq!(said, expected);
}

#[test]
fn a_recipe_with_its_arguments_is_followed_into() {
    let inner = "model=$1\nlr=${2:-1e-4}\npython train.py --model-dir=exp/$model --data-dir=d --max_steps 5 --hparams=max_lr=$lr\n";
    let read = |path: &Path| match path.to_str() {
        Some("runs/run_one.sh") => Ok(inner.to_owned()),
        _ => nothing(path),
    };
    let outer = Input::file(
        "runs/submit.sh",
        "models=(a b)\nfor m in ${models[@]}; do sbatch --time 5 run_one.sh $m; done\n",
    );
    let imported = import(&outer, &Options { name: None, read: &read }).expect("a sound recipe");
    let names: Vec<&str> = imported.experiments.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(
        imported.experiments[0].from.starts_with("from runs/run_one.sh:3"),
        "{}",
        imported.experiments[0].from
    );
}

#[test]
fn what_is_not_read_is_named_with_line_and_column() {
    let train = "python train.py --model-dir=a/b --data-dir=d";
    for (text, place, message) in [
        ("x=$(date)\n", "run.sh:7:3", "a command substitution is not read"),
        (
            "if [ -e data ]; then\necho\nfi\n",
            "run.sh:7:4",
            "a condition on what lies on the disk is not read",
        ),
        ("while true; do\n", "run.sh:7:1", "a `while`, `case` or function is not read"),
        (
            &format!("{train} --hparams batch_size=$size\n"),
            "run.sh:7:67",
            "`$size` has no value: nothing before assigns it",
        ),
        (
            &format!("{train} --hparams batch_size=$1\n"),
            "run.sh:7:67",
            "`$1` has no value: the recipe takes an argument",
        ),
        (
            "python ../resume_amba.py --x 1\n",
            "run.sh:7:8",
            "the recipe calls `resume_amba.py`, which the published repository does not contain",
        ),
        ("sbatch run_sid.sh a\n", "run.sh:7:8", "`run_sid.sh` is called, but is not there"),
        ("python tarin.py --x 1\n", "run.sh:7:8", "`tarin.py` is no program that import knows"),
    ] {
        let said = imported(&recipe(text), None).expect_err("a complaint");
        assert!(said.contains(message) && said.contains(&format!("--> {place}\n")), "{text}\n{said}");
    }
}

#[test]
fn a_variable_that_a_refused_condition_would_set_is_no_second_mistake() {
    let said = imported(
        &recipe(
            "if [ -e data ]; then\nsize=4\nfi\npython train.py --model-dir=a/b --data-dir=d --hparams batch_size=$size\n",
        ),
        None,
    );
    let said = said.expect_err("a complaint");
    assert!(said.ends_with("1 error"), "{said}");
}

#[test]
fn what_follows_a_compound_condition_is_still_read() {
    let text =
        "if [ -f a ] && [ -f b ]; then\n  size=4\nelse\n  size=5\nfi\npython ../resume_amba.py --b $size\n";
    let said = imported(&recipe(text), None).expect_err("a complaint");
    assert!(said.contains("a compound condition is not read"), "{said}");
    assert!(said.contains("the recipe calls `resume_amba.py`"), "{said}");
    assert!(said.ends_with("2 errors"), "{said}");
}

#[test]
fn two_experiments_of_one_name_are_refused() {
    let text = "python train.py --model-dir=a/b --data-dir=d --accumulation_steps 1\npython train.py --model-dir=a/b --data-dir=d --accumulation_steps 2\n";
    let said = imported(&recipe(text), None).expect_err("a complaint");
    assert!(
        said.contains(
            "`b` is the name of two experiments: from run.sh:7, train.py, and from run.sh:8, train.py"
        ),
        "{said}"
    );
}

#[test]
fn other_programs_are_left_out_with_a_note() {
    let text = "python prep.py --x 1\npython train.py --model-dir=a/b --data-dir=d\n";
    let imported = imported(&recipe(text), None).expect("a sound recipe");
    assert_eq!(imported.notes, ["run.sh:7: `prep.py` is no program that import knows; left out"]);
}

#[test]
fn what_grows_without_end_is_given_up() {
    let train = "python train.py --model-dir=a/b --data-dir=d";
    let doubled = |line: &str| line.repeat(60);
    for (text, message) in [
        (
            format!("a=x\n{}{train} --lr $a\n", doubled("a=$a$a\n")),
            "what `$a` makes of this word is too long",
        ),
        (
            format!("a=(x)\n{}{train} ${{a[@]}}\n", doubled("a=(${a[@]} ${a[@]})\n")),
            "what `$a` makes of this word is too long",
        ),
        ("if [ a == a ]; then\n".repeat(10_000), "an `if` without `fi` is not read"),
        ("for a in b; do ".repeat(10_000), "a `for` without `done` is not read"),
        (format!("for a in {{1..9999}}; do\n{}done\n", "b=1\n".repeat(1_000)), "following it takes too long"),
        (format!("{train}{}\n", " {1..9999}".repeat(100)), "following it takes too long"),
    ] {
        let said = imported(&recipe(&text), None).expect_err("a complaint");
        assert!(said.contains(message), "{}\n{said}", &text[..text.len().min(200)]);
    }
}
