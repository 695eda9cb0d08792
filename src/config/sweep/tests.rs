//! Which points a file has, and what is said where its parts do not fit.

use std::fs;

use tempfile::TempDir;

use super::{Sweep, sweep};
use crate::config::{Request, load};

const LEAST: &str = "[data]\ndir = \"corpora/smoke\"\n";

/// The sweep of `x.toml` beside other files, or the complaint about it.
fn read(files: &[(&str, &str)], request: &Request) -> Result<Option<Sweep>, String> {
    let folder = TempDir::new().expect("a folder to write to");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    sweep(&folder.path().join("x.toml"), request)
        .map_err(|problems| problems.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

/// What each point of a file sets.
fn points(text: &str) -> Vec<String> {
    listed(&read(&[("x.toml", text)], &Request::default()).expect("sound").expect("a sweep"))
}

fn listed(sweep: &Sweep) -> Vec<String> {
    let point = |point: &super::Point| {
        let short = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
        let pairs = point.settings.iter().map(|set| format!("{}={}", short(&set.path), set.value()));
        pairs.collect::<Vec<_>>().join(" ")
    };
    sweep.points.iter().map(point).collect()
}

fn complaint(text: &str) -> String {
    read(&[("x.toml", text)], &Request::default()).expect_err("a complaint")
}

#[test]
fn every_value_meets_every_other() {
    let text =
        "[sweep]\nseeds = 2\n[sweep.axes]\ntrain.max_lr = [1e-3, 2]\ndata.shuffle_training_data = [true]\n";
    assert_eq!(
        points(text),
        [
            "max_lr=0.001 shuffle_training_data=true seed=0",
            "max_lr=0.001 shuffle_training_data=true seed=1",
            "max_lr=2 shuffle_training_data=true seed=0",
            "max_lr=2 shuffle_training_data=true seed=1",
        ]
    );
}

#[test]
fn lists_go_together_and_combinations_are_left_out() {
    let text = "[sweep]\nseeds = [7, 9]\nexclude = [{ data.batch_size = 8, run.seed = 9 }]\n\
                [[sweep.zip]]\ndata.batch_size = [4, 8]\ntrain.accumulation_steps = [2, 1]\n";
    assert_eq!(
        points(text),
        [
            "batch_size=4 accumulation_steps=2 seed=7",
            "batch_size=4 accumulation_steps=2 seed=9",
            "batch_size=8 accumulation_steps=1 seed=7",
        ]
    );
}

#[test]
fn layers_add_axes_and_replace_their_values() {
    let files = [
        (
            "x.toml",
            "extends = [\"low.toml\"]\n[sweep.axes]\ntrain.max_lr = [1, 2]\n[profile.p.sweep]\nseeds = 1\n",
        ),
        ("low.toml", "[sweep.axes]\ntrain.max_lr = [3]\ndata.batch_size = [8]\n"),
    ];
    let under = |profile: Option<&str>| {
        let request = Request { profile: profile.map(str::to_owned), ..Request::default() };
        listed(&read(&files, &request).expect("sound").expect("a sweep"))
    };
    assert_eq!(under(None), ["max_lr=1 batch_size=8", "max_lr=2 batch_size=8"]);
    assert_eq!(under(Some("p")), ["max_lr=1 batch_size=8 seed=0", "max_lr=2 batch_size=8 seed=0"]);
}

#[test]
fn a_point_is_the_plain_experiment_with_its_options_set() {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    write("plain.toml", LEAST);
    write("x.toml", "[sweep.axes]\nexperiment = [\"plain.toml\"]\ntrain.max_lr = [1e-2]\n");
    let path = folder.path().join("x.toml");
    let found = sweep(&path, &Request::default()).expect("sound").expect("a sweep");
    let at = Request { point: Some(found.points[0].clone()), ..Request::default() };
    let set = Request { sets: vec!["train.max_lr=1e-2".to_owned()], ..Request::default() };
    let point = load(&path, &at).expect("sound");
    assert_eq!(point.experiment, load(&folder.path().join("plain.toml"), &set).expect("sound").experiment);
    assert_eq!(point.path, folder.path().join("plain.toml"));
    assert_eq!(point.provenance.origin("train.max_lr"), Some(format!("{}:3", path.display())));
}

#[test]
fn options_of_tables_that_an_experiment_lacks_are_left_out() {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    write(
        "x.toml",
        &format!("{LEAST}[sweep.axes]\ndistill.alpha_layer_distill_loss = [1]\nmodel.keyword.layers = [2]\n"),
    );
    let path = folder.path().join("x.toml");
    let found = sweep(&path, &Request::default()).expect("sound").expect("a sweep");
    let loaded = load(&path, &Request { point: Some(found.points[0].clone()), ..Request::default() });
    let loaded = loaded.expect("sound");
    assert_eq!(loaded.left_out, ["distill.alpha_layer_distill_loss", "model.keyword.layers"]);
    assert_eq!(loaded.experiment.distill, None);
}

#[test]
fn a_sweep_is_no_single_run() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("x.toml");
    fs::write(&path, format!("{LEAST}[sweep]\nseeds = 2\n")).expect("a file");
    let said = load(&path, &Request::default()).expect_err("a complaint").to_string();
    let place = path.display().to_string();
    assert_eq!(
        said.replace(&place, "x.toml"),
        "error[E015]: `x.toml` is a sweep: many runs, not one
 --> x.toml:3:2
  |
3 | [sweep]
  |  ^^^^^
  = help: `runner sweep x.toml` runs them all, with `--dry-run` it lists them; one of them is the plain experiment with its options set

1 error"
    );
}

#[test]
fn nor_is_it_asked_for_what_only_its_experiments_have() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("x.toml");
    fs::write(&path, "[sweep.axes]\nexperiment = [\"a.toml\", \"b.toml\"]\n").expect("a file");
    let request = Request { profile: Some("smoke".into()), ..Request::default() };
    let said = load(&path, &request).expect_err("a complaint").to_string();
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
    assert!(matches!(errors[..], [only] if only.starts_with("error[E015]")), "{said}");
}

#[test]
fn axes_that_are_no_options() {
    let said = complaint(
        "[sweep]\nseed = 2\ntrain.max_lr = [1]\n[sweep.axes]\nmax_lr = [1]\ntrain.max_lrr = [1]\n\"train.min_lr\" = [1]\n\
         train.max_lr = []\ntrain.warmup_steps = [1, \"x\"]\ndata.batch_size = 8\n",
    );
    let gist: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("error") || line.contains("--> ") || line.contains("= help"))
        .map(str::trim_start)
        .collect();
    assert_eq!(
        gist,
        [
            "error[E002]: unknown key `seed` in `[sweep]`",
            "--> x.toml:2:1",
            "= help: did you mean `seeds`?",
            "error[E002]: unknown table `train` in `[sweep]`",
            "--> x.toml:3:1",
            "= help: axes stand in `[sweep.axes]`",
            "error[E002]: unknown key `max_lr` in `[sweep.axes]`",
            "--> x.toml:5:1",
            "= help: write `train.max_lr`",
            "error[E002]: unknown key `max_lrr` in `[sweep.axes.train]`",
            "--> x.toml:6:7",
            "= help: did you mean `max_lr`?",
            "error[E002]: unknown key `train.min_lr` in `[sweep.axes]`",
            "--> x.toml:7:1",
            "= help: write `train.min_lr` without quotes",
            "error[E004]: `max_lr` in `[sweep.axes.train]` must not be empty",
            "--> x.toml:8:16",
            "= help: `max_lr`: Peak learning rate",
            "error[E003]: `warmup_steps[1]` in `[sweep.axes.train]` takes an integer, not the string `\"x\"`",
            "--> x.toml:9:26",
            "error[E003]: `batch_size` in `[sweep.axes.data]` takes a list of integers, not the integer `8`",
            "--> x.toml:10:19",
            "= help: write `[8]`",
        ]
    );
}

#[test]
fn parts_that_do_not_fit_together() {
    let said = complaint(
        "[sweep]\nseeds = 2\nexclude = [{ train.max_lr = 3.0 }, { train.min_lr = 1 }, {}]\n[sweep.axes]\n\
         train.max_lr = [1, 2, 1.0]\nrun.seed = [1]\nexperiment = [\"gone.toml\"]\n\
         [[sweep.zip]]\ndata.batch_size = [4, 8]\ntrain.accumulation_steps = [2, 1, 3]\n",
    );
    assert_eq!(
        said,
        "error[E016]: `run.seed` is an axis twice
 --> x.toml:2:1
  |
2 | seeds = 2
  | ^^^^^
  = help: keep `seeds` or `run.seed`

error[E016]: no point has `train.max_lr = 3.0`
 --> x.toml:3:29
  |
3 | exclude = [{ train.max_lr = 3.0 }, { train.min_lr = 1 }, {}]
  |                             ^^^
  = help: its values are `1`, `2` and `1.0`

error[E016]: `train.min_lr` is no axis of this sweep
 --> x.toml:3:44
  |
3 | exclude = [{ train.max_lr = 3.0 }, { train.min_lr = 1 }, {}]
  |                                            ^^^^^^
  = help: the axes are `train.max_lr`, `run.seed`, `experiment`, `data.batch_size` and `train.accumulation_steps`

error[E016]: an empty table in `exclude` would leave every point out
 --> x.toml:3:58
  |
3 | exclude = [{ train.max_lr = 3.0 }, { train.min_lr = 1 }, {}]
  |                                                          ^^
  = help: name the axes and values to leave out, or take it away

error[E016]: `train.max_lr` lists `1.0` twice
 --> x.toml:5:23
  |
5 | train.max_lr = [1, 2, 1.0]
  |                       ^^^
  = help: keep one of them
"
        .to_owned()
            + "
error[E008]: cannot read `gone.toml`: there is no such file
 --> x.toml:7:15
  |
7 | experiment = [\"gone.toml\"]
  |               ^^^^^^^^^^^
  = help: files of `experiment` are relative to the file they are named in

error[E016]: `train.accumulation_steps` has 3 values, but `data.batch_size`, zipped with it, has 2
  --> x.toml:10:7
   |
10 | train.accumulation_steps = [2, 1, 3]
   |       ^^^^^^^^^^^^^^^^^^
   = help: lists of one group of `zip` have one length

7 errors"
    );
}

#[test]
fn sweeps_without_points() {
    let gist = |text: &str| complaint(text).lines().next().unwrap_or_default().to_owned();
    assert_eq!(gist("[sweep]\n"), "error[E016]: the sweep has no axes");
    assert_eq!(
        gist("[sweep]\nseeds = 1\nexclude = [{ run.seed = 0 }]\n"),
        "error[E016]: `exclude` leaves no point of the sweep"
    );
    assert_eq!(
        gist("[sweep]\nseeds = 10000\n[sweep.axes]\ntrain.max_lr = [1, 2]\n"),
        "error[E016]: the sweep comes to 20000 points; 10000 is the most"
    );
    assert!(read(&[("x.toml", LEAST)], &Request::default()).expect("sound").is_none());
}

#[test]
fn what_is_set_for_all_is_no_axis() {
    let request = Request { sets: vec!["run.seed=3".to_owned()], ..Request::default() };
    let said = read(&[("x.toml", "[sweep]\nseeds = 2\n")], &request).expect_err("a complaint");
    assert_eq!(
        said,
        "error[E011]: `run.seed` is an axis of this sweep and set for all of it
  --> -s run.seed
  |
  | -s run.seed=3
  |             ^
  = help: take it out here, or out of `[sweep]`

1 error"
            .replace("  -->", " -->")
    );
}
