//! Storages: runs of elements of one type, and the tensors that are parts of them.

/// An element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
    Complex64,
    Complex128,
}

/// Which of a storage's elements a tensor has, and in which order.
#[derive(Debug, Clone)]
pub struct Strided {
    /// The storage's key.
    pub storage: String,
    pub kind: Kind,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

impl Kind {
    /// The element type that a storage class stands for.
    pub fn of(class: &str) -> Option<Self> {
        Some(match class.strip_prefix("torch ")?.strip_suffix("Storage")? {
            "Double" => Kind::F64,
            "Float" => Kind::F32,
            "Half" => Kind::F16,
            "BFloat16" => Kind::Bf16,
            "Long" => Kind::I64,
            "Int" => Kind::I32,
            "Short" => Kind::I16,
            "Char" => Kind::I8,
            "Byte" => Kind::U8,
            "Bool" => Kind::Bool,
            "ComplexFloat" => Kind::Complex64,
            "ComplexDouble" => Kind::Complex128,
            _ => return None,
        })
    }

    /// Bytes of one element.
    pub fn size_bytes(self) -> usize {
        match self {
            Kind::I8 | Kind::U8 | Kind::Bool => 1,
            Kind::F16 | Kind::Bf16 | Kind::I16 => 2,
            Kind::F32 | Kind::I32 => 4,
            Kind::F64 | Kind::I64 | Kind::Complex64 => 8,
            Kind::Complex128 => 16,
        }
    }

    /// Little-endian elements as f32; `None` for complex ones.
    pub fn floats(self, bytes: &[u8]) -> Option<Vec<f32>> {
        let (eight, four, two) =
            (bytes.as_chunks::<8>().0, bytes.as_chunks::<4>().0, bytes.as_chunks::<2>().0);
        Some(match self {
            Kind::F64 => eight.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect(),
            Kind::F32 => four.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            Kind::F16 => two.iter().map(|&bytes| half(u16::from_le_bytes(bytes))).collect(),
            // A bf16 is the upper half of an f32.
            Kind::Bf16 => two.iter().map(|&[low, high]| f32::from_le_bytes([0, 0, low, high])).collect(),
            Kind::I64 => eight.iter().map(|&bytes| i64::from_le_bytes(bytes) as f32).collect(),
            Kind::I32 => four.iter().map(|&bytes| i32::from_le_bytes(bytes) as f32).collect(),
            Kind::I16 => two.iter().map(|&bytes| i16::from_le_bytes(bytes).into()).collect(),
            Kind::I8 => bytes.iter().map(|&byte| byte.cast_signed().into()).collect(),
            Kind::U8 => bytes.iter().map(|&byte| byte.into()).collect(),
            Kind::Bool => bytes.iter().map(|&byte| f32::from(byte != 0)).collect(),
            Kind::Complex64 | Kind::Complex128 => return None,
        })
    }
}

impl Strided {
    /// How many elements it has; the largest number where that is beyond numbers.
    pub fn count(&self) -> usize {
        // A tensor with an axis of no extent has none, whatever the other axes say.
        if self.shape.contains(&0) {
            0
        } else {
            self.shape.iter().fold(1, |product: usize, size| product.saturating_mul(*size))
        }
    }

    /// The elements in row-major order; `None` where one lies outside the storage.
    pub fn gather(&self, storage: &[f32]) -> Option<Vec<f32>> {
        let count = self.count();
        // No tensor of a checkpoint is larger than what it is stored in; a file that says so asks for memory it does not deserve.
        if count > storage.len() {
            return None;
        }
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0_usize; self.shape.len()];
        for _ in 0..count {
            let at = index
                .iter()
                .zip(&self.strides)
                .try_fold(self.offset, |at, (i, stride)| at.checked_add(i.checked_mul(*stride)?))?;
            values.push(*storage.get(at)?);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Some(values)
    }
}

/// IEEE half precision to single.
pub fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}
