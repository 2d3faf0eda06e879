//! Where the API key of a run comes from, to say what to do when the endpoint refuses it. Never the key itself.

/// What was sent to prove who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// No key and no header that could hold one.
    #[default]
    NotSent,
    /// The environment variable of this name, where its name is fit to be shown.
    Variable(Option<String>),
    /// A file.
    File,
    /// A header of the user's with this name.
    Header(String),
}

impl KeySource {
    /// Whether a key was sent, where it came from, and what to do after HTTP 401 or 403.
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
