//! Bytes whose order is SQL's order of the values: what `min`, `max` and the first rows of groups are arranged by.

use offtake_lir::{AggregateFunction, Blanks, Order, scalar::push_jsonb_order};
use offtake_row::{ArrayRef, Datum, Numeric, Row, RowPacker, time};

/// A value as an arrangement's value: what the aggregate answers sorts first. [`value`] takes it back out.
pub(super) fn encode(function: AggregateFunction, datum: Datum<'_>, packer: &mut RowPacker) -> Row {
    let mut bytes = Vec::with_capacity(32);
    let sorted = match function {
        AggregateFunction::Max(blanks) => Some((blanks, true)),
        AggregateFunction::Min(blanks) => Some((blanks, false)),
        // Any other takes what is first in the order of the packed bytes.
        _ => None,
    };
    if let Some((blanks, descending)) = sorted {
        push(blanks, datum, &mut bytes);
        push_form(blanks, datum, &mut bytes);
        if descending {
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    let order = bytes.len() as u32;
    packer.clear();
    packer.push(datum);
    bytes.extend_from_slice(packer.as_bytes());
    bytes.extend_from_slice(&order.to_le_bytes());
    packer.clear();
    Row::from_bytes(&bytes)
}

/// A row as an arrangement's value, in an order of rows; those that it leaves equal are in the order of their bytes. [`value`] takes it
/// back out, [`keys`] tells which rows the order leaves equal.
pub(super) fn encode_row(orders: &[Order], row: &Row) -> Row {
    let mut bytes = Vec::with_capacity(row.as_bytes().len() + 12 * orders.len() + 4);
    for order in orders {
        let datum = row.datum(order.column);
        bytes.push(u8::from(datum.is_null() != order.nulls_first));
        let start = bytes.len();
        push(Blanks::of(order.ty), datum, &mut bytes);
        if order.descending {
            bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    let order = bytes.len() as u32;
    bytes.extend_from_slice(row.as_bytes());
    bytes.extend_from_slice(&order.to_le_bytes());
    Row::from_bytes(&bytes)
}

/// What stands before the value in what [`encode`] or [`encode_row`] made: equal for what is equal in order.
pub(super) fn keys(encoded: &Row) -> &[u8] {
    let bytes = encoded.as_bytes();
    &bytes[..bytes.len().saturating_sub(4 + value(encoded).len())]
}

/// The packed value that [`encode`] or [`encode_row`] took.
pub(super) fn value(encoded: &Row) -> &[u8] {
    let Some((rest, order)) = encoded.as_bytes().split_last_chunk::<4>() else { return &[] };
    rest.get(u32::from_le_bytes(*order) as usize..).unwrap_or(&[])
}

/// Appends bytes that no longer value of the same type starts with, so that what follows does not disturb the order.
fn push(blanks: Blanks, datum: Datum<'_>, out: &mut Vec<u8>) {
    match datum {
        Datum::Null => {}
        Datum::Bool(value) => out.push(u8::from(value)),
        Datum::Int(value) | Datum::Time(value) | Datum::Timestamp(value) => {
            out.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
        }
        Datum::Date(value) => out.extend_from_slice(&(value ^ i32::MIN).to_be_bytes()),
        Datum::Interval { months, days, micros } => {
            let length = time::interval_length(months, days, micros);
            out.extend_from_slice(&(length ^ i128::MIN).to_be_bytes());
        }
        Datum::Float4(value) => push_float(f64::from(value), out),
        Datum::Float8(value) => push_float(value, out),
        Datum::Numeric(value) => push_numeric(value, out),
        Datum::Text(value) if blanks == Blanks::Ignored => {
            push_bytes(value.trim_end_matches(' ').as_bytes(), out)
        }
        Datum::Text(value) if blanks == Blanks::Jsonb => push_jsonb_order(value, out),
        Datum::Text(value) => push_bytes(value.as_bytes(), out),
        Datum::Bytes(value) => push_bytes(value, out),
        Datum::Uuid(value) => out.extend_from_slice(&value),
        Datum::Array(array) => push_array(blanks, array, out),
    }
}

/// Elements, NULL behind all others; then, behind a byte less than any element's, what orders arrays whose elements are equal as far as
/// both have some.
fn push_array(blanks: Blanks, array: ArrayRef<'_>, out: &mut Vec<u8>) {
    for element in array {
        out.push(if element.is_null() { 2 } else { 1 });
        push(blanks, element, out);
    }
    out.push(0);
    out.push(array.ndims() as u8);
    for dimension in array.dimensions() {
        out.extend_from_slice(&dimension.length.to_be_bytes());
    }
    for dimension in array.dimensions() {
        out.extend_from_slice(&(dimension.lower ^ i32::MIN).to_be_bytes());
    }
}

/// Orders values that are equal but written differently, as [`offtake_lir::Aggregate::better`] does.
fn push_form(blanks: Blanks, datum: Datum<'_>, out: &mut Vec<u8>) {
    match datum {
        Datum::Numeric(Numeric::Finite { scale, .. }) => out.push(scale),
        Datum::Float4(value) => out.push(u8::from(value.is_sign_negative())),
        Datum::Float8(value) => out.push(u8::from(value.is_sign_negative())),
        Datum::Text(value) if blanks == Blanks::Ignored => {
            out.extend_from_slice(&(value.len() as u32).to_be_bytes())
        }
        Datum::Text(value) if blanks == Blanks::Jsonb => push_bytes(value.as_bytes(), out),
        Datum::Interval { months, days, micros } => {
            out.extend_from_slice(&(months ^ i32::MIN).to_be_bytes());
            out.extend_from_slice(&(days ^ i32::MIN).to_be_bytes());
            out.extend_from_slice(&(micros ^ i64::MIN).to_be_bytes());
        }
        Datum::Array(array) => array.iter().for_each(|element| push_form(blanks, element, out)),
        Datum::Null
        | Datum::Bool(_)
        | Datum::Int(_)
        | Datum::Numeric(_)
        | Datum::Text(_)
        | Datum::Bytes(_)
        | Datum::Date(_)
        | Datum::Time(_)
        | Datum::Timestamp(_)
        | Datum::Uuid(_) => {}
    }
}

/// -0 is 0, and NaN is greater than all.
fn push_float(value: f64, out: &mut Vec<u8>) {
    let bits = if value.is_nan() {
        u64::MAX
    } else if value == 0.0 {
        1 << 63
    } else if value.is_sign_negative() {
        !value.to_bits()
    } else {
        value.to_bits() | (1 << 63)
    };
    out.extend_from_slice(&bits.to_be_bytes());
}

/// A byte for the class, then, for what is neither 0 nor infinite, how many digits stand before the point, and the digits.
fn push_numeric(value: Numeric, out: &mut Vec<u8>) {
    let (mantissa, scale) = match value {
        Numeric::NegativeInfinity => return out.push(0),
        Numeric::Infinity => return out.push(4),
        Numeric::NaN => return out.push(5),
        Numeric::Finite { mantissa: 0, .. } => return out.push(2),
        Numeric::Finite { mantissa, scale } => (mantissa, scale),
    };
    out.push(if mantissa < 0 { 1 } else { 3 });
    let start = out.len();
    let digits = mantissa.unsigned_abs().to_string();
    let before_point = digits.len() as i32 - i32::from(scale);
    out.extend_from_slice(&((before_point + 0x8000) as u16).to_be_bytes());
    out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    // Less than every digit: a number is less than the same one with more digits.
    out.push(0);
    if mantissa < 0 {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Zero bytes are escaped and end the value.
fn push_bytes(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

#[cfg(test)]
mod tests {
    use offtake_row::{ArrayBuilder, Dimension};

    use super::*;

    #[test]
    fn bytes_have_the_order_of_the_values() {
        let finite = |mantissa, scale| Datum::Numeric(Numeric::Finite { mantissa, scale });
        let interval = |months, days, micros| Datum::Interval { months, days, micros };
        let array = |elements: &[Datum<'_>], dimensions: &[Dimension]| {
            let mut builder = ArrayBuilder::new();
            elements.iter().for_each(|element| builder.push(*element));
            match dimensions {
                [] => builder.finish().as_bytes().to_vec(),
                dimensions => builder.finish_with(dimensions).as_bytes().to_vec(),
            }
        };
        let [one, two] = [finite(1, 0), finite(2, 0)];
        let row = |length, lower| Dimension { length, lower };
        let arrays = [
            array(&[], &[]),
            array(&[one], &[row(1, -1)]),
            array(&[one], &[]),
            array(&[finite(10, 1)], &[]),
            array(&[one, one], &[]),
            array(&[one, two], &[]),
            array(&[one, two], &[row(1, 1), row(2, 1)]),
            array(&[one, two], &[row(2, 1), row(1, 1)]),
            array(&[one, Datum::Null], &[]),
            array(&[two], &[]),
            array(&[Datum::Null], &[]),
        ];
        let ascending: &[&[Datum<'_>]] = &[
            &[Datum::Bool(false), Datum::Bool(true)],
            &[
                Datum::Int(i64::MIN),
                Datum::Int(-256),
                Datum::Int(-1),
                Datum::Int(0),
                Datum::Int(300),
                Datum::Int(i64::MAX),
            ],
            &[
                Datum::Float8(f64::NEG_INFINITY),
                Datum::Float8(-1.5),
                Datum::Float8(-f64::MIN_POSITIVE),
                Datum::Float8(0.0),
                Datum::Float8(1e-300),
                Datum::Float8(2.0),
                Datum::Float8(f64::INFINITY),
                Datum::Float8(f64::NAN),
            ],
            &[
                Datum::Numeric(Numeric::NegativeInfinity),
                finite(-1000, 0),
                finite(-1001, 1),
                finite(-100, 0),
                finite(-15, 1),
                finite(-1, 0),
                finite(-1, 2),
                finite(0, 3),
                finite(9, 4),
                finite(1, 3),
                finite(99, 2),
                finite(1, 0),
                finite(101, 2),
                finite(11, 1),
                finite(9, 0),
                finite(10, 0),
                finite(i128::MAX, 0),
                Datum::Numeric(Numeric::Infinity),
                Datum::Numeric(Numeric::NaN),
            ],
            &[
                Datum::Text(""),
                Datum::Text("\0"),
                Datum::Text("\0a"),
                Datum::Text("a"),
                Datum::Text("a\0"),
                Datum::Text("ab"),
            ],
            &[
                Datum::Bytes(&[]),
                Datum::Bytes(&[0]),
                Datum::Bytes(&[0, 255]),
                Datum::Bytes(&[1]),
                Datum::Bytes(&[255]),
            ],
            &[Datum::Date(i32::MIN), Datum::Date(-1), Datum::Date(1), Datum::Date(i32::MAX)],
            &[
                interval(i32::MIN, 0, 0),
                interval(0, 0, -1),
                interval(0, 0, 0),
                interval(0, 0, time::DAY),
                interval(0, 1, 0),
                interval(0, 29, time::DAY),
                interval(0, 30, 0),
                interval(1, 0, 0),
                interval(i32::MAX, i32::MAX, i64::MAX),
            ],
            &arrays.each_ref().map(|bytes| Datum::Array(ArrayRef::from_bytes(bytes))),
        ];
        let mut packer = RowPacker::new();
        for datums in ascending {
            for descending in [false, true] {
                let function =
                    if descending { AggregateFunction::Max } else { AggregateFunction::Min }(Blanks::Count);
                let encoded: Vec<Row> =
                    datums.iter().map(|datum| encode(function, *datum, &mut packer)).collect();
                for (datum, row) in datums.iter().zip(&encoded) {
                    assert_eq!(value(row), Row::pack([*datum]).as_bytes());
                }
                let in_order = |pair: &[Row]| if descending { pair[0] > pair[1] } else { pair[0] < pair[1] };
                assert!(encoded.windows(2).all(in_order), "{datums:?}, descending: {descending}");
            }
        }
    }
}
