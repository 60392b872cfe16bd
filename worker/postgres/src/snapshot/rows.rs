//! The binary form of COPY, read in place.
//!
//! Source: PostgreSQL documentation, COPY, "Binary Format".

use offtake_row::{Datum, Row, RowPacker};

use crate::shape::{ValueError, Wanted};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Reads the messages of one COPY: PostgreSQL sends the header, each row and the trailer so that none is split.
pub(super) struct RowReader<'a> {
    wanted: &'a [Wanted],
    packer: RowPacker,
    started: bool,
    finished: bool,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(wanted: &'a [Wanted]) -> RowReader<'a> {
        RowReader { wanted, packer: RowPacker::new(), started: false, finished: false }
    }

    /// The trailer was read.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(super) fn read(&mut self, mut body: &[u8], rows: &mut Vec<Row>) -> Result<(), ValueError> {
        if !self.started {
            body = header(body).ok_or_else(|| malformed("the header is none"))?;
            self.started = true;
        }
        while let Some((count, rest)) = body.split_first_chunk::<2>() {
            let count = i16::from_be_bytes(*count);
            if count == -1 {
                self.finished = true;
                return Ok(());
            }
            if usize::try_from(count) != Ok(self.wanted.len()) {
                let found = usize::try_from(count).unwrap_or(0);
                return Err(ValueError::Arity { found, expected: self.wanted.len() });
            }
            body = self.row(rest)?;
            rows.push(self.packer.finish());
        }
        if body.is_empty() { Ok(()) } else { Err(malformed("a row is split")) }
    }

    fn row<'b>(&mut self, mut rest: &'b [u8]) -> Result<&'b [u8], ValueError> {
        for want in self.wanted {
            let (len, after) =
                rest.split_first_chunk::<4>().ok_or_else(|| malformed("a row is cut short"))?;
            let len = i32::from_be_bytes(*len);
            if len < 0 {
                self.packer.push(Datum::Null);
                rest = after;
                continue;
            }
            let (value, after) =
                after.split_at_checked(len as usize).ok_or_else(|| malformed("a value is cut short"))?;
            if want.as_text {
                want.pack_plain(value, &mut self.packer)?;
            } else {
                want.pack_binary(value, &mut self.packer)?;
            }
            rest = after;
        }
        Ok(rest)
    }
}

/// What follows the header.
fn header(body: &[u8]) -> Option<&[u8]> {
    let rest = body.strip_prefix(SIGNATURE)?;
    // Flags (none that we asked for), then an extension of a stated length
    let (extension, rest) = rest.get(4..)?.split_first_chunk::<4>()?;
    rest.get(u32::from_be_bytes(*extension) as usize..)
}

fn malformed(what: &str) -> ValueError {
    ValueError::Invalid { column: "*".to_owned(), reason: format!("malformed COPY data: {what}") }
}

#[cfg(test)]
mod tests {
    use offtake_row::Type;

    use super::*;

    fn column(name: &str, ty: Type, as_text: bool) -> Wanted {
        let name = name.to_owned();
        Wanted { name, ty, as_text, source: Some(ty), type_oid: ty.oid(), typmod: -1, nullable: true }
    }

    #[test]
    fn header_rows_and_trailer() {
        let wanted = [column("id", Type::Int4, false), column("note", Type::Text, true)];
        let mut reader = RowReader::new(&wanted);
        let mut rows = Vec::new();
        let mut first = SIGNATURE.to_vec();
        first.extend_from_slice(&[0; 8]);
        first.extend_from_slice(b"\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x02hi");
        reader.read(&first, &mut rows).expect("the first row");
        reader.read(b"\0\x02\0\0\0\x04\0\0\0\x08\xff\xff\xff\xff", &mut rows).expect("the second row");
        assert!(!reader.is_finished());
        reader.read(b"\xff\xff", &mut rows).expect("the trailer");
        assert!(reader.is_finished());
        assert_eq!(rows[0], Row::pack([Datum::Int(7), Datum::Text("hi")]));
        assert_eq!(rows[1], Row::pack([Datum::Int(8), Datum::Null]));
    }

    #[test]
    fn malformed_rows_are_errors() {
        let wanted = [column("id", Type::Int4, false)];
        for body in [&b"\0\x02"[..], b"\0\x01\0\0", b"\0\x01\0\0\0\x09\0", b"\0"] {
            let mut reader = RowReader::new(&wanted);
            reader.started = true;
            assert!(reader.read(body, &mut Vec::new()).is_err(), "{body:?}");
        }
    }
}
