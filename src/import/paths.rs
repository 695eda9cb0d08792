//! Where the files of a command lie, as seen from the corpus' folder.

/// The folder in `dataset--subset--folder`.
pub fn hf_folder(data_dir: &str) -> Option<&str> {
    let (_, rest) = data_dir.split_once("--")?;
    rest.split_once("--").map(|(_, folder)| folder).filter(|folder| !folder.is_empty())
}

/// The meta file of a hub data set's split.
pub fn split_file(split: &str) -> String {
    match split {
        "validation" => "meta.dev.txt".to_owned(),
        split => format!("meta.{split}.txt"),
    }
}

/// `file` as seen from `folder`, both seen from one place; `None` where that cannot be said.
pub fn seen_from(folder: &str, file: &str) -> Option<String> {
    if file.starts_with('/') && !folder.starts_with('/') {
        return Some(file.to_owned());
    }
    if folder.starts_with('/') && !file.starts_with('/') {
        return None;
    }
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let (folder, parts) = (parts(folder), parts(file));
    let shared = folder.iter().zip(&parts).take_while(|(a, b)| a == b).count();
    if folder[shared..].iter().any(|part| part == "..") || (shared == 0 && file.starts_with('/')) {
        return file.starts_with('/').then(|| file.to_owned());
    }
    let up = std::iter::repeat_n("..".to_owned(), folder.len() - shared);
    let path: Vec<String> = up.chain(parts[shared..].iter().cloned()).collect();
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_seen_from_the_corpus() {
        let seen = |folder, file| seen_from(folder, file);
        assert_eq!(seen("data/slurp_full", "data/slurp_full/vocab.json").as_deref(), Some("vocab.json"));
        assert_eq!(seen("data/a/", "./data/b/vocab.json").as_deref(), Some("../b/vocab.json"));
        assert_eq!(seen("data/a", "/x/vocab.json").as_deref(), Some("/x/vocab.json"));
        assert_eq!(seen("/data/a", "/data/b/v.json").as_deref(), Some("../b/v.json"));
        assert_eq!(seen("/data/a", "v.json"), None);
        assert_eq!(hf_folder("s3prl/superb--si--data/VoxCeleb1"), Some("data/VoxCeleb1"));
        assert_eq!(hf_folder("s3prl/superb--si"), None);
        assert_eq!(split_file("validation"), "meta.dev.txt");
    }
}
