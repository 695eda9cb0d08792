//! Before the program is built: the experiments that come with it, as a list for `src/config/shipped.rs`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=experiments");
    let root = env::current_dir()?.join("experiments");
    let mut files = [tables(&root)?, tables(&root.join("base"))?].concat();
    files.sort();
    let mut list = String::from("const FILES: &[(&str, &str)] = &[\n");
    for file in files {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        // Forward slashes on every system, as `extends` has them.
        let name = name.to_string_lossy().replace('\\', "/");
        // Not this checkout's path: a target folder may serve several.
        let path = format!("/experiments/{name}");
        list += &format!("    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),\n");
    }
    list += "];\n";
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    fs::write(Path::new(&out).join("shipped.rs"), list)
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
