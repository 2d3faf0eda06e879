use crate::config::suite_file::{load, parse};
use crate::domain::media::{Media, MediaFormat};
use crate::domain::suite::CaseSpec;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";
const WAV: &[u8] = b"RIFF\x04\0\0\0WAVErest";

/// Reads a suite in a folder with these files.
fn read(text: &str) -> Result<Vec<CaseSpec>, String> {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("suite");
    std::fs::create_dir(&inner).unwrap();
    for (name, content) in [("a.png", PNG), ("b.wav", WAV), ("fake.png", b"text"), ("../outside.png", PNG)] {
        std::fs::write(inner.join(name), content).unwrap();
    }
    std::fs::File::create(inner.join("large.png")).unwrap().set_len(20 * 1024 * 1024 + 1).unwrap();
    let path = inner.join("cases.toml");
    std::fs::write(&path, text).unwrap();
    let error = |e: String| e.replace(&path.display().to_string(), "cases.toml");
    load(&path).map(|file| file.suite.cases).map_err(|e| error(e.to_string()))
}

fn case(lines: &str) -> CaseSpec {
    read(&format!("[[case]]\nname = \"a\"\nprompt = \"p\"\n{lines}")).unwrap_or_else(|e| panic!("{e}")).remove(0)
}

fn mistake(lines: &str) -> String {
    read(&format!("[[case]]\nname = \"a\"\nprompt = \"p\"\n{lines}")).expect_err(lines)
}

fn formats(media: &[Media]) -> Vec<MediaFormat> {
    let format = |media: &Media| if let Media::Content(content) = media { content.format } else { panic!("a URL") };
    media.iter().map(format).collect()
}

#[test]
fn files_are_sent_with_the_last_message_of_the_user() {
    let files = "images = [\"a.png\", \"../outside.png\"]\naudio = [\"b.wav\"]\n";
    let media = &case(files).messages[0].media;
    assert_eq!(formats(media), [MediaFormat::Png, MediaFormat::Png, MediaFormat::Wav]);
    let Media::Content(content) = &media[0] else { panic!("a URL") };
    assert_eq!((content.fingerprint.bytes, &*content.base64), (12, "iVBORw0KGgpyZXN0"));
    assert_eq!(media[0].to_string(), "image a.png: png, 12 bytes");
    let turns = format!("[[case]]\nname = \"a\"\nturns = [\"x\", \"y\"]\n{files}");
    assert_eq!(read(&turns).unwrap()[0].messages[0].media.len(), 3);
    let history = "[[case]]\nname = \"a\"\nimages = [\"a.png\"]\nmessages = [{ role = \"user\", content = \"x\" }, \
                   { role = \"assistant\", content = \"y\" }, { role = \"user\", content = \"z\" }]";
    let counts: Vec<usize> = read(history).unwrap()[0].messages.iter().map(|m| m.media.len()).collect();
    assert_eq!(counts, [0, 0, 1]);
}

#[test]
fn images_may_be_generated() {
    let generated =
        case("images = [{ width = 64, height = 32 }, { width = 8, height = 8, count = 3 }]").generated_images;
    assert_eq!(generated.iter().map(ToString::to_string).collect::<Vec<_>>(), ["64x32", "8x8*3"]);
}

#[test]
fn mistakes_name_the_file_its_line_and_the_limit() {
    for (lines, expected) in [
        ("images = [\"none.png\"]", "cases.toml:4:11: 'none.png': there is no such file"),
        (
            "images = [\"fake.png\"]",
            "cases.toml:4:11: 'fake.png': is not a PNG, JPEG, WebP or GIF file; convert it to one of these",
        ),
        ("images = [\"large.png\"]", "cases.toml:4:11: 'large.png': is larger than 20 MiB, too large for an image"),
        ("images = [\"b.wav\"]", "'b.wav': is audio (wav); name it in audio"),
        ("audio = [\"a.png\"]", "'a.png': is an image (png); name it in images"),
        ("audio = [\"fake.png\"]", "'fake.png': is neither WAV nor MP3; convert it to one of these"),
        ("images = \"a.png\"", "cases.toml:4: 'images' is a string; it must be a list: images = ["),
        ("images = [3]", "an integer in 'images'; write images = ["),
        ("audio = [{ width = 3, height = 3 }]", "a table in 'audio'; write audio = ["),
        ("images = [{ width = 3 }]", "this image has no height; write images = ["),
        (
            "images = [{ width = 9000, height = 3 }]",
            "9000x3 is not a valid image size; each side must have 1 to 8192 pixels",
        ),
        ("images = [{ width = 3, height = 3, count = 33 }]", "33 images are not possible; a request can have 1 to 32"),
    ] {
        let found = mistake(lines);
        assert!(found.contains(expected), "{lines}\n{found}");
    }
    let many = format!("images = [{}]", vec!["\"a.png\""; 33].join(", "));
    assert!(mistake(&many).contains("33 images and audio files are too many; a case may have 32"));
    let system = "[[case]]\nname = \"a\"\nimages = [\"a.png\"]\nmessages = [{ role = \"system\", content = \"x\" }]";
    assert!(read(system).unwrap_err().contains("images and audio need a message of the user; add one"));
    let no_file = parse("[[case]]\nname = \"a\"\nprompt = \"p\"\nimages = [\"a.png\"]", "f").unwrap_err().to_string();
    assert!(no_file.contains("'a.png': cannot be read, because this suite is not a file"), "{no_file}");
}
