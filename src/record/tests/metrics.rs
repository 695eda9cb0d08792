//! metrics.jsonl to the byte, also after a kill.

use std::fs;

use super::tensorboard::tensorboard_steps;
use super::{Home, eval_done, home, step_done, values};
use crate::record::{Event, Metrics, Offsets, Sink, metrics};

#[test]
fn rows_have_exact_bytes_and_no_clock() {
    let home = home();
    let mut metrics = Metrics::open(&home.folder, Offsets::default(), 10).unwrap();
    for step in 1..=20 {
        metrics.emit(&step_done(step)).unwrap();
    }
    metrics.emit(&Event::TeacherSwitched { step: 20, snapshot_step: 40 }).unwrap();
    metrics.emit(&eval_done(20, "dev", Some("teacher"))).unwrap();
    metrics.emit(&eval_done(20, "dev", None)).unwrap();
    metrics.emit(&Event::Note { text: "not a row".into() }).unwrap();
    let want = concat!(
        r#"{"step":10,"train/audio_secs":12.5,"train/ctc":0.75,"train/grad_norm":2.5,"train/infinite":0,"#,
        r#""train/loss":0.1,"train/lr":0.0005,"train/utterances":8}"#,
        "\n",
        r#"{"step":20,"train/audio_secs":12.5,"train/ctc":0.75,"train/grad_norm":2.5,"train/infinite":0,"#,
        r#""train/loss":0.05,"train/lr":0.0005,"train/utterances":8}"#,
        "\n",
        r#"{"step":20,"train/teacher_step":40}"#,
        "\n",
        r#"{"step":20,"teacher/dev/loss":null,"teacher/dev/wer":0.125}"#,
        "\n",
        r#"{"step":20,"dev/loss":null,"dev/wer":0.125}"#,
        "\n",
    );
    assert_eq!(fs::read_to_string(home.folder.metrics_jsonl()).unwrap(), want);
    let rows = metrics::read(&home.folder).unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[1].timings, values(&[("time/audio_secs_per_sec", 50.0), ("time/step_secs", 0.25)]));
    assert!(rows.iter().all(|row| row.unix_secs > 1e9));
    assert!(rows[4].values["dev/loss"].is_nan());
}

#[test]
fn a_resumed_run_has_the_rows_of_one_that_never_stopped() {
    let (straight, killed) = (home(), home());
    let emit = |metrics: &mut Metrics, steps: std::ops::RangeInclusive<u64>| {
        for step in steps {
            metrics.emit(&step_done(step)).unwrap();
        }
    };
    emit(&mut Metrics::open(&straight.folder, Offsets::default(), 5).unwrap(), 1..=40);

    let mut metrics = Metrics::open(&killed.folder, Offsets::default(), 5).unwrap();
    emit(&mut metrics, 1..=20);
    let offsets = Offsets::now(&killed.folder).unwrap();
    emit(&mut metrics, 21..=33);
    drop(metrics);
    // The last line was cut short by the kill.
    let path = killed.folder.metrics_jsonl();
    let torn = fs::read(&path).unwrap();
    fs::write(&path, &torn[..torn.len() - 7]).unwrap();
    assert_eq!(metrics::read(&killed.folder).unwrap().len(), 5);

    let mut metrics = Metrics::open(&killed.folder, offsets, 5).unwrap();
    assert_eq!(metrics.earlier().len(), 4);
    emit(&mut metrics, 21..=40);
    let bytes = |home: &Home| fs::read(home.folder.metrics_jsonl()).unwrap();
    assert_eq!(bytes(&killed), bytes(&straight));
    assert_eq!(tensorboard_steps(killed.folder.dir(), "train/loss"), [5, 10, 15, 20, 25, 30, 35, 40]);
}

#[test]
fn files_shorter_than_the_checkpoint_says_are_damaged() {
    let home = home();
    fs::write(home.folder.metrics_jsonl(), "{\"step\":1}\n").unwrap();
    let error =
        Metrics::open(&home.folder, Offsets { metrics_bytes: 20, ..Offsets::default() }, 1).err().unwrap();
    let path = home.folder.metrics_jsonl();
    let want = format!(
        "`{}` is damaged: it has 11 bytes, but the checkpoint was saved when it had 20",
        path.display()
    );
    assert_eq!(error.to_string(), want);
    fs::write(&path, "{\"step\":1}\n{\"step\":\n{\"step\":3}\n").unwrap();
    let error = metrics::read(&home.folder).unwrap_err().to_string();
    assert!(error.starts_with(&format!("`{}` is damaged: line 2 is not a row: ", path.display())), "{error}");
}

#[test]
fn numbers_are_read_back_to_the_last_bit() {
    let home = home();
    // A quick reader of decimals makes the neighbour of each of these.
    let written = [11.516671360229081, 0.1 + 0.2, 5.0e-324, 1.7976931348623157e308];
    let rows = written.map(|value| serde_json::json!({ "step": 1, "dev/loss": value }).to_string() + "\n");
    fs::write(home.folder.metrics_jsonl(), rows.concat()).unwrap();
    let read = crate::record::metrics::read(&home.folder).unwrap();
    let read: Vec<u64> = read.iter().map(|row| row.values["dev/loss"].to_bits()).collect();
    assert_eq!(read, written.map(f64::to_bits));
}
