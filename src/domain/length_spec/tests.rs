use proptest::prelude::*;

use super::*;

fn spec(text: &str) -> LengthSpec {
    text.parse().unwrap()
}

/// Mean and standard deviation of `n` lengths.
fn moments(spec: &LengthSpec, seed: u64, n: u64) -> (f64, f64) {
    let lengths: Vec<f64> = (0..n).map(|index| f64::from(spec.sample(seed, index))).collect();
    let mean = lengths.iter().sum::<f64>() / n as f64;
    (mean, (lengths.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / n as f64).sqrt())
}

#[test]
fn every_form_is_read_and_shown_as_written() {
    for (text, mean, max) in [
        ("1", 1.0, 1),
        ("1024", 1024.0, 1024),
        ("10000000", 1e7, MAX_LENGTH),
        ("1024~128", 1024.0, 1024 + 4 * 128),
        ("512..2048", 1280.0, 2048),
        ("7..7", 7.0, 7),
        ("256:60,1024:40", 0.6 * 256.0 + 0.4 * 1024.0, 1024),
        ("4:1,8:0.5,16:0.5", 8.0, 16),
    ] {
        let spec = spec(text);
        assert_eq!(spec.to_string(), text);
        assert!((spec.mean() - mean).abs() < 1e-3 * mean, "{text}: {}", spec.mean());
        assert_eq!(spec.max(), max, "{text}");
    }
    assert_eq!(spec(" 512 .. 2048 ").to_string(), "512..2048");
    assert_eq!(serde_json::to_string(&spec("4..8")).unwrap(), r#""4..8""#);
    assert_eq!(serde_json::from_str::<LengthSpec>(r#""4..8""#).unwrap(), spec("4..8"));
    assert_eq!((LengthSpec::fixed(0).max(), spec("9").as_fixed(), spec("9..9").as_fixed()), (1, Some(9), None));
}

#[test]
fn faults_are_named_in_one_sentence_with_the_forms() {
    for (text, fault) in [
        ("", "'' is not a whole number from 1 to 10000000"),
        ("0", "'0' is not a whole number from 1 to 10000000"),
        ("-1", "'-1' is not a whole number from 1 to 10000000"),
        ("1.5", "'1.5' is not a whole number from 1 to 10000000"),
        ("8k", "'8k' is not a whole number from 1 to 10000000"),
        ("10000001", "'10000001' is not a whole number from 1 to 10000000"),
        ("~5", "'' is not a whole number from 1 to 10000000"),
        ("1024~", "'' is not a whole number from 1 to 10000000"),
        ("100~200", "the standard deviation of '100~200' is larger than the mean"),
        ("8..4", "'8..4' is not a range from small to large"),
        ("4..", "'' is not a whole number from 1 to 10000000"),
        ("256:60,1024", "'1024' has no weight; write VALUE:WEIGHT"),
        ("256:0", "'0' is not a weight above 0"),
        ("256:nan", "'nan' is not a weight above 0"),
        ("256:1,", "'' has no weight; write VALUE:WEIGHT"),
    ] {
        let why = text.parse::<LengthSpec>().unwrap_err().to_string();
        let forms = "use 1024, 1024~128 (normal), 512..2048 (uniform) or 256:60,1024:40 (weights)";
        assert_eq!(why, format!("{fault}; {forms}"));
    }
}

#[test]
fn values_appear_in_proportion_to_their_weights() {
    let mix = spec("256:60,1024:30,2048:10");
    let mut counts = [0_u32; 3];
    for index in 0..10_000 {
        let at = [256, 1024, 2048].iter().position(|length| *length == mix.sample(1, index)).unwrap();
        counts[at] += 1;
    }
    // The standard error of a count is at most √(10,000 · 0.6 · 0.4) = 49.
    for (count, expected) in counts.iter().zip([6000_u32, 3000, 1000]) {
        assert!(count.abs_diff(expected) < 4 * 49, "{counts:?}");
    }
}

#[test]
fn short_normal_lengths_do_not_pile_up_at_one() {
    let wide = spec("10~10");
    let lengths: Vec<u32> = (0..10_000).map(|index| wide.sample(2, index)).collect();
    let share = |length| lengths.iter().filter(|l| **l == length).count() as f64 / 10_000.0;
    assert!(lengths.iter().all(|l| (1..=50).contains(l)));
    // A tenth of the standard normal density at −0.9, over the share of 0.829 that is above 0.5.
    let expected = 0.1 * (-0.9_f64.powi(2) / 2.0).exp() / std::f64::consts::TAU.sqrt() / 0.829;
    assert!((share(1) - expected).abs() < 4.0 * (expected / 10_000.0).sqrt(), "{}", share(1));
    assert!(wide.mean() > 12.0, "longer than without the cut: {}", wide.mean());
}

#[test]
fn an_index_needs_no_earlier_draws() {
    let spec = spec("1..1000");
    let forwards: Vec<u32> = (0..100).map(|index| spec.sample(7, index)).collect();
    let mut backwards: Vec<u32> = (0..100).rev().map(|index| spec.sample(7, index)).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    let other: Vec<u32> = (0..100).map(|index| spec.sample(8, index)).collect();
    assert!(forwards.iter().zip(&other).filter(|(a, b)| a == b).count() < 5);
}

/// Any valid text.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..=MAX_LENGTH).prop_map(|n| n.to_string()),
        (1..5000_u32).prop_flat_map(|mean| (Just(mean), 1..=mean)).prop_map(|(mean, std)| format!("{mean}~{std}")),
        (1..5000_u32).prop_flat_map(|min| (Just(min), min..6000)).prop_map(|(min, max)| format!("{min}..{max}")),
        prop::collection::vec((1..5000_u32, 1..100_u32), 1..6).prop_map(|parts| {
            let parts: Vec<String> = parts.iter().map(|(length, weight)| format!("{length}:{weight}")).collect();
            parts.join(",")
        }),
    ]
}

proptest! {
    #[test]
    fn texts_survive_a_round_trip(text in any_text()) {
        let spec = spec(&text);
        prop_assert_eq!(spec.to_string(), text.clone());
        prop_assert_eq!(serde_json::from_value::<LengthSpec>(serde_json::to_value(&spec).unwrap()).unwrap(), spec);
    }

    #[test]
    fn samples_have_the_stated_mean_and_bounds(text in any_text(), seed in any::<u64>()) {
        let spec = spec(&text);
        let n = 2000;
        let (mean, std) = moments(&spec, seed, n);
        // Five standard errors: one test in two million exceeds them by chance. Rounding adds at most 0.01.
        let bound = 5.0 * std / (n as f64).sqrt() + 0.01 + 1e-9 * mean;
        prop_assert!((mean - spec.mean()).abs() <= bound, "{text}: {mean} instead of {}", spec.mean());
        prop_assert!((0..n).all(|index| (1..=spec.max()).contains(&spec.sample(seed, index))));
    }

    #[test]
    fn any_text_is_read_or_refused_in_one_line(text in crate::domain::text::oracle::hostile()) {
        if let Err(why) = text.parse::<LengthSpec>() {
            prop_assert!(why.to_string().contains("; use 1024"));
        }
    }
}
