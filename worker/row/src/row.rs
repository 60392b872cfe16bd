//! Packed rows: one tag byte and a payload per datum, canonical, so that equal rows are equal bytes.

use std::{cmp::Ordering, fmt, hash, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{array::ArrayRef, datum::Datum, numeric::Numeric};

const INLINE: usize = 22;

/// A row of datums in packed form: 24 bytes, up to 22 of payload inline, longer ones shared. Cloning never copies a long row.
///
/// `Ord` is the order of the bytes: total and cheap, but not SQL's order.
#[derive(Clone)]
pub struct Row(Repr);

#[derive(Clone)]
enum Repr {
    Inline {
        len: u8,
        bytes: [u8; INLINE],
    },
    /// `head` repeats the first bytes, where there is room for them anyway: most comparisons end there, without a look at the heap.
    Shared {
        head: [u8; HEAD],
        bytes: Arc<[u8]>,
    },
}

/// Bytes that comparisons look at first.
const HEAD: usize = 7;

// Tags. Integers and lengths are little-endian in the fewest bytes that hold them; the tag tells how many.
const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const FLOAT4: u8 = 3;
const FLOAT8: u8 = 4;
const DATE: u8 = 5;
const TIME: u8 = 6;
const TIMESTAMP: u8 = 7;
const UUID: u8 = 8;
/// Months, days, microseconds.
const INTERVAL: u8 = 9;
/// Followed by a scale byte and the mantissa: `NUMERIC + n` has a mantissa of `n` bytes, 0 ..= 16.
const NUMERIC: u8 = 16; // 16 ..= 32
const NUMERIC_NAN: u8 = 33;
const NUMERIC_INFINITY: u8 = 34;
const NUMERIC_NEGATIVE_INFINITY: u8 = 35;
const INT: u8 = 40; // 40 ..= 48: two's complement of 0 ..= 8 bytes
const TEXT: u8 = 50; // 50 ..= 54: a length of 0 ..= 4 bytes, then the text
const BYTES: u8 = 60; // 60 ..= 64
const ARRAY: u8 = 70; // 70 ..= 74, as a text's
const TEXT_SHORT: u8 = 128; // 128 ..= 255: a text of 0 ..= 127 bytes

impl Row {
    /// The row of no columns.
    pub fn empty() -> Row {
        Row(Repr::Inline { len: 0, bytes: [0; INLINE] })
    }

    /// Takes bytes that [`Row::as_bytes`] gave (from disk or another process). Reading a row whose bytes were not written by
    /// [`RowPacker`] ends early instead of panicking.
    pub fn from_bytes(bytes: &[u8]) -> Row {
        if bytes.len() <= INLINE {
            let mut inline = [0; INLINE];
            inline[..bytes.len()].copy_from_slice(bytes);
            Row(Repr::Inline { len: bytes.len() as u8, bytes: inline })
        } else {
            let mut head = [0; HEAD];
            head.copy_from_slice(&bytes[..HEAD]);
            Row(Repr::Shared { head, bytes: bytes.into() })
        }
    }

    /// Packs datums into a row.
    pub fn pack<'a>(datums: impl IntoIterator<Item = Datum<'a>>) -> Row {
        let mut packer = RowPacker::new();
        for datum in datums {
            packer.push(datum);
        }
        packer.finish()
    }

    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Shared { bytes, .. } => bytes,
        }
    }

    /// The first bytes as a number: where two rows' differ, the numbers' order is the rows' order. A shorter row is filled up with zeros,
    /// so that nothing follows where they are equal.
    #[inline]
    fn head(&self) -> u64 {
        let mut head = [0; 8];
        match &self.0 {
            Repr::Inline { bytes, .. } => head[..HEAD].copy_from_slice(&bytes[..HEAD]),
            Repr::Shared { head: first, .. } => head[..HEAD].copy_from_slice(first),
        }
        u64::from_be_bytes(head)
    }

    /// The datums in order.
    pub fn iter(&self) -> RowIter<'_> {
        RowIter { bytes: self.as_bytes() }
    }

    /// The datum at `index`; `Null` past the end. Walks the row: unpack once where several are needed.
    pub fn datum(&self, index: usize) -> Datum<'_> {
        self.iter().nth(index).unwrap_or(Datum::Null)
    }

    /// Clears `into` and fills it with this row's datums.
    pub fn unpack_into<'a>(&'a self, into: &mut Vec<Datum<'a>>) {
        into.clear();
        into.extend(self.iter());
    }

    pub fn unpack(&self) -> Vec<Datum<'_>> {
        self.iter().collect()
    }

    /// Of [`Row::heap_bytes`] those that are this row's alone: none while it has clones.
    pub fn own_bytes(&self) -> usize {
        match &self.0 {
            Repr::Shared { bytes, .. } if Arc::strong_count(bytes) > 1 => 0,
            _ => self.heap_bytes(),
        }
    }

    /// Bytes of heap that this row alone accounts for (shared by its clones); 0 for an inline one.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Inline { .. } => 0,
            Repr::Shared { bytes, .. } => bytes.len() + 16,
        }
    }
}

impl Default for Row {
    fn default() -> Row {
        Row::empty()
    }
}

impl PartialEq for Row {
    #[inline]
    fn eq(&self, other: &Row) -> bool {
        self.head() == other.head() && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Row {}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Row) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Row {
    #[inline]
    fn cmp(&self, other: &Row) -> Ordering {
        self.head().cmp(&other.head()).then_with(|| self.as_bytes().cmp(other.as_bytes()))
    }
}

impl hash::Hash for Row {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Row, D::Error> {
        struct Bytes;
        impl<'de> de::Visitor<'de> for Bytes {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a packed row")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Row, E> {
                Ok(Row::from_bytes(bytes))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(Row::from_bytes(&bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// Builds rows; its buffer is reused from row to row.
#[derive(Debug, Default)]
pub struct RowPacker {
    bytes: Vec<u8>,
}

impl RowPacker {
    pub fn new() -> RowPacker {
        RowPacker { bytes: Vec::with_capacity(64) }
    }

    pub fn push(&mut self, datum: Datum<'_>) {
        let out = &mut self.bytes;
        match datum {
            Datum::Null => out.push(NULL),
            Datum::Bool(false) => out.push(FALSE),
            Datum::Bool(true) => out.push(TRUE),
            Datum::Int(value) => {
                let n = signed_width(i128::from(value));
                out.push(INT + n as u8);
                out.extend_from_slice(&value.to_le_bytes()[..n]);
            }
            Datum::Float4(value) => {
                out.push(FLOAT4);
                let bits = if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
                out.extend_from_slice(&bits.to_le_bytes());
            }
            Datum::Float8(value) => {
                out.push(FLOAT8);
                let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
                out.extend_from_slice(&bits.to_le_bytes());
            }
            Datum::Numeric(Numeric::Finite { mantissa, scale }) => {
                let n = signed_width(mantissa);
                out.push(NUMERIC + n as u8);
                out.push(scale);
                out.extend_from_slice(&mantissa.to_le_bytes()[..n]);
            }
            Datum::Numeric(Numeric::NaN) => out.push(NUMERIC_NAN),
            Datum::Numeric(Numeric::Infinity) => out.push(NUMERIC_INFINITY),
            Datum::Numeric(Numeric::NegativeInfinity) => out.push(NUMERIC_NEGATIVE_INFINITY),
            Datum::Text(value) => {
                if value.len() < 128 {
                    out.push(TEXT_SHORT | value.len() as u8);
                    out.extend_from_slice(value.as_bytes());
                } else {
                    push_long(out, TEXT, value.as_bytes());
                }
            }
            Datum::Bytes(value) => push_long(out, BYTES, value),
            Datum::Date(days) => {
                out.push(DATE);
                out.extend_from_slice(&days.to_le_bytes());
            }
            Datum::Time(micros) => {
                out.push(TIME);
                out.extend_from_slice(&micros.to_le_bytes());
            }
            Datum::Timestamp(micros) => {
                out.push(TIMESTAMP);
                out.extend_from_slice(&micros.to_le_bytes());
            }
            Datum::Interval { months, days, micros } => {
                out.push(INTERVAL);
                out.extend_from_slice(&months.to_le_bytes());
                out.extend_from_slice(&days.to_le_bytes());
                out.extend_from_slice(&micros.to_le_bytes());
            }
            Datum::Uuid(value) => {
                out.push(UUID);
                out.extend_from_slice(&value);
            }
            Datum::Array(value) => push_long(out, ARRAY, value.as_bytes()),
        }
    }

    /// Appends all datums of a packed row.
    pub fn extend_from_row(&mut self, row: &Row) {
        self.bytes.extend_from_slice(row.as_bytes());
    }

    /// Appends datums in packed form, as [`RowIter::next_packed`] gives them.
    pub fn extend_packed(&mut self, packed: &[u8]) {
        self.bytes.extend_from_slice(packed);
    }

    /// The bytes packed since the last [`RowPacker::finish`] or [`RowPacker::clear`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Hands the row over and starts the next one.
    pub fn finish(&mut self) -> Row {
        let row = Row::from_bytes(&self.bytes);
        self.bytes.clear();
        row
    }
}

/// How many little-endian bytes hold `value` in two's complement; 0 for zero.
fn signed_width(value: i128) -> usize {
    if value == 0 {
        return 0;
    }
    let significant = 129 - if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    significant.div_ceil(8) as usize
}

fn push_long(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    let len = value.len() as u32;
    let n = (4 - (len.leading_zeros() / 8) as usize).min(4);
    out.push(tag + n as u8);
    out.extend_from_slice(&len.to_le_bytes()[..n]);
    out.extend_from_slice(value);
}

/// Iterates the datums of a packed row.
#[derive(Clone, Debug)]
pub struct RowIter<'a> {
    bytes: &'a [u8],
}

impl<'a> RowIter<'a> {
    /// Reads packed bytes without making a [`Row`] of them.
    pub fn new(bytes: &'a [u8]) -> RowIter<'a> {
        RowIter { bytes }
    }

    /// The bytes that are not read yet: the rest of the row, packed.
    pub fn remaining(&self) -> &'a [u8] {
        self.bytes
    }

    /// Passes over the next datum without reading it: its bytes, in packed form.
    pub fn next_packed(&mut self) -> Option<&'a [u8]> {
        let all = self.bytes;
        let &tag = all.first()?;
        let payload = match tag {
            NULL | FALSE | TRUE | NUMERIC_NAN | NUMERIC_INFINITY | NUMERIC_NEGATIVE_INFINITY => Some(0),
            INT..=48 => Some(usize::from(tag - INT)),
            FLOAT4 | DATE => Some(4),
            FLOAT8 | TIME | TIMESTAMP => Some(8),
            UUID | INTERVAL => Some(16),
            NUMERIC..=32 => Some(1 + usize::from(tag - NUMERIC)),
            TEXT_SHORT..=255 => Some(usize::from(tag & 0x7f)),
            TEXT..=54 | BYTES..=64 | ARRAY..=74 => {
                // The three ranges stand ten apart.
                let n = usize::from((tag - TEXT) % 10);
                let mut len = [0; 4];
                len.get_mut(..n)?.copy_from_slice(all.get(1..1 + n)?);
                Some(n + u32::from_le_bytes(len) as usize)
            }
            _ => None,
        };
        // As after a failed read: nothing follows.
        self.bytes = &[];
        let (datum, rest) = all.split_at_checked(1 + payload?)?;
        self.bytes = rest;
        Some(datum)
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(n)?;
        self.bytes = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn signed(&mut self, n: usize) -> Option<i128> {
        let bytes = self.take(n)?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = if negative { [0xff; 16] } else { [0; 16] };
        wide.get_mut(..n)?.copy_from_slice(bytes);
        Some(i128::from_le_bytes(wide))
    }

    fn int(&mut self, n: usize) -> Option<i64> {
        let bytes = self.take(n)?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        wide.get_mut(..n)?.copy_from_slice(bytes);
        Some(i64::from_le_bytes(wide))
    }

    fn long(&mut self, n: usize) -> Option<&'a [u8]> {
        let mut len = [0; 4];
        len.get_mut(..n)?.copy_from_slice(self.take(n)?);
        self.take(u32::from_le_bytes(len) as usize)
    }
}

impl<'a> Iterator for RowIter<'a> {
    type Item = Datum<'a>;

    /// Does not read what it passes over.
    #[inline]
    fn nth(&mut self, n: usize) -> Option<Datum<'a>> {
        for _ in 0..n {
            self.next_packed()?;
        }
        self.next()
    }

    fn next(&mut self) -> Option<Datum<'a>> {
        let (&tag, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(match tag {
            NULL => Datum::Null,
            FALSE => Datum::Bool(false),
            TRUE => Datum::Bool(true),
            INT..=48 => Datum::Int(self.int(usize::from(tag - INT))?),
            FLOAT4 => Datum::Float4(f32::from_le_bytes(self.array()?)),
            FLOAT8 => Datum::Float8(f64::from_le_bytes(self.array()?)),
            NUMERIC..=32 => {
                let scale = self.array::<1>()?[0];
                Datum::Numeric(Numeric::Finite { mantissa: self.signed(usize::from(tag - NUMERIC))?, scale })
            }
            NUMERIC_NAN => Datum::Numeric(Numeric::NaN),
            NUMERIC_INFINITY => Datum::Numeric(Numeric::Infinity),
            NUMERIC_NEGATIVE_INFINITY => Datum::Numeric(Numeric::NegativeInfinity),
            TEXT_SHORT..=255 => Datum::Text(std::str::from_utf8(self.take(usize::from(tag & 0x7f))?).ok()?),
            TEXT..=54 => Datum::Text(std::str::from_utf8(self.long(usize::from(tag - TEXT))?).ok()?),
            BYTES..=64 => Datum::Bytes(self.long(usize::from(tag - BYTES))?),
            DATE => Datum::Date(i32::from_le_bytes(self.array()?)),
            TIME => Datum::Time(i64::from_le_bytes(self.array()?)),
            TIMESTAMP => Datum::Timestamp(i64::from_le_bytes(self.array()?)),
            INTERVAL => Datum::Interval {
                months: i32::from_le_bytes(self.array()?),
                days: i32::from_le_bytes(self.array()?),
                micros: i64::from_le_bytes(self.array()?),
            },
            UUID => Datum::Uuid(self.array()?),
            ARRAY..=74 => Datum::Array(ArrayRef::from_bytes(self.long(usize::from(tag - ARRAY))?)),
            _ => return None,
        })
    }
}

impl<'a> IntoIterator for &'a Row {
    type Item = Datum<'a>;
    type IntoIter = RowIter<'a>;

    fn into_iter(self) -> RowIter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{ArrayBuilder, Dimension};

    #[test]
    fn every_datum_comes_back() {
        let long = "x".repeat(70_000);
        let (mut list, mut square) = (ArrayBuilder::new(), ArrayBuilder::new());
        for element in [Datum::Int(7), Datum::Null, Datum::Text(&long), Datum::Numeric(Numeric::NaN)] {
            list.push(element);
            square.push(element);
        }
        let bounds = [Dimension { length: 2, lower: -3 }, Dimension { length: 2, lower: 1 }];
        let (list, square) = (list.finish(), square.finish_with(&bounds));
        assert_eq!(list.iter().nth(1), Some(Datum::Null));
        assert_eq!((list.len(), square.len(), square.ndims()), (4, 4, 2));
        assert_eq!(square.dimensions().collect::<Vec<_>>(), bounds);
        let datums = vec![
            Datum::Null,
            Datum::Bool(true),
            Datum::Bool(false),
            Datum::Int(0),
            Datum::Int(-1),
            Datum::Int(127),
            Datum::Int(128),
            Datum::Int(-129),
            Datum::Int(i64::MAX),
            Datum::Int(i64::MIN),
            Datum::Float4(1.5),
            Datum::Float8(-0.0),
            Datum::Numeric(Numeric::Finite { mantissa: i128::MAX, scale: 38 }),
            Datum::Numeric(Numeric::Finite { mantissa: -150, scale: 2 }),
            Datum::Numeric(Numeric::Finite { mantissa: 0, scale: 2 }),
            Datum::Numeric(Numeric::NaN),
            Datum::Text(""),
            Datum::Text("grün"),
            Datum::Text(&long),
            Datum::Bytes(b""),
            Datum::Bytes(&[0, 255, 1]),
            Datum::Bytes(long.as_bytes()),
            Datum::Date(-5),
            Datum::Time(86_400_000_000),
            Datum::Timestamp(i64::MAX),
            Datum::Interval { months: -1, days: i32::MAX, micros: i64::MIN },
            Datum::Uuid([7; 16]),
            Datum::Array(ArrayRef::empty()),
            Datum::Array(list),
            Datum::Array(square),
        ];
        let row = Row::pack(datums.iter().copied());
        assert_eq!(row.unpack(), datums);
        assert_eq!(Row::from_bytes(row.as_bytes()), row);
        let mut packed = row.iter();
        for (place, datum) in datums.iter().enumerate() {
            assert_eq!(row.datum(place), *datum);
            assert_eq!(Row::from_bytes(packed.next_packed().unwrap()).unpack(), [*datum]);
        }
        assert_eq!(packed.next_packed(), None);
    }

    #[test]
    fn the_order_is_that_of_the_bytes() {
        let contents: Vec<Vec<u8>> = [0, 1, 6, 7, 8, 21, 22, 23, 40]
            .into_iter()
            .flat_map(|length| {
                [0u8, 1, 255].into_iter().flat_map(move |fill| {
                    (0..length.max(1)).step_by(3).map(move |place| {
                        let mut bytes = vec![fill; length];
                        if let Some(byte) = bytes.get_mut(place) {
                            *byte = 7;
                        }
                        bytes
                    })
                })
            })
            .collect();
        for a in &contents {
            for b in &contents {
                let (row, other) = (Row::from_bytes(a), Row::from_bytes(b));
                assert_eq!(row.cmp(&other), a.cmp(b), "{a:?} {b:?}");
                assert_eq!(row == other, a == b, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn foreign_bytes_end_early_and_never_panic() {
        for length in 0..40 {
            for tag in 0..=255u8 {
                let bytes: Vec<u8> = std::iter::repeat_n(tag, length).collect();
                let row = Row::from_bytes(&bytes);
                for datum in &row {
                    if let Datum::Array(array) = datum {
                        let _ = (array.iter().count(), array.dimensions().count(), array.len());
                    }
                }
                let mut packed = row.iter();
                while packed.next_packed().is_some() {}
            }
        }
    }

    #[test]
    fn a_row_is_three_words() {
        assert_eq!(std::mem::size_of::<Row>(), 24);
    }
}
