//! How objects name each other.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an object of the same namespace.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LocalRef {
    /// The object's metadata.name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Names one value of a Secret of the same namespace.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct SecretKeyRef {
    /// The Secret's metadata.name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in the Secret; by default "password" for a password, "ca.crt" for certificate authorities, "ssh-privatekey" for an SSH key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
}

/// An object's namespace and name; the kind comes from the context. Written `namespace/name`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectName {
    pub namespace: String,
    pub name: String,
}

impl ObjectName {
    /// The namespace of objects that name none.
    pub const DEFAULT_NAMESPACE: &str = "default";

    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> ObjectName {
        ObjectName { namespace: namespace.into(), name: name.into() }
    }

    /// The object of this name in the same namespace.
    pub fn sibling(&self, name: &str) -> ObjectName {
        ObjectName::new(self.namespace.clone(), name)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The text is not `name` or `namespace/name`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{0}\" does not name an object: write NAME or NAMESPACE/NAME")]
pub struct ParseObjectNameError(String);

impl FromStr for ObjectName {
    type Err = ParseObjectNameError;

    fn from_str(text: &str) -> Result<ObjectName, ParseObjectNameError> {
        let (namespace, name) = text.split_once('/').unwrap_or((Self::DEFAULT_NAMESPACE, text));
        let valid = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
        if valid { Ok(ObjectName::new(namespace, name)) } else { Err(ParseObjectNameError(text.to_owned())) }
    }
}
