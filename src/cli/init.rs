//! `runner init`: a file to start from.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Talk;
use super::arguments::InitArguments;
use super::failure::{self, Failure};
use super::order::idle_everywhere;
use crate::config::{self, load_shipped, shipped_names, template};

/// Writes a shipped experiment, and those it needs, as commented files of their own.
pub fn init(arguments: &InitArguments, talk: Talk) -> Result<u8, Failure> {
    let from = arguments.from.trim_end_matches(".toml");
    let from =
        Path::new(from).file_name().map_or(from.to_owned(), |name| name.to_string_lossy().into_owned());
    if !shipped_names().any(|name| name == from) {
        let names: Vec<&str> = shipped_names().collect();
        return Err(Failure::new(
            failure::REQUEST,
            format!("no experiment called `{from}` comes with the program"),
        )
        .help(format!("there are {}", names.join(", "))));
    }
    let target = arguments.file.clone().unwrap_or_else(|| PathBuf::from(format!("{from}.toml")));
    let folder = target.parent().unwrap_or(Path::new("")).to_owned();
    let mut files = vec![(target, from)];
    let mut next = 0;
    while next < files.len() {
        for need in template(&files[next].1, &[])?.needs {
            let path = folder.join(format!("{need}.toml"));
            if !path.exists() && files.iter().all(|(_, name)| *name != need) {
                files.push((path, need));
            }
        }
        next += 1;
    }
    if let Some((taken, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(Failure::new(failure::RUNNING, format!("`{}` exists already", taken.display()))
            .help("give another file name, or move it aside"));
    }
    std::fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
    let schema = schema_beside(&folder)?;
    for (path, name) in &files {
        let idle = idle_everywhere(&load_shipped(name)?, &[]);
        let text = format!("#:schema {schema}\n\n# Made from {name}.\n{}", template(name, &idle)?.text);
        crate::record::folder::write_whole(path, text.as_bytes())?;
        talk.say(format_args!("wrote {}", path.display()));
    }
    if talk.json {
        let paths: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        talk.data(&json!({"files": paths}));
    }
    Ok(0)
}

/// The schema as seen from `folder`: that of a checkout around it, else a copy beside the files.
pub fn schema_beside(folder: &Path) -> Result<String, Failure> {
    const NAME: &str = "schemas/experiment.schema.json";
    let mut up = String::new();
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    for ancestor in absolute.ancestors() {
        if ancestor.join(NAME).is_file() {
            return Ok(if up.is_empty() { format!("./{NAME}") } else { format!("{up}{NAME}") });
        }
        up += "../";
    }
    let path = folder.join("experiment.schema.json");
    crate::record::folder::write_whole(&path, format!("{:#}\n", config::schema()).as_bytes())?;
    Ok("./experiment.schema.json".to_owned())
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(failure::IO, format!("cannot write `{}`: {error}", path.display()))
}
