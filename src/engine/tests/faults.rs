//! Faults that tests of whole runs cannot show in detail.

use super::*;
use crate::domain::request_lengths::RequestLengths;
use crate::domain::time::Nanos;

/// Starts the test's case with changed limits.
fn start_with(engine: &Engine, number: u32, change: impl FnOnce(&mut CaseSpec)) {
    let mut case = case(Duration::from_secs(60));
    change(&mut case);
    let id = AttemptId { case: 0, number };
    engine.send(EngineCommand::Start {
        lengths: RequestLengths::default(),
        row: None,
        turn: None,
        id,
        case: Arc::new(case),
        model: "m".into(),
        warmup: false,
        due: None,
        ready: None,
    });
}

fn kind(record: &AttemptRecord) -> (AttemptStatus, &str) {
    (record.status, record.error.as_ref().map_or("", |e| e.kind.as_str()))
}

fn with_retries(url: &str, retries: u32) -> (Engine, Receiver<EngineFact>) {
    let network = Network { retries, ..Network::default() };
    engine_of(EngineConfig { network, ..config(url, &CHAT, true) })
}

/// Connects to a port whose backlog is full: the connection is neither accepted nor refused.
#[cfg(target_os = "linux")]
#[test]
fn connecting_has_its_own_timeout() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap()
    });
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(waiting) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(waiting);
        assert!(queue.len() < 100, "the queue never fills");
    }
    let (engine, facts) = engine(&format!("http://{address}/v1"));
    start_with(&engine, 1, |case| case.patience.connect = Duration::from_millis(200));
    let record = end(&facts);
    assert_eq!(kind(&record), (AttemptStatus::ConnectError, "connect_timeout"));
    let message = failure(&record).1;
    assert!(message.starts_with(&format!("no connection to {address} within 0.2 s; check the host")), "{message}");
    // The attempt's timeout may expire before the connect timeout.
    start_with(&engine, 2, |case| case.timeout = Duration::from_millis(200));
    let record = end(&facts);
    assert_eq!(kind(&record), (AttemptStatus::Timeout, "timeout"));
    assert_eq!(failure(&record).1, "no token within the total of 0.2 s: no connection was established");
}

#[test]
fn an_unknown_host_name_is_reported_as_such() {
    let (engine, facts) = engine("http://nonexistent.invalid/v1");
    start_with(&engine, 1, |case| case.patience.connect = Duration::from_secs(60));
    let record = end(&facts);
    assert_eq!(kind(&record), (AttemptStatus::ConnectError, "dns"), "{:?}", record.error);
}

#[test]
fn an_error_whose_body_never_ends_is_still_that_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let hold = thread::spawn(move || {
        let (mut stream, _peer) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 999\r\n\r\nout of mem").unwrap();
        let _closed = stream.read(&mut [0; 1]);
    });
    let (engine, facts) = engine(&url);
    start(&engine, Duration::from_secs(60));
    assert_eq!(failure(&end(&facts)), (AttemptStatus::HttpError, "HTTP 500: out of mem"));
    hold.join().unwrap();
    // A body that breaks off gives the same error.
    let (record, _) = measure(vec!["HTTP/1.1 500 Oh\r\ncontent-length: 999\r\n\r\nout of mem".to_owned()]);
    assert_eq!(failure(&record), (AttemptStatus::HttpError, "HTTP 500: out of mem"));
}

fn limited(wait: &str) -> String {
    format!("HTTP/1.1 429 Too Many Requests\r\nretry-after: {wait}\r\nconnection: close\r\n\r\nslow down")
}

#[test]
fn retries_are_timed_from_the_last_try_and_listed() {
    let (url, requests) = serve(vec![limited("0"), limited("0"), sse(&[TEXT, FINISH, USAGE])]);
    let (engine, facts) = with_retries(&url, 2);
    start(&engine, Duration::from_secs(60));
    let record = end(&facts);
    assert_eq!(failure(&record), (AttemptStatus::Ok, ""));
    let tries: Vec<_> = record.retries.iter().map(|t| (t.kind.as_str(), t.http_status)).collect();
    assert_eq!(tries, [("rate_limited", Some(429)); 2]);
    let starts: Vec<Nanos> = record.retries.iter().map(|t| t.started).chain([record.started]).collect();
    assert!(starts.windows(2).all(|w| w[0] < w[1]), "{starts:?}");
    assert!(record.headers_at.unwrap() > record.started && record.http_status == Some(200));
    assert_eq!(requests.try_iter().count(), 3);
    let found: Vec<_> = record.findings.iter().filter(|f| f.key == "retried").map(|f| f.message.as_str()).collect();
    assert_eq!(found, ["answered on try 3 after 2 × HTTP 429; times count from the last try"]);
}

#[test]
fn timeouts_do_not_run_between_two_tries() {
    let (url, _requests) = serve(vec![limited("1"), sse(&[TEXT, FINISH, USAGE])]);
    let (engine, facts) = with_retries(&url, 1);
    start_with(&engine, 1, |case| {
        case.patience.first_token = Some(Duration::from_millis(500));
        case.patience.stall = Some(Duration::from_millis(500));
    });
    let record = end(&facts);
    assert_eq!((failure(&record), record.retries.len()), ((AttemptStatus::Ok, ""), 1));
}

#[test]
fn retries_end_at_their_number_or_at_the_timeout() {
    let (url, requests) = serve(vec![limited("0"); 3]);
    let (engine, facts) = with_retries(&url, 2);
    start(&engine, Duration::from_secs(60));
    let record = end(&facts);
    assert_eq!(failure(&record), (AttemptStatus::HttpError, "HTTP 429: slow down; retry after 0 s"));
    assert_eq!((record.retries.len(), requests.try_iter().count()), (2, 3));
    assert!(record.findings.iter().any(|f| f.message.starts_with("also failed on try 3 after 2 × HTTP 429")));

    let (url, requests) = serve(vec![limited("3600")]);
    let (engine, facts) = with_retries(&url, 2);
    start(&engine, Duration::from_secs(60));
    let record = end(&facts);
    assert_eq!(kind(&record), (AttemptStatus::HttpError, "rate_limited"));
    assert_eq!((record.retries.len(), requests.try_iter().count()), (0, 1));
}

#[test]
fn a_request_to_a_restarting_server_is_retried() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut gone, _peer) = listener.accept().unwrap();
        read_request(&mut gone);
        drop(gone);
        let (mut back, _peer) = listener.accept().unwrap();
        read_request(&mut back);
        back.write_all(sse(&[TEXT, FINISH]).as_bytes()).unwrap();
    });
    let (engine, facts) = with_retries(&url, 1);
    start(&engine, Duration::from_secs(60));
    let record = end(&facts);
    assert_eq!(failure(&record), (AttemptStatus::Ok, ""));
    let tries: Vec<_> = record.retries.iter().map(|t| (t.kind.as_str(), t.http_status)).collect();
    assert_eq!(tries, [("closed", None)]);
    server.join().unwrap();
}
