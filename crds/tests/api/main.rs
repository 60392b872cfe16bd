//! The crate as its users meet it: the files it generates and the files it reads.

mod catalog;
mod definitions;
mod deploy;
mod manifests;

use std::path::{Path, PathBuf};

use offtake_crds::manifests::{ManifestErrors, Manifests, read_texts};

/// A folder of `tests/fixtures`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Reads manifests that a test has in hand.
fn read(text: &str) -> Result<Manifests, ManifestErrors> {
    read_texts([(Path::new("test.yaml"), text)])
}
