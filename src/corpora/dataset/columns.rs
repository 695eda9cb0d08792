//! Cells of a batch of rows, whichever of Arrow's layouts a column has.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{
    Array, BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, StructArray,
};

use super::DatasetError;

/// A column of text.
#[derive(Clone, Copy)]
pub(super) enum Strings<'a> {
    Short(&'a StringArray),
    Long(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Strings<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        let short = array.as_string_opt::<i32>().map(Self::Short);
        short
            .or_else(|| array.as_string_opt::<i64>().map(Self::Long))
            .or_else(|| array.as_string_view_opt().map(Self::View))
    }

    /// `None` where the cell is null.
    pub fn at(self, row: usize) -> Option<&'a str> {
        match self {
            Self::Short(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Long(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// A column of bytes.
#[derive(Clone, Copy)]
enum Bytes<'a> {
    Short(&'a BinaryArray),
    Long(&'a LargeBinaryArray),
    View(&'a BinaryViewArray),
}

impl<'a> Bytes<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        let short = array.as_binary_opt::<i32>().map(Self::Short);
        short
            .or_else(|| array.as_binary_opt::<i64>().map(Self::Long))
            .or_else(|| array.as_binary_view_opt().map(Self::View))
    }

    fn at(self, row: usize) -> Option<&'a [u8]> {
        match self {
            Self::Short(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Long(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// A column of labels.
pub(super) enum Labels<'a> {
    Names(Strings<'a>),
    /// Class numbers, or any whole numbers.
    Numbers(Vec<Option<i64>>),
}

/// A column of sounds: a struct of `bytes` and `path`, or a path.
pub(super) struct Sounds<'a> {
    valid: Option<&'a StructArray>,
    bytes: Option<Bytes<'a>>,
    path: Option<Strings<'a>>,
}

/// Where the sound of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Bytes(&'a [u8]),
    Path(&'a str),
    Absent,
}

impl<'a> Sounds<'a> {
    /// What a row says of its sound.
    pub fn at(&self, row: usize) -> Cell<'a> {
        let bytes = self.bytes.filter(|_| self.is_valid(row)).and_then(|bytes| bytes.at(row));
        match (bytes, self.path(row)) {
            (Some(bytes), _) => Cell::Bytes(bytes),
            (None, Some(path)) => Cell::Path(path),
            (None, None) => Cell::Absent,
        }
    }

    /// The path, which a row with bytes has too.
    pub fn path(&self, row: usize) -> Option<&'a str> {
        self.path.filter(|_| self.is_valid(row))?.at(row)
    }

    fn is_valid(&self, row: usize) -> bool {
        self.valid.is_none_or(|array| array.is_valid(row))
    }
}

/// A batch of the shard at `path`.
pub(super) struct Columns<'a> {
    pub batch: &'a RecordBatch,
    pub path: &'a Path,
}

impl<'a> Columns<'a> {
    /// A column of text.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn strings(&self, column: &str) -> Result<Strings<'a>, DatasetError> {
        let array = self.column(column)?;
        Strings::of(array).ok_or_else(|| self.unfit(column, array, "text"))
    }

    /// A column of classes: names, or their numbers.
    ///
    /// # Errors
    /// As [`Columns::strings`].
    pub fn labels(&self, column: &str) -> Result<Labels<'a>, DatasetError> {
        let array = self.column(column)?;
        let numbers = || integers(array).map(Labels::Numbers);
        Strings::of(array)
            .map(Labels::Names)
            .or_else(numbers)
            .ok_or_else(|| self.unfit(column, array, "class labels, text or whole numbers"))
    }

    /// A column of sounds: encoded bytes, paths, or both.
    ///
    /// # Errors
    /// As [`Columns::strings`].
    pub fn sounds(&self, column: &str) -> Result<Sounds<'a>, DatasetError> {
        let array = self.column(column)?;
        if let Some(path) = Strings::of(array) {
            return Ok(Sounds { valid: None, bytes: None, path: Some(path) });
        }
        let fields = array.as_struct_opt();
        let field = |name: &str| fields.and_then(|fields| fields.column_by_name(name));
        let bytes = field("bytes").and_then(|array| Bytes::of(array));
        let path = field("path").and_then(|array| Strings::of(array));
        match bytes.is_some() || path.is_some() {
            true => Ok(Sounds { valid: fields, bytes, path }),
            false => Err(self.unfit(column, array, "audio (a struct of `bytes` and `path`) or a path")),
        }
    }

    fn column(&self, column: &str) -> Result<&'a dyn Array, DatasetError> {
        let array = self.batch.column_by_name(column).map(AsRef::as_ref);
        array.ok_or_else(|| {
            DatasetError::unreadable(self.path, format!("its rows lack the column `{column}`"))
        })
    }

    fn unfit(&self, column: &str, array: &dyn Array, wanted: &'static str) -> DatasetError {
        DatasetError::ColumnType {
            path: self.path.to_owned(),
            column: column.to_owned(),
            found: format!("`{}`", array.data_type()),
            wanted,
        }
    }
}

/// The numbers of a column of integers, whatever their width; `None` for other columns.
fn integers(array: &dyn Array) -> Option<Vec<Option<i64>>> {
    macro_rules! of_width {
        ($($width:ty),+) => {
            $(if let Some(numbers) = array.as_primitive_opt::<$width>() {
                return Some(numbers.iter().map(|number| number.map(i64::from)).collect());
            })+
        };
    }
    of_width!(Int64Type, Int32Type, Int16Type, Int8Type, UInt32Type, UInt16Type, UInt8Type);
    None
}
