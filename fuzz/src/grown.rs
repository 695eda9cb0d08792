//! Inputs that are large, or many times larger than they look: made when they are wanted instead of kept.

use crate::repair::crc32;

/// Those of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let text = |head: &str, piece: &str, times: usize| format!("{head}{}", piece.repeat(times)).into_bytes();
    let numbered = |head: &str, piece: fn(usize) -> String| {
        format!("{head}{}", (0..5_000).map(piece).collect::<String>()).into_bytes()
    };
    match target {
        "load" => vec![
            numbered("[train]\n", |number| format!("k{number} = 1\n")),
            numbered("[train]\nx = {a = 1", |number| format!(", k{number} = 1")),
            numbered("[train]\nmax_lr = [1", |number| format!(", {{k{number} = 1}}")),
            ending(text("[train]\n", "k", 300_000), b" = 1\n"),
            text("extends = [\"x\"", ", \"y\"", 20_000),
            numbered("", |number| format!("[profile.p{number}]\ninherits = \"p{}\"\n", number + 1)),
        ],
        "meta" => vec![text("", "x|y\n", 60_000), text("", "a|b|c|d\n|\n", 30_000)],
        "recipe" => vec![
            text("", "if x; then\n", 8_000),
            text("", "for a in b; do ", 8_000),
            ending(text("a=xxxxxxxxxxxxxxxx\n", "a=$a$a\n", 60), b"python train.py --lr $a\n"),
            ending(text("a=(x y)\n", "a=(${a[@]} ${a[@]})\n", 60), b"python train.py ${a[@]}\n"),
            ending(text("for a in {1..9999}; do\n", "bash run.sh\n", 400), b"done\n"),
            ending(text("for a in {1..9999}; do\n", "b=1\n", 4_000), b"done\n"),
            text("", "python train.py --lr \"$(x)\" $y\n", 2_000),
            text("", "python x.py\n", 5_000),
        ],
        "readme" => vec![
            text("", "`", 100_000),
            text("", "python \\\n", 20_000),
            text("", "x \\\n", 20_000),
            text("", "\n", 90_000),
            text("", "python a.py --x $y\n", 2_000),
        ],
        "command" => vec![
            text("python train.py", " --x", 5_000),
            text("python train.py --hparams ", "a[,", 5_000),
            text("python train.py", " {1..9999}", 1_000),
        ],
        "torch" => checkpoints(),
        "wav" => vec![text("RIFF\0\0\0\0WAVE", "junk\0\0\0\0", 80_000)],
        // A name of a gigabyte, packed: the members of a packed file follow one another.
        "tar.gz" => vec![joined("tar.gz", 1024)],
        "tar.bz2" => vec![joined("tar.bz2", 1024)],
        "tar" => vec![(0..3_000).flat_map(|number| header(&format!("f{number}"), b'0', 0)).collect()],
        _ => Vec::new(),
    }
}

fn ending(mut bytes: Vec<u8>, end: &[u8]) -> Vec<u8> {
    bytes.extend(end);
    bytes
}

/// PyTorch's files that ask for more than they hold.
fn checkpoints() -> Vec<Vec<u8>> {
    let small = tensor("0", 1, &ints(&[1]), &ints(&[1]));
    let remembered = |bytes: Vec<u8>| ending(bytes, b"q\x01");
    let again = |times: usize| b"h\x01".repeat(times);
    // A list that has `first` sixty thousand times, in what stands beside a model.
    let listed =
        |first: Vec<u8>| [word("z"), b"(".to_vec(), remembered(first), again(60_000), b"l".to_vec()].concat();
    let axes = ending(ints(&[1; 20_000]), b"q\x020");
    let endless = [axes, remembered(tensor("0", 1, b"h\x02", b"h\x02"))].concat();
    vec![
        // One storage of 16 kB, and twenty thousand names for all of it.
        torch(4096, &remembered(tensor("0", 4096, &ints(&[4096]), &ints(&[1]))), 20_000, &[]),
        // A shape of twenty thousand axes, ten thousand times.
        torch(1, &endless, 10_000, &[]),
        // A long text, and a dictionary without a key that could be told.
        torch(1, &small, 0, &listed(word(&"y".repeat(60_000)))),
        torch(1, &small, 0, &listed([b"}(".to_vec(), b"NN".repeat(30_000), b"u".to_vec()].concat())),
        overlapping(),
    ]
}

/// A header that announces a name of a gigabyte, and a mebibyte of it `times` times, each packed by itself in `pieces/`.
fn joined(form: &str, times: usize) -> Vec<u8> {
    let pieces = crate::root().join("fuzz/pieces");
    let piece = |name: &str| std::fs::read(pieces.join(format!("{name}.{form}"))).unwrap_or_default();
    [piece("head"), piece("mebibyte").repeat(times)].concat()
}

/// A header of a tar archive.
fn header(name: &str, kind: u8, size: u64) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = kind;
    block[257..263].copy_from_slice(b"ustar\0");
    crate::repair::tar(&mut block);
    block
}

/// A checkpoint of PyTorch's: `first` is the value of the name `n`, remembered as 1 where `more` names want it; then `beside`, a key with its value.
fn torch(floats: usize, first: &[u8], more: usize, beside: &[u8]) -> Vec<u8> {
    let mut pickle = [b"\x80\x02}(".to_vec(), word("n"), first.to_vec()].concat();
    for number in 0..more {
        pickle.extend([word(&format!("{number:x}")), b"h\x01".to_vec()].concat());
    }
    pickle.extend(beside);
    pickle.extend(*b"u.");
    archive(&[("a/data.pkl", &pickle), ("a/byteorder", b"little"), ("a/data/0", &vec![0; 4 * floats])])
}

fn word(text: &str) -> Vec<u8> {
    [b"X".to_vec(), (text.len() as u32).to_le_bytes().to_vec(), text.as_bytes().to_vec()].concat()
}

fn ints(numbers: &[i32]) -> Vec<u8> {
    let numbers = numbers.iter().flat_map(|number| [b"J".to_vec(), number.to_le_bytes().to_vec()].concat());
    b"(".iter().copied().chain(numbers).chain(*b"t").collect()
}

fn tensor(key: &str, count: i32, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let storage =
        [&b"("[..], &word("storage"), b"ctorch\nFloatStorage\n", &word(key), &word("cpu"), b"J"].concat();
    let storage = [&storage[..], &count.to_le_bytes(), b"tQ"].concat();
    let tail = b"\x89ccollections\nOrderedDict\n)RtR";
    [&b"ctorch._utils\n_rebuild_tensor_v2\n("[..], &storage, b"K\0", shape, strides, tail].concat()
}

/// A zip archive of stored files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in files {
        directory.extend(entry(name, &facts(name, data), bytes.len() as u32));
        bytes.extend(
            [b"PK\x03\x04".to_vec(), facts(name, data), name.as_bytes().to_vec(), data.to_vec()].concat(),
        );
    }
    ended(bytes, directory, files.len())
}

/// What local header and directory both say.
fn facts(name: &str, data: &[u8]) -> Vec<u8> {
    let (sum, size) = (crc32(data).to_le_bytes(), (data.len() as u32).to_le_bytes());
    [&[10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..], &sum, &size, &size, &(name.len() as u16).to_le_bytes(), &[0, 0]]
        .concat()
}

fn entry(name: &str, facts: &[u8], at: u32) -> Vec<u8> {
    [&b"PK\x01\x02\x14\0"[..], facts, &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat()
}

fn ended(mut bytes: Vec<u8>, directory: Vec<u8>, count: usize) -> Vec<u8> {
    let (at, count) = ((bytes.len() as u32).to_le_bytes(), (count as u16).to_le_bytes());
    let length = (directory.len() as u32).to_le_bytes();
    bytes.extend(directory);
    bytes.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &length, &at, &[0, 0]].concat());
    bytes
}

/// A checkpoint whose two thousand storages all are the same megabyte of the file.
fn overlapping() -> Vec<u8> {
    const COUNT: usize = 2_000;
    let data = vec![0; 1 << 20];
    let key = |number: usize| format!("{number:04}");
    let mut pickle = b"\x80\x02}(".to_vec();
    for number in 0..COUNT {
        let whole = ints(&[1 << 18]);
        pickle.extend([word(&key(number)), tensor(&key(number), 1 << 18, &whole, &ints(&[1]))].concat());
    }
    pickle.extend(*b"u.");
    let (name, whole) = (format!("a/data/{}", key(0)), facts(&format!("a/data/{}", key(0)), &data));
    let mut bytes = [&b"PK\x03\x04"[..], &facts("a/data.pkl", &pickle), b"a/data.pkl", &pickle].concat();
    let mut directory = entry("a/data.pkl", &facts("a/data.pkl", &pickle), 0);
    // Every entry of the directory leads to the one member, whatever it calls it.
    let at = bytes.len() as u32;
    bytes.extend([&b"PK\x03\x04"[..], &whole, name.as_bytes(), &data].concat());
    for number in 0..COUNT {
        directory.extend(entry(&format!("a/data/{}", key(number)), &whole, at));
    }
    ended(bytes, directory, COUNT + 1)
}
