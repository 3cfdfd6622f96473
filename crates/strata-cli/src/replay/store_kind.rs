//! `--store`: what lies beneath the tiers, as it is written on the command line.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What lies beneath the tiers.
///
/// ```
/// use strata_cli::replay::StoreKind;
///
/// assert_eq!("redb".parse(), Ok(StoreKind::Redb));
/// let store: StoreKind = "redis://user:secret@host:6379".parse()?;
/// assert_eq!(store.to_string(), "redis://host:6379");
/// # Ok::<(), strata_cli::replay::StoreKindError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreKind {
    /// A redb database, the file data.redb.
    Redb,
    /// A map in memory, gone with the process.
    Memory,
    /// A Redis server, or by several URLs with commas between them a cluster.
    Redis(String),
}

/// The text names no store.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{0}` is no store: give redb, memory, or a URL such as redis://127.0.0.1:6379")]
pub struct StoreKindError(String);

impl FromStr for StoreKind {
    type Err = StoreKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_url = |url: &str| url.starts_with("redis://") || url.starts_with("unix://");
        match text {
            "redb" => Ok(Self::Redb),
            "memory" => Ok(Self::Memory),
            urls if urls.split(',').all(is_url) => Ok(Self::Redis(urls.to_owned())),
            other => Err(StoreKindError(other.to_owned())),
        }
    }
}

/// URLs without user and password.
impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = match self {
            Self::Redb => return f.pad("redb"),
            Self::Memory => return f.pad("memory"),
            Self::Redis(urls) => urls,
        };
        for (index, url) in urls.split(',').enumerate() {
            let (scheme, rest) = url.split_once("://").unwrap_or(("redis", url));
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{scheme}://{host}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::StoreKind;

    #[test]
    fn no_password_is_shown() {
        let kind: StoreKind = "redis://a:p@ss@one:1,redis://b:word@two:2/3"
            .parse()
            .unwrap();
        assert_eq!(kind.to_string(), "redis://one:1,redis://two:2/3");
    }

    #[test]
    fn other_words_are_refused() {
        for text in ["", "mysql", "redis", "redis://a,b", "http://a"] {
            let error = text.parse::<StoreKind>().unwrap_err().to_string();
            assert!(error.contains("is no store"), "{error}");
        }
    }
}
