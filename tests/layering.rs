//! Rules about the code itself: who may import whom, where outside crates live, how long a file may be, and which op folders
//! are complete.
//!
//! It reads text: macros that build paths escape it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import, besides itself.
const ROOMS: [(&str, &[&str]); 22] = [
    ("seed", &[]),
    ("config", &[]),
    ("audio", &["kernels"]),
    ("text", &[]),
    ("record", &["audio"]),
    ("plan", &["config"]),
    ("import", &["config"]),
    ("corpora", &["audio", "text"]),
    ("fetch", &["record"]),
    ("nn", &["audio", "kernels", "seed"]),
    ("data", &["plan", "corpora", "audio", "text", "seed"]),
    ("model", &["plan", "nn", "kernels", "seed"]),
    ("report", &["audio", "record", "text"]),
    ("codec", &["model", "nn", "audio", "text", "kernels", "seed"]),
    ("transcribe", &["model", "audio", "seed"]),
    ("task", &["codec", "model", "data", "plan", "audio", "text", "kernels"]),
    ("generate", &["task", "codec", "model", "nn", "plan", "audio", "seed", "kernels"]),
    ("quality", &["model", "data", "nn", "seed", "kernels"]),
    (
        "train",
        &[
            "task", "generate", "codec", "model", "nn", "data", "corpora", "text", "plan", "record",
            "kernels", "seed",
        ],
    ),
    ("launch", &["plan", "record", "train", "model", "kernels"]),
    (
        "cli",
        &[
            "seed",
            "config",
            "audio",
            "text",
            "record",
            "plan",
            "corpora",
            "nn",
            "data",
            "model",
            "report",
            "task",
            "generate",
            "quality",
            "train",
            "launch",
            "kernels",
            "import",
            "fetch",
            "codec",
            "transcribe",
        ],
    ),
    ("kernels", &[]),
];

/// The rooms in which an outside crate may be named.
const HOMES: [(&str, &[&str]); 48] = [
    ("espeak_ng", &["text"]),
    ("figment", &["config"]),
    ("toml", &["config", "cli", "fetch", "report"]),
    ("schemars", &["config"]),
    ("serde_path_to_error", &["config"]),
    ("strsim", &["config", "fetch", "report"]),
    ("regex_lite", &["config"]),
    ("flacenc", &["audio"]),
    ("hound", &["audio"]),
    ("symphonia", &["audio"]),
    ("rubato", &["audio"]),
    ("csv", &["corpora", "record"]),
    ("zip", &["corpora", "model", "fetch"]),
    ("unidecode", &["text"]),
    ("arrow_array", &["corpora"]),
    ("arrow_ipc", &["corpora"]),
    ("arrow_schema", &["corpora"]),
    ("parquet", &["corpora", "report"]),
    ("cudarc", &["kernels"]),
    ("dfdx", &["kernels"]),
    ("gemm", &["kernels"]),
    ("libmimalloc_sys", &["kernels"]),
    ("pulp", &["kernels"]),
    ("rayon", &["kernels"]),
    ("realfft", &["audio", "kernels"]),
    ("safetensors", &["codec", "model"]),
    ("tensorboard_rs", &["record"]),
    ("tensorboard_proto", &["record"]),
    ("protobuf", &["record"]),
    ("indicatif", &["record"]),
    ("png", &["record"]),
    ("polars", &["report"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("rustix", &["record"]),
    ("ctrlc", &["cli"]),
    ("signal_hook", &["cli"]),
    ("ureq", &["fetch"]),
    ("tar", &["fetch"]),
    ("bzip2", &["fetch"]),
    ("flate2", &["fetch", "transcribe"]),
    ("md5", &["fetch"]),
    ("sha1", &["fetch"]),
    ("candle_core", &["transcribe"]),
    ("candle_nn", &["transcribe"]),
    ("tokenizers", &["transcribe"]),
    ("rand_distr", &["generate", "nn", "task"]),
];

const CEILING: usize = 500;
const OP_FILES: [&str; 4] = ["mod.rs", "reference.rs", "cpu.rs", "tests.rs"];
/// Folders of kernels/ that are no ops: programs, tests, how ops are called on files, power spectra, the recurrence for generation and the
/// layers around it, which have no backward, the matrix product that ops are made of (for CUDA that is cuBLAS), how device kernels are started, and where a
/// GPU's tensors lie.
const NOT_OPS: [&str; 9] =
    ["cuda", "device", "examples", "matmul", "on_files", "power_spectrum", "s4_step", "stream", "tests"];
/// Optimisers and searches are no tape ops: they have no gradient to check, so the same files, but they are not ops.
const NOT_TAPE_OPS: [&str; 2] = ["adamw", "monotonic_alignment"];

fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is").into()
}

/// Every Rust file below `dir`.
fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files.sort();
    files
}

/// Files by room: the folders of src/, and the kernels crate.
fn rooms() -> BTreeMap<String, Vec<PathBuf>> {
    let mut rooms = BTreeMap::new();
    for entry in fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            rooms.insert(entry.file_name().unwrap().to_string_lossy().into_owned(), rust_files(&entry));
        }
    }
    let mut kernels = rust_files(&root().join("kernels"));
    // Programs of their own, which may print.
    kernels.retain(|file| !file.starts_with(root().join("kernels/examples")));
    rooms.insert("kernels".into(), kernels);
    rooms
}

/// The code of a file: comments and everything under `#[cfg(test)] mod tests {` left out.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// First names after `crate::`, also inside `use crate::{a, b::c}`.
fn imports(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut name)),
                    _ if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            names.push(name);
        } else {
            names.push(rest.to_owned());
        }
    }
    let word = |name: String| {
        let name = name.trim_start();
        name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    names.into_iter().map(word).filter(|name| !name.is_empty()).collect()
}

fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'))
    })
}

#[test]
fn rooms_import_only_what_lies_below() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let rooms = rooms();
    let mut faults = Vec::new();
    for (room, files) in &rooms {
        let Some(allowed) = allowed.get(room.as_str()) else {
            faults.push(format!("src/{room} is a room without a rule"));
            continue;
        };
        if room == "kernels" {
            continue; // A crate of its own: Cargo itself keeps it from importing ours.
        }
        for file in files {
            let code = code(file);
            for name in imports(&code) {
                if rooms.contains_key(&name) && name != *room && !allowed.contains(&name.as_str()) {
                    faults.push(format!("{}: `{room}` may not import `{name}`", file.display()));
                }
            }
            if names_crate(&code, "kernels") && !allowed.contains(&"kernels") {
                faults.push(format!("{}: `{room}` may not import `kernels`", file.display()));
            }
            if code.contains("super::super::") {
                faults.push(format!("{}: `super::super` hides what is imported", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn outside_crates_have_one_home() {
    let mut faults = Vec::new();
    for (room, files) in rooms() {
        for file in files {
            let code = code(&file);
            for (name, homes) in HOMES {
                if names_crate(&code, name) && !homes.contains(&room.as_str()) {
                    faults.push(format!("{}: `{name}` belongs to {}", file.display(), homes.join(", ")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    let mut faults = Vec::new();
    for (room, files) in rooms() {
        for file in files.iter().filter(|_| room != "cli") {
            for word in ["println!(", "print!(", "dbg!("] {
                if code(file).contains(word) && !file.to_string_lossy().contains("tests") {
                    faults.push(format!("{}: `{word}`", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = rooms()
        .into_values()
        .flatten()
        .map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > CEILING)
        .map(|(lines, file)| format!("{}: {lines} lines, at most {CEILING}", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn unsafe_code_lives_in_kernels_only() {
    for (room, files) in rooms() {
        for file in files.iter().filter(|_| room != "kernels") {
            assert!(!code(file).contains("unsafe "), "{}: `unsafe` outside kernels", file.display());
        }
    }
}

/// Clippy asks a reason of blocks and implementations; functions and what stands in tests are counted here too.
#[test]
fn every_unsafe_stands_under_its_reason() {
    let (mut count, mut faults) = (0, Vec::new());
    let files = [root().join("kernels"), root().join("fuzz/src")]
        .iter()
        .flat_map(|dir| rust_files(dir))
        .collect::<Vec<_>>();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if !code.contains("unsafe ") || code.contains('"') {
                continue;
            }
            count += 1;
            let said = |line: &&str| line.contains("SAFETY:") || line.contains("# Safety");
            // As far up as the comment and the statement that it stands over may reach.
            if !lines[at.saturating_sub(8)..at].iter().any(said) {
                faults.push(format!("{}:{}: `unsafe` without a reason", file.display(), at + 1));
            }
        }
    }
    println!("`unsafe`: {count} places, each under its reason");
    assert!(count > 0 && faults.is_empty(), "{}", faults.join("\n"));
}

/// Cargo does not rebuild for another checkout's path: with a shared build folder one would be tested with the other's files.
#[test]
fn no_path_of_a_checkout_is_compiled_in() {
    for file in rooms().into_values().flatten() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains("env!(\"CARGO_MANIFEST_DIR\")"),
            "{}: ask `crate::checkout()`",
            file.display()
        );
    }
}

/// The folders of ops and of the optimiser, by name.
fn op_folders() -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(root().join("kernels")).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries.filter(|entry| entry.is_dir());
    let named = folders.map(|folder| (folder.file_name().unwrap().to_string_lossy().into_owned(), folder));
    named.filter(|(name, _)| !NOT_OPS.contains(&name.as_str())).collect()
}

#[test]
fn op_folders_are_complete() {
    let mut faults = Vec::new();
    let mut owed = Vec::new();
    for (name, folder) in op_folders() {
        let is_op = !NOT_TAPE_OPS.contains(&name.as_str());
        let mut files = OP_FILES.to_vec();
        if is_op {
            files.push("on_files.rs");
            // An op that the bench measures is held to PyTorch's.
            if fs::read_to_string(folder.join("on_files.rs")).is_ok_and(|text| text.contains("fn rows()")) {
                files.push("pytorch.py");
            }
        }
        for file in files {
            if !folder.join(file).is_file() {
                faults.push(format!("kernels/{name} has no {file}"));
            }
        }
        if is_op && !folder.join("cuda.rs").is_file() {
            owed.push(name);
        }
    }
    println!("CUDA kernels pending for {} ops: {}", owed.len(), owed.join(", "));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is in the list has an entry on files, or neither the bench nor the program of ops compiles: so no op is without one.
#[test]
fn every_op_is_in_the_list() {
    let lib = code(&root().join("kernels/lib.rs"));
    let (_, list) = lib.split_once("backend::ops!(").expect("the list of ops");
    let listed: Vec<&str> = list.split([',', '(', ')', ';']).map(str::trim).collect();
    let (mut ops, mut faults) = (0, Vec::new());
    for (name, folder) in op_folders() {
        let files = rust_files(&folder).into_iter().filter(|file| !file.ends_with("tests.rs"));
        for file in files {
            let code = code(&file);
            for op in code.split("impl Op for ").skip(1) {
                let op = op.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                ops += 1;
                if !listed.contains(&format!("{name}::{op}").as_str()) {
                    faults.push(format!("kernels/lib.rs: `{name}::{op}` is not in the list of ops"));
                }
            }
        }
    }
    assert!(ops > 0, "no op was found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
