//! Iterators over tables and pending changes.

use fjall::{Keyspace, Slice};

use crate::{Store, StoreError};

/// A table's (key, value) pairs in the order of the keys, as they were when the scan began. It ends after an error.
///
/// It keeps the store open and the scanned state on the disk for as long as it lives.
pub struct Scan {
    iterator: Option<fjall::Iter>,
    // fjall removes a dropped keyspace's files with its last handle.
    _keyspace: Option<Keyspace>,
    store: Store,
}

impl Scan {
    pub(crate) fn new(store: &Store, keyspace: Option<Keyspace>) -> Result<Scan, StoreError> {
        let iterator = match &keyspace {
            Some(keyspace) => Some(store.inner.directory.guard("starting a scan", || Ok(keyspace.iter()))?),
            None => None,
        };
        Ok(Scan { iterator, _keyspace: keyspace, store: store.clone() })
    }
}

impl Iterator for Scan {
    type Item = Result<(Slice, Slice), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let iterator = self.iterator.as_mut()?;
        let item = self
            .store
            .inner
            .directory
            .guard("scanning a table", || iterator.next().map(fjall::Guard::into_inner).transpose());
        if !matches!(item, Ok(Some(_))) {
            self.iterator = None;
        }
        item.transpose()
    }
}

/// A table's pending changes in the order of their sequence numbers.
pub struct Pending(pub(crate) Scan);

impl Iterator for Pending {
    type Item = Result<(u64, Slice), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|(key, value)| match <[u8; 8]>::try_from(&*key) {
            Ok(sequence) => Ok((u64::from_be_bytes(sequence), value)),
            Err(_) => Err(StoreError::Corrupt {
                path: self.0.store.inner.directory.path().to_owned(),
                doing: "reading pending changes",
                detail: format!("a sequence number of {} bytes", key.len()),
            }),
        }))
    }
}
