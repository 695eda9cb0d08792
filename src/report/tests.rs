//! Tables to the byte, and folders that are read or passed over.

mod folds;
mod index;

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
            // As run.json has them: TOML.
            config: [
                ("eval.select".to_owned(), json!("\"dev/wer\"")),
                ("run.seed".to_owned(), json!("7")),
                ("train.max_lr".to_owned(), json!("0.0005")),
            ]
            .into(),
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
fn people_read_where_weights_came_from_by_the_run_s_name() {
    let mut runs = three();
    let source = json!("\"run:/home/me/results/runs/tedlium_direct-0d\"");
    runs[0].identity.config.insert("model.ssamba.pretrained".into(), source);
    let table = query(&["model.ssamba.pretrained"]).table(&runs[..1]).unwrap();
    assert!(table.to_text().ends_with("\nrun:tedlium_direct-0d\n"), "{}", table.to_text());
    assert!(
        table.to_csv().ends_with("\nrun:/home/me/results/runs/tedlium_direct-0d\n"),
        "{}",
        table.to_csv()
    );
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
fn the_usual_columns_are_what_differs_and_what_came_out() {
    let csv = Query::default().table(&three()).unwrap().to_csv();
    let header = "name,id,role,state,step,test/wer,test/cer,dev/wer,secs_per_step,peak_bytes,wall_secs";
    assert_eq!(csv.lines().next(), Some(header));
    let row = "tedlium_unguided,cccc3333,student,interrupted,120,,,0.5,,,";
    assert_eq!(csv.lines().nth(3), Some(row));
    let none = Query::default().table(&[]).unwrap();
    assert_eq!((none.height(), none.to_csv().as_str()), (0, "\n"));
}

/// Runs of one experiment that differ in `count` options.
fn differing_in(count: usize) -> Vec<Run> {
    let finished = RunState::Finished;
    let metrics = [("test/acc", 0.5), ("test/loss", 1.5), ("teacher/dev/acc", 0.1), ("dev/loss", 1.25)];
    let mut runs = vec![
        run("a", "aaaa1111", "model", finished, &metrics),
        run("a", "bbbb2222", "model", finished, &metrics),
    ];
    for option in 0..count {
        runs[0].identity.config.insert(format!("model.option_{option:02}"), json!("1"));
        runs[1].identity.config.insert(format!("model.option_{option:02}"), json!(format!("{option}.5")));
    }
    runs[1].identity.config.insert("output.runs_dir".into(), json!("\"elsewhere\""));
    runs
}

#[test]
fn options_that_differ_are_shown_as_far_as_they_can_be_read() {
    let runs = differing_in(10);
    let header = |query: &Query| query.table(&runs).unwrap().to_csv().lines().next().unwrap().to_owned();
    let narrow = header(&Query::default());
    assert!(narrow.starts_with("name,id,model.option_00,model.option_01,"), "{narrow}");
    assert!(
        narrow.ends_with(",model.option_07,state,test/acc,secs_per_step,peak_bytes,wall_secs"),
        "{narrow}"
    );
    assert_eq!(Query::default().unshown(&runs).unwrap(), ["model.option_08", "model.option_09"]);
    let wide = Query { wide: true, ..Query::default() };
    assert!(header(&wide).contains("model.option_09,state"), "{}", header(&wide));
    assert!(wide.unshown(&runs).unwrap().is_empty());
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
    assert_eq!(names(&Query { patterns: vec!["nguid".into()], ..query(&["name"]) }), ["unguided"]);
    let like = |patterns: &[&str]| {
        let patterns = patterns.iter().map(|pattern| pattern.to_string()).collect();
        names(&Query { patterns, ..query(&["name"]) })
    };
    assert_eq!(like(&["tedlium_*-bbbb????", "direct"]), ["direct", "waypoint"]);
    assert!(like(&["tedlium_*-bbbb???"]).is_empty() && like(&["*waypoint"]).is_empty());
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
    // As numbers, however they are written.
    assert_eq!(on(&["train.max_lr < 1e-3", "wer > 0.1"]), ["waypoint"]);
    assert!(on(&["max_lr > 1e-3"]).is_empty());
}

#[test]
fn requests_that_cannot_be_met_say_why() {
    let error = query(&["test/wre"]).table(&three()).unwrap_err();
    assert_eq!(error.to_string(), "no run has a column `test/wre`");
    assert_eq!(error.help().unwrap(), "did you mean `test/wer` or `test/cer`?");
    let help = query(&["?"]).table(&three()).unwrap_err().help().unwrap();
    assert!(help.starts_with("there are run, name, id, "), "{help}");
    assert!(help.ends_with(", dev/wer, test/cer, test/wer, and 3 options such as `train.max_lr`"), "{help}");
    let mut runs = three();
    runs[0].identity.config.insert("model.max_lr".into(), json!("1"));
    let error = query(&["max_lr"]).table(&runs).unwrap_err();
    assert_eq!(error.to_string(), "`max_lr` may be `model.max_lr`, `train.max_lr`");
    for text in ["test/wer", "<3", "a=", ""] {
        let error = text.parse::<Condition>().unwrap_err();
        assert_eq!(error.to_string(), format!("`{text}` is not a condition"));
    }
}

/// Writes a run's files.
fn write(root: &Path, run: &Run) {
    let folder = Folder::at(root.join(run.dir.file_name().unwrap()));
    folder.create().unwrap();
    run.identity.write(&folder).unwrap();
    crate::record::folder::write_json(&folder.status_json(), &run.status).unwrap();
}

#[test]
fn folders_are_loaded_or_passed_over_or_named() {
    let root = tempfile::tempdir().unwrap();
    assert!(load(&root.path().join("nowhere")).unwrap().runs.is_empty());
    three().iter().for_each(|run| write(root.path(), run));
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

/// Three repetitions of one run, one of which has no result, and a run of another name.
fn repetitions() -> Vec<Run> {
    let finished = RunState::Finished;
    let mut runs = vec![
        run("tedlium_target", "aaaa1111", "student", finished, &[("test/wer", 0.10)]),
        run("tedlium_direct", "bbbb2222", "teacher", finished, &[("test/wer", 0.05)]),
        run("tedlium_target", "cccc3333", "student", finished, &[("test/wer", 0.14)]),
        run("tedlium_target", "dddd4444", "student", finished, &[("test/wer", 0.12)]),
    ];
    for (seed, run) in runs.iter_mut().enumerate() {
        run.identity.config.insert("run.seed".to_owned(), json!(seed.to_string()));
    }
    runs
}

#[test]
fn repetitions_become_a_row_with_mean_and_deviation() {
    let runs = repetitions();
    let group = Some(Group::Repetitions);
    let asked = Query { group: group.clone(), ..query(&["id", "name", "params", "test/wer"]) };
    let table = asked.table(&runs).unwrap();
    let text = "\
name            parameters  n          test WER
──────────────  ──────────  ─  ────────────────
tedlium_target   1,234,567  3  12.00 % ± 2.00 %
tedlium_direct   1,234,567  1            5.00 %
";
    assert_eq!(table.to_text(), text);
    // (0.10 + 0.14 + 0.12) / 3, and the root of (0.02² + 0.02²) / 2.
    let rows: serde_json::Value = serde_json::to_value(&table).unwrap();
    let close = |key: &str, want: f64| (rows[0][key].as_f64().unwrap() - want).abs() < 1e-15;
    assert!(close("test/wer", 0.12) && close("test/wer sd", 0.02) && close("test/wer min", 0.10), "{rows}");
    assert_eq!((&rows[0]["n"], &rows[0]["test/wer n"]), (&json!(3), &json!(3)));
    assert_eq!((&rows[1]["n"], &rows[1]["test/wer sd"]), (&json!(1), &json!(null)));
    let sorted = Query { group, sort: Some("test/wer".into()), ..query(&["name"]) };
    assert_eq!(sorted.table(&runs).unwrap().to_csv(), "name,n\ntedlium_direct,1\ntedlium_target,3\n");
}

#[test]
fn a_group_says_what_its_runs_do_not_share() {
    let mut runs = repetitions();
    let status = runs[3].status.as_mut().unwrap();
    (status.state, status.step) = (RunState::Running, 40);
    status.metrics.clear();
    let asked = Query {
        group: Some(Group::Repetitions),
        ..query(&["name", "state", "step", "run.seed", "test/wer"])
    };
    let text = "\
name            state                  step      run.seed  n                   test WER
──────────────  ─────────────────────  ────────  ────────  ─  ─────────────────────────
tedlium_target  2 finished, 1 running  2 values  3 values  3  12.00 % ± 2.83 % (2 of 3)
tedlium_direct  finished               600       1         1                     5.00 %
";
    assert_eq!(asked.table(&runs).unwrap().to_text(), text);
}

#[test]
fn runs_are_grouped_by_the_columns_named() {
    let mut runs = repetitions();
    runs[0].identity.config.insert("train.max_lr".into(), json!("0.002"));
    let asked = |group: &[&str]| {
        let names = group.iter().map(|name| name.to_string()).collect();
        let query = Query { group: Some(Group::By(names)), sort: Some("n".into()), ..Query::default() };
        let csv = query.table(&runs).unwrap().to_csv();
        csv.lines().map(|line| line.split(',').take(3).collect::<Vec<_>>().join(",")).collect::<Vec<_>>()
    };
    assert_eq!(
        asked(&["max_lr"]),
        ["train.max_lr,n,test/wer", "0.002,1,0.1", "0.0005,3,0.10333333333333333"]
    );
    let usual = Query { group: Some(Group::Repetitions), ..Query::default() }.table(&runs).unwrap().to_csv();
    assert!(usual.starts_with("name,train.max_lr,role,state,n,test/wer,test/wer sd,"), "{usual}");
    assert_eq!(usual.lines().count(), 4);
}

#[test]
fn latex_is_for_papers() {
    let mut runs = repetitions();
    runs[1].identity.name = "R&D 100% #1 {x}~^\\".into();
    let asked = Query { group: Some(Group::Repetitions), ..query(&["name", "train.max_lr", "test/wer"]) };
    let want = r"% \usepackage{booktabs}
\begin{tabular}{lrrr}
\toprule
name & train.max\_lr & n & test WER \\
\midrule
tedlium\_target & 0.0005 & 3 & 12.00 \% $\pm$ 2.00 \% \\
R\&D 100\% \#1 \{x\}\textasciitilde{}\textasciicircum{}\textbackslash{} & 0.0005 & 1 & 5.00 \% \\
\bottomrule
\end{tabular}
";
    assert_eq!(asked.table(&runs).unwrap().to_latex(), want);
}

#[test]
fn parquet_holds_every_digit() {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};

    let bytes = query(&["name", "step", "test/wer"]).table(&three()).unwrap().to_parquet().unwrap();
    let path = tempfile::tempdir().unwrap().keep().join("table.parquet");
    fs::write(&path, bytes).unwrap();
    let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
    let want = [
        "{name: \"tedlium_direct\", step: 600, test/wer: 0.08125}",
        "{name: \"tedlium_waypoint\", step: 600, test/wer: 0.1725}",
        "{name: \"tedlium_unguided\", step: 120, test/wer: null}",
    ];
    assert_eq!(rows, want);
}

#[test]
fn published_numbers_stand_beside_ours_with_what_keeps_them_apart() {
    let mut runs = three();
    runs[0].identity.config.insert("train.max_steps".into(), json!("600"));
    runs[0].identity.config.insert("data.dir".into(), json!("\"corpora/smoke\""));
    runs[0].identity.profile = Some("smoke".into());
    let table = Paper::named("tedlium").unwrap().table(&runs).unwrap();
    let csv = table.to_csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "system,from,params,test/wer,n,remark");
    assert!(
        lines[1].starts_with("Std. Wav2Vec2,published,,0.0624,,\"to be confirmed in the paper: "),
        "{csv}"
    );
    let ours = "tedlium_direct,ours,1234567,0.08125,1,\"not comparable: profile smoke, corpus corpora/smoke, not TED-LIUM 3, 452 h, 600 of 90,000 updates\"";
    assert_eq!(lines[2], ours);
    assert!(lines[3].starts_with("Hybrid,published,"), "{csv}");
    assert!(csv.contains("\ntedlium_unguided,ours,1234567,,1,not comparable: 1 unfinished\ntedlium_waypoint,ours,1234567,0.1725,1,\n"), "{csv}");
    for paper in Paper::all().unwrap() {
        assert!(paper.table(&[]).unwrap().height() > 0, "{}", paper.name);
    }
    let error = Paper::named("sc9").unwrap_err();
    assert_eq!(error.to_string(), "there is no published table `sc9`");
    assert!(error.help().unwrap().starts_with("there are `tedlium`, `slurp`, "));
}
