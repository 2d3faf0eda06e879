use super::*;

#[test]
fn openai_messages_are_recognised_line_by_line() {
    let rows = rows_of(
        concat!(
            r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"max_tokens":64}"#,
            "\n\n",
            r#"{"messages":[{"role":"developer","content":"D"},{"role":"user","content":[{"type":"text","text":"a"},"#,
            r#"{"type":"text","text":"b"}]},{"role":"assistant","content":"c"}],"tag":"x","id":7}"#,
            "\r\n",
        ),
        &[],
    );
    assert_eq!(requests(&rows), [vec!["system: Be brief.", "user: Hi"], vec!["developer: D", "user: a\nb"]]);
    assert_eq!((rows[0].max_tokens, rows[0].expected.as_deref(), rows[0].tag.as_deref()), (Some(64), None, None));
    assert_eq!((rows[1].max_tokens, rows[1].expected.as_deref(), rows[1].tag.as_deref()), (None, Some("c"), Some("x")));
}

#[test]
fn prompts_may_be_text_turns_or_messages() {
    let rows = rows_of(
        concat!(
            r#"{"prompt":"one","system":"S","expected":1,"max_completion_tokens":5}"#,
            "\n",
            r#"{"prompt":["two","three"],"system":null,"output_tokens":6}"#,
            "\n",
            r#"{"prompt":[{"role":"user","content":"four"}]}"#,
        ),
        &[],
    );
    assert_eq!(requests(&rows), [vec!["system: S", "user: one"], vec!["user: two"], vec!["user: four"]]);
    assert_eq!(rows[0].expected.as_deref(), Some("1"));
    assert_eq!(rows.iter().map(|row| row.max_tokens).collect::<Vec<_>>(), [Some(5), Some(6), None]);
    assert_eq!(rows[1].later_user_turns().map(|m| m.content.as_str()).collect::<Vec<_>>(), ["three"]);
}

#[test]
fn alpaca_joins_instruction_and_input() {
    let rows = rows_of(
        r#"[{"instruction":"Sum up.","input":"A text.","output":"T"},{"instruction":"Sing.","input":"","output":"La"}]"#,
        &[],
    );
    assert_eq!(requests(&rows), [["user: Sum up.\n\nA text."], ["user: Sing."]]);
    assert_eq!(rows.iter().map(|row| row.expected.as_deref()).collect::<Vec<_>>(), [Some("T"), Some("La")]);
}

#[test]
fn batch_lines_take_everything_from_their_body() {
    let rows = rows_of(
        concat!(
            r#"{"custom_id":"r-1","method":"POST","url":"/v1/chat/completions","#,
            r#""body":{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":9}}"#,
        ),
        &["tag=custom_id"],
    );
    assert_eq!(requests(&rows), [["user: Hi"]]);
    assert_eq!((rows[0].max_tokens, rows[0].tag.as_deref()), (Some(9), Some("r-1")));
}

#[test]
fn sharegpt_is_an_array_or_lines() {
    let first = r#"{"id":"a","conversations":[{"from":"human","value":"q1"},{"from":"gpt","value":"a1"}]}"#;
    let second = r#"{"id":"b","conversations":[{"from":"system","value":"s"},{"from":"human","value":"q2"}]}"#;
    let expected = [vec!["user: q1"], vec!["system: s", "user: q2"]];
    for text in [
        format!("{first}\n{second}\n"),
        format!("[{first},{second}]"),
        format!("\u{feff}[\n  {first},\n  {second}\n]\n"),
        format!("[{}]", [first, second].join(" ,\r\n").replace(',', ",\n")),
    ] {
        let rows = rows_of(&text, &[]);
        assert_eq!(requests(&rows), expected, "{text}");
        assert_eq!(rows[0].expected.as_deref(), Some("a1"));
    }
}

#[test]
fn csv_fields_may_hold_delimiters_quotes_and_line_ends() {
    let rows = rows_of(
        "\u{feff}id,prompt,tag,max_tokens\r\n1,\"a, \"\"b\"\"\r\nc\",x,5\r\n\r\n2,plain,,\r\n3,\"\u{feff}é\",x,12.0",
        &[],
    );
    assert_eq!(requests(&rows), [["user: a, \"b\"\r\nc"], ["user: plain"], ["user: \u{feff}é"]]);
    assert_eq!(rows.iter().map(|row| row.tag.as_deref()).collect::<Vec<_>>(), [Some("x"), None, Some("x")]);
    assert_eq!(rows.iter().map(|row| row.max_tokens).collect::<Vec<_>>(), [Some(5), None, Some(12)]);
}

#[test]
fn a_byte_order_mark_inside_a_table_is_text() {
    assert_eq!(requests(&rows_of("prompt\na\n\u{feff}b\n", &[])), [["user: a"], ["user: \u{feff}b"]]);
}

#[test]
fn the_header_decides_the_delimiter() {
    for (text, table) in [
        ("tag\tprompt\na,b\tone, two; three\n", "TSV"),
        ("tag;prompt\na,b;\"one, two; three\"\n", "CSV"),
        ("prompt\n\"one, two; three\"\n", "CSV"),
    ] {
        let dataset = TestFile::new("data", text).open(&[], OnBadRow::Fail).unwrap();
        assert_eq!(requests(&[dataset.row(0).unwrap()]), [["user: one, two; three"]], "{text}");
        assert_eq!(dataset.summary().table, Some(table));
    }
}

#[test]
fn a_table_may_hold_messages_as_json() {
    let rows = rows_of("system,messages\nBe kind.,\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"Hi\"\"}]\"\n", &[]);
    assert_eq!(requests(&rows), [["system: Be kind.", "user: Hi"]]);
}

#[test]
fn mapped_columns_may_be_nested() {
    let rows = rows_of(
        r#"{"data":{"question":"Why?","meta":{"level":3}},"answer":"So.","a.b":"key with a dot","messages":[]}"#,
        &["prompt=data.question", "tag=data.meta.level", "expected=answer", "system=a.b"],
    );
    assert_eq!(requests(&rows), [["system: key with a dot", "user: Why?"]]);
    assert_eq!((rows[0].tag.as_deref(), rows[0].expected.as_deref()), (Some("3"), Some("So.")));
    let rows = rows_of(r#"[{"log":{"chat":[{"role":"user","content":"Hi"}]}}]"#, &["messages=log.chat"]);
    assert_eq!(requests(&rows), [["user: Hi"]]);
}

#[test]
fn a_folder_of_text_files_is_sorted_and_ignores_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("b.md", "\u{feff}second\n");
    write("a.TXT", "first\r\nline\r\n");
    write(".hidden.txt", "hidden");
    write("c.json", "{}");
    std::fs::create_dir(folder.path().join("d.txt")).unwrap();
    let dataset = Dataset::open(folder.path(), &mapping(&[]), OnBadRow::Fail).unwrap();
    let rows: Vec<_> = (0..dataset.rows()).map(|row| dataset.row(row).unwrap()).collect();
    assert_eq!(requests(&rows), [["user: first\r\nline"], ["user: second"]]);
    assert_eq!(dataset.place(1).unwrap().to_string(), "b.md");
}

#[test]
fn a_text_named_body_is_no_batch_request() {
    for text in ["subject,body,prompt\ns,b,p\n", r#"{"body":"b","prompt":"p"}"#, r#"{"body":{"a":1},"prompt":"p"}"#] {
        assert_eq!(requests(&rows_of(text, &[])), [["user: p"]], "{text}");
    }
}

#[test]
fn a_batch_line_without_its_request_names_the_field() {
    let good = r#"{"body":{"messages":[{"role":"user","content":"Hi"}]}}"#;
    let error = |row: &str| error_in(format!("{good}\n{row}"), &[]);
    assert_eq!(error(r#"{"id":1}"#), "line 2: no field 'body.messages'; the row has id");
    assert_eq!(error(r#"{"body":5}"#), "line 2: the field 'body' is a number; it must be an object");
}

#[test]
fn a_kind_is_recognised_by_its_first_sign() {
    for (row, kind) in [
        (r#"{"body":{"messages":[{"role":"user","content":"a"}]},"prompt":"b"}"#, "OpenAI batch requests"),
        (r#"{"prompt":"b","messages":[{"role":"user","content":"a"}]}"#, "OpenAI messages"),
        (r#"{"instruction":"a","output":"b"}"#, "Alpaca instructions"),
        (r#"{"prompt":"a","conversations":[{"from":"human","value":"a"}]}"#, "ShareGPT conversations"),
        (r#"{"prompt":"a","completion":"b"}"#, "prompts"),
    ] {
        let dataset = TestFile::new("data", row).open(&[], OnBadRow::Fail).unwrap();
        assert_eq!(dataset.summary().kind, kind);
        assert!(requests(&[dataset.row(0).unwrap()])[0][0].ends_with('a'), "{row}");
    }
}
