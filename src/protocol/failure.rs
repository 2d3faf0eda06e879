//! The server's own words about what went wrong.

use serde_json::Value;

/// The message in an error body of any known shape, or the body's text with its tags stripped.
pub fn message_in_body(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(value) => message_of(value.get("error").filter(|e| !e.is_null()).unwrap_or(&value)),
        Err(_not_json) => strip_tags(body),
    }
}

/// The message in an error value: a string, `message`, `detail`, `detail[].msg`, else the JSON as it is.
pub fn message_of(error: &Value) -> String {
    let text = |v: &Value| v.as_str().map(str::to_owned).filter(|s| !s.is_empty());
    let details = || {
        let list = error.get("detail")?.as_array()?;
        let messages: Vec<_> = list.iter().filter_map(|d| text(d.get("msg")?)).collect();
        (!messages.is_empty()).then(|| messages.join("; "))
    };
    text(error)
        .or_else(|| text(error.get("message")?))
        .or_else(|| text(error.get("detail")?))
        .or_else(details)
        .unwrap_or_else(|| shorten(&error.to_string()))
}

fn strip_tags(body: &str) -> String {
    let mut out = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                out.push(' ');
            }
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    shorten(&out.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 400;
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::message_in_body;

    #[test]
    fn the_message_is_found_in_every_known_shape() {
        for body in [
            r#"{"error":{"message":"no","type":"x","code":500}}"#,
            r#"{"object":"error","message":"no","code":400}"#,
            r#"{"error":"no","error_type":"overloaded"}"#,
            r#"{"detail":"no"}"#,
            r#"{"detail":[{"loc":["body"],"msg":"no","type":"missing"}]}"#,
            "<html><h1>no</h1></html>",
            "no",
        ] {
            assert_eq!(message_in_body(body), "no", "{body}");
        }
    }
}
