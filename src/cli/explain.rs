//! `runner explain`: what an option, an error code or a paper's flag means, from the place where it is declared.

use serde_json::json;

use super::Talk;
use super::codes;
use super::failure::{self, Failure};
use crate::config::{Code, Named, OptionDoc, named};
use crate::import::{self, Flag, Script};
use crate::plan::readers;

/// Explains one option, the options of a table, or an error code; without a name lists the codes.
pub fn explain(name: Option<&str>, talk: Talk) -> Result<u8, Failure> {
    let Some(name) = name else { return list_codes(talk) };
    if let Some(code) = codes::all().find(|code| code.id().eq_ignore_ascii_case(name)) {
        explain_code(code, talk);
        return Ok(0);
    }
    if let Some(script) = import::script(name) {
        explain_script(script, talk);
        return Ok(0);
    }
    match named(name) {
        Named::Options(paths) => {
            let docs: Vec<OptionDoc> = paths.iter().filter_map(|path| OptionDoc::at(path)).collect();
            if talk.json {
                talk.data(&docs.iter().map(option_json).collect());
            } else {
                let texts: Vec<String> = docs.iter().map(option_text).collect();
                print!("{}", texts.join("\n"));
            }
            Ok(0)
        }
        Named::Table(paths) => {
            let docs: Vec<OptionDoc> = paths.iter().filter_map(|path| OptionDoc::at(path)).collect();
            if talk.json {
                talk.data(&docs.iter().map(option_json).collect());
            } else {
                print!("{}", table_text(&docs));
            }
            Ok(0)
        }
        Named::Nothing { nearest, containing } => Err(unknown(name, nearest, &containing)),
    }
}

fn unknown(name: &str, nearest: Option<String>, containing: &[String]) -> Failure {
    let failure =
        Failure::new(failure::REQUEST, format!("there is no option, table or code called `{name}`"));
    match (nearest, containing) {
        (_, [_, ..]) => failure.help(format!("options with that in their name: {}", containing.join(", "))),
        (Some(nearest), _) => failure.help(format!("did you mean `{nearest}`?")),
        _ => failure.help("`schemas/reference.md` lists every option, `runner explain` every code"),
    }
}

fn list_codes(talk: Talk) -> Result<u8, Failure> {
    if talk.json {
        talk.data(&codes::all().map(code_json).collect());
    } else {
        for code in codes::all() {
            println!("{}  {}", code.id(), code.meaning());
        }
    }
    Ok(0)
}

fn explain_script(script: &Script, talk: Talk) {
    let hparams = || script.hparams.iter().collect::<Vec<_>>();
    let rows = |flags: Vec<&Flag>| -> Vec<serde_json::Value> {
        let row = |flag: &Flag| {
            json!({
                "names": flag.spellings().collect::<Vec<_>>(), "takes": flag.takes.text(), "default": flag.default,
                "required": flag.required, "here": flag.here.text(),
            })
        };
        flags.into_iter().map(row).collect()
    };
    if talk.json {
        talk.data(&json!({
            "program": script.name, "system": script.system, "about": script.about, "flags": rows(script.flags().collect()),
            "hparams": rows(hparams()),
        }));
        return;
    }
    println!("{}  {}: it {}", script.name, script.system, script.about);
    for (title, flags) in [("", script.flags().collect()), ("inside `--hparams`", hparams())] {
        if flags.is_empty() {
            continue;
        }
        println!("\n{title}");
        let names = |flag: &Flag| flag.spellings().collect::<Vec<_>>().join(", ");
        let width = flags.iter().map(|flag| names(flag).len()).max().unwrap_or(0);
        for flag in flags {
            let default =
                if flag.default.is_empty() { String::new() } else { format!(" [{}]", flag.default) };
            println!("  {:width$}  {}{default}", names(flag), flag.here.text());
        }
    }
}

fn code_json(code: Code) -> serde_json::Value {
    json!({"code": code.id(), "meaning": code.meaning(), "remedy": code.remedy()})
}

fn explain_code(code: Code, talk: Talk) {
    if talk.json {
        talk.data(&code_json(code));
    } else {
        println!("{}  {}\n\n{}", code.id(), code.meaning(), code.remedy());
    }
}

fn option_json(doc: &OptionDoc) -> serde_json::Value {
    let reading = readers(&doc.path);
    let names: Vec<&str> =
        reading.iter().flat_map(|reading| reading.readers.iter().map(|reader| reader.name())).collect();
    json!({
        "path": doc.path, "takes": doc.takes, "default": doc.default, "summary": doc.summary, "details": doc.details,
        "choices": doc.choices, "read_by": names,
        "identity": reading.as_ref().is_some_and(|reading| reading.part_of_identity),
        "only_if": reading.and_then(|reading| reading.only_if),
    })
}

fn option_text(doc: &OptionDoc) -> String {
    let mut lines = vec![doc.path.clone(), format!("  {}", doc.summary)];
    lines.extend(doc.details.lines().map(|line| format!("  {line}")));
    lines.push(String::new());
    let mut fact = |name: &str, text: &str| lines.push(format!("  {name:9} {text}"));
    fact("takes", &doc.takes);
    for (choice, meaning) in &doc.choices {
        fact("", &format!("`{choice}`: {meaning}"));
    }
    fact("default", doc.default.as_deref().unwrap_or("none"));
    if let Some(reading) = readers(&doc.path) {
        let names: Vec<&str> = reading.readers.iter().map(|reader| reader.name()).collect();
        fact("read by", &names.join(", "));
        if let Some(condition) = &reading.only_if {
            fact("", &format!("not by default; for one, with `{condition}`"));
        }
        fact(
            "identity",
            match reading.part_of_identity {
                true => "another value makes another run",
                false => "changes no result: the run stays the same one",
            },
        );
    }
    let (example, bare) = (doc.example(), doc.path.rsplit('.').next().unwrap_or(&doc.path));
    match doc.path.rsplit_once('.') {
        Some((table, _)) => fact("write", &format!("{bare} = {example}    under [{table}]")),
        None => fact("write", &format!("{bare} = {example}    at the top of the file")),
    }
    // What says which runs there are cannot be set for one of them.
    if doc.path.starts_with("sweep.") {
        return lines.join("\n") + "\n";
    }
    let quoted = if example.contains([' ', '"', '[']) {
        format!("'{}={example}'", doc.path)
    } else {
        format!("{}={example}", doc.path)
    };
    fact("", &format!("-s {quoted}"));
    fact(
        "",
        &format!("RUNNER__{}={}", doc.path.replace('.', "__").to_uppercase(), example.trim_matches('"')),
    );
    lines.join("\n") + "\n"
}

fn table_text(docs: &[OptionDoc]) -> String {
    let width = docs.iter().map(|doc| doc.path.len()).max().unwrap_or(0);
    let line = |doc: &OptionDoc| {
        let default = doc.default.as_ref().map_or(String::new(), |default| format!(" [{default}]"));
        format!("{:width$}  {}{default}\n", doc.path, doc.summary)
    };
    docs.iter().map(line).collect()
}
