//! Half a character, as `json.dumps` writes it when a model stops inside one.

/// JSON with every `\uD800`–`\uDFFF` escape that has no partner replaced by U+FFFD.
pub fn replace_lone_surrogates(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let unit = after.strip_prefix('u').and_then(hex4);
        match unit {
            Some((high @ 0xd800..=0xdbff, tail)) => {
                let low = tail.strip_prefix("\\u").and_then(hex4).filter(|(u, _)| (0xdc00..=0xdfff).contains(u));
                rest = tail;
                if let Some((low, tail)) = low {
                    out.extend([format!("\\u{high:04x}"), format!("\\u{low:04x}")]);
                    rest = tail;
                } else {
                    out.push_str("\\ufffd");
                }
            }
            Some((0xdc00..=0xdfff, tail)) => {
                out.push_str("\\ufffd");
                rest = tail;
            }
            _ => {
                out.push('\\');
                let mut chars = after.chars();
                out.extend(chars.next());
                rest = chars.as_str();
            }
        }
    }
    out.push_str(rest);
    out
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, tail) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_half_without_its_partner_goes() {
        assert_eq!(replace_lone_surrogates(r"a\ud83db\ud83d\ude00\\ud83d\n"), r"a\ufffdb\ud83d\ude00\\ud83d\n");
        assert_eq!(replace_lone_surrogates(r"\ude00\uD83D\uD83D"), r"\ufffd\ufffd\ufffd");
    }

    proptest! {
        #[test]
        fn any_row_of_escapes_becomes_json(units in prop::collection::vec(0xd700_u16..0xe100, 0..12)) {
            let json = units.iter().map(|u| format!("\\u{u:04x}")).collect::<Vec<_>>().concat();
            let read: String = serde_json::from_str(&format!("\"{}\"", replace_lone_surrogates(&json))).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
