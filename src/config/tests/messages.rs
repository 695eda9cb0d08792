//! Every kind of mistake, and the whole text that answers it.

use super::{LEAST, complaint, load_files};
use crate::config::nearest::{listed, nearest};
use crate::config::schema::Schema;
use crate::config::{CODES, Problems, Request, load};

/// The complaint about a sound file under a request that is not.
fn refused(request: Request) -> String {
    let file = format!("{LEAST}[profile.smoke]\n[profile.ci]\n");
    load_files(&[("x.toml", &file)], &request).expect_err("a complaint")
}

fn refused_set(set: &str) -> String {
    refused(Request { sets: vec![set.to_owned()], ..Request::default() })
}

/// All families of models, as a sentence lists them.
fn families() -> String {
    let choice = Schema::get().at(&["model"]).expect("a table");
    listed(choice["properties"].as_object().expect("tables").keys().map(String::as_str))
}

/// The messages and the advice of a complaint, without places and pictures.
fn gist(complaint: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in complaint.lines() {
        match (line.strip_prefix("error"), line.trim_start().strip_prefix("= help: ")) {
            (Some(message), _) => lines.push(message.to_owned()),
            (_, Some(help)) => *lines.last_mut().expect("a message") += &format!(" — {help}"),
            _ => {}
        }
    }
    lines
}

#[test]
fn a_misspelt_key() {
    let expected = "\
error[E002]: unknown key `batch_sise` in `[data]`
 --> x.toml:3:1
  |
3 | batch_sise = 8
  | ^^^^^^^^^^
  = help: did you mean `batch_size`?

1 error";
    assert_eq!(complaint("[data]\ndir = \"d\"\nbatch_sise = 8\n"), expected);
}

#[test]
fn a_misspelt_key_in_an_indented_inline_table() {
    let expected = "\
error[E002]: unknown key `seeed` in `[run]`
 --> x.toml:4:11
  |
4 |   run = { seeed = 3 }
  |           ^^^^^
  = help: did you mean `seed`?

1 error";
    assert_eq!(complaint("\n# é\ndata.dir = \"d\"\n  run = { seeed = 3 }"), expected);
}

#[test]
fn a_key_in_the_wrong_table() {
    let expected = "\
error[E002]: unknown key `max_lr` in `[data]`
 --> x.toml:3:1
  |
3 | max_lr = 1e-3
  | ^^^^^^
  = help: `max_lr` belongs in `[train]`

1 error";
    assert_eq!(complaint(&format!("{LEAST}max_lr = 1e-3\n")), expected);
}

#[test]
fn keys_elsewhere_are_found_by_name_and_by_spelling() {
    let text = format!(
        "max_lr = 1\n{LEAST}warmup_step = 3\nasr_model_name = \"x\"\nzzzzzz = 1\n[model]\nhidden_size = 3\n\
         [trian]\n[optim]\n[model.tacotron]\n[profile.ci.train]\ndir = \"d\"\nbatch_sizes = 3\n"
    );
    let known = "known here: `extends`, `name`, `description`, `continue_from`, `run`, `data`, `model`, `train`, \
                 `distill`, `eval`, `output`, `slurm`, `profile` and `sweep`";
    let expected = [
        "[E002]: unknown key `max_lr` — `max_lr` belongs in `[train]`",
        "[E002]: unknown key `warmup_step` in `[data]` — did you mean `train.warmup_steps`?",
        "[E002]: unknown key `asr_model_name` in `[data]` — write `model.wav2vec2.pretrained`",
        "[E002]: unknown key `zzzzzz` in `[data]`",
        "[E002]: unknown key `hidden_size` in `[model]` — `hidden_size` belongs in `[model.wav2vec2]`",
        "[E002]: unknown table `[trian]` — did you mean `train`?",
        &format!("[E002]: unknown table `[optim]` — {known}"),
        &format!("[E002]: unknown table `tacotron` in `[model]` — known here: {}", families()),
        "[E002]: unknown key `dir` in `[profile.ci.train]` — `dir` belongs in `[profile.ci.data]`",
        "[E002]: unknown key `batch_sizes` in `[profile.ci.train]` — did you mean `profile.ci.data.batch_size`?",
    ];
    assert_eq!(gist(&complaint(&text)), expected);
}

#[test]
fn a_value_of_the_wrong_type() {
    let expected = "\
error[E003]: `max_lr` in `[train]` takes a number, not the string `\"3e-4\"`
 --> x.toml:4:10
  |
4 | max_lr = \"3e-4\"
  |          ^^^^^^
  = help: write `3e-4`, without quotes

1 error";
    assert_eq!(complaint(&format!("{LEAST}[train]\nmax_lr = \"3e-4\"\n")), expected);
}

#[test]
fn wrong_types_come_with_a_remedy() {
    let text = "name = 3\n[data]\ndir = \"d\"\nremove_unk = \"true\"\n[run]\nprecision = 32\n[eval]\neval_steps = [1, 2.5]\n\
                [train]\nmax_steps = 9e4\nmin_lr = 1979-05-27\n[model.wav2vec2]\nclassifier_num_targets = 1251\nconv_bias = []\n";
    let text = format!("extends = \"one.toml\"\n{text}");
    let expected = [
        "[E003]: `extends` takes a list of strings, not the string `\"one.toml\"` — write `[\"one.toml\"]`",
        "[E003]: `name` takes a string, not the integer `3` — write `\"3\"`",
        "[E003]: `remove_unk` in `[data]` takes `true` or `false`, not the string `\"true\"` — write `true`, without quotes",
        "[E003]: `precision` in `[run]` takes one of `f32`, `tf32` and `bf16`, not the integer `32` — `precision`: Arithmetic \
         asked for; the paper trains in `bf16` (`--mixed_precision`)",
        "[E003]: `eval_steps[1]` in `[eval]` takes an integer, not the number `2.5`",
        "[E003]: `max_steps` in `[train]` takes an integer, not the number `90000.0` — write `90000`",
        "[E003]: `min_lr` in `[train]` takes a number, not a date — `min_lr`: Learning rate of the very first update",
        "[E003]: `classifier_num_targets` in `[model.wav2vec2]` takes a list of integers, not the integer `1251` — \
         write `[1251]`",
        "[E003]: `conv_bias` in `[model.wav2vec2]` takes `true` or `false`, not a list — `conv_bias`: Give the \
         convolutions of the feature encoder a bias",
    ];
    assert_eq!(gist(&complaint(&text)), expected);
}

#[test]
fn a_word_that_is_no_choice() {
    let expected = "\
error[E005]: `device` in `[run]` is `\"cdua\"`, which is none of `auto`, `cpu`, `cuda` and `cuda:N`
 --> x.toml:4:10
  |
4 | device = \"cdua\"
  |          ^^^^^^
  = help: did you mean `\"cuda\"`?

1 error";
    assert_eq!(complaint(&format!("{LEAST}[run]\ndevice = \"cdua\"\n")), expected);
}

/// Words that stand for many are refused as others are.
#[test]
fn a_device_that_is_none() {
    for wrong in ["gpu", "cuda:", "cuda:-1", "cuda:01", "cuda:+1", "cuda:x", "cuda:1000", "CUDA", ""] {
        let said = complaint(&format!("{LEAST}[run]\ndevice = \"{wrong}\"\n"));
        let want = format!(
            "error[E005]: `device` in `[run]` is `\"{wrong}\"`, which is none of `auto`, `cpu`, `cuda` and `cuda:N`\n --> x.toml:4:10\n"
        );
        assert!(said.starts_with(&want), "{said}");
    }
    let said = complaint(&format!("{LEAST}[run]\ndevice = 0\n"));
    assert!(said.contains("takes one of `auto`, `cpu`, `cuda` and `cuda:N`, not the integer `0`"), "{said}");
}

#[test]
fn a_number_out_of_range() {
    let expected = "\
error[E004]: `hidden_dropout` in `[model.wav2vec2]` must be at most 1, but is 1.5
 --> x.toml:4:18
  |
4 | hidden_dropout = 1.5
  |                  ^^^
  = help: `hidden_dropout`: Dropout at the encoder's input, after each mixer and after each feed-forward block

1 error";
    assert_eq!(complaint(&format!("{LEAST}[model.wav2vec2]\nhidden_dropout = 1.5\n")), expected);
}

#[test]
fn bounds_and_forms() {
    let text = "name = \"a b\"\ncontinue_from = \"tedlium_target\"\n[data]\ndir = \"d\"\nbatch_size = 0\n[train]\nmax_lr = 0\n\
                final_lr = nan\n[model.wav2vec2]\nconv_dim = []\nconv_kernel = [1, 0]\npretrained = \"\"\n";
    let gist = gist(&complaint(text));
    let messages: Vec<&str> = gist.iter().filter_map(|line| line.split(" — ").next()).collect();
    let expected = [
        "[E004]: `name` is `\"a b\"`, but takes letters, digits, `_`, `-` and `.`",
        "[E004]: `continue_from` is `\"tedlium_target\"`, but takes `EXPERIMENT@STEP`",
        "[E004]: `batch_size` in `[data]` must be at least 1, but is 0",
        "[E004]: `max_lr` in `[train]` must be more than 0, but is 0",
        "[E004]: `final_lr` in `[train]` must be a finite number, but is nan",
        "[E004]: `conv_dim` in `[model.wav2vec2]` must not be empty",
        "[E004]: `conv_kernel[1]` in `[model.wav2vec2]` must be at least 1, but is 0",
        "[E004]: `pretrained` in `[model.wav2vec2]` must not be empty",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn problems_in_two_files_at_once() {
    let expected = "\
error[E002]: unknown key `sead` in `[run]`
 --> x.toml:5:1
  |
5 | sead = 3
  | ^^^^
  = help: did you mean `seed`?

error[E004]: `max_steps` in `[train]` must be at least 1, but is 0
 --> base/low.toml:2:13
  |
2 | max_steps = 0
  |             ^
  = help: `max_steps`: Updates in all

2 errors";
    let x = format!("extends = [\"base/low.toml\"]\n{LEAST}[run]\nsead = 3\n");
    let files = [("x.toml", x.as_str()), ("base/low.toml", "[train]\nmax_steps = 0\n")];
    assert_eq!(load_files(&files, &Request::default()).expect_err("a complaint"), expected);
}

#[test]
fn files_that_extend_each_other() {
    let expected = "\
error[E009]: `x.toml` extends itself: x.toml → base/b.toml → x.toml
 --> base/b.toml:1:12
  |
1 | extends = [\"../x.toml\"]
  |            ^^^^^^^^^^^
  = help: take one of these files out of the circle

1 error";
    let x = format!("extends = [\"base/b.toml\"]\n{LEAST}");
    let files = [("x.toml", x.as_str()), ("base/b.toml", "extends = [\"../x.toml\"]\n")];
    assert_eq!(load_files(&files, &Request::default()).expect_err("a complaint"), expected);
}

#[test]
fn a_base_that_is_not_there() {
    let expected = "\
error[E008]: cannot read `base/none.toml`: there is no such file
 --> x.toml:1:12
  |
1 | extends = [\"base/none.toml\"]
  |            ^^^^^^^^^^^^^^^^
  = help: `extends` is relative to the file it stands in

1 error";
    assert_eq!(complaint(&format!("extends = [\"base/none.toml\"]\n{LEAST}")), expected);
}

#[test]
fn text_that_is_not_toml() {
    let expected = "\
error[E001]: missing comma between array elements, expected `,`
 --> x.toml:4:1
  |
4 | [run]
  | ^

1 error";
    assert_eq!(complaint(&format!("{LEAST}sr = [1\n[run]\nsead = 3\n")), expected);
    let twice = gist(&complaint("[data]\ndir = \"a\"\ndir = \"b\"\n"));
    assert_eq!(twice, ["[E001]: duplicate key"]);
}

#[test]
fn an_option_that_must_be_set() {
    let expected = "\
error[E007]: `teacher` in `[distill]` is not set
 --> x.toml:3:2
  |
3 | [distill]
  |  ^^^^^^^
  = help: `teacher`: The teacher: an experiment of the same folder, a run folder or a checkpoint

1 error";
    assert_eq!(complaint(&format!("{LEAST}[distill]\nguidance = \"fixed\"\n")), expected);
    assert_eq!(
        complaint("[run]\nseed = 1\n"),
        "error[E007]: `dir` in `[data]` is not set\n --> x.toml\n  = help: `dir`: Folder of the prepared corpus (the paper's \
         `--data-dir`), relative to the working directory\n\n1 error"
    );
    assert_eq!(gist(&complaint("[data]\ndirr = \"x\"\n")).len(), 1, "the misspelt key is complaint enough");
}

#[test]
fn a_table_that_chooses_nothing() {
    let expected =
        [format!("[E006]: `[model]` chooses nothing; it takes one of {} — `model`: What learns", families())];
    assert_eq!(gist(&complaint(&format!("{LEAST}[model]\n"))), expected);
}

#[test]
fn a_profile_that_is_not_there() {
    let expected = "\
error[E010]: there is no profile `smok`
 --> --profile
  |
  | --profile smok
  |           ^^^^
  = help: did you mean `smoke`? the profiles are `ci` and `smoke`

1 error";
    assert_eq!(refused(Request { profile: Some("smok".to_owned()), ..Request::default() }), expected);
    let request = Request { profile: Some("smoke".to_owned()), ..Request::default() };
    let none = load_files(&[("x.toml", LEAST)], &request).expect_err("a complaint");
    assert_eq!(gist(&none), ["[E010]: there is no profile `smoke` — this experiment has no profiles"]);
}

#[test]
fn profiles_that_cannot_inherit() {
    let text = format!(
        "{LEAST}[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\"\n[profile.c]\ninherits = \"smoke\"\n"
    );
    let expected = [
        "[E014]: profile `a` inherits itself: a → b → a",
        "[E014]: profile `b` inherits itself: b → a → b",
        "[E010]: there is no profile `smoke` to inherit — the profiles are `a`, `b` and `c`",
    ];
    assert_eq!(gist(&complaint(&text)), expected);
}

#[test]
fn an_argument_that_does_not_fit() {
    let expected = "\
error[E003]: `max_lr` in `[train]` takes a number, not the string `\"fast\"`
 --> -s train.max_lr
  |
  | -s train.max_lr=fast
  |                 ^^^^
  = help: `max_lr`: Peak learning rate

1 error";
    assert_eq!(refused_set("train.max_lr=fast"), expected);
    let cases = [
        ("max_lr", "[E011]: `max_lr` is not of the form `key=value` — for example `-s train.max_lr=3e-4`"),
        ("train.max_lrr=3", "[E002]: unknown key `max_lrr` in `[train]` — did you mean `max_lr`?"),
        ("max_lr=3", "[E002]: unknown key `max_lr` — write `train.max_lr`"),
        ("train=3", "[E003]: `train` takes a table, not the integer `3` — `train`: How it learns"),
    ];
    for (set, expected) in cases {
        assert_eq!(gist(&refused_set(set)), [expected]);
    }
}

#[test]
fn a_variable_that_does_not_fit() {
    let env = vec![("RUNNER__TRAIN__MAX_LRR".to_owned(), "3".to_owned())];
    let expected = "\
error[E002]: unknown key `max_lrr` in `[train]`
 --> RUNNER__TRAIN__MAX_LRR
  |
  | RUNNER__TRAIN__MAX_LRR=3
  |                ^^^^^^^
  = help: did you mean `max_lr`?

1 error";
    assert_eq!(refused(Request { env, ..Request::default() }), expected);
}

#[test]
fn hparams_that_do_not_fit() {
    let hparams = Some("batch_sise=3,ctc_weight=x".to_owned());
    let expected = "\
error[E002]: no option is called `batch_sise`
 --> --hparams
  |
  | --hparams batch_sise=3,ctc_weight=x
  |           ^^^^^^^^^^
  = help: did you mean `batch_size`?

error[E003]: `ctc_weight` in `[train]` takes a number, not the string `\"x\"`
 --> --hparams
  |
  | --hparams batch_sise=3,ctc_weight=x
  |                                   ^
  = help: `ctc_weight`: Weight of the CTC loss; at 0 it is not computed

2 errors";
    assert_eq!(refused(Request { hparams, ..Request::default() }), expected);

    let all =
        "batch_size=4,batch_size=5,foo,conv_dim[9]=3,conv_dim[1]=0,sr[0]=1,asr_use_flash_attn=True,a b=c,";
    let expected = [
        "[E011]: `data.batch_size` is set twice",
        "[E011]: `foo` is not of the form `key=value` — for example `--hparams batch_size=24`",
        "[E011]: `model.wav2vec2.conv_dim[9]` is beyond the end: the list has 7 elements, counted from 0",
        "[E004]: `conv_dim[1]` in `[model.wav2vec2]` must be at least 1, but is 0",
        "[E011]: `data.sr` is not a list",
        "[E002]: no option is called `asr_use_flash_attn` — attention is exact and needs no more than linear memory \
         anyway; leave it out",
        "[E011]: `a b=c` is not of the form `key=value` — for example `--hparams batch_size=24`",
        "[E011]: `` is not of the form `key=value` — for example `--hparams batch_size=24`",
    ];
    assert_eq!(gist(&refused(Request { hparams: Some(all.to_owned()), ..Request::default() })), expected);
}

#[test]
fn machines_read_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.toml");
    std::fs::write(&path, format!("{LEAST}sr = \"é\"\n")).expect("a file");
    let Problems(problems) = load(&path, &Request::default()).expect_err("a complaint");
    let expected = serde_json::json!([{
        "code": "E003",
        "file": path.display().to_string(),
        "line": 3,
        "col": 6,
        "len": 3,
        "path": "data.sr",
        "message": "`sr` in `[data]` takes an integer, not the string `\"é\"`",
        "help": "`sr`: Sampling rate of the model's input, in hertz",
    }]);
    assert_eq!(serde_json::to_value(&problems).expect("JSON"), expected);
}

#[test]
fn codes_are_unique_and_in_order() {
    for (index, code) in CODES.iter().enumerate() {
        assert_eq!(code.id(), format!("E{:03}", index + 1));
        assert!(code.meaning().ends_with('.'));
    }
}

/// Every word one slip of the finger away from `name`: a letter left out, doubled, replaced or swapped.
fn slips(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut slips = Vec::new();
    for at in 0..letters.len() {
        let mut edit = |change: &dyn Fn(&mut Vec<char>)| {
            let mut word = letters.clone();
            change(&mut word);
            slips.push(word.into_iter().collect());
        };
        edit(&|word| _ = word.remove(at));
        edit(&|word| word.insert(at, word[at]));
        edit(&|word| word[at] = 'q');
        if at > 0 {
            edit(&|word| word.swap(at - 1, at));
        }
    }
    slips
}

#[test]
fn a_slip_of_the_finger_is_understood() {
    let leaves = Schema::get().leaves();
    let (mut all, mut understood) = (0, 0);
    for leaf in leaves {
        let siblings =
            || leaves.iter().filter(|other| other.table() == leaf.table()).map(|other| other.name());
        for slip in slips(leaf.name()).iter().filter(|slip| !siblings().any(|name| name == slip.as_str())) {
            all += 1;
            understood += usize::from(nearest(slip, siblings()) == Some(leaf.name()));
        }
    }
    assert!(understood * 100 >= all * 95, "{understood} of {all}");
    assert_eq!(nearest("completely_else", leaves.iter().map(|leaf| leaf.name())), None);
}
