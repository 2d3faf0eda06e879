use super::*;

#[test]
fn a_bad_row_is_named_with_its_place_and_reason() {
    for (row, error) in [
        (r#"{"messages":[]}"#, "the field 'messages' is empty"),
        (r#"{"messages":null}"#, "the field 'messages' is null"),
        (r#"{"messages":"Hi"}"#, "the field 'messages' is a string; it must be a list of messages"),
        (r#"{"messages":[{"role":"system","content":"x"}]}"#, "no user message"),
        (r#"{"messages":[{"role":"user","content":" "}]}"#, "message 1 is empty"),
        (
            r#"{"messages":[{"content":"x"}]}"#,
            "message 1 has no role; roles are system, developer, user, assistant and tool",
        ),
        (
            r#"{"messages":[{"role":"robot","content":"x"}]}"#,
            "message 1 has the unknown role 'robot'; roles are system, developer, user, assistant and tool",
        ),
        (
            r#"{"messages":[{"role":1,"content":"x"}]}"#,
            "the role of message 1 is a number; roles are system, developer, user, assistant and tool",
        ),
        (r#"{"messages":[{"role":"user"}]}"#, "message 1 has no content"),
        (r#"{"messages":[{"role":"user","content":null}]}"#, "the content of message 1 is null; it must be text"),
        (r#"{"messages":["Hi"]}"#, "message 1 is a string; it must be an object"),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
            "message 1 has an image without a URL",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{}]}]}"#,
            "message 2 has tool calls; only text can be sent",
        ),
        (r#"{"messages":[{"role":"user","role":"user","content":"x"}]}"#, "the key 'role' occurs twice"),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"max_tokens":0}"#,
            "the field 'max_tokens' is 0; it must be a whole number, 1 or more",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"max_tokens":"9"}"#,
            "the field 'max_tokens' is \"9\"; it must be a whole number, 1 or more",
        ),
        (r#"{"messages":[{"role":"user","content":"x"}],"tag":[]}"#, "the field 'tag' is a list; it must be a string"),
        (r#"{"prompt":"x"}"#, "no field 'messages'; the row has prompt"),
        (
            r#"{"messages":[{"role":"user","content":"\ud800"}]}"#,
            "the field 'content' is not a valid string: unexpected end of hex escape (column 8)",
        ),
        ("[1]", "the row is a list; it must be an object"),
        ("null", "the row is null; it must be an object"),
        (r#"{"messages":"#, "not JSON: it is cut off (column 12)"),
        (r#"{"messages":[]} {}"#, "not JSON: trailing characters (column 17)"),
        ("{'messages': []}", "not JSON: key must be a string (column 2)"),
    ] {
        let good = r#"{"messages":[{"role":"user","content":"x"}]}"#;
        assert_eq!(error_in(format!("{good}\n\n{row}\n{good}\n"), &[]), format!("line 3: {error}"), "{row}");
    }
}

#[test]
fn faults_of_prompts_name_the_field() {
    for (row, error) in [
        (r#"{"prompt":null}"#, "the field 'prompt' is null"),
        (r#"{"prompt":""}"#, "the field 'prompt' is empty"),
        (r#"{"prompt":5}"#, "the field 'prompt' is a number; it must be a string"),
        (r#"{"prompt":[]}"#, "the field 'prompt' is empty"),
        (r#"{"prompt":[1,2]}"#, "the field 'prompt' is a list of token ids; only text can be sent"),
        (r#"{"prompt":["a",""]}"#, "the field 'prompt' is empty"),
        (r#"{"instruction":" ","input":"x"}"#, "the field 'instruction' is empty"),
        (
            r#"{"text":"x","id":1}"#,
            "no prompt: none of the fields body.messages, messages, conversations, prompt, instruction, documents; the row has text, id; \
             name the prompt's field with --column prompt=NAME",
        ),
    ] {
        assert_eq!(error_in(row, &[]), format!("line 1: {error}"), "{row}");
    }
}

#[test]
fn rows_that_are_not_utf_8_name_the_byte() {
    let text = [&b"{\"prompt\":\"a\"}\n{\"prompt\":\""[..], b"caf\xe9\"}\n"].concat();
    assert_eq!(error_in(text, &[]), "line 2: not UTF-8 at byte 15; save the file as UTF-8");
    assert_eq!(error_in(b"tag,prompt\nx,caf\xe9\n", &[]), "line 2: not UTF-8 at byte 4; save the file as UTF-8");
}

#[test]
fn faults_of_a_table_name_the_line_of_the_record() {
    let header = "prompt,tag\n\"a\nb\",x\n";
    for (row, error) in [
        ("only\n", "has 1 fields, the header has 2; quote fields that hold the delimiter"),
        ("a,b,c\n", "has 3 fields, the header has 2; quote fields that hold the delimiter"),
        ("\"a\nb,c\n", "a quoted field has no closing quote before the end of the file"),
        (",x\n", "the field 'prompt' is empty"),
    ] {
        assert_eq!(error_in(format!("{header}{row}"), &[]), format!("line 4: {error}"), "{row}");
    }
    // A NUL byte near the start would mean a binary file, so this one is further down.
    let nul = format!("prompt\n{}a\0\n", "text\n".repeat(200));
    assert_eq!(error_in(nul, &[]), "line 202: has a NUL byte");
    let invalid = "messages\nHi\n";
    assert_eq!(error_in(invalid, &[]), "line 2: the field 'messages' is not JSON: expected value (column 1)");
}

#[test]
fn a_bad_element_of_an_array_has_its_line_and_number() {
    let error = error_in("[\n{\"prompt\":\n\"a\"},\n\n{\"prompt\":null}]", &[]);
    assert_eq!(error, "line 5 (element 2 of the array): the field 'prompt' is null");
    let skipped = TestFile::new("data", "[{\"prompt\":1},{\"prompt\":\"a\"}]").open(&[], OnBadRow::Skip).unwrap();
    assert_eq!(skipped.place(0).unwrap().to_string(), "element 2 of the array");
}

#[test]
fn skipped_rows_are_counted_by_reason() {
    // The first line must be JSON: otherwise the file would look like plain text.
    let mut lines = vec!["{\"prompt\":\"y\"}".to_owned()];
    lines.extend((0..2000).map(|n| match n {
        0 => "not json".to_owned(),
        1..=3 => "{\"prompt\":\"\"}".to_owned(),
        4 => "{\"text\":\"\"}".to_owned(),
        n => format!("{{\"prompt\":\"{}\",\"tag\":\"t{}\"}}", "x".repeat(n), n % 3),
    }));
    let file = TestFile::new("chat.jsonl", lines.join("\n"));
    let dataset = file.open(&[], OnBadRow::Skip).unwrap();
    // The lengths are 1 and 5 to 1999, 1996 values. Rank 997.5 is between 1001 and 1002, and rank 1895.25 between 1899
    // and 1900.
    assert_eq!(
        dataset.summary().to_string(),
        format!(
            "{}: prompts, 1,996 rows of 2,001 (5 skipped: 4 without a prompt, 1 not JSON), \
             prompts 1,002 characters at the median, 1,899 at p95, 3 tags",
            file.path().display()
        )
    );
    assert_eq!(dataset.row(1).unwrap().messages[0].content, "xxxxx");
    assert_eq!(dataset.place(1).unwrap().to_string(), "line 7");
}

#[test]
fn a_row_beyond_the_limit_is_skipped_without_its_neighbours() {
    let long = "x".repeat(super::super::MAX_ROW_BYTES);
    let lines = format!("{{\"prompt\":\"a\"}}\n{{\"prompt\":\"{long}\"}}\n{{\"prompt\":\"b\"}}\n");
    let array = format!("[{}]", lines.trim().replace('\n', ","));
    let table = format!("prompt\na\n{long}x\nb\n");
    for text in [lines, array, table] {
        let error = error_in(&text, &[]);
        assert!(error.ends_with(": the row is larger than 64 KiB; check its quotes and line ends"), "{error}");
        let dataset = TestFile::new("data", &text).open(&[], OnBadRow::Skip).unwrap();
        let rows: Vec<_> = (0..dataset.rows()).map(|row| dataset.row(row).unwrap()).collect();
        assert_eq!(requests(&rows), [["user: a"], ["user: b"]]);
    }
}

#[test]
fn bad_text_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (content, error) in [
        (&b" \n"[..], "a.txt: the file is empty"),
        (b"caf\xe9", "a.txt: not UTF-8 at byte 4; save the file as UTF-8"),
        (b"a\0", "a.txt: has a NUL byte; save the file as UTF-8"),
    ] {
        std::fs::write(folder.path().join("a.txt"), content).unwrap();
        assert_eq!(error_of(folder.path(), &[], OnBadRow::Fail), error);
    }
    std::fs::write(folder.path().join("b.txt"), "good").unwrap();
    let dataset = Dataset::open(folder.path(), &mapping(&[]), OnBadRow::Skip).unwrap();
    assert_eq!((dataset.rows(), dataset.summary().skipped_rows()), (1, 1));
}
