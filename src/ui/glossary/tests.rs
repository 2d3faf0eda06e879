use super::*;

/// Names of the terms that a search finds by their name.
fn found(query: &str) -> Vec<&'static str> {
    search(query, false).named.into_iter().map(|term| term.term).collect()
}

#[test]
fn signs_and_words_of_the_screen_are_found_by_their_name() {
    assert_eq!(found("±")[..2], ["±", "± –"]);
    assert!(found("◆") == ["◆"] && search("◆", false).named[0].meaning.contains("Knee"));
    for word in ["knee", "prefill", "p95", "SLO", "decode speed", "threshold", "Trace"] {
        let first = search(word, false).named.first().copied().expect(word);
        assert!(first.term.to_lowercase().contains(&word.to_lowercase()), "{word}: {first:?}");
    }
    assert!(found("zzz").is_empty() && found(" ").is_empty());
    assert!(search("speculative", false).explained.iter().any(|term| term.term == "drafts accepted"));
}

#[test]
fn in_ascii_a_sign_is_found_by_the_character_on_the_screen() {
    let of_stars = search("*", true).named;
    assert!(of_stars.iter().any(|term| term.term == "◆"), "{of_stars:?}");
    assert!(!search("*", false).named.iter().any(|term| term.term == "◆"));
}

#[test]
fn each_term_has_one_entry_on_its_screen() {
    for place in Place::ALL {
        let mut names: Vec<&str> = terms_of(place).map(|term| term.term).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{place:?}");
    }
    let words: Vec<String> = WORDS.iter().map(|term| term.term.to_lowercase()).collect();
    assert!(words.is_sorted(), "the documentation lists words in alphabetical order");
    for term in SIGNS.iter().chain(WORDS) {
        assert!(!term.meaning.ends_with('.') && !term.meaning.is_empty(), "{term:?}");
    }
}
