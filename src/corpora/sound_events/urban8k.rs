//! UrbanSound8K (Salamon, Jacoby and Bello 2014): 8,732 clips of up to 4 s, of 10 classes.

use super::{Columns, Form};

/// As `UrbanSound8K` unpacks.
pub(super) const FORM: Form = Form {
    verb: "urban8k",
    corpus: "UrbanSound8K",
    table: "metadata/UrbanSound8K.csv",
    columns: Columns { file: "slice_file_name", fold: "fold", number: "classID", class: "class" },
    recording: |fold, file| format!("audio/{fold}/{file}"),
    classes: &[
        "air_conditioner",
        "car_horn",
        "children_playing",
        "dog_bark",
        "drilling",
        "engine_idling",
        "gun_shot",
        "jackhammer",
        "siren",
        "street_music",
    ],
    fold_sizes: &[873, 888, 925, 990, 936, 823, 838, 806, 816, 837],
    get: "`runner data fetch urbansound8k` gets it; give the folder that holds `metadata/UrbanSound8K.csv` and `audio`: \
`data/raw/urbansound8k/UrbanSound8K`",
};
