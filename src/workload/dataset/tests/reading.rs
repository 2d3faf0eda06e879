use std::sync::Arc;

use super::*;

const ROWS: &str =
    "{\"prompt\":\"a\",\"tag\":\"x\"}\n{\"prompt\":\"b\",\"tag\":\"y\"}\n{\"prompt\":\"c\",\"tag\":\"x\"}\n";

#[test]
fn rows_are_read_in_any_order() {
    let dataset = TestFile::new("data", ROWS).open(&[], OnBadRow::Fail).unwrap();
    for (row, content) in [(2, "c"), (0, "a"), (1, "b"), (2, "c")] {
        assert_eq!(dataset.row(row).unwrap().messages[0].content, content);
    }
    assert_eq!(dataset.row(3).unwrap_err().reason.to_string(), "row 4 does not exist; the data set has 3 rows");
}

#[test]
fn rows_with_one_tag_share_its_text() {
    let dataset = TestFile::new("data", ROWS).open(&[], OnBadRow::Fail).unwrap();
    assert_eq!(dataset.tags().iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!((0..3).map(|row| dataset.tag_number(row)).collect::<Vec<_>>(), [Some(0), Some(1), Some(0)]);
    let tags = [0, 2].map(|row| dataset.row(row).unwrap().tag.unwrap());
    assert!(Arc::ptr_eq(&tags[0], &tags[1]));
}

#[test]
fn a_file_that_changed_is_noticed() {
    let file = TestFile::new("data", ROWS);
    let dataset = file.open(&[], OnBadRow::Fail).unwrap();
    assert!(dataset.row(0).is_ok());
    std::fs::write(file.path(), format!("{ROWS}{{\"prompt\":\"d\"}}\n")).unwrap();
    let error = dataset.row(0).unwrap_err();
    assert_eq!(error.name, file.path().display().to_string());
    assert_eq!(error.reason.to_string(), "changed since the run opened it; start a new run to use its new content");

    // The size is the same, but the modification time differs.
    let dataset = file.open(&[], OnBadRow::Fail).unwrap();
    let handle = std::fs::File::options().write(true).open(file.path()).unwrap();
    handle.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(dataset.row(0).unwrap_err().reason.to_string().starts_with("changed"));
}

#[test]
fn a_text_file_that_changed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.txt", "first");
    write("b.txt", "second");
    let dataset = Dataset::open(folder.path(), &mapping(&[]), OnBadRow::Fail).unwrap();
    write("b.txt", "another");
    assert!(dataset.row(0).is_ok());
    let error = dataset.row(1).unwrap_err().reason.to_string();
    assert_eq!(error, "b.txt changed since the run opened it; start a new run to use its new content");
    std::fs::remove_file(folder.path().join("a.txt")).unwrap();
    assert_eq!(dataset.row(0).unwrap_err().reason.to_string(), "a.txt: there is no such file or folder");
}

#[test]
fn the_fingerprint_is_the_size_and_the_crc_of_the_content() {
    let fingerprint = |text: &str| TestFile::new("data", text).open(&[], OnBadRow::Fail).unwrap().fingerprint();
    // The checksum is from `printf '{"prompt":"a"}\n' | gzip | tail -c8 | od -An -tx4`.
    assert_eq!(fingerprint("{\"prompt\":\"a\"}\n").to_string(), "15 bytes, CRC-32 eaad8df9");
    assert_ne!(fingerprint("{\"prompt\":\"a\"}\n"), fingerprint("{\"prompt\":\"b\"}\n"));
    // All bytes count, even those outside of rows.
    assert_ne!(fingerprint("{\"prompt\":\"a\"}\n").crc32, fingerprint("\u{feff}{\"prompt\":\"a\"}\n \n").crc32);
    assert_eq!(fingerprint("\u{feff}[{\"prompt\":\"a\"}]\n\n").bytes, 3 + 16 + 2);
}

#[test]
fn a_renamed_text_file_changes_the_fingerprint_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let fingerprint = || Dataset::open(folder.path(), &mapping(&[]), OnBadRow::Fail).unwrap().fingerprint();
    std::fs::write(folder.path().join("a.txt"), "text").unwrap();
    let before = fingerprint();
    assert_eq!((before, before.bytes), (fingerprint(), 4));
    std::fs::rename(folder.path().join("a.txt"), folder.path().join("b.txt")).unwrap();
    assert_ne!(before, fingerprint());
}

#[test]
fn progress_is_reported_up_to_the_size_of_the_file() {
    // The file has four lines of 8 MiB. Blank lines need no memory.
    let file =
        TestFile::new("data", format!("{{\"prompt\":\"a\"}}\n{}", format!("{}\n", " ".repeat(8 << 20)).repeat(4)));
    let total = std::fs::metadata(file.path()).unwrap().len();
    let mut reports = Vec::new();
    let opened = Dataset::open_with_progress(&file.path(), &mapping(&[]), OnBadRow::Skip, &mut |read, of| {
        reports.push((read, of));
    });
    assert_eq!(opened.unwrap().rows(), 1);
    assert!(!reports.is_empty() && reports.iter().all(|(read, of)| *read <= total && *of == total), "{reports:?}");
}
