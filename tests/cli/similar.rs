//! `runner data similar`: which utterances are alike, by their sound and by their codes.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Said, root, runner};

const CODEC: [&str; 2] = ["--weights", "tests/parity/encodec"];

/// Metadata of speakers of the bundled corpus, whose folder is the group.
struct Place(TempDir);

impl Place {
    /// Speakers with so many utterances each.
    fn new(speakers: &[(&str, usize)]) -> Self {
        let place = Place(TempDir::new().expect("a folder"));
        fs::create_dir_all(place.path("metadata/smoke")).expect("a folder");
        for (speaker, count) in speakers {
            let ids: Vec<String> = ids(speaker).into_iter().take(*count).collect();
            place.write(speaker, &ids);
        }
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, speaker: &str, ids: &[String]) {
        let known = ids.iter().map(|id| (id.clone(), json!({"duration": 1.0, "text": "x"}))).collect();
        fs::write(self.path(&format!("metadata/smoke/{speaker}.json")), Value::Object(known).to_string())
            .expect("written");
    }

    fn similar(&self, more: &[&str]) -> Said {
        let metadata = self.path("metadata").display().to_string();
        runner(&[&["data", "similar", "--metadata", &metadata], more].concat())
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(path)).expect("a file")).expect("JSON")
    }

    /// The lists of a speaker, in order.
    fn lists(&self, speaker: &str) -> Vec<Vec<u64>> {
        let known = self.json(&format!("metadata/smoke/{speaker}.json"));
        let lists = known.as_object().expect("an object").values().map(|utterance| &utterance["similar"]);
        let numbers =
            |list: &Value| list.as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        lists.map(numbers).collect()
    }
}

/// Ids of a speaker's utterances, in order.
fn ids(speaker: &str) -> Vec<String> {
    let files = fs::read_dir(root().join("corpora/smoke").join(speaker)).expect("a folder");
    let mut ids: Vec<String> = files
        .map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn each_utterance_has_a_list_of_places_in_its_speakers_file() {
    let place = Place::new(&[("f01", 6), ("m01", 4)]);
    let asked = ["--audio", "corpora", "--top-k", "3", "--min-score", "-2"];
    let said = place.similar(&asked);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("compared 10 utterances of 2 speakers; 0 similar to none"), "{}", said.err);
    for (speaker, count) in [("f01", 6), ("m01", 4)] {
        let lists = place.lists(speaker);
        assert_eq!(lists.len(), count);
        for (at, list) in lists.iter().enumerate() {
            let mut different = list.clone();
            different.sort_unstable();
            different.dedup();
            assert!(different.len() == 3 && !list.contains(&(at as u64)), "{speaker} {at}: {list:?}");
            assert!(list.iter().all(|other| *other < count as u64));
        }
    }
    // The order of the metadata and all else in them stay; who has lists is not asked again.
    let known = place.json("metadata/smoke/f01.json");
    let order: Vec<&String> = known.as_object().expect("an object").keys().collect();
    assert_eq!(order, ids("f01").iter().take(6).collect::<Vec<_>>());
    assert_eq!(known[order[0]]["duration"], 1.0);
    place.write("m01", &ids("m01")[..5]);
    let said = place.similar(&asked);
    assert!(
        said.err.contains("compared 5 utterances of 1 speaker")
            && said.err.contains("done before: 1 speaker"),
        "{}",
        said.err
    );
    let before = place.lists("f01");
    let said = place.similar(&[&asked[..], &["--again", "--threads", "1"]].concat());
    assert!(said.err.contains("of 2 speakers") && place.lists("f01") == before, "{}", said.err);
}

#[test]
fn scores_are_cosines_above_the_threshold() {
    let place = Place::new(&[("f01", 5)]);
    let out = place.path("out").display().to_string();
    let raw = ["--audio", "corpora", "--normalise", "none", "--out", &out];
    assert_eq!(place.similar(&raw).code, 0);
    let (scores, vectors) = (place.json("out/similarities.json"), place.json("out/embeddings.json"));
    let vector = |path: &str| -> Vec<f64> {
        vectors[path].as_array().expect("a vector").iter().filter_map(Value::as_f64).collect()
    };
    let mut seen = 0;
    for (one, found) in scores.as_object().expect("an object") {
        let mut before = 1.0;
        for similar in found.as_array().expect("a list") {
            let (other, score) =
                (similar[1].as_str().expect("a path"), similar[2].as_f64().expect("a score"));
            let (a, b) = (vector(one), vector(other));
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
            assert!((cosine - score).abs() < 1e-5 && score > 0.5 && score <= before, "{one} {other} {score}");
            assert_eq!(a.len(), 40);
            (before, seen) = (score, seen + 1);
        }
    }
    // Plain means are all alike: every pair of different utterances is there.
    assert_eq!(seen, 5 * 4);
    // At 1 nothing is above.
    place.similar(&["--audio", "corpora", "--min-score", "1", "--again"]);
    assert_eq!(place.lists("f01"), vec![Vec::<u64>::new(); 5]);
}

#[test]
fn slices_of_one_recording_are_not_similar_to_each_other_unless_they_may_be() {
    let place = Place::new(&[("f01", 1)]);
    let sound = root().join("corpora/smoke/f01");
    let folder = place.path("sound/smoke/f01");
    fs::create_dir_all(&folder).expect("a folder");
    let names = ["a_00000", "a_00001", "b", "c_x"].map(str::to_owned);
    for (name, from) in names.iter().zip(ids("f01")) {
        fs::copy(sound.join(format!("{from}.ogg")), folder.join(format!("{name}.ogg"))).expect("a copy");
    }
    place.write("f01", &names);
    let audio = place.path("sound").display().to_string();
    let asked = ["--audio", &audio, "--min-score", "-2"];
    assert_eq!(place.similar(&asked).code, 0);
    let lists = place.lists("f01");
    assert!(lists[0].len() == 2 && !lists[0].contains(&1) && lists[2].len() == 3, "{lists:?}");
    place.similar(&[&asked[..], &["--again", "--same-recording"]].concat());
    assert!(place.lists("f01").iter().all(|list| list.len() == 3));
}

#[test]
fn codes_are_compared_by_their_rows_their_counts_and_their_sound() {
    let place = Place::new(&[("f01", 4)]);
    let files: Vec<String> =
        ids("f01").iter().take(3).map(|id| format!("corpora/smoke/f01/{id}.ogg")).collect();
    let to = place.path("codes/smoke/f01").display().to_string();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let coded = [&["data", "encode"], &files[..], &["--to", &to, "--bandwidth", "48"], &CODEC].concat();
    assert_eq!(runner(&coded).code, 0);
    let codes = place.path("codes").display().to_string();
    let ways: [&[&str]; 3] =
        [&["--features", "codec", CODEC[0], CODEC[1]], &["--features", "histogram"], &CODEC];
    for way in ways {
        let asked = ["--codes", &codes, "--min-score", "-2", "--again"];
        let said = place.similar(&[&asked[..], way].concat());
        // One utterance has no codes: it is named and similar to none, the others are compared.
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(said.err.contains("there is nothing to compare `smoke/f01/"), "{}", said.err);
        assert!(said.err.contains("left out: 1 utterance, which cannot be used"), "{}", said.err);
        let lists = place.lists("f01");
        assert!(lists[..3].iter().all(|list| list.len() == 2) && lists[3].is_empty(), "{way:?}: {lists:?}");
    }
}

#[test]
fn across_speakers_the_nearest_are_counted_and_metadata_stay() {
    let place = Place::new(&[("f01", 4), ("m04", 4)]);
    let before = place.json("metadata/smoke/f01.json");
    let out = place.path("out").display().to_string();
    let asked = ["--audio", "corpora", "--across", "speakers", "--min-score", "-2", "--normalise", "none"];
    let said = place.similar(&[&asked[..], &["--out", &out, "--json"]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let told: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(told["utterances"], 8);
    let right = told["same_speaker"].as_u64().expect("a count");
    assert_eq!(told["accuracy"].as_f64(), Some(right as f64 / 8.0));
    let nearest = place.json("out/similarities.json");
    let same = nearest
        .as_object()
        .expect("an object")
        .iter()
        .filter(|(path, found)| found[0][1].as_str().is_some_and(|other| other[..9] == path[..9]));
    assert_eq!(same.count() as u64, right);
    assert_eq!(place.json("metadata/smoke/f01.json"), before);
    assert_eq!(place.similar(&asked).code, 2);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let place = Place::new(&[("f01", 2)]);
    for (asked, words) in [
        (&[][..], "there is no sound to compare"),
        (&["--features", "codec"], "there are no codes to compare"),
        (&["--features", "histogram", "--audio", "corpora"], "`--audio` is for features of sound"),
        (
            &["--features", "speaker", "--audio", "corpora"],
            "there is no classifier of speakers to listen with",
        ),
        (
            &["--audio", "corpora", "--run", "x"],
            "`--run` is for `--features speaker`, `response` and `hidden`",
        ),
        (&["--features", "hidden", "--codes", "corpora"], "there is no model of codes to listen with"),
        (&["--audio", "corpora", "--weights", "x"], "`--weights` is for codes that are decoded"),
    ] {
        let said = place.similar(asked);
        assert!(said.code == 2 && said.err.contains(words), "{asked:?}: {}", said.err);
    }
    fs::write(place.path("metadata/smoke/bad.json"), "[1]").expect("written");
    let said = place.similar(&["--audio", "corpora"]);
    assert!(said.code == 1 && said.err.contains("bad.json`: invalid type"), "{}", said.err);
    assert_eq!(place.lists("f01").len(), 2);
    let said = runner(&["data", "similar", "--metadata", "src", "--audio", "corpora"]);
    assert!(said.code == 66 && said.err.contains("`runner data metadata` writes them"), "{}", said.err);
}
