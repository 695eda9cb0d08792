//! The resolved configuration of each run, with the origin of every value.

use super::html::{Tag, tag};
use super::record::{Origin, Record};
use super::{Section, differences, head, mark};

pub(super) fn section(records: &[Record], names: &[String], differing: &[String]) -> Option<Section> {
    let parts: Vec<Tag> =
        (0..records.len()).filter_map(|run| of_run(records, run, names, differing)).collect();
    let said = "Every option in force, and where its value came from: a file and line, a profile, the command line, or the default.";
    let section = || Section::new("configuration", "Configuration").child(tag("p").class("hint").text(said));
    (!parts.is_empty()).then(|| section().children(parts))
}

fn of_run(records: &[Record], run: usize, names: &[String], differing: &[String]) -> Option<Tag> {
    let record = &records[run];
    let options = options(record);
    if options.is_empty() {
        return None;
    }
    let has_origins = !record.origins.is_empty();
    let mut body = tag("tbody");
    let mut table = String::new();
    for option in &options {
        let (path, leaf) = option.path.rsplit_once('.').unwrap_or(("", &option.path));
        if path != table {
            path.clone_into(&mut table);
            let heading = tag("th").attr("colspan", "3").child(tag("code").text(format!("[{path}]")));
            body = body.child(tag("tr").class("table").child(heading));
        }
        let class = [
            differing.contains(&option.path).then_some("differs"),
            (option.origin == "default").then_some("default"),
        ];
        let class: Vec<&str> = class.into_iter().flatten().collect();
        let row = tag("tr")
            .class(&class.join(" "))
            .child(tag("th").child(tag("code").text(leaf)))
            .child(tag("td").child(tag("code").text(&option.value)));
        body = body.child(row.children(has_origins.then(|| tag("td").class("origin").text(&option.origin))));
    }
    let summary = tag("summary").child(mark(run, records.len())).text(format!(
        "{} · {}",
        names[run],
        record.folder_name()
    ));
    let table = tag("div").class("wide").child(tag("table").class("options").child(body));
    let facts = (records.len() > 1).then(|| head::own_facts(&record.run.identity));
    Some(
        tag("details")
            .attr("id", format!("configuration-{}", run + 1))
            .child(summary)
            .children(facts)
            .child(table),
    )
}

/// With origins from origin.json; without them where that is missing.
fn options(record: &Record) -> Vec<Origin> {
    if !record.origins.is_empty() {
        // Options outside of tables first, as TOML has them; tables together.
        let mut options = record.origins.clone();
        options.sort_by_key(|option| option.path.contains('.'));
        return options;
    }
    let paths = record.run.identity.config.keys();
    let option = |path: &String| {
        Some(Origin { path: path.clone(), value: differences::value(record, path)?, origin: String::new() })
    };
    let mut options: Vec<Origin> = paths.filter_map(option).collect();
    options.sort_by_key(|option| option.path.contains('.'));
    options
}
