//! Writes what is generated from the types into the repository, or only the definitions into the folder given.

use std::{env, fs, io, path::Path, path::PathBuf};

use offtake_crds::definitions;

fn main() -> io::Result<()> {
    let (root, files) = match env::args_os().nth(1) {
        Some(folder) => (PathBuf::from(folder), definitions::files()),
        None => (Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), definitions::artifacts()),
    };
    for (name, text) in files {
        let path = root.join(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text)?;
        println!("{name}");
    }
    Ok(())
}
