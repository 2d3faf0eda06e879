use super::*;

fn read(text: &str) -> Slo {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

fn error_of(text: &str) -> String {
    text.parse::<Slo>().unwrap_err().to_string()
}

#[test]
fn thresholds_are_parsed_in_their_units() {
    for (text, expected) in [
        ("ttft_p95<500ms", "TTFT p95 < 500 ms"),
        (" TTFT_p95 <= 0.5s ", "TTFT p95 <= 500 ms"),
        ("itl_p50<800us", "ITL p50 < 0.80 ms"),
        ("latency_max<2.5s", "Latency max < 2500 ms"),
        ("decode_avg>=40", "Decode avg >= 40 tok/s"),
        ("speed_min>12.5tok/s", "Speed min > 12.5 tok/s"),
        ("queue_p99<1ms", "Queue p99 < 1 ms"),
        ("error_rate<1%", "error rate < 1%"),
        ("goodput>5req/s", "goodput > 5 req/s"),
        ("goodput>=95%", "goodput >= 95%"),
        ("throughput>1000", "throughput > 1000 tok/s"),
        ("requests>2/s", "requests > 2 req/s"),
        ("pass_rate>95%", "pass rate > 95%"),
    ] {
        assert_eq!(read(text).to_string(), expected);
    }
    assert_eq!(read("goodput>=95%").subject, Subject::Run(RunFigure::GoodShare));
}

#[test]
fn mistakes_get_a_suggestion() {
    for (text, expected) in [
        ("tttf_p95<500ms", "did you mean 'ttft_p95'"),
        ("ttft_p96<500ms", "did you mean 'ttft_p9"),
        ("eror_rate<1%", "did you mean 'error_rate'"),
        ("ttft<500ms", "needs a statistic, like ttft_p95"),
        ("xyz<1", "use one of ttft, ttfo"),
        ("ttft_p95=500ms", "like ttft_p95<500ms"),
        ("ttft_p95<fast", "is not a value"),
        ("ttft_p95<500", "must be in ms or s"),
        ("ttft_p95<5%", "must be in ms or s"),
        ("ttft_p95<-5ms", "is not a value"),
        ("error_rate<0.01", "must be in %"),
        ("pas_rate>95%", "did you mean 'pass_rate'"),
        ("pass_rate>0.95", "must be in %"),
        ("", "a threshold is"),
    ] {
        let message = error_of(text);
        assert!(message.contains(expected), "{text}: {message}");
    }
    assert!(!error_of("a\u{1b}[2Jb<1").contains('\u{1b}'));
}

#[test]
fn names_of_other_tools_select_the_same_figure() {
    for (text, same_as) in [
        ("tpot_p99<50ms", "itl_p99<50ms"),
        ("p99_tpot_ms<50", "itl_p99<50ms"),
        ("mean_itl_ms<=20ms", "itl_avg<=20ms"),
        ("itl_median<20ms", "itl_p50<20ms"),
        ("inter_token_latency_p95<20ms", "itl_p95<20ms"),
        ("e2el_avg<2s", "latency_avg<2s"),
        ("median_e2el_ms<2000", "latency_p50<2s"),
        ("e2e_latency_p90<2s", "latency_p90<2s"),
        ("request_latency_p95<2s", "latency_p95<2s"),
        ("ttft_mean<500ms", "ttft_avg<500ms"),
        ("time_to_first_token_p99<1s", "ttft_p99<1s"),
        ("time_to_first_output_token_max<1s", "ttfo_max<1s"),
        ("output_token_throughput_per_user_avg>40", "decode_avg>40"),
        ("output_inference_speed_avg>40", "decode_avg>40"),
        ("output_throughput>1000", "throughput>1000"),
        ("output_token_throughput>1000tok/s", "throughput>1000"),
        ("request_throughput>2", "requests>2"),
        ("request_goodput>2", "goodput>2"),
    ] {
        let (other, own) = (read(text), read(same_as));
        assert_eq!(
            (other.subject, other.comparison, other.threshold),
            (own.subject, own.comparison, own.threshold),
            "{text}"
        );
        // A journal stores the threshold as written and reads it again.
        assert_eq!(String::from(other.clone()).parse(), Ok(other));
    }
    // A unit after the value takes precedence over the one in the name.
    assert!((read("p99_ttft_ms<1s").threshold - 1000.0).abs() < 1e-9);
}

#[test]
fn names_with_another_definition_get_a_hint() {
    for (text, expected) in [
        ("time_per_output_token_p95<50ms", "includes the first token; use 'tpot' or 'itl' without it"),
        ("inter_chunk_latency_p99<50ms", "'itl' is the mean time per token of each request"),
        ("total_token_throughput>100", "'throughput' counts output tokens"),
        ("std_ttft_ms<5", "use a percentile, like ttft_p95"),
        ("tpot<50ms", "'tpot' needs a statistic, like tpot_p95"),
        ("ttft_ms<50", "'ttft' needs a statistic, like ttft_p95"),
    ] {
        let message = error_of(text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn a_bound_that_a_worse_server_meets_gets_a_warning() {
    for (text, meant) in [
        ("ttft_p95>500ms", "did you mean 'ttft_p95<500ms'"),
        ("tpot_p99>=50ms", "did you mean 'tpot_p99<=50ms'"),
        ("error_rate>1%", "did you mean 'error_rate<1%'"),
        ("throughput<1000", "did you mean 'throughput>1000'"),
        ("goodput<=95%", "did you mean 'goodput>=95%'"),
        ("decode_avg<40", "did you mean 'decode_avg>40'"),
        ("requests<2", "did you mean 'requests>2'"),
    ] {
        let expected = read(text).odd_direction();
        assert!(expected.as_ref().is_some_and(|expected| expected.contains(meant)), "{text}: {expected:?}");
    }
    for text in ["ttft_p95<500ms", "queue_p99<=1ms", "error_rate<1%", "speed_min>1", "throughput>=1", "goodput>95%"] {
        assert_eq!(read(text).odd_direction(), None, "{text}");
    }
}
