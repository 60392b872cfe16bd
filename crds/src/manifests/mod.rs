//! The four kinds and Secrets, read from files: what `kubectl apply -f` takes, without a cluster.
//!
//! Everything wrong with a folder is found at once, each finding with its file, document, object and field. An object is held against the
//! same schema that the API server would use, so that what works here works there; what the API server would silently drop (an unknown
//! field) is refused by name. No reference between objects is followed here: that is [`crate::catalog`]'s.

mod document;
mod schema;
mod secret;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt, fs,
    path::{Path, PathBuf},
};

pub use secret::SecretValues;

use crate::{PgConnection, PgSource, SourceTable, View, reference::ObjectName};

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifests {
    pub connections: BTreeMap<ObjectName, PgConnection>,
    pub sources: BTreeMap<ObjectName, PgSource>,
    pub tables: BTreeMap<ObjectName, SourceTable>,
    pub views: BTreeMap<ObjectName, View>,
    pub secrets: BTreeMap<ObjectName, SecretValues>,
    /// What was left aside, for the user: objects of other kinds.
    pub notes: Vec<String>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManifestError {
    pub file: PathBuf,
    /// Counted from 1; `None` where the whole file cannot be read.
    pub document: Option<usize>,
    /// `SourceTable default/orders`, as far as the document says so.
    pub object: Option<String>,
    /// `spec.tls.mode`.
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(document) = self.document {
            write!(f, ", document {document}")?;
        }
        for part in [&self.object, &self.field].into_iter().flatten() {
            write!(f, ", {part}")?;
        }
        write!(f, ": {}", self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " ({})", self.remedy) }
    }
}

/// Everything that is wrong with the files, in their order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManifestErrors(pub Vec<ManifestError>);

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestErrors {}

/// Reads every `*.yaml`, `*.yml` and `*.json` of a folder (not of its subfolders, and no hidden file), or one file.
pub fn read_dir(path: &Path) -> Result<Manifests, ManifestErrors> {
    let failed = |path: &Path, error: std::io::Error, remedy: &str| ManifestError {
        file: path.to_owned(),
        document: None,
        object: None,
        field: None,
        message: format!("cannot be read: {error}"),
        remedy: remedy.to_owned(),
    };
    let paths = if path.is_dir() {
        let entries = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut paths: Vec<PathBuf> = entries
            .map_err(|error| ManifestErrors(vec![failed(path, error, "name a folder with manifests")]))?;
        paths.retain(|path| is_manifest(path));
        paths.sort();
        paths
    } else {
        vec![path.to_owned()]
    };
    let mut errors = Vec::new();
    let mut texts = Vec::new();
    for path in paths {
        match fs::read_to_string(&path) {
            Ok(text) => texts.push((path, text)),
            Err(error) => errors.push(failed(
                &path,
                error,
                "manifests are UTF-8 text; check the path and its permissions",
            )),
        }
    }
    let mut reading = Reading { errors, ..Reading::default() };
    for (path, text) in &texts {
        reading.file(path, text);
    }
    reading.finish()
}

/// Reads the texts of files; one whose name ends in `.json` is JSON, every other YAML.
pub fn read_texts<'a>(
    files: impl IntoIterator<Item = (&'a Path, &'a str)>,
) -> Result<Manifests, ManifestErrors> {
    let mut reading = Reading::default();
    for (path, text) in files {
        reading.file(path, text);
    }
    reading.finish()
}

fn is_manifest(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    !hidden && path.is_file() && matches!(extension.as_deref(), Some("yaml" | "yml" | "json"))
}

/// The folder as far as it has been read.
#[derive(Default)]
struct Reading {
    manifests: Manifests,
    errors: Vec<ManifestError>,
    /// Where each object (kind and name) was found first.
    places: BTreeMap<(&'static str, ObjectName), String>,
}

/// An object of a kind that is taken.
// One at a time, on its way into its map.
#[allow(clippy::large_enum_variant)]
enum Object {
    Connection(PgConnection),
    Source(PgSource),
    Table(SourceTable),
    View(View),
    Secret(SecretValues),
}

impl Object {
    fn kind(&self) -> &'static str {
        match self {
            Object::Connection(_) => "PgConnection",
            Object::Source(_) => "PgSource",
            Object::Table(_) => "SourceTable",
            Object::View(_) => "View",
            Object::Secret(_) => "Secret",
        }
    }
}

impl Reading {
    fn file(&mut self, path: &Path, text: &str) {
        for (number, document) in document::split(path, text).into_iter().enumerate() {
            let mut place =
                Place { file: path, document: number + 1, object: None, errors: &mut self.errors };
            let values = match document {
                Ok(value) => document::items(value),
                Err(message) => {
                    place.report(
                        None,
                        message,
                        "correct it; what comes after it in the file may not have been read",
                    );
                    continue;
                }
            };
            for value in values {
                let mut place =
                    Place { file: path, document: number + 1, object: None, errors: &mut self.errors };
                match document::object(value, &mut place) {
                    document::Read::Object(name, object) => {
                        let place = format!("{}, document {}", path.display(), number + 1);
                        self.add(path, number + 1, place, name, *object);
                    }
                    document::Read::Other(note) => {
                        self.manifests.notes.push(format!(
                            "{}, document {}: {note}",
                            path.display(),
                            number + 1
                        ));
                    }
                    document::Read::Nothing => {}
                }
            }
        }
    }

    fn add(&mut self, file: &Path, document: usize, place: String, name: ObjectName, object: Object) {
        let kind = object.kind();
        match self.places.entry((kind, name.clone())) {
            Entry::Occupied(first) => {
                self.errors.push(ManifestError {
                    file: file.to_owned(),
                    document: Some(document),
                    object: Some(format!("{kind} {name}")),
                    field: Some("metadata.name".into()),
                    message: format!("the same object is already in {}", first.get()),
                    remedy: "rename or remove one of the two".into(),
                });
                return;
            }
            Entry::Vacant(entry) => entry.insert(place),
        };
        match object {
            Object::Connection(object) => drop(self.manifests.connections.insert(name, object)),
            Object::Source(object) => drop(self.manifests.sources.insert(name, object)),
            Object::Table(object) => drop(self.manifests.tables.insert(name, object)),
            Object::View(object) => drop(self.manifests.views.insert(name, object)),
            Object::Secret(values) => drop(self.manifests.secrets.insert(name, values)),
        }
    }

    fn finish(self) -> Result<Manifests, ManifestErrors> {
        if self.errors.is_empty() { Ok(self.manifests) } else { Err(ManifestErrors(self.errors)) }
    }
}

/// Where in the files we are; what is found there goes to the list.
struct Place<'a> {
    file: &'a Path,
    document: usize,
    object: Option<String>,
    errors: &'a mut Vec<ManifestError>,
}

impl Place<'_> {
    fn report(&mut self, field: Option<&str>, message: impl Into<String>, remedy: impl Into<String>) {
        self.errors.push(ManifestError {
            file: self.file.to_owned(),
            document: Some(self.document),
            object: self.object.clone(),
            field: field.map(str::to_owned),
            message: message.into(),
            remedy: remedy.into(),
        });
    }
}
