use super::*;

const DASHBOARD: DiscoveryOptions = DiscoveryOptions { keeps_trying: true, needs_list: true };
const HEADLESS: DiscoveryOptions = DiscoveryOptions { keeps_trying: false, needs_list: true };

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn http(status: u16) -> DiscoveryFailure {
    let failure = Failure::new(AttemptStatus::HttpError, "http", format!("HTTP {status}"));
    let may_pass = matches!(status, 429 | 500 | 502..=504);
    DiscoveryFailure {
        failure,
        http_status: Some(status),
        may_pass,
        is_loading: false,
        is_silent: false,
        server: Some(ServerInfo::default()),
    }
}

fn next(trouble: &DiscoveryFailure, how: DiscoveryOptions) -> NextStep {
    trouble.next(how, 0, 1, Duration::ZERO)
}

#[test]
fn a_loading_model_is_awaited_up_to_a_limit() {
    let loading = DiscoveryFailure { is_loading: true, ..http(503) };
    assert_eq!(loading.next(HEADLESS, 0, 1, minutes(9)), NextStep::Again(RETRY_PAUSE));
    assert_eq!(loading.next(HEADLESS, 0, 1, minutes(10)), NextStep::GiveUp);
    assert_eq!(loading.next(DASHBOARD, 0, 1, minutes(600)), NextStep::Again(RETRY_PAUSE));
    let named = DiscoveryOptions { needs_list: false, ..HEADLESS };
    assert_eq!(loading.next(named, 0, 1, minutes(0)), NextStep::Again(RETRY_PAUSE), "its requests would only fail");
    assert_eq!(loading.reason(NextStep::GiveUp, true), "the model is still loading after 10 minutes");
    assert_eq!(loading.reason(NextStep::Again(RETRY_PAUSE), true), "the model is loading");
}

#[test]
fn a_named_model_is_used_without_a_model_list() {
    for status in [400, 401, 403, 404, 405, 429, 500, 501] {
        for keeps_trying in [true, false] {
            let named = DiscoveryOptions { keeps_trying, needs_list: false };
            assert_eq!(next(&http(status), named), NextStep::WithoutList, "{status}");
        }
        let again = matches!(status, 429 | 500);
        assert_eq!(next(&http(status), HEADLESS), NextStep::GiveUp, "{status}");
        assert_eq!(
            next(&http(status), DASHBOARD),
            if again { NextStep::Again(RETRY_PAUSE) } else { NextStep::GiveUp },
            "{status}"
        );
    }
    // A gateway may be waiting for its server to start, so discovery waits if the user asked for this.
    let named = DiscoveryOptions { needs_list: false, ..DASHBOARD };
    assert_eq!(next(&http(502), named), NextStep::Again(RETRY_PAUSE));
    assert_eq!(next(&http(502), DiscoveryOptions { keeps_trying: false, ..named }), NextStep::WithoutList);
    let dead = DiscoveryFailure::no_answer("connect", "refused".to_owned());
    assert_eq!(next(&dead, DiscoveryOptions { needs_list: false, ..HEADLESS }), NextStep::GiveUp);
    assert_eq!(next(&dead, DASHBOARD), NextStep::Again(RETRY_PAUSE));
}

#[test]
fn retries_apply_as_they_do_to_requests() {
    let after = |trouble: &DiscoveryFailure, tries| trouble.next(HEADLESS, 2, tries, Duration::ZERO);
    let dead = DiscoveryFailure::no_answer("connect", "refused".to_owned());
    for trouble in [&dead, &http(429), &http(503)] {
        assert!(matches!(after(trouble, 1), NextStep::Again(_)) && matches!(after(trouble, 2), NextStep::Again(_)));
        assert_eq!(after(trouble, 3), NextStep::GiveUp);
    }
    for trouble in [&http(500), &http(404), &DiscoveryFailure::no_answer("tls", "no".to_owned())] {
        assert_eq!(after(trouble, 1), NextStep::GiveUp, "{}", trouble.failure.message);
    }
    // Retries come first; then the run continues without the list.
    let named = DiscoveryOptions { needs_list: false, ..HEADLESS };
    assert!(matches!(http(429).next(named, 1, 1, Duration::ZERO), NextStep::Again(_)));
    assert_eq!(http(429).next(named, 1, 2, Duration::ZERO), NextStep::WithoutList);
}

#[test]
fn the_error_says_when_naming_a_model_would_help() {
    let advice = "pass --model NAME";
    assert!(http(404).reason(NextStep::GiveUp, true).contains(advice));
    assert!(!http(401).reason(NextStep::GiveUp, true).contains(advice));
    assert!(!DiscoveryFailure::no_answer("dns", "no".to_owned()).reason(NextStep::GiveUp, true).contains(advice));
}

#[test]
fn a_silent_server_is_asked_nothing_more_and_the_error_names_the_timeout() {
    let silent = too_late("http://h/v1/models");
    let named = DiscoveryOptions { needs_list: false, ..HEADLESS };
    assert_eq!(next(&silent, named), NextStep::WithoutList);
    assert!(!silent.may_be_identified() && http(404).may_be_identified());
    let limit = format!("no answer within {} s", DISCOVERY_TIMEOUT.as_secs());
    assert!(silent.reason(NextStep::GiveUp, true).contains(&limit));
}
