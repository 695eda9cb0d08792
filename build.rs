//! Before the program is built: what comes with it, file by file, as lists: the experiments for `src/config/shipped.rs`, and what can be
//! fetched for `src/fetch/catalogue.rs`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    list("shipped.rs", "experiments", &["", "base"])?;
    list("catalogue.rs", "src/fetch/catalogue", &[""])
}

/// Writes the TOML files in these `folders` of `root`, by their paths in it and in their order, as the slice `FILES` of a source file.
fn list(source: &str, root: &str, folders: &[&str]) -> io::Result<()> {
    println!("cargo::rerun-if-changed={root}");
    let here = env::current_dir()?.join(root);
    let mut files = Vec::new();
    for folder in folders {
        files.extend(tables(&here.join(folder))?);
    }
    files.sort();
    let mut list = String::from("const FILES: &[(&str, &str)] = &[\n");
    for file in files {
        let name = file.strip_prefix(&here).map_err(io::Error::other)?;
        // Forward slashes on every system, as `extends` has them.
        let name = name.to_string_lossy().replace('\\', "/");
        // Not this checkout's path: a target folder may serve several.
        let path = format!("/{root}/{name}");
        list += &format!("    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),\n");
    }
    list += "];\n";
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    fs::write(Path::new(&out).join(source), list)
}

/// The TOML files of a folder.
fn tables(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    Ok(found)
}
