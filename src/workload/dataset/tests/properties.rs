use proptest::prelude::*;

use super::super::oracle;
use super::*;

/// Fragments of rows, so that random sequences get past the first check.
const FRAGMENTS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    "é".as_bytes(),
    b"null",
    b"1",
    b"-2.5",
    b"true",
    b"\"a\"",
    b"\"prompt\":",
    b"\"a\":{\"b\":\"c\"}",
    b"\"tag\":\"t\"",
    b"\"messages\":[",
    b"\"conversations\":[",
    b"{\"role\":\"user\",\"content\":\"q\"}",
    b"{\"role\":\"assistant\",\"content\":\"r\"}",
    b"{\"from\":\"human\",\"value\":\"q\"}",
    b"{\"from\":\"gpt\",\"value\":\"r\"}",
    b"{\"role\":\"tool\",\"content\":\"t\"}",
    b"{\"prompt\":\"p\"}",
    b"{\"prompt\":[\"p\",\"q\"],\"tag\":2}",
    b"{\"instruction\":\"i\"}",
    b"{\"body\":{\"messages\":[",
    b"prompt,tag\n",
    b"p,t\n",
    b"\"p\n\",\"t\"\n",
    b"\x1b[31m",
    b"\\ud800",
    b"\\u0000",
];

fn fragments() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(oracle::check_text(&bytes), Ok(()));
        for check in [oracle::check, oracle::check_lines, oracle::check_array, oracle::check_table] {
            prop_assert_eq!(check(&bytes), Ok(()));
        }
    }

    #[test]
    fn any_fragments_are_refused_or_read(bytes in fragments()) {
        for check in [oracle::check, oracle::check_lines, oracle::check_array, oracle::check_table] {
            prop_assert_eq!(check(&bytes), Ok(()));
        }
    }

    /// Checks that texts survive each format, including control characters and delimiters.
    #[test]
    fn texts_are_the_same_in_every_format(
        texts in prop::collection::vec("\\PC{0,20}[\r\n\",;\t|é\\\\]{0,5}x", 1..20),
    ) {
        let rows: Vec<String> = texts.iter().map(|text| serde_json::json!({ "prompt": text }).to_string()).collect();
        let table = |delimiter: &str| {
            let quoted = texts.iter().map(|text| format!("1{delimiter}\"{}\"\r\n", text.replace('"', "\"\"")));
            format!("id{delimiter}prompt\r\n{}", quoted.collect::<String>())
        };
        for file in [rows.join("\n"), format!("[{}]", rows.join(",\n")), table(","), table("\t"), table(";")] {
            let read = rows_of(&file, &[]);
            let read: Vec<&str> = read.iter().map(|row| row.messages[0].content.as_str()).collect();
            prop_assert_eq!(&read, &texts, "{}", file);
        }
    }
}
