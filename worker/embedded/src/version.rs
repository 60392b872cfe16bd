//! Which PostgreSQL is asked for.

use std::{fmt, str::FromStr};

/// A wish for a server version. Written `any`, `system`, `18`, `18.4` or, where Maven Central has several builds of one release, `11.22.1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// The machine's newest server that Offtake reads from (11 and later); where it has none, [`Version::NEWEST`] is fetched.
    #[default]
    Any,
    /// The machine's newest server; nothing is fetched.
    System,
    /// The newest release of one major version: the machine's, else the cache's, else Maven Central's.
    Major(u16),
    /// One release, as `SHOW server_version` prints it.
    Minor(u16, u16),
    /// One build of one release.
    Exact(u16, u16, u16),
}

impl Version {
    /// The oldest major version that Offtake reads from.
    pub const OLDEST: u16 = 11;
    /// The newest major version that is known to work.
    pub const NEWEST: u16 = 18;

    /// The major version, where the wish names one.
    pub(crate) fn major(self) -> Option<u16> {
        match self {
            Version::Any | Version::System => None,
            Version::Major(major) | Version::Minor(major, _) | Version::Exact(major, _, _) => Some(major),
        }
    }

    /// Whether the release `major.minor`, build `build`, fulfils the wish. The machine's servers have no build number: 0.
    pub(crate) fn accepts(self, release: Release) -> bool {
        match self {
            Version::Any => release.major >= Version::OLDEST,
            Version::System => true,
            Version::Major(major) => release.major == major,
            Version::Minor(major, minor) => (release.major, release.minor) == (major, minor),
            Version::Exact(major, minor, build) => {
                (release.major, release.minor, release.build) == (major, minor, build)
            }
        }
    }
}

/// One release of PostgreSQL and the number of its build on Maven Central.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    pub major: u16,
    pub minor: u16,
    pub build: u16,
}

impl Release {
    /// Reads `18.4` or `11.22.1`.
    pub fn parse(text: &str) -> Option<Release> {
        let mut numbers = text.split('.').map(str::parse);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let build = numbers.next().unwrap_or(Ok(0)).ok()?;
        numbers.next().is_none().then_some(Release { major, minor, build })
    }

    /// Reads what `postgres --version` prints: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `postgres (PostgreSQL) 19beta1`.
    pub fn of_banner(banner: &str) -> Option<Release> {
        let text = banner.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let text = &text[..digits];
        Release::parse(text).or_else(|| Some(Release { major: text.parse().ok()?, minor: 0, build: 0 }))
    }
}

/// The text is not a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseVersionError(String);

impl fmt::Display for ParseVersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (oldest, newest) = (Version::OLDEST, Version::NEWEST);
        write!(
            f,
            "\"{}\" is not a PostgreSQL version: write \"any\", \"system\", a major version from {oldest} to {newest}, \
             or a release such as {newest}.0",
            self.0
        )
    }
}

impl std::error::Error for ParseVersionError {}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Version, ParseVersionError> {
        let error = || ParseVersionError(text.to_owned());
        let version = match text {
            "any" => return Ok(Version::Any),
            "system" => return Ok(Version::System),
            _ => {
                let numbers: Result<Vec<u16>, _> = text.split('.').map(str::parse).collect();
                match numbers.map_err(|_| error())?[..] {
                    [major] => Version::Major(major),
                    [major, minor] => Version::Minor(major, minor),
                    [major, minor, build] => Version::Exact(major, minor, build),
                    _ => return Err(error()),
                }
            }
        };
        // Older servers lack what Offtake relies on; a test that wants to see the refusal may still ask for 10.
        if version.major().is_some_and(|major| major >= 10) { Ok(version) } else { Err(error()) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Any => f.write_str("any"),
            Version::System => f.write_str("system"),
            Version::Major(major) => write!(f, "{major}"),
            Version::Minor(major, minor) => write!(f, "{major}.{minor}"),
            Version::Exact(major, minor, build) => write!(f, "{major}.{minor}.{build}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() {
        for text in ["any", "system", "11", "18.4", "11.22.1"] {
            assert_eq!(text.parse::<Version>().map(|version| version.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "newest", "9", "9.6", "18.", "18.x", "1.2.3.4", "-1", "18 "] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn reads_banners() {
        let release = |major, minor| Some(Release { major, minor, build: 0 });
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(Release::of_banner(debian), release(15, 18));
        assert_eq!(Release::of_banner("postgres (PostgreSQL) 18.4"), release(18, 4));
        assert_eq!(Release::of_banner("postgres (PostgreSQL) 19beta1"), release(19, 0));
        assert_eq!(Release::of_banner("bash: postgres: command not found"), None);
    }
}
