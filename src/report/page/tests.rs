//! Pages of run folders as they are written: what a reader finds on them, whatever the folders lack, and how large they become.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::record::preds;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>&\"'";

/// A finished run with 600 updates; `seed` moves its numbers.
fn write_run(dir: &Path, name: &str, seed: u64) {
    fs::create_dir_all(dir).unwrap();
    let wer = 0.05 + 0.01 * seed as f64;
    let identity = json!({
        "format": 1, "name": name, "id": format!("{seed:08x}"), "role": "model", "experiment": "experiments/x.toml", "profile": "study",
        "seeds": { "run": seed }, "params": 1_234_567, "device": "cpu", "threads": 2, "precision": "f32", "version": "0.1.0",
        "git_sha": "54929343f1970c53d7821a471a4bab175a5145b2", "argv": ["runner", "run", "experiments/x.toml"],
        "config": { "run.seed": seed.to_string(), "train.max_lr": "0.001", "output.runs_dir": "\"x\"" },
        "host": { "name": "gauss", "system": "linux x86_64", "cpu": "a processor", "cores": 8, "memory_bytes": 16_000_000_000_u64 },
        "started": "2026-11-21T07:34:59Z", "finished": "2026-11-21T07:35:40Z",
    });
    write(dir, "run.json", &identity.to_string());
    let status = json!({
        "state": "finished", "step": 600, "max_steps": 600, "wall_secs": 41.0, "secs_per_step": 0.068, "peak_bytes": 398_000_000_u64,
        "metrics": { "test/wer": wer, "dev/wer": wer + 0.02, "dev/loss": 3.5 },
    });
    write(dir, "status.json", &status.to_string());
    let origins: Vec<_> = (0..100)
        .map(|n| json!({ "path": format!("train.option_{n}"), "value": n.to_string(), "origin": "experiments/base/tedlium.toml:9" }))
        .collect();
    write(dir, "origin.json", &json!(origins).to_string());
    let (mut metrics, mut timings) = (String::new(), String::new());
    for step in 1..=600 {
        let loss = 10.0 / f64::from(step) + 0.01 * seed as f64;
        let parts = json!({ "step": step, "train/loss": loss, "train/ctc": loss / 2.0, "train/lr": 1e-3, "train/grad_norm": loss * 3.0,
            "train/infinite": 0, "train/utterances": 4 });
        metrics.push_str(&format!("{parts}\n"));
        timings.push_str(&format!(
            "{}\n",
            json!({ "step": step, "unix_secs": 1.0, "time/step_secs": 0.05, "time/audio_secs_per_sec": 80.0 })
        ));
        if step % 100 == 0 {
            metrics.push_str(&format!(
                "{}\n",
                json!({ "step": step, "dev/loss": loss, "dev/wer": wer + 1.0 / f64::from(step) })
            ));
            timings
                .push_str(&format!("{}\n", json!({ "step": step, "unix_secs": 1.0, "time/eval_secs": 0.5 })));
        }
    }
    write(dir, "metrics.jsonl", &metrics);
    write(dir, "timings.jsonl", &timings);
    let predictions = (0..200).map(|n| {
        let pred = if n % 3 == 0 { "turn of the hall" } else { "turn off the hall light" };
        json!({ "name": format!("u_{n:04}"), "pred": pred, "label": "turn off the hall light" })
    });
    preds::write(&dir.join("preds.jsonl"), predictions).unwrap();
}

fn write(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).unwrap();
}

fn page(dirs: &[&Path]) -> String {
    let records = dirs.iter().map(|dir| Record::read(dir)).collect();
    Page { title: "a page".into(), made: "2026-11-22T00:00:00Z".into(), records, ..Page::default() }
        .html()
        .unwrap()
}

/// What a reader sees: the text between tags, without style, programs and data.
fn text(html: &str) -> String {
    let mut html = html.to_owned();
    for element in ["style", "script"] {
        let end = format!("</{element}>");
        while let Some(start) = html.find(&format!("<{element}")) {
            let len = html[start..].find(&end).unwrap() + end.len();
            html.replace_range(start..start + len, " ");
        }
    }
    let words = html.split('<').map(|part| part.split_once('>').map_or("", |(_, text)| text));
    let text = words.collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(text: &str, wanted: &[&str]) {
    for part in wanted {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

#[test]
fn a_run_is_told_from_its_machine_to_its_mistakes() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("tedlium_x-00000000");
    write_run(&dir, "tedlium_x", 0);
    let text = text(&page(&[&dir]));
    says(
        &text,
        &[
            "finished at update 600 of 600, after 41 s",
            "5.00 % test WER",
            "machine gauss, linux x86_64, a processor, 8 cores, 16 GB of memory",
            "started 2026-11-21 07:34:59 UTC",
            "program runner 0.1.0, commit 54929343f1",
            "67 of 200 utterances of the test list have mistakes; 40 are shown, worst first.",
            "u_0000 WER 40.00 % meant turn off the hall light heard turn of the hall light",
            "audio hours an hour",
            "30 s (73 %)",
            "3.00 s (7 %), 6 times",
            "option_7",
            "experiments/base/tedlium.toml:9",
        ],
    );
    assert!(!text.contains("What differs") && !text.contains("losses that are not finite"), "{text}");
}

#[test]
fn a_metric_of_several_lists_is_one_row() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("tacomamba-00000000");
    write_run(&dir, "tacomamba", 0);
    let each = ["duration", "mel", "refined"].into_iter();
    let metrics: serde_json::Map<String, serde_json::Value> = each
        .flat_map(|name| [(format!("test/{name}"), json!(0.25)), (format!("dev/{name}"), json!(0.5))])
        .collect();
    write(&dir, "status.json", &json!({ "state": "finished", "step": 600, "metrics": metrics }).to_string());
    let html = page(&[&dir]);
    let results = &html[html.find("id=\"runs\"").unwrap()..];
    let results = text(&results[..results.find("</section>").unwrap()]);
    let rows = results.split_once("test dev").unwrap().1;
    assert_eq!(rows.trim(), "duration 0.2500 0.5000 mel 0.2500 0.5000 refined 0.2500 0.5000");
}

#[test]
fn runs_are_called_by_what_tells_them_apart() {
    let folder = TempDir::new().unwrap();
    let dirs: Vec<_> = (0..3).map(|seed| folder.path().join(format!("x-{seed}"))).collect();
    for (seed, dir) in dirs.iter().enumerate() {
        write_run(dir, "x", seed as u64);
    }
    let dirs: Vec<&Path> = dirs.iter().map(AsRef::as_ref).collect();
    let html = page(&dirs);
    says(
        &text(&html),
        &[
            "3 runs: 3 finished",
            "5.00 % best test WER of 3 1 seed=0",
            "What differs",
            "run.seed 0 1 2",
            "67 of 200 utterances of the test list have mistakes; 20 are shown, those that most runs have wrong come first.",
            "u_0000 mean WER 40.00 % meant turn off the hall light 1 heard turn of the hall light",
        ],
    );
    assert!(!text(&html).contains("runs_dir"), "where runs lie is no difference");
    // Drawn without a program, too: train and dev of three runs.
    let loss = html
        .split("<figure class=\"chart\" data-chart=\"0\">")
        .nth(1)
        .and_then(|rest| rest.split("</figure>").next())
        .unwrap();
    assert_eq!(loss.matches("class=\"line train\"").count(), 3);
    assert_eq!(loss.matches("class=\"line dev\"").count(), 3);
}

#[test]
fn nothing_from_a_folder_becomes_markup_and_nothing_is_loaded() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("hostile-0");
    write_run(&dir, HOSTILE, 0);
    let one = json!({ "name": HOSTILE, "pred": HOSTILE, "label": format!("a {HOSTILE} b") });
    preds::write(&dir.join("preds.jsonl"), [one]).unwrap();
    let origin = json!([{ "path": HOSTILE, "value": HOSTILE, "origin": HOSTILE }]);
    write(&dir, "origin.json", &origin.to_string());
    write(
        &dir,
        "status.json",
        &json!({ "state": "failed", "cause": HOSTILE, "metrics": { HOSTILE: 1.0, "test/wer": 0.5 } })
            .to_string(),
    );
    write(&dir, "log.txt", HOSTILE);
    write(&dir, "metrics.jsonl", &format!("{}\n", json!({ "step": 1, format!("train/{HOSTILE}"): 1.0 })));
    write(&dir, "confusion.csv", "head,truth,prediction,count\n0,</script>,<b>,2\n");
    let records = vec![Record::read(&dir), Record::read(&dir)];
    let made = Page { title: HOSTILE.into(), notes: vec![HOSTILE.into()], records, ..Page::default() }
        .html()
        .unwrap();
    assert!(!made.contains("<img src=x"), "markup from outside");
    assert!(
        !made.contains("http:") && !made.contains("https:") && !made.contains("url("),
        "something is loaded"
    );
    // Programs of ours and one element with data, each with its own end.
    assert_eq!((made.matches("<script").count(), made.matches("</script>").count()), (3, 3));
    let data = made.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next()).unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    // A metric is called by what follows its last slash.
    assert_eq!(data["charts"][0]["title"], HOSTILE.rsplit('/').next().unwrap());
}

#[test]
fn a_study_shows_means_over_seeds_and_what_follows_what() {
    let folder = TempDir::new().unwrap();
    let rates = ["0.001", "0.002", "0.004"];
    let dirs: Vec<_> = (0..6).map(|seed| folder.path().join(format!("x-{seed}"))).collect();
    for (seed, dir) in dirs.iter().enumerate() {
        write_run(dir, "x", seed as u64);
        let identity = fs::read_to_string(dir.join("run.json")).unwrap();
        write(dir, "run.json", &identity.replace("\"0.001\"", &format!("\"{}\"", rates[seed / 2])));
    }
    let dirs: Vec<&Path> = dirs.iter().map(AsRef::as_ref).collect();
    let html = page(&dirs);
    says(
        &text(&html),
        &[
            "Runs that differ in the seed alone are one row",
            "name train.max_lr n test WER",
            "x 0.001 2 5.50 % ± 0.71 %",
            "x 0.004 2 9.50 % ± 0.71 %",
            "test WER over train.max_lr",
            "x 0.002: 8.00 %",
        ],
    );
    let trend = html.split("aria-label=\"test WER over train.max_lr\"").nth(1).unwrap();
    let trend = trend.split("</svg>").next().unwrap();
    let means = trend.split("d=\"M").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert_eq!((trend.matches("<circle").count(), means.split('L').count()), (6, 3), "{trend}");
    // One run alone is no study, and neither are two of different names.
    assert!(!page(&dirs[..1]).contains("id=\"study\""));
}

#[test]
fn what_is_missing_or_damaged_is_said() {
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("bare-1");
    fs::create_dir(&bare).unwrap();
    write(&bare, "metrics.jsonl", "{\"step\":1,\"train/loss\":2.0}\nno row\n");
    let text_of_bare = text(&page(&[&bare]));
    says(
        &text_of_bare,
        &[
            "bare-1",
            "new it never started, or its status is missing",
            "there is no `run.json`",
            "there is no `status.json`",
            "line 2 is not a row",
        ],
    );

    let killed = folder.path().join("killed-2");
    write_run(&killed, "killed", 2);
    let status = json!({ "state": "running", "step": 120, "max_steps": 600, "metrics": { "test/wer": 0.5 } });
    write(&killed, "status.json", &status.to_string());
    write(&killed, "preds.jsonl", "{\"name\":\n");
    write(&killed, "log.txt", "one\ntwo\n");
    says(
        &text(&page(&[&killed, &bare])),
        &[
            "killed: interrupted at update 120 of 600: it was killed",
            "is damaged: line 1 is not a prediction",
            "Last words of unfinished runs 1 killed one two",
        ],
    );
    let empty = folder.path().join("empty");
    assert!(text(&page(&[&empty])).contains("there is no `metrics.jsonl`"));
}

#[test]
fn classes_are_named_and_counted() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("words-0");
    write_run(&dir, "words", 0);
    let prediction = |name: &str, truth: i64, taken: u64| json!({ "name": name, "pred": "", "label": "", "clf_pred": [taken], "clf_label": [truth] });
    let all = [prediction("a", 0, 0), prediction("b", 0, 2), prediction("c", 1, 1), prediction("d", -100, 1)];
    preds::write(&dir.join("preds.jsonl"), all).unwrap();
    write(&dir, "confusion.csv", "head,truth,prediction,count\n0,zero,zero,1\n0,zero,two,1\n0,one,one,1\n");
    let html = page(&[&dir]);
    says(
        &text(&html),
        &[
            "2 of 3 right. zero taken for two, once",
            "1 of 3 utterances of the test list have mistakes; worst first. b zero taken for two",
        ],
    );
    assert!(html.contains("<title>zero taken for two: 1 of 2</title>"), "{html}");
    says(&text(&page(&[&dir, &dir])), &["b 2 of 2 runs wrong meant zero 1 two 2 two"]);
    // Counts that no run comes to are no reason to end.
    let most = u64::MAX;
    let rows = format!("head,truth,prediction,count\n0,zero,zero,3\n0,zero,zero,{most}\n0,zero,two,{most}\n");
    write(&dir, "confusion.csv", &rows);
    says(&text(&page(&[&dir])), &[&format!("{most} of {most} right. zero taken for two, {most} times")]);
}

#[test]
fn many_runs_are_less_than_five_megabytes() {
    let folder = TempDir::new().unwrap();
    let dirs: Vec<_> = (0..20).map(|seed| folder.path().join(format!("x-{seed}"))).collect();
    for (seed, dir) in dirs.iter().enumerate() {
        write_run(dir, "x", seed as u64);
        let rows: String = (0..35)
            .flat_map(|t| (0..35).map(move |p| format!("0,c{t},c{p},{}\n", 1 + (t + p) % 3)))
            .collect();
        write(dir, "confusion.csv", &format!("head,truth,prediction,count\n{rows}"));
    }
    let dirs: Vec<&Path> = dirs.iter().map(AsRef::as_ref).collect();
    let html = page(&dirs);
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    assert_eq!(html, page(&dirs), "the same runs make the same page");
}

#[test]
fn the_worst_are_heard() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("x-0");
    write_run(&dir, "x", 0);
    let mut page = Page { records: vec![Record::read(&dir)], ..Page::default() };
    let worst = page.worst(2);
    assert_eq!(worst, [(0, "u_0000".to_owned()), (0, "u_0003".to_owned())]);
    page.clips.insert(worst[1].clone(), Clip::of(vec![0.25; 16_000], 16_000));
    let html = page.html().unwrap();
    let item = html.split("u_0003</span>").nth(1).and_then(|rest| rest.split("</li>").next()).unwrap();
    assert!(
        item.contains("src=\"data:audio/wav;base64,UklGR")
            && item.contains("src=\"data:image/png;base64,iVBOR"),
        "{item}"
    );
    assert_eq!(html.matches("<audio").count(), 1);
}
