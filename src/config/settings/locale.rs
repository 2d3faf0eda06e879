//! Detects whether the locale allows more than ASCII.

/// Environment variables of the character locale; the first one that is set counts.
const VARIABLES: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

/// Returns whether the locale is not UTF-8, so that only ASCII is safe. Without a locale, as in most containers and on
/// Windows, terminals usually show UTF-8.
pub(super) fn is_ascii(env: &dyn Fn(&str) -> Option<String>) -> bool {
    if cfg!(windows) {
        return false;
    }
    let locale = VARIABLES.into_iter().find_map(|name| env(name).filter(|v| !v.is_empty()));
    locale.is_some_and(|locale| {
        let locale = locale.to_lowercase();
        !(locale.contains("utf-8") || locale.contains("utf8"))
    })
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    fn is_utf8(variables: &[(&str, &str)]) -> bool {
        is_ascii(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        assert!(is_utf8(&[("LANG", "C")]));
        assert!(is_utf8(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")]));
        assert!(is_utf8(&[("LC_CTYPE", "de_DE.ISO-8859-1"), ("LANG", "en_US.UTF-8")]));
        assert!(!is_utf8(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!is_utf8(&[("LC_ALL", "C.UTF-8"), ("LANG", "C")]));
    }

    #[test]
    fn without_a_locale_unicode_is_used() {
        assert!(!is_utf8(&[]));
        assert!(!is_utf8(&[("LANG", ""), ("LC_MESSAGES", "C")]));
    }
}
