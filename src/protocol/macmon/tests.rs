use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::text::oracle;

/// Examples from macmon's documentation of these versions. The older one dates from June 2025.
const V0_6: &str = include_str!("../../../tests/data/macmon/0.6.1.json");
const V0_10: &str = include_str!("../../../tests/data/macmon/0.10.0.json");

/// Reads the newer line with changed values at these JSON pointers.
fn with(changes: &[(&str, Value)]) -> Result<Reading, UnreadableLine> {
    let mut line: Value = serde_json::from_str(V0_10).unwrap();
    for (path, value) in changes {
        *line.pointer_mut(path).unwrap() = value.clone();
    }
    read(line.to_string().as_bytes())
}

#[test]
fn an_older_line_reports_its_load_weighted_by_the_clock() {
    let expected = Reading {
        chip: Some("Apple M3".to_owned()),
        machine: Some("Mac15,3".to_owned()),
        gpu_cores: Some(10),
        max_clock_mhz: Some(1380.0),
        memory_total_bytes: Some(24 << 30),
        memory_used_bytes: Some(20_985_479_168),
        active_percent: None,
        is_load_weighted: true,
        clock_mhz: None,
        power_w: Some(f64::from(0.017_451_683_f32)),
        temperature_c: Some(f64::from(36.951_67_f32)),
    };
    assert_eq!(read(V0_6.as_bytes()), Ok(expected));
}

#[test]
fn a_newer_line_reports_the_share_of_active_time() {
    let expected = Reading {
        chip: Some("Apple M3 Max".to_owned()),
        machine: Some("Mac15,9".to_owned()),
        gpu_cores: Some(40),
        max_clock_mhz: Some(1398.0),
        active_percent: Some(f64::from(0.09_f32) * 100.0),
        is_load_weighted: false,
        ..read(V0_6.as_bytes()).unwrap()
    };
    assert_eq!(read(V0_10.as_bytes()), Ok(expected));
}

#[test]
fn figures_are_read_without_the_chip() {
    let line = r#"{"gpu_usage":[1380,0.95],"gpu_power":9.5,"memory":{"ram_total":2,"ram_usage":1}}"#;
    let expected = Reading {
        memory_total_bytes: Some(2),
        memory_used_bytes: Some(1),
        is_load_weighted: true,
        clock_mhz: Some(1380.0),
        power_w: Some(9.5),
        ..Reading::default()
    };
    assert_eq!(read(line.as_bytes()), Ok(expected));
}

#[test]
fn a_missing_sensor_has_no_figure() {
    let known = with(&[]).unwrap();
    for invalid in [json!(null), json!(0.0), json!(-3.0), json!(1e9), json!("36"), json!([36])] {
        let none = Reading { temperature_c: None, ..known.clone() };
        assert_eq!(with(&[("/temp/gpu_temp_avg", invalid.clone())]), Ok(none), "{invalid}");
        let none = Reading { power_w: None, ..known.clone() };
        assert_eq!(with(&[("/gpu_power", invalid.clone())]), Ok(none), "an active GPU uses power: {invalid}");
    }
    let above_total = with(&[("/memory/ram_usage", json!(18_446_744_073_709_519_872_u64))]);
    assert_eq!(above_total, Ok(Reading { memory_used_bytes: None, ..known.clone() }));
    let unnamed = [("/soc/chip_name", json!("Unknown chip")), ("/soc/gpu_cores", json!(0))];
    assert_eq!(with(&unnamed), Ok(Reading { chip: None, gpu_cores: None, ..known }));
}

#[test]
fn an_idle_gpu_uses_no_power_and_has_no_clock() {
    let off = ["/gpu_active_ratio", "/gpu_scaled_ratio", "/gpu_usage/0", "/gpu_usage/1", "/gpu_freq_mhz", "/gpu_power"];
    let reading = with(&off.map(|path| (path, json!(0)))).unwrap();
    assert_eq!((reading.active_percent, reading.clock_mhz, reading.power_w), (Some(0.0), None, Some(0.0)));
}

#[test]
fn the_clock_is_reported_only_without_idle_parts() {
    let clock = |share: f64| with(&[("/gpu_active_ratio", json!(share))]).unwrap().clock_mhz;
    // One idle quarter limits the share to 0.75.
    assert_eq!([0.0, 0.75, 0.89, 0.9, 1.0].map(clock), [None, None, None, Some(461.0), Some(461.0)]);
}

#[test]
fn a_share_never_exceeds_one() {
    let active = |share: f64| with(&[("/gpu_active_ratio", json!(share))]).unwrap().active_percent;
    assert_eq!([1.0, 1.000_000_1, 1.5, -0.1].map(active), [Some(100.0), Some(100.0), None, None]);
}

#[test]
fn a_line_without_a_gpu_gives_a_reason() {
    let text = |line: &[u8]| match read(line) {
        Err(UnreadableLine::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(text(b"error: unexpected argument\n"), "error: unexpected argument");
    assert_eq!(text(b"\x1b[31mred\x1b[0m \xff\n"), "red \u{fffd}");
    assert_eq!(text(b"[1, 2]"), "[1, 2]");
    assert_eq!(text(b""), "");
    assert_eq!(text("x".repeat(9999).as_bytes()), format!("{}…", "x".repeat(160)));
    assert_eq!(read(b"{}"), Err(UnreadableLine::NoFigures("macmon reports no GPU figures")));
    assert!(
        matches!(with(&[("/soc/vm", json!(true))]), Err(UnreadableLine::NoFigures(why)) if why.contains("virtual machine"))
    );
}

/// Generates JSON of any shape, with macmon's field names and others.
fn shape() -> impl Strategy<Value = Value> {
    let names = "(gpu_(usage|power|active_ratio|freq_mhz)|memory|ram_(total|usage)|temp|gpu_temp_avg|soc|gpu_freqs|chip_name|x)";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        oracle::hostile().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Checks that a line yields displayable text and figures within bounds.
fn check(line: &[u8]) -> Result<(), TestCaseError> {
    let reading = match read(line) {
        Ok(reading) => reading,
        Err(unreadable) => return safe(unreadable.reason()),
    };
    for text in [&reading.chip, &reading.machine].into_iter().flatten() {
        safe(text)?;
    }
    let figures = [
        (reading.active_percent, 100.0),
        (reading.clock_mhz, MAX_MHZ),
        (reading.max_clock_mhz, MAX_MHZ),
        (reading.power_w, MAX_W),
        (reading.temperature_c, MAX_C),
    ];
    for (figure, max) in figures {
        prop_assert!(figure.is_none_or(|n| (0.0..=max).contains(&n)), "{:?}", figure);
    }
    prop_assert!(reading.memory_used_bytes.is_none() || reading.memory_used_bytes <= reading.memory_total_bytes);
    Ok(())
}

fn safe(text: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(text, sanitise_line(text));
    prop_assert!(text.chars().count() <= MAX_TEXT_CHARS + 1);
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_rejected(line in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&line)?;
    }

    #[test]
    fn any_shape_is_read_or_rejected(value in shape()) {
        check(value.to_string().as_bytes())?;
    }

    #[test]
    fn a_damaged_line_is_read_or_rejected(at in 0..V0_10.len(), flipped in any::<u8>()) {
        let mut line = V0_10.as_bytes().to_vec();
        line[at] = flipped;
        check(&line)?;
        check(&V0_10.as_bytes()[..at])?;
    }
}
