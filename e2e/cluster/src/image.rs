//! Container images written from files of this machine, without a container engine or a registry: one layer, in the form that
//! `docker save` writes and containerd imports.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::process;

/// What is in an image and how it starts.
#[derive(Clone, Debug)]
pub struct Image {
    /// With a registry's name and a tag: `offtake.test/worker:1`.
    pub name: String,
    pub entrypoint: Vec<String>,
    /// As `uid:gid`.
    pub user: String,
    pub files: Vec<Entry>,
}

/// One file of an image.
#[derive(Clone, Debug)]
pub struct Entry {
    place: String,
    content: Content,
    mode: u32,
}

#[derive(Clone, Debug)]
enum Content {
    File(PathBuf),
    Text(String),
    Folder,
    Link(String),
}

impl Entry {
    /// A program or library of this machine.
    pub fn file(place: &str, source: impl Into<PathBuf>) -> Entry {
        Entry { place: place.to_owned(), content: Content::File(source.into()), mode: 0o755 }
    }

    pub fn text(place: &str, text: &str) -> Entry {
        Entry { place: place.to_owned(), content: Content::Text(text.to_owned()), mode: 0o644 }
    }

    pub fn folder(place: &str, mode: u32) -> Entry {
        Entry { place: place.to_owned(), content: Content::Folder, mode }
    }

    pub fn link(place: &str, target: &str) -> Entry {
        Entry { place: place.to_owned(), content: Content::Link(target.to_owned()), mode: 0o777 }
    }
}

impl Image {
    /// An image without files.
    pub fn new(name: &str, entrypoint: &[&str]) -> Image {
        let entrypoint = entrypoint.iter().map(|word| (*word).to_owned()).collect();
        Image { name: name.to_owned(), entrypoint, user: "65532:65532".to_owned(), files: Vec::new() }
    }

    /// One program at `/usr/local/bin/<its name>` with the libraries it is linked to, and what a program expects besides: a folder for
    /// temporary files, the account it runs under, the authorities that this machine trusts.
    pub fn of_program(name: &str, program: &Path) -> anyhow::Result<Image> {
        let file = program.file_name().with_context(|| format!("{} is no program", program.display()))?;
        let place = format!("/usr/local/bin/{}", file.to_string_lossy());
        let mut image = Image::new(name, &[&place]);
        image.files.push(Entry::folder("/tmp", 0o1777));
        image
            .files
            .push(Entry::text("/etc/passwd", "root:x:0:0::/root:/none\nnonroot:x:65532:65532::/tmp:/none\n"));
        image.files.push(Entry::text("/etc/group", "root:x:0:\nnonroot:x:65532:\n"));
        let authorities = Path::new("/etc/ssl/certs/ca-certificates.crt");
        if let Ok(text) = fs::read_to_string(authorities) {
            image.files.push(Entry::text(&authorities.to_string_lossy(), &text));
        }
        image.files.push(Entry::file(&place, program));
        for library in libraries(program)? {
            image.files.push(Entry::file(&library, &library));
        }
        Ok(image)
    }

    /// Writes the image to a file.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let layer_path = path.with_extension("layer");
        let layer =
            self.write_layer(&layer_path).with_context(|| format!("writing {}", layer_path.display()))?;
        let config = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {"Entrypoint": self.entrypoint, "User": self.user, "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        })
        .to_string();
        let config_name = format!("{}.json", hex(&Sha256::digest(&config)));
        let manifest =
            json!([{"Config": config_name, "RepoTags": [self.name], "Layers": ["layer.tar"]}]).to_string();
        let write = || -> io::Result<()> {
            let mut archive = Builder::new(File::create(path)?);
            archive.append_path_with_name(&layer_path, "layer.tar")?;
            for (name, text) in [(config_name.as_str(), &config), ("manifest.json", &manifest)] {
                let mut header = header(EntryType::Regular, 0o644, text.len() as u64);
                archive.append_data(&mut header, name, text.as_bytes())?;
            }
            archive.into_inner()?.sync_all()
        };
        write().with_context(|| format!("writing {}", path.display()))?;
        fs::remove_file(&layer_path).context("removing a layer that is in its archive")
    }

    /// Writes the layer and answers its digest.
    fn write_layer(&self, path: &Path) -> io::Result<String> {
        let mut layer = Builder::new(Hashing { file: File::create(path)?, hash: Sha256::new() });
        let mut folders = BTreeSet::new();
        for entry in &self.files {
            let place = Path::new(entry.place.trim_start_matches('/'));
            let parents: Vec<&Path> =
                place.ancestors().skip(1).filter(|path| *path != Path::new("")).collect();
            for parent in parents.into_iter().rev() {
                if folders.insert(parent.to_owned()) {
                    layer.append_data(&mut header(EntryType::Directory, 0o755, 0), parent, io::empty())?;
                }
            }
            match &entry.content {
                Content::File(source) => {
                    let file = File::open(source)?;
                    let mut header = header(EntryType::Regular, entry.mode, file.metadata()?.len());
                    layer.append_data(&mut header, place, file)?;
                }
                Content::Text(text) => {
                    let mut header = header(EntryType::Regular, entry.mode, text.len() as u64);
                    layer.append_data(&mut header, place, text.as_bytes())?;
                }
                Content::Folder => {
                    folders.insert(place.to_owned());
                    layer.append_data(
                        &mut header(EntryType::Directory, entry.mode, 0),
                        place,
                        io::empty(),
                    )?;
                }
                Content::Link(target) => {
                    layer.append_link(&mut header(EntryType::Symlink, entry.mode, 0), place, target)?;
                }
            }
        }
        Ok(hex(&layer.into_inner()?.hash.finalize()))
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}

/// The libraries that the loader would load, and the loader itself, as `ldd` names them. None for a static program.
fn libraries(program: &Path) -> anyhow::Result<Vec<String>> {
    let text = match process::output(Command::new("ldd").arg(program).env("LC_ALL", "C")) {
        Ok(text) => text,
        // ldd's way to say that a program is static.
        Err(error) if format!("{error:#}").contains("not a dynamic executable") => return Ok(Vec::new()),
        Err(error) => return Err(error).context("asking which libraries a program needs"),
    };
    let words = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(words.map(str::to_owned).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes to a file and digests what it writes.
struct Hashing {
    file: File,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
