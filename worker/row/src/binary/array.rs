//! The binary form of arrays: dimensions, a flag for NULLs, the element's OID, bounds, and each element behind its length. Source:
//! `array_recv` and `array_send` in `arrayfuncs.c`, `int2vectorrecv`.

use bytes::{BufMut, BytesMut};

use super::{BinaryError, read, write};
use crate::{
    array::{ArrayBuilder, ArrayRef, Dimension, MAX_DIMENSIONS, MAX_ELEMENTS},
    datum::Datum,
    row::RowPacker,
    text::TextError,
    types::Type,
};

type ReadElement = fn(Type, &[u8], &mut RowPacker) -> Result<(), BinaryError>;

/// Reads an array that a server sent.
pub(super) fn read_array(ty: Type, bytes: &[u8], out: &mut RowPacker) -> Result<(), BinaryError> {
    read_with(ty, bytes, out, read)
}

/// Reads an array that a client sent: as [`read_array`], its elements as parameters.
pub(super) fn read_parameter(ty: Type, bytes: &[u8], out: &mut RowPacker) -> Result<(), BinaryError> {
    read_with(ty, bytes, out, super::read_parameter)
}

struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BinaryError> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(BinaryError::Insufficient)?;
        self.0 = tail;
        Ok(head)
    }

    fn word(&mut self) -> Result<i32, BinaryError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(BinaryError::Insufficient)?;
        self.0 = tail;
        Ok(i32::from_be_bytes(*head))
    }
}

fn read_with(ty: Type, bytes: &[u8], out: &mut RowPacker, each: ReadElement) -> Result<(), BinaryError> {
    let element = ty.element().ok_or(BinaryError::Length(ty))?;
    let mut message = Message(bytes);
    let ndims = message.word()?;
    let count = usize::try_from(ndims)
        .map_err(|_| BinaryError::Array(format!("invalid number of dimensions: {ndims}")))?;
    if count > MAX_DIMENSIONS {
        return Err(BinaryError::Text(TextError::ArrayDimensions(count)));
    }
    let flags = message.word()?;
    if !matches!(flags, 0 | 1) {
        return Err(BinaryError::Array("invalid array flags".to_owned()));
    }
    if message.word()? as u32 != element.oid() {
        return Err(BinaryError::ElementType);
    }
    let mut dimensions = Vec::with_capacity(count);
    let mut items: usize = 1;
    for _ in 0..count {
        let length = u32::try_from(message.word()?).map_err(|_| BinaryError::Text(TextError::ArraySize))?;
        let dimension = Dimension { length, lower: message.word()? };
        if dimension.upper() >= i64::from(i32::MAX) {
            return Err(BinaryError::Text(TextError::ArrayLowerBound(dimension.lower)));
        }
        items = items.saturating_mul(length as usize);
        dimensions.push(dimension);
    }
    if items > MAX_ELEMENTS {
        return Err(BinaryError::Text(TextError::ArraySize));
    }
    let vector = matches!(ty, Type::Int2Vector | Type::OidVector);
    if vector && (count != 1 || flags != 0 || dimensions.iter().any(|dimension| dimension.lower != 0)) {
        return Err(BinaryError::Array(format!("invalid {ty} data")));
    }
    let mut elements = ArrayBuilder::new();
    for item in 0..if count == 0 { 0 } else { items } {
        match message.word()? {
            -1 => elements.push(Datum::Null),
            length => {
                let length = usize::try_from(length).map_err(|_| BinaryError::Insufficient)?;
                let bytes = message.take(length)?;
                elements.push_with(|packer| each(element, bytes, packer)).map_err(|error| match error {
                    BinaryError::Length(_) => BinaryError::Element(item + 1),
                    other => other,
                })?;
            }
        }
    }
    if !message.0.is_empty() {
        return Err(BinaryError::Length(ty));
    }
    out.push(Datum::Array(elements.finish_with(&dimensions)));
    Ok(())
}

pub(super) fn write_array(ty: Type, array: ArrayRef<'_>, out: &mut BytesMut) {
    let element = ty.element().unwrap_or(Type::Text);
    // A vector has its dimension also where it has no elements.
    let empty_vector = array.is_empty() && matches!(ty, Type::Int2Vector | Type::OidVector);
    let bounds = empty_vector.then_some(Dimension { length: 0, lower: 0 });
    let dimensions: Vec<Dimension> = array.dimensions().chain(bounds).collect();
    out.put_i32(dimensions.len() as i32);
    out.put_i32(i32::from(array.iter().any(|datum| datum.is_null())));
    out.put_u32(element.oid());
    for dimension in dimensions {
        out.put_u32(dimension.length);
        out.put_i32(dimension.lower);
    }
    for datum in array {
        if datum.is_null() {
            out.put_i32(-1);
            continue;
        }
        let start = out.len();
        out.put_i32(0);
        write(element, datum, out);
        let length = (out.len() - start - 4) as i32;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}
