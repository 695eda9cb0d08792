//! The published containers as numpy reads them, whatever its version: a pickle of protocol 3 under the names from before numpy 2, which later
//! ones know, too.

use super::{Artifact, Dac, header};

/// What the reference writes under `dac_version`.
const DAC_VERSION: &str = "1.0.0";

/// The file's bytes.
pub(super) fn bytes(artifact: &Artifact) -> Vec<u8> {
    let mut pickle = Pickle { bytes: header::of_object() };
    pickle.put(b"\x80\x03");
    pickle.array("O8", "|", 63, &[], |pickle| {
        pickle.put(b"](");
        pickle.dictionary(artifact);
        pickle.put(b"e");
    });
    pickle.put(b".");
    pickle.bytes
}

struct Pickle {
    bytes: Vec<u8>,
}

impl Pickle {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    fn dictionary(&mut self, artifact: &Artifact) {
        let (codes, metadata) = (&artifact.codes, &artifact.metadata);
        self.put(b"}(");
        self.text("codes");
        let values: Vec<u8> = codes.values().iter().flat_map(|code| code.to_le_bytes()).collect();
        self.array("u2", "<", 0, &[1, codes.levels(), codes.frames()], |pickle| pickle.raw(&values));
        self.text("metadata");
        self.put(b"}(");
        self.entry("original_length", metadata.original_length);
        self.entry("sample_rate", metadata.sample_rate.into());
        if let Some(dac) = &metadata.dac {
            self.dac(dac);
        }
        let texts =
            [("text", &metadata.text), ("phonemes", &metadata.phonemes), ("language", &metadata.language)];
        for (key, text) in texts {
            if let Some(text) = text {
                self.text(key);
                self.text(text);
            }
        }
        self.put(b"uu");
    }

    fn dac(&mut self, dac: &Dac) {
        self.text("input_db");
        self.array("f4", "<", 0, &[1], |pickle| pickle.raw(&dac.input_db.to_le_bytes()));
        self.entry("chunk_length", dac.chunk_length);
        self.entry("channels", dac.channels);
        self.text("padding");
        self.put(if dac.padding { b"\x88" } else { b"\x89" });
        self.text("dac_version");
        self.text(DAC_VERSION);
    }

    /// `numpy.ndarray` of the element type `kind`, whose elements `payload` writes.
    fn array(
        &mut self,
        kind: &str,
        order: &str,
        flags: u8,
        shape: &[usize],
        payload: impl FnOnce(&mut Self),
    ) {
        self.put(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85C\x01btR(K\x01(");
        shape.iter().for_each(|&extent| self.size(extent as u64));
        self.put(b"tcnumpy\ndtype\n(");
        self.text(kind);
        self.put(b"K\0K\x01tR(K\x03");
        self.text(order);
        self.put(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK");
        self.put(&[flags]);
        // The last axis varies fastest.
        self.put(b"tb\x89");
        payload(self);
        self.put(b"tb");
    }

    fn entry(&mut self, key: &str, value: u64) {
        self.text(key);
        self.size(value);
    }

    fn size(&mut self, value: u64) {
        match i32::try_from(value) {
            Ok(value) => {
                self.put(b"J");
                self.put(&value.to_le_bytes());
            }
            // The highest bit is a sign: where it is set, a ninth byte says that it is none.
            Err(_) => {
                let sign: &[u8] = if value >> 63 == 0 { b"" } else { b"\0" };
                self.put(&[0x8a, 8 + sign.len() as u8]);
                self.put(&value.to_le_bytes());
                self.put(sign);
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.put(b"X");
        self.put(&(text.len() as u32).to_le_bytes());
        self.put(text.as_bytes());
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.put(b"B");
        self.put(&(bytes.len() as u32).to_le_bytes());
        self.put(bytes);
    }
}
