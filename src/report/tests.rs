//! Tables to the byte, and folders that are read or passed over.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::record::{Folder, Identity, RunState, Status, Values};

fn run(name: &str, id: &str, role: &str, state: RunState, metrics: &[(&str, f64)]) -> Run {
    let finished = state == RunState::Finished;
    let metrics: Values = metrics.iter().map(|(name, value)| (name.to_string(), *value)).collect();
    Run {
        dir: Path::new("results/runs").join(format!("{name}-{id}")),
        identity: Identity {
            name: name.into(),
            id: id.into(),
            role: role.into(),
            params: 1_234_567,
            config: [("train.max_lr".to_owned(), json!(0.0005)), ("run.seed".to_owned(), json!(7))].into(),
            ..Identity::default()
        },
        status: Some(Status {
            state,
            step: if finished { 600 } else { 120 },
            max_steps: 600,
            metrics,
            wall_secs: finished.then_some(243.4),
            secs_per_step: finished.then_some(0.30611),
            peak_bytes: finished.then_some(1_250_000_000),
            ..Status::default()
        }),
    }
}

fn three() -> Vec<Run> {
    let teacher = [("dev/wer", 0.0625), ("test/cer", 0.011), ("test/wer", 0.08125)];
    let student = [("dev/wer", 0.125), ("test/cer", 0.05), ("test/wer", 0.1725)];
    vec![
        run("tedlium_direct", "aaaa1111", "teacher", RunState::Finished, &teacher),
        run("tedlium_waypoint", "bbbb2222", "student", RunState::Finished, &student),
        run("tedlium_unguided", "cccc3333", "student", RunState::Interrupted, &[("dev/wer", 0.5)]),
    ]
}

#[test]
fn the_comparison_at_the_end_of_a_run() {
    let table = Table::comparison(&three()[..2]).unwrap();
    let want = "\
role     run                        parameters  test WER  test CER  per step  peak memory   wall time
───────  ─────────────────────────  ──────────  ────────  ────────  ────────  ───────────  ──────────
teacher  tedlium_direct-aaaa1111     1,234,567    8.12 %    1.10 %   0.306 s       1.2 GB  4 min 03 s
student  tedlium_waypoint-bbbb2222   1,234,567   17.25 %    5.00 %   0.306 s       1.2 GB  4 min 03 s
";
    assert_eq!(table.to_text(), want);
}

fn query(columns: &[&str]) -> Query {
    Query { columns: columns.iter().map(|name| name.to_string()).collect(), ..Query::default() }
}

const FEW: [&str; 4] = ["name", "state", "test/wer", "wall_secs"];

#[test]
fn text_and_markdown_are_for_people() {
    let table = query(&FEW).table(&three()).unwrap();
    let text = "\
name              state        test WER   wall time
────────────────  ───────────  ────────  ──────────
tedlium_direct    finished       8.12 %  4 min 03 s
tedlium_waypoint  finished      17.25 %  4 min 03 s
tedlium_unguided  interrupted         –           –
";
    assert_eq!(table.to_text(), text);
    let markdown = "\
| name             | state       | test WER |  wall time |
| ---------------- | ----------- | -------: | ---------: |
| tedlium_direct   | finished    |   8.12 % | 4 min 03 s |
| tedlium_waypoint | finished    |  17.25 % | 4 min 03 s |
| tedlium_unguided | interrupted |        – |          – |
";
    assert_eq!(table.to_markdown(), markdown);
}

#[test]
fn csv_and_json_are_for_programs() {
    let table = query(&FEW).table(&three()).unwrap();
    let csv = "\
name,state,test/wer,wall_secs
tedlium_direct,finished,0.08125,243.4
tedlium_waypoint,finished,0.1725,243.4
tedlium_unguided,interrupted,,
";
    assert_eq!(table.to_csv(), csv);
    let json = concat!(
        r#"[{"name":"tedlium_direct","state":"finished","test/wer":0.08125,"wall_secs":243.4},"#,
        r#"{"name":"tedlium_waypoint","state":"finished","test/wer":0.1725,"wall_secs":243.4},"#,
        r#"{"name":"tedlium_unguided","state":"interrupted","test/wer":null,"wall_secs":null}]"#,
    );
    assert_eq!(serde_json::to_string(&table).unwrap(), json);
}

#[test]
fn awkward_texts_survive() {
    let mut runs = vec![run("a,b", "1", "x|y", RunState::Failed, &[])];
    runs[0].status.as_mut().unwrap().cause = Some("he said \"no\"\nand left".into());
    let table = query(&["name", "role", "cause"]).table(&runs).unwrap();
    assert_eq!(table.to_csv(), "name,role,cause\n\"a,b\",x|y,\"he said \"\"no\"\"\nand left\"\n");
    assert!(
        table.to_markdown().ends_with("| a,b  | x\\|y | he said \"no\" and left |\n"),
        "{}",
        table.to_markdown()
    );
}

#[test]
fn the_usual_columns_are_those_with_values() {
    let csv = Query::default().table(&three()).unwrap().to_csv();
    let header =
        "name,id,role,state,step,params,test/wer,test/cer,dev/wer,secs_per_step,peak_bytes,wall_secs";
    assert_eq!(csv.lines().next(), Some(header));
    let row = "tedlium_unguided,cccc3333,student,interrupted,120,1234567,,,0.5,,,";
    assert_eq!(csv.lines().nth(3), Some(row));
    let none = Query::default().table(&[]).unwrap();
    assert_eq!((none.height(), none.to_csv().as_str()), (0, "\n"));
}

fn names(query: &Query) -> Vec<String> {
    let csv = query.table(&three()).unwrap().to_csv();
    csv.lines().skip(1).map(|line| line.split(',').next().unwrap().replace("tedlium_", "")).collect()
}

#[test]
fn runs_are_chosen_and_sorted() {
    let by = |sort: &str, descending| Query { sort: Some(sort.into()), descending, ..query(&["name"]) };
    assert_eq!(names(&by("test/wer", false)), ["direct", "waypoint", "unguided"]);
    assert_eq!(names(&by("test/wer", true)), ["waypoint", "direct", "unguided"]);
    assert_eq!(names(&by("name", false)), ["direct", "unguided", "waypoint"]);
    assert_eq!(names(&Query { top: Some(1), ..by("dev/wer", true) }), ["unguided"]);
    assert_eq!(names(&Query { pattern: Some("nguid".into()), ..query(&["name"]) }), ["unguided"]);
    let on = |texts: &[&str]| {
        let conditions = texts.iter().map(|text| text.parse().unwrap()).collect();
        names(&Query { conditions, ..query(&["name"]) })
    };
    assert_eq!(on(&["test/wer<0.1"]), ["direct"]);
    assert_eq!(on(&["test/wer > 0"]), ["direct", "waypoint"]);
    assert_eq!(on(&["state=finished", "dev/wer>=0.125"]), ["waypoint"]);
    assert_eq!(on(&["state != finished"]), ["unguided"]);
    assert_eq!(on(&["train.max_lr<=5e-4", "run.seed=7", "step=120"]), ["unguided"]);
    assert!(on(&["step=many"]).is_empty());
}

#[test]
fn requests_that_cannot_be_met_say_why() {
    let error = query(&["test/wre"]).table(&three()).unwrap_err();
    assert_eq!(error.to_string(), "no run has a column `test/wre`");
    let help = error.help().unwrap();
    assert!(help.starts_with("there are run, name, id, "), "{help}");
    assert!(help.ends_with(", dev/wer, run.seed, test/cer, test/wer, train.max_lr"), "{help}");
    for text in ["test/wer", "<3", "a=", ""] {
        let error = text.parse::<Condition>().unwrap_err();
        assert_eq!(error.to_string(), format!("`{text}` is not a condition"));
    }
}

#[test]
fn folders_are_loaded_or_passed_over_or_named() {
    let root = tempfile::tempdir().unwrap();
    assert!(load(&root.path().join("nowhere")).unwrap().runs.is_empty());
    for run in three() {
        let folder = Folder::at(root.path().join(run.dir.file_name().unwrap()));
        folder.create().unwrap();
        run.identity.write(&folder).unwrap();
        crate::record::folder::write_json(&folder.status_json(), &run.status).unwrap();
    }
    let prepared = Folder::at(root.path().join("new-dddd4444"));
    prepared.create().unwrap();
    Identity { name: "new".into(), ..Identity::default() }.write(&prepared).unwrap();
    fs::create_dir(root.path().join("no-run")).unwrap();
    fs::write(root.path().join("README"), "a file").unwrap();
    let aside = Folder::at(root.path().join("new-dddd4444.aside-1"));
    aside.create().unwrap();
    Identity::default().write(&aside).unwrap();
    let broken = Folder::at(root.path().join("broken-eeee5555"));
    broken.create().unwrap();
    fs::write(broken.run_json(), "{").unwrap();

    let loaded = load(root.path()).unwrap();
    let said: Vec<String> = loaded.unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with(&format!("`{}` is damaged: ", broken.run_json().display())), "{said:?}");
    let csv = query(&["run", "state", "test/wer"]).table(&loaded.runs).unwrap().to_csv();
    let want = "\
run,state,test/wer
new-dddd4444,new,
tedlium_direct-aaaa1111,finished,0.08125
tedlium_unguided-cccc3333,interrupted,
tedlium_waypoint-bbbb2222,finished,0.1725
";
    assert_eq!(csv, want);
}

#[test]
fn repetitions_become_a_row_with_mean_and_deviation() {
    let finished = RunState::Finished;
    let mut runs = vec![
        run("tedlium_target", "aaaa1111", "student", finished, &[("test/wer", 0.10)]),
        run("tedlium_direct", "bbbb2222", "teacher", finished, &[("test/wer", 0.05)]),
        run("tedlium_target", "cccc3333", "student", finished, &[("test/wer", 0.14)]),
        run("tedlium_target", "dddd4444", "student", finished, &[("test/wer", 0.12)]),
    ];
    for (seed, run) in runs.iter_mut().enumerate() {
        run.identity.config.insert("run.seed".to_owned(), json!(seed));
    }
    let over = Some("run.seed".to_owned());
    let table = Query { over: over.clone(), ..query(&["id", "name", "run.seed", "params", "test/wer"]) };
    let table = table.table(&runs).unwrap();
    let text = "\
name            parameters  runs          test WER
──────────────  ──────────  ────  ────────────────
tedlium_target   1,234,567     3  12.00 % ± 2.00 %
tedlium_direct   1,234,567     1            5.00 %
";
    assert_eq!(table.to_text(), text);
    let csv = "name,params,runs,test/wer,test/wer sd\ntedlium_target,1234567,3,0.12,0.02\ntedlium_direct,1234567,1,0.05,\n";
    assert_eq!(
        table.to_csv().replace("0.020000000000000004", "0.02").replace("0.12000000000000001", "0.12"),
        csv
    );
    let sorted = Query { over, sort: Some("test/wer".into()), ..query(&["name", "run.seed"]) };
    let sorted = sorted.table(&runs).unwrap().to_csv();
    assert!(sorted.starts_with("name,runs,test/wer"), "{sorted}");
    assert!(sorted.lines().nth(1).unwrap().starts_with("tedlium_direct,1,"), "{sorted}");
    let unknown = Query { over: Some("run.sed".into()), ..Query::default() };
    assert!(unknown.table(&runs).is_err());
}
