//! Experiments, what they extend and are overridden with, and sweeps.

use std::fs;
use std::path::Path;

use runner::config::{Request, read, sweep};
use runner::plan::resolve;

use crate::{Target, bundle, repair};

const WORDS: &[&str] = &[
    "[data]\n",
    "[train]\n",
    "[model.wav2vec2]\n",
    "[model.ssamba]\n",
    "[profile.ci]\n",
    "[distill]\n",
    "[sweep]\n",
    "[[data.mix]]\n",
    "extends = [\"base.toml\"]\n",
    "inherits = \"ci\"\n",
    "dir = \"d\"\n",
    "conv_dim = [",
    "zip = ",
    "exclude = ",
    "axes",
    "seeds = ",
    " = ",
    "\"\"\"",
    "'''",
    "[[",
    "]]",
    "{",
    "}",
    ".",
    "1979-05-27",
    "true",
    "nan",
    "continue = ",
    "pretrained = ",
    "teacher = ",
    "-",
    "_",
];

pub fn targets() -> Vec<Target> {
    vec![
        Target {
            name: "load",
            seeds: &[
                "experiments/tedlium_waypoint.toml",
                "experiments/base/tedlium.toml",
                "tests/fixtures/slurp.toml",
            ],
            words: WORDS,
            repair: repair::none,
            run: load,
            most_bytes: 128 << 10,
        },
        Target {
            name: "layers",
            seeds: &[],
            words: &[
                "=== base.toml\n",
                "=== set\n",
                "=== hparams\n",
                "=== env\n",
                "train.max_lr=",
                "data.",
                "model.",
                "[0]",
                ",",
            ],
            repair: repair::none,
            run: layers,
            most_bytes: 32 << 10,
        },
        Target {
            name: "sweep",
            seeds: &["experiments/sweeps/cald_alpha.toml", "experiments/sweeps/ssamba_masks.toml"],
            words: WORDS,
            repair: repair::none,
            run: points,
            most_bytes: 32 << 10,
        },
    ]
}

fn loaded(file: &Path, request: &Request) -> String {
    let reading = read(file, request);
    assert!(reading.loaded.is_some() || !reading.problems.is_empty(), "neither an experiment nor a problem");
    let shown: String = reading.problems.iter().map(ToString::to_string).collect();
    let mut codes: Vec<&str> = reading.problems.iter().map(|problem| problem.code.id()).collect();
    codes.dedup();
    codes.truncate(6);
    if let Some(loaded) = reading.loaded {
        let planned = resolve(&loaded.experiment, Vec::new());
        let why =
            planned.err().and_then(|problems| problems.into_iter().next()).map(|problem| problem.message);
        return format!("{} {codes:?} {}", !shown.is_empty(), why.unwrap_or_default());
    }
    format!("nothing {codes:?}")
}

fn load(place: &Path, bytes: &[u8]) -> String {
    let file = place.join("x.toml");
    fs::write(&file, bytes).expect("a file");
    loaded(&file, &Request::default())
}

fn layers(place: &Path, bytes: &[u8]) -> String {
    let mut request = Request { profile: Some("ci".into()), ..Request::default() };
    let file = place.join("x.toml");
    for name in ["x.toml", "base.toml"] {
        fs::write(place.join(name), "").expect("a file");
    }
    for (name, bytes) in bundle::files(bytes, &["x.toml", "base.toml", "set", "hparams", "env"]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        match name {
            "set" => request.sets.extend(text.lines().take(64).map(str::to_owned)),
            "hparams" => request.hparams = Some(text),
            "env" => {
                let pair = |line: &str| {
                    line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
                };
                request.env.extend(text.lines().take(64).filter_map(pair));
            }
            file => fs::write(place.join(file), bytes).expect("a file"),
        }
    }
    loaded(&file, &request)
}

fn points(place: &Path, bytes: &[u8]) -> String {
    let file = place.join("x.toml");
    fs::write(&file, bytes).expect("a file");
    match sweep(&file, &Request::default()) {
        Ok(Some(found)) => {
            let request = Request { point: found.points.first().cloned(), ..Request::default() };
            format!("{} axes {}", found.axes.len(), loaded(&file, &request))
        }
        Ok(None) => "no sweep".into(),
        Err(problems) => problems.0.first().map_or_else(String::new, |problem| problem.message.clone()),
    }
}
