use super::*;

fn read(text: &str) -> Slo {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

fn refused(text: &str) -> String {
    text.parse::<Slo>().unwrap_err().to_string()
}

#[test]
fn thresholds_are_read_in_their_unit() {
    for (text, told) in [
        ("ttft_p95<500ms", "TTFT p95 < 500 ms"),
        (" TTFT_p95 <= 0.5s ", "TTFT p95 <= 500 ms"),
        ("itl_p50<800us", "Inter-token p50 < 0.80 ms"),
        ("latency_max<2.5s", "Latency max < 2500 ms"),
        ("decode_avg>=40", "Decode avg >= 40 tok/s"),
        ("speed_min>12.5tok/s", "Speed min > 12.5 tok/s"),
        ("queue_p99<1ms", "Queue p99 < 1 ms"),
        ("error_rate<1%", "error rate < 1 %"),
        ("goodput>5req/s", "goodput > 5 req/s"),
        ("goodput>=95%", "goodput >= 95 %"),
        ("throughput>1000", "throughput > 1000 tok/s"),
        ("requests>2/s", "requests > 2 req/s"),
    ] {
        assert_eq!(read(text).to_string(), told);
    }
    assert_eq!(read("goodput>=95%").subject, Subject::Run(RunFigure::GoodShare));
}

#[test]
fn mistakes_name_what_was_meant() {
    for (text, told) in [
        ("tttf_p95<500ms", "did you mean 'ttft_p95'"),
        ("ttft_p96<500ms", "did you mean 'ttft_p9"),
        ("eror_rate<1%", "did you mean 'error_rate'"),
        ("ttft<500ms", "needs a statistic, like ttft_p95"),
        ("xyz<1", "there are ttft, ttfo"),
        ("ttft_p95=500ms", "like ttft_p95<500ms"),
        ("ttft_p95<fast", "is no value"),
        ("ttft_p95<500", "must be in ms or s"),
        ("ttft_p95<5%", "must be in ms or s"),
        ("ttft_p95<-5ms", "is no value"),
        ("error_rate<0.01", "must be in %"),
        ("", "a threshold is"),
    ] {
        let message = refused(text);
        assert!(message.contains(told), "{text}: {message}");
    }
    assert!(!refused("a\u{1b}[2Jb<1").contains('\u{1b}'));
}
