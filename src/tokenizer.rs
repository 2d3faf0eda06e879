//! Floor 2: the tokenizer that a user names, a Hugging Face `tokenizer.json`. It counts what came; nothing is generated
//! with it.

/// Why a file is no tokenizer; its text is for the user.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTokenizer(String);

/// A tokenizer, ready to count.
pub struct Tokenizer(inner::Inner);

impl Tokenizer {
    /// Out of the bytes of a `tokenizer.json`.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidTokenizer> {
        inner::read(bytes).map(Self)
    }

    /// The number of tokens of a text by itself, without the marks that a template would put around it. `None` where
    /// the tokenizer cannot encode it.
    pub fn count(&self, text: &str) -> Option<u64> {
        if text.is_empty() { Some(0) } else { inner::count(&self.0, text) }
    }
}

#[cfg(feature = "tokenizer")]
mod inner {
    use super::InvalidTokenizer;

    pub type Inner = tokenizers::Tokenizer;

    pub fn read(bytes: &[u8]) -> Result<Inner, InvalidTokenizer> {
        let no_tokenizer = |e| InvalidTokenizer(format!("is no Hugging Face tokenizer.json: {e}"));
        let mut tokenizer = Inner::from_bytes(bytes).map_err(no_tokenizer)?;
        // Files of embedding models bring both, and either would falsify a count.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(no_tokenizer)?;
        Ok(tokenizer)
    }

    pub fn count(tokenizer: &Inner, text: &str) -> Option<u64> {
        let encode = || tokenizer.encode_fast(text, false).ok().map(|encoding| encoding.len() as u64);
        // A file that only just makes sense may still break it, and must not break the run.
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
    fn counts_worked_out_by_hand() {
        let bpe = Tokenizer::read(BPE).unwrap();
        for (text, tokens) in [
            ("", 0),
            ("low", 1),
            // " lower": its blank joins "low", and "er" stays.
            ("low lower", 1 + 2),
            // Of two blanks one stands alone and one goes with the word: only the look-ahead of the pattern tells.
            ("low  low", 1 + 1 + 1),
            ("rowel", 5),
            // Two bytes without a name.
            ("é", 2),
            ("low lower  low rowel é\n", 1 + 2 + 1 + 1 + 6 + 3 + 1),
            // Longer than the file's truncation, shorter than its padding.
            ("wwww", 4),
            // A special token in a text is one token.
            ("<s>low", 2),
        ] {
            assert_eq!(bpe.count(text), Some(tokens), "{text:?}");
        }
        let characters = Tokenizer::read(CHARACTERS).unwrap();
        assert_eq!(characters.count("a é\n漢😀"), Some(6));
    }

    #[test]
    fn what_is_no_tokenizer_says_so() {
        for text in ["", "{}", "GGUF\u{0}", r#"{"model_max_length": 4096, "tokenizer_class": "LlamaTokenizer"}"#] {
            let why = Tokenizer::read(text.as_bytes()).err().unwrap().to_string();
            assert!(why.starts_with("is no Hugging Face tokenizer.json: "), "{text}: {why}");
        }
    }
}
