//! Writes the CustomResourceDefinitions beside this crate's manifest, or into the folder given.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder =
        env::args_os().nth(1).map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    fs::create_dir_all(&folder)?;
    for (name, text) in offtake_crds::definitions::files() {
        fs::write(folder.join(&name), text)?;
        println!("{}", folder.join(name).display());
    }
    Ok(())
}
