//! Nonces: short marks that make each prompt unique, so that it is not in any prefix cache.

use super::random::{hash, mix};

/// Nonce of an attempt: eight hexadecimal digits derived from its request id.
pub fn nonce(request_id: &str) -> String {
    // The ids of a run differ only in their last bytes, but nonces must differ from their first digit on, so the id is
    // hashed.
    format!("{:08x}", mix(hash(request_id.bytes())) >> 32)
}

/// Puts the nonce before a message's text, as a line like `[3f9a1c07]`. Models ignore such a line, which looks like the
/// start of a log or a ticket. In OpenAI's vocabularies the line has 5 to 10 tokens, usually 7.
pub fn with_nonce(nonce: &str, text: &str) -> String {
    format!("[{nonce}]\n{text}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_attempts_share_a_nonce() {
        let ids = (1..=100).flat_map(|case| (1..=20).map(move |n| format!("ts-6432abcdef01-{case}-{n}")));
        let nonces: HashSet<String> = ids.map(|id| nonce(&id)).collect();
        assert_eq!(nonces.len(), 2000);
        assert!(nonces.iter().all(|n| n.len() == 8 && n.bytes().all(|b| b.is_ascii_hexdigit())));
        assert_ne!(nonce("ts-1-1-1"), nonce("ts-2-1-1"));
        // Nonces must differ even in the first token, because caches may match single tokens.
        let firsts: HashSet<char> =
            (1..=100).filter_map(|n| nonce(&format!("ts-6432abcdef01-1-{n}")).chars().next()).collect();
        assert_eq!(firsts.len(), 16);
    }
}
