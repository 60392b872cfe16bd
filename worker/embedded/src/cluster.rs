//! The files of one cluster: data directory, configuration, certificates, log.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    account::Account,
    binaries::Binaries,
    server::{Options, ServerError},
};

/// Our settings have a file of their own, included from `postgresql.conf`, so that `ALTER SYSTEM` still wins over them.
const SETTINGS: &str = "offtake.conf";

/// What the server shows and demands under TLS. All PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate chain, the server's own first.
    pub certificate: String,
    /// The private key, not encrypted.
    pub key: String,
    /// The authorities whose client certificates are accepted (`clientcert` or `cert` in [`Options::hba`] asks for one).
    pub client_ca: Option<String>,
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").field("client_ca", &self.client_ca.is_some()).finish_non_exhaustive()
    }
}

/// `<root>/data` and `<root>/server.log`.
#[derive(Debug)]
pub(crate) struct Cluster {
    root: PathBuf,
    temporary: bool,
    pub account: Account,
}

impl Cluster {
    /// Makes the folder: the one given, which is kept, or a temporary one.
    pub fn create(folder: Option<&Path>, account: Account) -> Result<Cluster, ServerError> {
        let (root, temporary) = match folder {
            Some(folder) => {
                fs::create_dir_all(folder).map_err(|source| ServerError::files(folder, source))?;
                let folder = folder.canonicalize().map_err(|source| ServerError::files(folder, source))?;
                (folder, false)
            }
            None => {
                let places = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
                let place = places.iter().find(|place| account.reaches(place)).unwrap_or(&places[0]);
                let folder = tempfile::Builder::new().prefix("offtake-postgres-").tempdir_in(place);
                (folder.map_err(|source| ServerError::files(place, source))?.keep(), true)
            }
        };
        let cluster = Cluster { root, temporary, account };
        account.give(&cluster.root).map_err(|source| ServerError::files(&cluster.root, source))?;
        if !account.reaches(&cluster.root) {
            return Err(ServerError::OutOfReach { path: cluster.root.clone() });
        }
        Ok(cluster)
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The folder that goes with the server, if it is temporary.
    pub fn temporary(&self) -> Option<&Path> {
        self.temporary.then_some(&*self.root)
    }

    /// Everything that the server and initdb have printed so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// Sends what a command prints to the log.
    pub fn logged(&self, command: &mut Command) -> io::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path())?;
        self.account.give(&self.log_path())?;
        command.stdout(log.try_clone()?).stderr(log).current_dir(&self.root);
        Ok(())
    }

    /// Initialises the data directory unless there is one of the same major version.
    pub fn initialise(&self, binaries: &Binaries, options: &Options) -> Result<(), ServerError> {
        let data = self.data();
        if let Ok(found) = fs::read_to_string(data.join("PG_VERSION")) {
            let (found, wanted) = (found.trim().to_owned(), binaries.major());
            let same = found == wanted.to_string();
            return if same { Ok(()) } else { Err(ServerError::OtherMajor { path: data, found, wanted }) };
        }
        let mut command = self.account.command(&binaries.bin_dir().join("initdb"));
        command.arg("-D").arg(&data).args(["-U", &options.user, "-E", "UTF8", "--locale=C"]);
        if !options.durable {
            command.arg("--no-sync");
        }
        let password_file = self.root.join("password");
        let files = |source| ServerError::files(&self.root, source);
        match &options.password {
            None => command.arg("--auth=trust"),
            Some(password) => {
                self.write_private(&password_file, password).map_err(files)?;
                command.arg("--auth=scram-sha-256").arg("--pwfile").arg(&password_file)
            }
        };
        self.logged(&mut command).map_err(files)?;
        command.stdin(Stdio::null());
        let program = "initdb";
        let status = command.status().map_err(|source| ServerError::Spawn { program, source });
        // The password must not stay in a file, whatever came of it.
        let _ = fs::remove_file(&password_file);
        if !status?.success() {
            return Err(ServerError::Initialise { log: tail(&self.log()) });
        }
        let mut main = OpenOptions::new().append(true).open(data.join("postgresql.conf")).map_err(files)?;
        writeln!(main, "\ninclude '{SETTINGS}'").map_err(files)
    }

    /// Writes settings, access rules and certificates for the next start.
    pub fn configure(&self, options: &Options, port: u16) -> io::Result<()> {
        let data = self.data();
        let mut settings: Vec<(&str, String)> = vec![
            ("listen_addresses", "127.0.0.1".into()),
            ("unix_socket_directories", String::new()),
            ("port", port.to_string()),
            ("wal_level", "logical".into()),
            ("max_wal_senders", "20".into()),
            ("max_replication_slots", "20".into()),
            ("shared_buffers", "32MB".into()),
            ("logging_collector", "off".into()),
            ("log_timezone", "UTC".into()),
            ("timezone", "UTC".into()),
            ("password_encryption", "scram-sha-256".into()),
            // Compiling takes longer than anything that the demo and the tests ask.
            ("jit", "off".into()),
        ];
        if !options.durable {
            // Not synchronous_commit: off would hold commits back from the stream until the WAL writer comes round (200 ms).
            settings.extend([("fsync", "off".into()), ("full_page_writes", "off".into())]);
        }
        if let Some(tls) = &options.tls {
            self.write_private(&data.join("server.crt"), &tls.certificate)?;
            self.write_private(&data.join("server.key"), &tls.key)?;
            settings.push(("ssl", "on".into()));
            if let Some(authorities) = &tls.client_ca {
                self.write_private(&data.join("root.crt"), authorities)?;
                settings.push(("ssl_ca_file", "root.crt".into()));
            }
        }
        let given = options.settings.iter().map(|(name, value)| (&**name, value.clone()));
        let mut text = String::from("# Written anew at every start: the later of two equal names counts.\n");
        for (name, value) in settings.into_iter().chain(given) {
            text += &format!("{name} = '{}'\n", value.replace('\'', "''"));
        }
        self.write_private(&data.join(SETTINGS), &text)?;

        let method = if options.password.is_some() { "scram-sha-256" } else { "trust" };
        let mut rules = options.hba.join("\n");
        for line in [
            "local all all",
            "local replication all",
            "host all all 127.0.0.1/32",
            "host replication all 127.0.0.1/32",
        ] {
            rules += &format!("\n{line} {method}");
        }
        self.write_private(&data.join("pg_hba.conf"), &(rules + "\n"))
    }

    /// Removes a temporary cluster's folder.
    pub fn remove(&self) -> io::Result<()> {
        match self.temporary() {
            Some(folder) if folder.exists() => fs::remove_dir_all(folder),
            _ => Ok(()),
        }
    }

    /// Writes a file that only the server's account can read.
    fn write_private(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        self.account.give(path)
    }
}

/// The last lines of a log, for an error message.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
