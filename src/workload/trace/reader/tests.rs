use std::io::Cursor;

use super::*;
use crate::domain::suite::Message;
use crate::workload::trace::TraceFormat;

const STRICT: TraceOptions = TraceOptions { bad_rows: BadRows::Refuse, speed: 1.0, block_tokens: 512 };

fn open(text: &str) -> Result<Trace<Cursor<Vec<u8>>>, TraceError> {
    Trace::open(Cursor::new(text.as_bytes().to_vec()), &STRICT)
}

fn open_with(text: &str, options: TraceOptions) -> Trace<Cursor<Vec<u8>>> {
    Trace::open(Cursor::new(text.as_bytes().to_vec()), &options).unwrap()
}

fn requests(text: &str) -> Vec<TraceRequest> {
    let mut trace = open(text).unwrap();
    (0..trace.len()).map(|index| trace.request(index).unwrap()).collect()
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Two rows of the published trace, out of order, with Windows line ends and an empty line.
const MOONCAKE: &str = concat!(
    "\u{feff}{\"timestamp\": 30535, \"input_length\": 1400, \"output_length\": 26, \"hash_ids\": [46, 47, 2366]}\r\n\r\n",
    "{\"timestamp\": 27482, \"input_length\": 655, \"output_length\": 52, \"hash_ids\": [46, 2353], \"session_id\": \"a\"}\r\n",
);

#[test]
fn mooncake_rows_are_read_in_order_of_time() {
    let trace = open(MOONCAKE).unwrap();
    assert_eq!((trace.summary().format, trace.summary().out_of_order), (TraceFormat::Mooncake, 1));
    let rows = requests(MOONCAKE);
    assert_eq!(rows.len(), 2);
    let first = TraceRequest {
        at: Duration::ZERO,
        input_tokens: Some(655),
        output_tokens: Some(52),
        hash_ids: Some(vec![46, 2353]),
        ..TraceRequest::default()
    };
    assert_eq!(rows[0], first);
    assert_eq!((rows[1].at, rows[1].input_tokens), (seconds(3.053), Some(1400)));
    assert_eq!(rows[1].hash_ids, Some(vec![46, 47, 2366]));
}

#[test]
fn a_trace_may_have_its_prompts() {
    let rows = requests(
        "{\"timestamp\": 5, \"text_input\": \"Hi\", \"output_length\": 7}\n{\"timestamp\": 6, \"hash_ids\": [1], \"input_length\": 9, \"output_length\": 7}\n",
    );
    assert_eq!(rows[0].messages, Some(vec![Message::user("Hi")]));
    assert_eq!((rows[0].input_tokens, rows[1].input_tokens), (None, Some(9)));
}

#[test]
fn the_traces_of_azure_are_read() {
    // These are the first rows of AzureLLMInferenceTrace_conv.csv (2023) and of the 2024 trace.
    let rows = requests(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n",
    );
    assert_eq!(rows[0].input_tokens.zip(rows[0].output_tokens), Some((374, 44)));
    assert_eq!(rows[1].at, Duration::from_micros(4_314_579));
    let rows = requests(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n2024-05-10 01:00:00.017335+01:00,2399,6\n",
    );
    assert_eq!(rows[1].at, Duration::from_micros(7405));
}

#[test]
fn the_traces_of_burstgpt_are_read() {
    let text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n45,\"GPT-4\",1087,230,1317,API log\n";
    let rows = requests(text);
    assert_eq!((rows[1].at, rows[1].model.as_deref()), (seconds(40.0), Some("GPT-4")));
    assert_eq!(rows[1].input_tokens.zip(rows[1].output_tokens), Some((1087, 230)));
}

#[test]
fn logs_of_openai_requests_are_read() {
    for (row, at) in [
        (
            r#"{"timestamp": "2026-05-01T12:00:00.250Z", "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}, "response": {"usage": {"prompt_tokens": 9, "completion_tokens": 40}}}"#,
            0.25,
        ),
        (
            r#"{"created_at": "2026-05-01 14:00:01+02:00", "request": "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}", "response": {"status_code": 200, "body": {"usage": {"prompt_tokens": 9, "completion_tokens": 40}}}}"#,
            1.0,
        ),
        (
            r#"{"created": 1777636802, "model": "m", "prompt": "hi", "max_tokens": 3, "max_completion_tokens": 40, "usage": {"prompt_tokens": 9}}"#,
            2.0,
        ),
        (
            r#"{"ts": 1777636802500, "time": null, "model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}], "name": "x"}], "usage": {"prompt_tokens": 9, "completion_tokens": 40}}"#,
            2.5,
        ),
        (
            r#"{"start_time": 1777636803000000, "request": {"body": {"model": "m", "prompt": "hi", "max_tokens": 40}}, "usage": {"prompt_tokens": 9, "completion_tokens": 0}}"#,
            3.0,
        ),
    ] {
        let anchor = r#"{"timestamp": "2026-05-01T12:00:00Z", "messages": [{"role": "assistant", "content": null}]}"#;
        let rows = requests(&format!("{row}\n{anchor}\n"));
        let expected = TraceRequest {
            at: seconds(at),
            input_tokens: Some(9),
            output_tokens: Some(40),
            hash_ids: None,
            messages: Some(vec![Message::user("hi")]),
            model: Some("m".to_owned()),
        };
        assert!(rows[1].at.abs_diff(expected.at) < Duration::from_micros(1), "{row}: {:?}", rows[1].at);
        assert_eq!(TraceRequest { at: expected.at, ..rows[1].clone() }, expected, "{row}");
        assert_eq!((rows[0].input_tokens, rows[0].output_tokens), (None, None), "unknown, not zero");
    }
}

#[test]
fn the_speed_shortens_gaps() {
    let trace = open_with(MOONCAKE, TraceOptions { speed: 2.0, ..STRICT });
    assert_eq!(trace.at(1), Some(seconds(1.5265)));
    assert_eq!(trace.summary().span, seconds(3.053), "the span is the recorded one");
    assert_eq!((trace.at(0), trace.at(2)), (Some(Duration::ZERO), None));
}

#[test]
fn a_summary_has_one_line() {
    let text = format!("{MOONCAKE}{{\"timestamp\": 27000}}\n");
    let trace = open_with(&text, TraceOptions { bad_rows: BadRows::Skip, ..STRICT });
    let expected = "Mooncake trace: 2 requests in 0:03, input p50 1,028 and p95 1,363 tokens, output p50 39 and p95 51 tokens, \
        1 row out of order (sorted by time), 1 row skipped (line 4: 'input_length' is missing)";
    assert_eq!(trace.summary().to_string(), expected);
}

#[test]
fn bad_files_get_one_line() {
    let header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
    let good = "{\"timestamp\": 0, \"input_length\": 655, \"output_length\": 52}\n";
    let log = |row: &str| format!("{{\"time\": 1, \"prompt\": \"x\"}}\n{row}\n");
    for (text, expected) in [
        (String::new(), "is empty; a trace has one request per line"),
        ("\n \r\n".to_owned(), "is empty; a trace has one request per line"),
        (
            "[{\"timestamp\": 0}]".to_owned(),
            "is a JSON array; write one object per line, for example with: jq -c '.[]'",
        ),
        ("PAR1\0".to_owned(), "is a Parquet file; convert it to JSONL"),
        ("{\n\"timestamp\": 0".to_owned(), "is not a JSON object on one line: EOF while parsing an object (column 1)"),
        (header.to_owned(), "has no usable request: it ends after its header"),
        (format!("{header}2023-11-16 18:15:46,374"), "line 2: the number of output tokens is missing"),
        (
            format!("{header}2023-11-16 18:15:46,374,4.5"),
            "line 2: the number of output tokens '4.5' is not a whole number",
        ),
        (format!("{header}2023-11-16 18:15:46,0,4"), "line 2: the number of input tokens 0 is not from 1 to 10000000"),
        (
            format!("{header}2023-02-30 18:15:46,1,4"),
            "line 2: '2023-02-30 18:15:46' is not a time, like 2023-11-16 18:15:46.68, 2026-05-01T12:00:00Z or 1714564800.5",
        ),
        (format!("{header}-5,1,4"), "line 2: the time -5 is not a moment from 0 on"),
        (format!("{good}{{\"timestamp\": 1"), "line 2: EOF while parsing an object (column 15)"),
        (format!("{good}\n{{\"timestamp\": \"1\"}}"), "line 3: 'timestamp' is not a number of milliseconds"),
        (
            format!("{good}{{\"input_length\": 5, \"output_length\": 5}}"),
            "line 2: 'timestamp' is missing; a trace needs the moment of each request",
        ),
        (format!("{good}{{\"timestamp\": 1, \"input_length\": 5}}"), "line 2: 'output_length' is missing"),
        (
            format!("{good}{{\"timestamp\": 1, \"input_length\": -5, \"output_length\": 5}}"),
            "line 2: 'input_length' is not a whole number from 1",
        ),
        (
            format!("{good}{{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 99999999}}"),
            "line 2: the output_length 99999999 is not from 1 to 10000000",
        ),
        (
            format!("{good}{{\"timestamp\": 1, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, 2, 3]}}"),
            "line 2: 3 hash_ids, but 600 input tokens have only 2 blocks of 512",
        ),
        (
            format!("{good}{{\"timestamp\": 1, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [-1]}}"),
            "line 2: 'hash_ids' is not a list of whole numbers from 0",
        ),
        (
            format!("{good}{{\"timestamp\": 1, \"text_input\": 600, \"output_length\": 5}}"),
            "line 2: 'text_input' is not a text",
        ),
        (log("{\"prompt\": \"x\"}"), "line 2: the time of the request is missing, like 'timestamp' or 'created_at'"),
        (log("{\"time\": true, \"prompt\": \"x\"}"), "line 2: the time true is neither a number nor text"),
        (log("{\"time\": 2}"), "line 2: the request has neither 'messages' nor 'prompt'"),
        (log("{\"time\": 2, \"prompt\": [1]}"), "line 2: 'prompt' is not a text"),
        (log("{\"time\": 2, \"messages\": []}"), "line 2: 'messages' is empty"),
        (
            log("{\"time\": 2, \"messages\": [{\"role\": \"tool\", \"content\": \"x\"}]}"),
            "line 2: a message has the role 'tool', which cannot be replayed as text",
        ),
        (
            log("{\"time\": 2, \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}"),
            "line 2: a message has a part of type 'image_url', which cannot be replayed as text",
        ),
        (log("{\"time\": 2, \"messages\": [{\"content\": \"x\"}]}"), "line 2: in 'messages': missing field `role`"),
    ] {
        assert_eq!(open(&text).unwrap_err().to_string(), expected, "{text:?}");
    }
    let gzip = Trace::open(Cursor::new(b"\x1f\x8b\x08\0".to_vec()), &STRICT).unwrap_err();
    assert_eq!(gzip.to_string(), "is compressed with gzip; decompress it with gunzip");
    let text = open("id,name\n1,2\n").unwrap_err().to_string();
    assert!(text.starts_with("is no trace; use Mooncake JSONL"), "{text}");
    let hostile = open(&format!("{header}\u{1b}[31m{},1,1", "x".repeat(5000))).unwrap_err().to_string();
    assert!(hostile.len() < 400 && !hostile.contains('\u{1b}'), "{hostile}");
}

#[test]
fn bad_rows_are_skipped_by_choice() {
    let skip = TraceOptions { bad_rows: BadRows::Skip, ..STRICT };
    let text =
        "TIMESTAMP,ContextTokens,GeneratedTokens\nx,1,1\n2023-11-16 18:15:46,374,44\n2023-11-16 18:15:47,374,0\n";
    let trace = open_with(text, skip);
    assert_eq!((trace.len(), trace.summary().skipped), (1, 2));
    assert_eq!(trace.summary().first_skipped.as_ref().and_then(|fault| fault.line), Some(2));
    let none = Trace::open(Cursor::new("TIMESTAMP,ContextTokens,GeneratedTokens\nx,1,1\n"), &skip).unwrap_err();
    assert!(none.to_string().starts_with("has no usable request: line 2: 'x' is not a time"), "{none}");
}

#[test]
fn a_file_that_changes_during_the_run_is_an_error_of_that_request() {
    let mut trace = open(MOONCAKE).unwrap();
    let text = trace.source.get_mut().get_mut();
    text.truncate(60);
    let why = trace.request(1).unwrap_err().to_string();
    assert!(why.starts_with("has changed since the start of the run: EOF while parsing"), "{why}");
}
