use super::CASE;
use crate::config::suite_file::load;

fn read(text: &str) -> Result<Vec<(String, u32)>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.toml");
    std::fs::write(&path, format!("{text}\n{CASE}")).unwrap();
    let file = load(&path).map_err(|e| e.to_string().replace(&path.display().to_string(), "cases.toml"))?;
    Ok(file.models.into_iter().map(|model| (model.name, model.weight)).collect())
}

#[test]
fn models_have_names_with_any_characters_and_weights() {
    let text = "[[model]]\nname = \"llama3:8b\"\nweight = 3\n[[model]]\nname = \"a=b, c\"\n";
    assert_eq!(read(text).unwrap(), [("llama3:8b".to_owned(), 3), ("a=b, c".to_owned(), 1)]);
    assert_eq!(read("").unwrap(), []);
}

#[test]
fn mistakes_in_models_have_their_place() {
    for (text, expected) in [
        ("model = \"m\"", "cases.toml:1: 'model' is a string; write [[model]], then name = \"…\""),
        ("model = [3]", "a model is an integer; write [[model]]"),
        ("[[model]]\nweight = 3", "cases.toml:1: this model has no name"),
        ("[[model]]\nname = \"a\"\nweight = 0", "cases.toml:3: 'weight' is 0; it must be a whole number from 1"),
        ("[[model]]\nname = \"a\"\n[[model]]\nname = \"a\"", "the model 'a' occurs twice; give it one weight"),
        ("[[model]]\nname = \"a\"\nshare = 2", "unknown key 'share'; known here: name, weight"),
    ] {
        let found = read(text).expect_err(text);
        assert!(found.contains(expected), "{text}\n{found}");
    }
}
