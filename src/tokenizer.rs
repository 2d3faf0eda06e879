//! Floor 2: counts tokens with a Hugging Face `tokenizer.json` of the user.

/// Reason why a file is not a valid tokenizer, for display.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTokenizer(String);

/// A tokenizer that counts tokens.
pub struct Tokenizer(inner::Inner);

impl Tokenizer {
    /// Creates a tokenizer from the bytes of a `tokenizer.json`.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidTokenizer> {
        inner::read(bytes).map(Self)
    }

    /// Returns the number of tokens in a text, without the special tokens that a template would add. Returns `None` if
    /// the tokenizer cannot encode the text.
    pub fn count(&self, text: &str) -> Option<u64> {
        if text.is_empty() { Some(0) } else { inner::count(&self.0, text) }
    }
}

#[cfg(feature = "tokenizer")]
mod inner {
    use super::InvalidTokenizer;

    pub type Inner = tokenizers::Tokenizer;

    pub fn read(bytes: &[u8]) -> Result<Inner, InvalidTokenizer> {
        let invalid = |e| InvalidTokenizer(format!("is not a Hugging Face tokenizer.json: {e}"));
        let mut tokenizer = Inner::from_bytes(bytes).map_err(invalid)?;
        // Turn off padding and truncation, which files of embedding models enable: both would falsify the count.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(invalid)?;
        Ok(tokenizer)
    }

    pub fn count(tokenizer: &Inner, text: &str) -> Option<u64> {
        let encode = || tokenizer.encode_fast(text, false).ok().map(|encoding| encoding.len() as u64);
        // A malformed file may load and still make the tokenizer panic. This must not end the run.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(encode)).ok().flatten()
    }
}

#[cfg(not(feature = "tokenizer"))]
mod inner {
    use super::InvalidTokenizer;

    pub type Inner = std::convert::Infallible;

    pub fn read(_: &[u8]) -> Result<Inner, InvalidTokenizer> {
        Err(InvalidTokenizer("this tokscope was built without the feature 'tokenizer'".to_owned()))
    }

    pub fn count(never: &Inner, _: &str) -> Option<u64> {
        match *never {}
    }
}

#[cfg(all(test, feature = "tokenizer"))]
mod tests {
    use super::*;

    const BPE: &[u8] = include_bytes!("../tests/data/tokenizer-bpe.json");
    const CHARACTERS: &[u8] = include_bytes!("../tests/data/tokenizer-characters.json");

    #[test]
    fn counts_match_values_computed_by_hand() {
        let bpe = Tokenizer::read(BPE).unwrap();
        for (text, tokens) in [
            ("", 0),
            ("low", 1),
            // In " lower", the space merges with "low", and "er" remains.
            ("low lower", 1 + 2),
            // One of two spaces is a separate token, and the other joins the word. Only the look-ahead of the pattern
            // separates them.
            ("low  low", 1 + 1 + 1),
            ("rowel", 5),
            // These two bytes have no tokens of more than one byte.
            ("é", 2),
            ("low lower  low rowel é\n", 1 + 2 + 1 + 1 + 6 + 3 + 1),
            // This text is longer than the file's truncation limit and shorter than its padding.
            ("wwww", 4),
            // A special token in a text counts as one token.
            ("<s>low", 2),
        ] {
            assert_eq!(bpe.count(text), Some(tokens), "{text:?}");
        }
        let characters = Tokenizer::read(CHARACTERS).unwrap();
        assert_eq!(characters.count("a é\n漢😀"), Some(6));
    }

    #[test]
    fn an_invalid_file_is_reported() {
        for text in ["", "{}", "GGUF\u{0}", r#"{"model_max_length": 4096, "tokenizer_class": "LlamaTokenizer"}"#] {
            let why = Tokenizer::read(text.as_bytes()).err().unwrap().to_string();
            assert!(why.starts_with("is not a Hugging Face tokenizer.json: "), "{text}: {why}");
        }
    }
}
