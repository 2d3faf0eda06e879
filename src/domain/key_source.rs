//! Source of a run's API key, for advice after a rejection. Never contains the key itself.

/// Credentials that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// No key, and no header that could contain one.
    #[default]
    NotSent,
    /// Environment variable with this name; `None` if the name is not safe to show.
    Variable(Option<String>),
    /// A file.
    File,
    /// User-defined header with this name.
    Header(String),
}

impl KeySource {
    /// Says whether a key was sent, where it came from, and what to do after HTTP 401 or 403.
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
