//! Messages to events. Remembers the relations that the stream described.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use offtake_contract::Lsn;

use super::{Change, OldTuple, Relation, RelationColumn, StreamEvent, Tuple, tuple::measure};

/// The stream is not what protocol version 1 allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("pgoutput message '{tag}' is malformed: {what}")]
    Malformed { tag: char, what: &'static str },
    #[error("pgoutput sent a change of relation {oid} without describing it first")]
    UnknownRelation { oid: u32 },
    #[error("pgoutput sent a message of unknown kind '{tag}'")]
    UnknownMessage { tag: char },
}

/// Decodes one stream; a new connection needs a new decoder, because the server describes every relation anew.
#[derive(Debug, Default)]
pub struct Decoder {
    relations: HashMap<u32, Arc<Relation>>,
    /// Changes come in runs of one table: the last one saves the look-up.
    last: Option<Arc<Relation>>,
}

impl Decoder {
    /// A decoder that knows no relation yet.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Decodes one message. `None` for the ones that carry nothing of interest: type names, origins, logical messages.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are no protocol-1 message; the stream can't be trusted from there on.
    pub fn decode(&mut self, message: Bytes) -> Result<Option<StreamEvent>, DecodeError> {
        let mut input = Input::new(message)?;
        let event = match input.tag {
            b'I' => {
                let relation = self.relation(input.u32()?)?;
                input.expect(b'N')?;
                StreamEvent::Change(Change::Insert { relation, new: input.tuple()? })
            }
            b'U' => {
                let relation = self.relation(input.u32()?)?;
                let old = match input.u8()? {
                    b'N' => None,
                    kind => {
                        let old = input.old(kind)?;
                        input.expect(b'N')?;
                        Some(old)
                    }
                };
                StreamEvent::Change(Change::Update { relation, old, new: input.tuple()? })
            }
            b'D' => {
                let relation = self.relation(input.u32()?)?;
                let kind = input.u8()?;
                StreamEvent::Change(Change::Delete { relation, old: input.old(kind)? })
            }
            b'B' => StreamEvent::Begin {
                final_lsn: Lsn(input.u64()?),
                commit_time: input.u64()? as i64,
                xid: input.u32()?,
            },
            b'C' => {
                input.u8()?; // flags, none defined
                StreamEvent::Commit {
                    commit_lsn: Lsn(input.u64()?),
                    end_lsn: Lsn(input.u64()?),
                    commit_time: input.u64()? as i64,
                }
            }
            b'R' => {
                let relation = Arc::new(input.relation()?);
                self.last = None;
                self.relations.insert(relation.oid, relation.clone());
                StreamEvent::Relation(relation)
            }
            b'T' => {
                let count = input.u32()?;
                let options = input.u8()?;
                let relations = (0..count)
                    .map(|_| input.u32().and_then(|oid| self.relation(oid)))
                    .collect::<Result<_, _>>()?;
                StreamEvent::Change(Change::Truncate {
                    relations,
                    cascade: options & 1 != 0,
                    restart_identity: options & 2 != 0,
                })
            }
            b'Y' | b'O' | b'M' => return Ok(None),
            tag => return Err(DecodeError::UnknownMessage { tag: char::from(tag) }),
        };
        Ok(Some(event))
    }

    fn relation(&mut self, oid: u32) -> Result<Arc<Relation>, DecodeError> {
        if let Some(last) = &self.last
            && last.oid == oid
        {
            return Ok(last.clone());
        }
        let relation = self.relations.get(&oid).ok_or(DecodeError::UnknownRelation { oid })?;
        self.last = Some(relation.clone());
        Ok(relation.clone())
    }
}

/// A message and how far it is read.
struct Input {
    tag: u8,
    bytes: Bytes,
    at: usize,
}

impl Input {
    fn new(bytes: Bytes) -> Result<Input, DecodeError> {
        let tag = *bytes.first().ok_or(DecodeError::Malformed { tag: ' ', what: "it is empty" })?;
        Ok(Input { tag, bytes, at: 1 })
    }

    fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { tag: char::from(self.tag), what }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let array = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()).copied();
        self.at += N;
        array.ok_or_else(|| self.malformed("it ends early"))
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn expect(&mut self, tag: u8) -> Result<(), DecodeError> {
        if self.u8()? == tag { Ok(()) } else { Err(self.malformed("it has no new tuple where one belongs")) }
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|&b| b == 0).ok_or_else(|| self.malformed("a name does not end"))?;
        let text =
            str::from_utf8(&rest[..end]).map_err(|_| self.malformed("a name is not UTF-8"))?.to_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn tuple(&mut self) -> Result<Tuple, DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = measure(rest).ok_or_else(|| self.malformed("a tuple ends early"))?;
        let tuple = Tuple(self.bytes.slice(self.at..self.at + len));
        self.at += len;
        Ok(tuple)
    }

    fn old(&mut self, kind: u8) -> Result<OldTuple, DecodeError> {
        match kind {
            b'K' => self.tuple().map(OldTuple::Key),
            b'O' => self.tuple().map(OldTuple::Full),
            _ => Err(self.malformed("it has no old tuple where one belongs")),
        }
    }

    fn relation(&mut self) -> Result<Relation, DecodeError> {
        let oid = self.u32()?;
        let schema = self.text()?;
        let name = self.text()?;
        let replica_identity = self.u8()?;
        let count = self.u16()?;
        let columns = (0..count)
            .map(|_| {
                let flags = self.u8()?;
                Ok(RelationColumn {
                    name: self.text()?,
                    type_oid: self.u32()?,
                    typmod: self.u32()? as i32,
                    key: flags & 1 != 0,
                })
            })
            .collect::<Result<_, _>>()?;
        let schema = if schema.is_empty() { "pg_catalog".to_owned() } else { schema };
        Ok(Relation { oid, schema, name, replica_identity, columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgoutput::Cell;

    /// Messages as PostgreSQL 15 sent them for:
    /// `CREATE TABLE t (id int PRIMARY KEY, a text, b numeric(6,2))`, an insert, an update of the key with an unchanged TOAST value,
    /// a delete, a truncate.
    fn hex(text: &str) -> Bytes {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
        digits.chunks(2).map(byte).collect()
    }

    const RELATION: &str = "52 00004001 7075626c696300 7400 64 0003
        01 696400 00000017 ffffffff  00 6100 00000019 ffffffff  00 6200 000006a4 00060006";

    fn decoder() -> Decoder {
        let mut decoder = Decoder::new();
        let event = decoder.decode(hex(RELATION)).expect("a relation");
        let Some(StreamEvent::Relation(relation)) = event else { panic!("{event:?}") };
        assert_eq!((relation.schema.as_str(), relation.name.as_str()), ("public", "t"));
        assert_eq!(relation.replica_identity, b'd');
        let columns: Vec<_> =
            relation.columns.iter().map(|c| (c.name.as_str(), c.type_oid, c.typmod, c.key)).collect();
        assert_eq!(columns, [("id", 23, -1, true), ("a", 25, -1, false), ("b", 1700, 0x0006_0006, false)]);
        decoder
    }

    #[test]
    fn transactions_begin_and_commit() {
        let mut decoder = Decoder::new();
        let begin = decoder.decode(hex("42 00000000016d10f0 0002c1a1bbcb0e4d 000002e5")).expect("begin");
        assert_eq!(
            begin,
            Some(StreamEvent::Begin {
                final_lsn: Lsn(0x16d_10f0),
                commit_time: 0x0002_c1a1_bbcb_0e4d,
                xid: 0x2e5
            })
        );
        let commit =
            decoder.decode(hex("43 00 00000000016d10f0 00000000016d1120 0002c1a1bbcb0e4d")).expect("commit");
        assert_eq!(
            commit,
            Some(StreamEvent::Commit {
                commit_lsn: Lsn(0x16d_10f0),
                end_lsn: Lsn(0x16d_1120),
                commit_time: 0x0002_c1a1_bbcb_0e4d
            })
        );
    }

    #[test]
    fn changes_carry_their_tuples() {
        let mut decoder = decoder();
        let insert = decoder.decode(hex("49 00004001 4e 0003 74 00000001 37 6e 62 00000002 0102"));
        let Ok(Some(StreamEvent::Change(Change::Insert { relation, new }))) = insert else {
            panic!("{insert:?}")
        };
        assert_eq!((relation.oid, new.len()), (0x4001, 3));
        let cells: Vec<_> = new.cells().collect();
        assert_eq!(cells, [Cell::Text(b"7"), Cell::Null, Cell::Binary(&[1, 2])]);

        let update = decoder.decode(hex(
            "55 00004001 4b 0003 74 00000001 37 6e 6e 4e 0003 74 00000001 38 75 74 00000004 312e3530",
        ));
        let Ok(Some(StreamEvent::Change(Change::Update { old: Some(OldTuple::Key(old)), new, .. }))) = update
        else {
            panic!("{update:?}")
        };
        assert_eq!(old.cells().next(), Some(Cell::Text(b"7")));
        assert_eq!(new.cells().collect::<Vec<_>>(), [Cell::Text(b"8"), Cell::Unchanged, Cell::Text(b"1.50")]);

        let plain = decoder.decode(hex("55 00004001 4e 0001 6e"));
        assert!(
            matches!(plain, Ok(Some(StreamEvent::Change(Change::Update { old: None, .. })))),
            "{plain:?}"
        );
        let delete = decoder.decode(hex("44 00004001 4f 0001 6e"));
        assert!(
            matches!(&delete, Ok(Some(StreamEvent::Change(Change::Delete { old: OldTuple::Full(old), .. }))) if old.len() == 1),
            "{delete:?}"
        );
        let truncate = decoder.decode(hex("54 00000001 03 00004001"));
        assert!(
            matches!(&truncate, Ok(Some(StreamEvent::Change(Change::Truncate { relations, cascade: true, restart_identity: true }))) if relations.len() == 1),
            "{truncate:?}"
        );
    }

    #[test]
    fn names_origins_and_messages_are_passed_over() {
        let mut decoder = Decoder::new();
        for message in ["59 00004002 7075626c696300 6d6f6f6400", "4f 0000000000000001 6f00", "4d 00"] {
            assert_eq!(decoder.decode(hex(message)), Ok(None));
        }
    }

    /// Nothing that arrives may panic, wherever it is cut.
    #[test]
    fn cut_messages_are_errors() {
        let messages = [
            RELATION,
            "49 00004001 4e 0003 74 00000001 37 6e 62 00000002 0102",
            "55 00004001 4b 0001 6e 4e 0001 74 00000001 38",
            "44 00004001 4b 0001 74 00000001 38",
            "54 00000001 03 00004001",
            "42 00000000016d10f0 0002c1a1bbcb0e4d 000002e5",
            "43 00 00000000016d10f0 00000000016d1120 0002c1a1bbcb0e4d",
        ];
        for message in messages {
            let whole = hex(message);
            for end in 0..whole.len() {
                assert!(decoder().decode(whole.slice(..end)).is_err(), "{message} cut at {end}");
            }
        }
        assert_eq!(decoder().decode(hex("44 00000009 4b")), Err(DecodeError::UnknownRelation { oid: 9 }));
        assert_eq!(decoder().decode(hex("5a")), Err(DecodeError::UnknownMessage { tag: 'Z' }));
    }
}
