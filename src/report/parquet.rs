//! A table as Parquet: for pandas, polars, DuckDB.

use std::sync::Arc;

use ::parquet::basic::{LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::Type;
use polars::prelude::{Column, DataType as Polars};

use super::column::Cell;
use super::error::ReportError;
use super::table::{Table, cell_at};

/// Of every column: a row may have no value.
const PRESENT: i16 = 1;

impl Table {
    /// The file's bytes: one group of rows; text as UTF-8, whole numbers as INT64, others as DOUBLE, where there is nothing null.
    ///
    /// # Errors
    /// The writer refused.
    pub fn to_parquet(&self) -> Result<Vec<u8>, ReportError> {
        let fields = self.frame.columns().iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let schema = Type::group_type_builder("runs").with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_created_by("runner".into()).build();
        let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
        let mut rows = file.next_row_group()?;
        for column in self.frame.columns() {
            let Some(mut writer) = rows.next_column()? else { break };
            write(column, &mut writer)?;
            writer.close()?;
        }
        rows.close()?;
        Ok(file.into_inner()?)
    }
}

fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column.dtype() {
        Polars::UInt64 => (Physical::INT64, None),
        Polars::Float64 => (Physical::DOUBLE, None),
        _ => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let field = Type::primitive_type_builder(column.name(), physical).with_logical_type(logical);
    Ok(Arc::new(field.with_repetition(Repetition::OPTIONAL).build()?))
}

fn write(column: &Column, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
    match column.dtype() {
        Polars::UInt64 => write_as::<Int64Type>(column, writer, |cell| match cell {
            Cell::Count(count) => Some(count as i64),
            _ => None,
        }),
        Polars::Float64 => write_as::<DoubleType>(column, writer, |cell| match cell {
            Cell::Number(number) => Some(number),
            _ => None,
        }),
        _ => write_as::<ByteArrayType>(column, writer, |cell| match cell {
            Cell::Text(text) => Some(ByteArray::from(text.into_bytes())),
            _ => None,
        }),
    }
}

fn write_as<T: DataType>(
    column: &Column,
    writer: &mut SerializedColumnWriter<'_>,
    value: fn(Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<T::T>> =
        (0..column.len()).map(|row| cell_at(column, row).and_then(value)).collect();
    let levels: Vec<i16> = values.iter().map(|value| if value.is_some() { PRESENT } else { 0 }).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}
