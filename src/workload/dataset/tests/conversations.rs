use super::*;

const TURNS: &str = r#"[{"role":"system","content":"s"},{"role":"user","content":"u1"},
    {"role":"assistant","content":"a1"},{"role":"user","content":"u2"},{"role":"assistant","content":"a2"}]"#;

fn contents(messages: &[crate::domain::suite::Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

#[test]
fn openai_messages_send_the_history_up_to_the_last_user_message() {
    let row = rows_of(format!(r#"[{{"messages":{TURNS}}}]"#), &[]).remove(0);
    assert_eq!(contents(&row.messages), ["s", "u1", "a1", "u2"]);
    assert_eq!(row.expected.as_deref(), Some("a2"));
    assert_eq!(contents(row.opening()), ["s", "u1"]);
    assert_eq!(row.later_user_turns().map(|m| m.content.as_str()).collect::<Vec<_>>(), ["u2"]);
}

#[test]
fn sharegpt_sends_the_first_user_turn_and_keeps_the_later_ones() {
    let turns = TURNS.replace("role", "from").replace("content", "value").replace("\"user\"", "\"human\"");
    let row = rows_of(format!(r#"[{{"conversations":{}}}]"#, turns.replace("assistant", "gpt")), &[]).remove(0);
    assert_eq!(contents(&row.messages), ["s", "u1"]);
    assert_eq!(row.expected.as_deref(), Some("a1"));
    assert_eq!(contents(row.opening()), ["s", "u1"]);
    assert_eq!(row.later_user_turns().map(|m| m.content.as_str()).collect::<Vec<_>>(), ["u2"]);
}

#[test]
fn answers_before_the_first_user_turn_of_sharegpt_are_dropped() {
    let row = rows_of(
        r#"[{"conversations":[{"from":"system","value":"s"},{"from":"gpt","value":"Welcome"},
            {"from":"human","value":"u"}]}]"#,
        &[],
    );
    assert_eq!(requests(&row), [["system: s", "user: u"]]);
}

#[test]
fn the_result_of_a_tool_may_end_a_request() {
    let row = rows_of(
        r#"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"},{"role":"tool","content":"t"}]}"#,
        &[],
    );
    assert_eq!(contents(&row[0].messages), ["u", "a", "t"]);
    assert_eq!(contents(row[0].opening()), ["u"]);
}

#[test]
fn a_system_prompt_in_the_messages_takes_precedence_over_the_column() {
    let rows = rows_of(
        concat!(
            r#"{"system":"column","messages":[{"role":"system","content":"own"},{"role":"user","content":"u"}]}"#,
            "\n",
            r#"{"system":"column","messages":[{"role":"user","content":"u"}]}"#,
        ),
        &[],
    );
    assert_eq!(requests(&rows), [["system: own", "user: u"], ["system: column", "user: u"]]);
}
