//! The head of a numpy file: which type, which shape.

/// What every numpy file begins with.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Where the pickle begins, since the head is padded to a multiple of 64.
const PAYLOAD_AT: usize = 128;

/// What the dictionary of an array of one object says.
const OBJECT: &str = "{'descr': '|O', 'fortran_order': False, 'shape': (), }";

/// The head of a file of one pickled object.
pub(super) fn of_object() -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    let room = PAYLOAD_AT - MAGIC.len() - 4;
    head.extend([1, 0]);
    head.extend((room as u16).to_le_bytes());
    head.extend(format!("{OBJECT:<width$}\n", width = room - 1).bytes());
    head
}

/// The pickle of a file of one object.
///
/// # Errors
/// It is another file; the reason, as a fragment of a sentence.
pub(super) fn payload(bytes: &[u8]) -> Result<&[u8], String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as one")?;
    let (length, rest) = match rest {
        [1, _, low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err("it is of an unknown version, or ends in its head".into()),
    };
    let (head, payload) = rest.split_at_checked(length).ok_or("it ends in its head")?;
    let said = String::from_utf8_lossy(head);
    let value = |key: &str| {
        let behind = said.split_once(&format!("'{key}':"))?.1.trim_start();
        Some(behind.to_owned())
    };
    let descr = value("descr").ok_or("its head does not say of which type it is")?;
    if !descr.starts_with("'|O'") {
        let kind: String = descr.chars().take_while(|&c| c != ',').take(40).collect();
        return Err(format!("its elements are {kind}"));
    }
    let shape = value("shape").ok_or("its head does not say how many it holds")?;
    let inside = shape.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    match inside {
        Some((extents, _)) if extents.trim().is_empty() => Ok(payload),
        _ => Err("it holds several objects".into()),
    }
}
