//! Source of a run's API key, for advice after a rejection. Never contains the key itself.

/// Source of the credentials that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// Neither a key nor a header that could contain one was sent.
    #[default]
    NotSent,
    /// The key is from the environment variable of this name; `None` if the name is not safe to show.
    Variable(Option<String>),
    /// The key is from a file.
    File,
    /// A user-defined header with this name was sent instead of a key.
    Header(String),
}

impl KeySource {
    /// Returns advice after HTTP 401 or 403: whether a key was sent, its source, and what to do.
    pub fn advice(&self) -> String {
        match self {
            Self::NotSent => "no API key was sent; set OPENAI_API_KEY or pass --api-key-env".to_owned(),
            Self::Variable(name) => {
                let name = name.as_deref().unwrap_or("the variable of --api-key-env");
                format!("the API key from {name} was sent; check it, or choose another variable with --api-key-env")
            }
            Self::File => "the API key from --api-key-file was sent; check the file".to_owned(),
            Self::Header(name) => format!("your header '{name}' was sent instead of an API key; check its value"),
        }
    }
}
