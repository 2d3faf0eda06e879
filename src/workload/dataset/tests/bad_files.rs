use super::*;

/// Files that are not data sets, with their one-line errors.
const BAD_FILES: &[(&str, &[u8], &str)] = &[
    ("empty", b"", "is empty"),
    ("byte order mark", b"\xef\xbb\xbf", "is empty except for its byte order mark"),
    ("blank lines", b"\n \r\n", "is empty except for blank lines"),
    ("UTF-16 with a mark", b"\xff\xfe{\x00\"\x00", "is UTF-16 or UTF-32 text; save the file as UTF-8"),
    ("UTF-16 without a mark", b"{\x00\"\x00p\x00", "is UTF-16 or UTF-32 text; save the file as UTF-8"),
    ("UTF-16, big-endian", b"\x00{\x00\"\x00p", "is UTF-16 or UTF-32 text; save the file as UTF-8"),
    (
        "binary",
        b"\x7fELF\x02\x01\x01\x00\x00\x00",
        "is a binary file, not text; data sets are JSONL, JSON, CSV, TSV or a folder of text files",
    ),
    (
        "gzip",
        b"\x1f\x8b\x08\x00",
        "is gzip-compressed; rows are read by position, so decompress it first: gunzip -k FILE",
    ),
    (
        "Zstandard",
        b"\x28\xb5\x2f\xfd\x04",
        "is Zstandard-compressed; rows are read by position, so decompress it first: unzstd FILE",
    ),
    ("zip", b"PK\x03\x04\x14\x00", "is a zip archive; unpack it first: unzip FILE"),
    (
        "Parquet",
        b"PAR1\x15\x04",
        "is Parquet; convert it to JSONL first: duckdb -c \"COPY 'FILE' TO 'rows.jsonl' (FORMAT json)\"",
    ),
    (
        "Git LFS",
        b"version https://git-lfs.github.com/spec/v1\n",
        "is a pointer of Git LFS, not the data; fetch the data first: git lfs pull",
    ),
    (
        "HTML",
        b"\n<!DOCTYPE html><html></html>",
        "is an HTML or XML page, not a data set; download the raw file instead",
    ),
    ("XML", b"<?xml version=\"1.0\"?>", "is an HTML or XML page, not a data set; download the raw file instead"),
    (
        "plain text",
        b"Write a poem.\nWrite a song.\n",
        "is plain text; data sets are JSONL, JSON, CSV, TSV or a folder of text files. For one prompt a line: jq \
         -cR '{prompt: .}' FILE > rows.jsonl",
    ),
    (
        "YAML",
        b"- prompt: a\n",
        "is plain text; data sets are JSONL, JSON, CSV, TSV or a folder of text files. For one prompt a line: jq \
         -cR '{prompt: .}' FILE > rows.jsonl",
    ),
    ("truncated JSONL", b"{\"prompt\":\"a\"}\n{\"prompt\":\"b", "line 2: not JSON: it is cut off (column 12)"),
    (
        "truncated array",
        b"[{\"prompt\":\"a\"},\n",
        "line 2: the array has no end after element 1, so the file is cut off; download it again",
    ),
    (
        "array cut inside a row",
        b"[{\"prompt\":\"a\"},\n{\"prompt\":",
        "line 2: the file ends inside element 2 of the array, so it is cut off or malformed",
    ),
    (
        "array without commas",
        b"[{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}]",
        "line 2: expected ',' or ']' after element 1 of the array",
    ),
    ("array with a comma at its end", b"[{\"prompt\":\"a\"},\n]", "line 2: expected element 2 of the array"),
    ("array with text after it", b"[{\"prompt\":\"a\"}]\nx", "line 2: text follows the end of the array"),
    ("empty array", b"[ ]", "has no rows"),
    ("array of numbers", b"[1, 2, 3]", "line 1 (element 1 of the array): the row is a number; it must be an object"),
    (
        "object over lines",
        b"{\n  \"prompt\": \"a\"\n}\n",
        "is a JSON object that spans lines; write an array of objects, or one object a line: jq -c . FILE > \
         rows.jsonl",
    ),
    ("duplicate keys", b"{\"prompt\":\"a\",\"prompt\":\"b\"}", "line 1: the key 'prompt' occurs twice"),
    (
        "CSV without a header",
        b"1,\"Why?\",x\n2,\"How?\",y\n",
        "line 1: no column for the prompt; the columns are 1, Why?, x. Name one with --column prompt=NAME, or add \
         a header line with one of body.messages, messages, conversations, prompt, instruction, documents",
    ),
    ("CSV with a header only", b"prompt,tag\n", "has no rows"),
    (
        "CSV with a column twice",
        b"prompt,tag,tag\na,b,c\n",
        "line 1: the header has the column 'tag' twice; rename one",
    ),
];

#[test]
fn each_kind_of_bad_file_has_its_advice() {
    for (kind, content, error) in BAD_FILES {
        assert_eq!(error_in(content, &[]), *error, "{kind}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn nul_bytes_after_the_start_are_a_fault_of_their_row() {
    let good = "{\"prompt\":\"a\"}\n".repeat(40);
    let error = error_in(format!("{good}{{\"prompt\":\"\0\"}}"), &[]);
    assert_eq!(
        error,
        "line 41: not JSON: control character (\\u0000-\\u001F) found while parsing a string (column 11)"
    );
}

#[test]
fn a_mapped_column_that_no_row_has_is_refused_and_the_error_lists_the_columns() {
    let rows = "{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\":\"c\",\"topic\":\"d\"}\n";
    let error = error_in(rows, &["prompt=question", "tag=subject"]);
    assert_eq!(error, "no column 'subject' for 'tag'; the columns are question, answer, topic");
    let error = error_in(rows, &["prompt=text"]);
    assert_eq!(error, "line 1: no field 'text'; the row has question, answer");
    let skipped = error_of(&TestFile::new("data", rows).path(), &["prompt=text"], OnBadRow::Skip);
    assert_eq!(skipped, "no column 'text' for 'prompt'; the columns are question, answer, topic");
    let error = error_in("question,prompt\na,b\n", &["prompt=text"]);
    assert_eq!(error, "no column 'text' for 'prompt'; the columns are question, prompt");
    // A mapped column is optional if at least one row has it.
    assert_eq!(rows_of(rows, &["prompt=question", "tag=topic"])[1].tag.as_deref(), Some("d"));
}

#[test]
fn a_file_without_a_usable_row_is_refused_with_the_first_fault() {
    let file = TestFile::new("data", "{\"prompt\":\"\"}\n{\"prompt\":null}\n");
    let error = error_of(&file.path(), &[], OnBadRow::Skip);
    assert_eq!(error, "none of the 2 rows can be used; the first is line 1: the field 'prompt' is empty");
}

#[test]
fn too_many_tags_are_refused() {
    let rows: Vec<String> = (0..=4096).map(|n| format!("{{\"prompt\":\"a\",\"id\":{n}}}")).collect();
    let error = error_in(rows.join("\n"), &["prompt=prompt", "tag=id"]);
    assert_eq!(error, "more than 4,096 tags in 'id'; use a column with fewer values");
}

#[test]
fn paths_without_a_data_set_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| error_of(path, &[], OnBadRow::Fail);
    assert_eq!(error(&folder.path().join("none")), "there is no such file or folder");
    std::fs::write(folder.path().join("b.pdf"), "x").unwrap();
    std::fs::write(folder.path().join("a.json"), "x").unwrap();
    assert_eq!(
        error(folder.path()),
        "the folder has no .txt or .md files, each of which would be a prompt; it has a.json, b.pdf"
    );
    std::fs::write(folder.path().join("c.txt"), "x").unwrap();
    assert_eq!(
        error_of(folder.path(), &["tag=x"], OnBadRow::Fail),
        "is a folder of text files, which have no columns; remove --column"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_devices_and_unreadable_files_are_refused_without_waiting() {
    use std::os::unix::fs::PermissionsExt;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let file = TestFile::new("data", "{\"prompt\":\"a\"}");
    let pipe = file.folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let message = "is a pipe, socket or device; rows are read by position, so save them to a file first";
    for path in [pipe.as_path(), Path::new("/dev/zero"), Path::new("/dev/null")] {
        assert_eq!(error_of(path, &[], OnBadRow::Fail), message);
    }
    std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o000)).unwrap();
    // Root can read any file.
    if std::fs::File::open(file.path()).is_err() {
        assert_eq!(error_of(&file.path(), &[], OnBadRow::Fail), "cannot be read: permission denied");
    }
}
