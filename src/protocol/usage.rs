//! Reads token counts in all formats that servers use.

use serde_json::Value;

use super::failure::shorten;
use crate::domain::attempt::Usage;

/// Maximum accepted token count. Larger floats are not exact, and no server generates as many tokens.
const MAX_COUNT: u64 = 1 << 48;
/// Usage fields that hold a token count.
const COUNT_FIELDS: &[&str] = &[
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "prompt_cache_hit_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "prompt_eval_count",
    "eval_count",
];

/// Reads the token count at a path below `value`.
pub fn number(value: &Value, path: &[&str]) -> Option<u64> {
    path.iter().try_fold(value, |v, key| v.get(key)).and_then(count)
}

/// Reads a token count: an integer, a float without a fraction (`3.0`), or a string of digits (`"300"`).
pub fn count(value: &Value) -> Option<u64> {
    let whole = |n: f64| (n.fract() == 0.0 && (0.0..=MAX_COUNT as f64).contains(&n)).then_some(n as u64);
    let count = match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    count.filter(|&n| n <= MAX_COUNT)
}

/// Returns a warning about the first usage field that is not a token count; `None` if all are.
pub fn fault(usage: &Value) -> Option<String> {
    let fields = usage.as_object()?;
    fields.iter().find_map(|(name, value)| match value {
        Value::Object(_) if name.ends_with("_details") => fault(value),
        Value::Null => None,
        value if COUNT_FIELDS.contains(&name.as_str()) && count(value).is_none() => {
            let value = shorten(&value.to_string());
            Some(format!("the server reported {name} as {value}, which is not a token count; it was ignored"))
        }
        _ => None,
    })
}

/// Reads the `usage` object of a chat completion. Returns `None` if it has no counts, or only zeros.
pub fn read(usage: &Value) -> Option<Usage> {
    let number = |path: &[&str]| number(usage, path);
    let details = number(&["completion_tokens_details", "reasoning_tokens"]);
    // Field names in this order: OpenAI and most others; DeepSeek; Moonshot; Anthropic, whose name gateways pass on.
    let cached = number(&["prompt_tokens_details", "cached_tokens"])
        .or_else(|| number(&["prompt_cache_hit_tokens"]))
        .or_else(|| number(&["cached_tokens"]))
        .or_else(|| number(&["cache_read_input_tokens"]));
    let counts = Usage {
        prompt_tokens: number(&["prompt_tokens"]),
        completion_tokens: number(&["completion_tokens"]),
        reasoning_tokens: details.or_else(|| number(&["reasoning_tokens"])),
        cached_tokens: cached,
    };
    usage_if_any(with_reasoning(counts, number(&["total_tokens"])))
}

/// Returns `None` if both counts are missing or zero.
pub fn usage_if_any(usage: Usage) -> Option<Usage> {
    let any = usage.prompt_tokens.unwrap_or(0) > 0 || usage.completion_tokens.unwrap_or(0) > 0;
    any.then_some(usage)
}

/// Adds reasoning tokens to the completion tokens if the server counts them separately. Such servers report more
/// reasoning than completion tokens, or a total that includes both.
fn with_reasoning(mut usage: Usage, total: Option<u64>) -> Usage {
    if let (Some(completion), Some(reasoning)) = (usage.completion_tokens, usage.reasoning_tokens) {
        let both = completion.saturating_add(reasoning);
        let sum = both.saturating_add(usage.prompt_tokens.unwrap_or(0));
        if reasoning > completion || (reasoning > 0 && total == Some(sum)) {
            usage.completion_tokens = Some(both);
        }
    }
    usage
}

/// Reads the counts in llama.cpp's `timings`, which the server always sends with the last event.
pub fn from_timings(timings: &Value) -> Option<Usage> {
    let number = |key| number(timings, &[key]);
    let cached_tokens = number("cache_n");
    Some(Usage {
        prompt_tokens: number("prompt_n").and_then(|n| n.checked_add(cached_tokens?)),
        completion_tokens: Some(number("predicted_n").filter(|&n| n > 0)?),
        reasoning_tokens: None,
        cached_tokens,
    })
}

/// Fills missing counts of `usage` from `other`.
pub fn fill_gaps(usage: Usage, other: Usage) -> Usage {
    Usage {
        prompt_tokens: usage.prompt_tokens.or(other.prompt_tokens),
        completion_tokens: usage.completion_tokens.or(other.completion_tokens),
        reasoning_tokens: usage.reasoning_tokens.or(other.reasoning_tokens),
        cached_tokens: usage.cached_tokens.or(other.cached_tokens),
    }
}

/// Merges two usage reports of one stream. The later one takes precedence unless it counts fewer tokens; the other
/// fills its gaps.
pub fn merge(current: Usage, new: Usage) -> Usage {
    let is_later = new.completion_tokens.unwrap_or(0) >= current.completion_tokens.unwrap_or(0);
    if is_later { fill_gaps(new, current) } else { fill_gaps(current, new) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns prompt, completion, reasoning and cached tokens.
    fn counts(usage: &Value) -> Option<[Option<u64>; 4]> {
        read(usage).map(|u| [u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.cached_tokens])
    }

    #[test]
    fn every_format_of_usage_is_read() {
        let azure_sglang = json!({"prompt_tokens": 9, "completion_tokens": 1720, "reasoning_tokens": 0});
        assert_eq!(counts(&azure_sglang), Some([Some(9), Some(1720), Some(0), None]));
        let details = json!({"prompt_tokens": 9, "completion_tokens": 1355, "total_tokens": 1364,
            "completion_tokens_details": {"reasoning_tokens": 1084}, "prompt_tokens_details": {"cached_tokens": 4}});
        assert_eq!(counts(&details), Some([Some(9), Some(1355), Some(1084), Some(4)]));
        let deepseek = json!({"prompt_tokens": 9, "completion_tokens": 219, "prompt_cache_hit_tokens": 3,
            "prompt_cache_miss_tokens": 6, "prompt_tokens_details": null, "completion_tokens_details": null});
        assert_eq!(counts(&deepseek), Some([Some(9), Some(219), None, Some(3)]));
        assert_eq!(counts(&json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})), None);
        assert_eq!(counts(&json!({"prompt_tokens": -1, "completion_tokens": "x7"})), None);
    }

    #[test]
    fn whole_floats_and_digit_strings_are_counts() {
        for (value, expected) in [
            (json!(3.0), Some(3)),
            (json!("300"), Some(300)),
            (json!(3e2), Some(300)),
            (json!("007"), Some(7)),
            (json!(0), Some(0)),
            (json!(-1), None),
            (json!(-0.5), None),
            (json!(3.5), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!("99999999999999999999999"), None),
            (json!(""), None),
            (json!("-3"), None),
            (json!("3.0"), None),
            (json!("NaN"), None),
            (json!(true), None),
            (json!([3]), None),
        ] {
            assert_eq!(count(&value), expected, "{value}");
            let usage = json!({ "prompt_tokens": 5, "completion_tokens": value, "prompt_tokens_details": null });
            assert_eq!(counts(&usage), Some([Some(5), expected, None, None]));
            assert_eq!(fault(&usage).is_none(), expected.is_some(), "{value}");
            let inner = json!({ "completion_tokens_details": { "reasoning_tokens": value } });
            assert_eq!(fault(&inner).is_none(), expected.is_some(), "{value}");
        }
        assert_eq!(
            fault(&json!({ "completion_tokens": -1 })).unwrap(),
            "the server reported completion_tokens as -1, which is not a token count; it was ignored"
        );
    }

    #[test]
    fn separately_counted_reasoning_is_added() {
        // xAI reports a total of 12 + 2 + 340 tokens. The total of Vercel's gateway to Gemini excludes reasoning, too.
        let xai = json!({"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 354,
            "completion_tokens_details": {"reasoning_tokens": 340}});
        assert_eq!(counts(&xai), Some([Some(12), Some(342), Some(340), None]));
        let gateway = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "reasoning_tokens": 25});
        assert_eq!(counts(&gateway), Some([Some(9), Some(27), Some(25), None]));
        // Here reasoning is smaller than completion, but the total includes both.
        let mixed = json!({"prompt_tokens": 10, "completion_tokens": 30, "total_tokens": 60, "reasoning_tokens": 20});
        assert_eq!(counts(&mixed), Some([Some(10), Some(50), Some(20), None]));
        let large = json!({"prompt_tokens": MAX_COUNT, "completion_tokens": 1, "reasoning_tokens": MAX_COUNT});
        assert_eq!(counts(&large).and_then(|c| c[1]), Some(MAX_COUNT + 1));
    }

    #[test]
    fn the_larger_usage_is_kept_and_gaps_are_filled() {
        let n = |n| Usage { completion_tokens: Some(n), ..Usage::default() };
        assert_eq!(merge(n(5), n(9)).completion_tokens, Some(9));
        assert_eq!(merge(n(9), n(5)).completion_tokens, Some(9));
        let cached = Usage { cached_tokens: Some(7), ..Usage::default() };
        assert_eq!(merge(n(9), cached), Usage { cached_tokens: Some(7), ..n(9) });
        assert_eq!(merge(cached, n(9)), Usage { cached_tokens: Some(7), ..n(9) });
    }
}
