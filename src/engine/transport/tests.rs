//! Tests of both transports against a server on a loopback socket.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use super::super::connect::TimeConnect;
use super::super::tests::read_request;
use super::*;

#[test]
fn only_addresses_without_secrets_use_the_direct_transport() {
    let direct_host = |url| super::direct_host(url, false);
    assert_eq!(direct_host("http://127.0.0.1:8000/v1"), Some(("127.0.0.1".to_owned(), 8000)));
    assert_eq!(direct_host("http://localhost/v1?a=b"), Some(("localhost".to_owned(), 80)));
    assert_eq!(direct_host("http://[::1]:9/v1"), Some(("[::1]".to_owned(), 9)));
    assert_eq!(direct_host("https://127.0.0.1/v1"), Some(("127.0.0.1".to_owned(), 443)));
    assert_eq!(direct_host("http://u:p@127.0.0.1/v1"), None);
    // Proxies of the environment do not matter.
    assert_eq!(direct_host("http://gpu.example/v1"), Some(("gpu.example".to_owned(), 80)));
    assert_eq!(super::direct_host("http://127.0.0.1:8000/v1", true), None);
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// Returns a request with this id.
fn post<'a>(url: &'a str, id: &'a str) -> Post<'a> {
    Post { url, id, session: None, body: "{}", connect_within: FOREVER, sent: &|_at| () }
}

const FOREVER: Duration = Duration::from_secs(3600);

/// Returns both transports to this address. A connection that closes within `stale_within` counts as closed before the
/// request.
fn routes(to: SocketAddr, headers: &HeaderMap, stale_within: Duration) -> [Transport; 2] {
    #[expect(clippy::disallowed_methods, reason = "the epoch of this test's run")]
    let clock = EngineClock::new(std::time::Instant::now());
    let _already = rustls::crypto::ring::default_provider().install_default();
    let client = |idle| {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(idle);
        client.default_headers(headers.clone()).connector_layer(TimeConnect(clock)).build().unwrap()
    };
    let has_request_id = headers.contains_key(REQUEST_ID);
    let library = Library { pooled: client(9), fresh: client(0), has_request_id, stale_within };
    let peer = Rc::new(Peer::new(&format!("http://{to}/v1"), &Network::default()));
    let to = (to.ip().to_string(), to.port());
    let direct = Route::Direct(Direct::new(to, None, headers, clock, stale_within, &peer));
    let library = Route::Library(library);
    [Transport { clock, route: direct, peer: Rc::clone(&peer) }, Transport { clock, route: library, peer }]
}

/// Sends two requests, the second over the kept connection. Returns the outcome of the second.
fn post_twice(transport: &Transport, to: SocketAddr) -> Result<Option<f64>, ConnectionError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("http://{to}/v1/x?a=b");
        let mut first = transport.post(post(&url, "one")).await.unwrap();
        while first.body.read(&mut |_, _| ()).await.unwrap() {}
        for _ in 0..100 {
            // Give the library's other task time to return the connection to its pool.
            tokio::task::yield_now().await;
        }
        transport.post(post(&url, "two")).await.map(|answer| answer.connect_ms)
    })
}

/// Starts a server that answers one request and closes the connection after reading a second one. It answers requests
/// over new connections until a request contains END, and returns all requests.
fn drops_the_second() -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut kept, _peer) = listener.accept().unwrap();
        let mut requests = vec![read_request(&mut kept)];
        kept.write_all(ANSWER).unwrap();
        requests.push(read_request(&mut kept));
        drop(kept);
        loop {
            let (mut fresh, _peer) = listener.accept().unwrap();
            let request = read_request(&mut fresh);
            if request.starts_with("END") {
                return requests;
            }
            requests.push(request);
            fresh.write_all(ANSWER).unwrap();
        }
    });
    (address, server)
}

/// Returns the outcome of the second request, and all requests.
fn with_the_second_dropped(
    route: usize,
    stale_within: Duration,
) -> (Result<Option<f64>, ConnectionError>, Vec<String>) {
    let (to, server) = drops_the_second();
    let outcome = post_twice(&routes(to, &HeaderMap::new(), stale_within)[route], to);
    TcpStream::connect(to).unwrap().write_all(b"END\r\n\r\n").unwrap();
    (outcome, server.join().unwrap())
}

#[test]
fn a_request_on_a_closed_connection_is_sent_again_on_a_new_one() {
    for route in [0, 1] {
        let (outcome, requests) = with_the_second_dropped(route, FOREVER);
        assert!(matches!(outcome, Ok(Some(_))), "{outcome:?}");
        assert_eq!(requests.len(), 3);
        assert!(requests[1] == requests[2] && requests[1].starts_with("POST /v1/x?a=b "), "{requests:?}");
    }
}

#[test]
fn a_request_that_reached_the_server_is_not_sent_again() {
    for route in [0, 1] {
        let (outcome, requests) = with_the_second_dropped(route, Duration::ZERO);
        assert!(matches!(outcome, Err(ConnectionError::Closed(_))), "{outcome:?}");
        assert_eq!(requests.len(), 2, "{requests:?}");
    }
}

/// Starts a server that answers once on each of two connections, closes each when its next request arrives, and answers
/// requests on a new one. Sends all requests to the channel.
fn drops_both_kept() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, requests) = channel();
    thread::spawn(move || {
        let kept = [(); 2].map(|()| listener.accept().unwrap().0);
        for mut stream in kept {
            let asked = asked.clone();
            thread::spawn(move || {
                asked.send(read_request(&mut stream)).unwrap();
                stream.write_all(ANSWER).unwrap();
                if stream.peek(&mut [0]).is_ok_and(|n| n > 0) {
                    asked.send(read_request(&mut stream)).unwrap();
                }
            });
        }
        let (mut fresh, _peer) = listener.accept().unwrap();
        asked.send(read_request(&mut fresh)).unwrap();
        fresh.write_all(ANSWER).unwrap();
    });
    (address, requests)
}

#[test]
fn a_retry_opens_a_new_connection_instead_of_reusing_one() {
    for route in [0, 1] {
        let (to, requests) = drops_both_kept();
        let transport = &routes(to, &HeaderMap::new(), FOREVER)[route];
        let url = format!("http://{to}/v1/x");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connect_ms = runtime.block_on(async {
            let both = tokio::join!(transport.post(post(&url, "one")), transport.post(post(&url, "two")));
            for mut answer in [both.0.unwrap(), both.1.unwrap()] {
                while answer.body.read(&mut |_, _| ()).await.unwrap() {}
            }
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            transport.post(post(&url, "three")).await.unwrap().connect_ms
        });
        assert!(connect_ms.is_some());
        assert_eq!(requests.try_iter().count(), 4);
    }
}

#[test]
fn user_headers_replace_the_default_ones() {
    let mut headers = HeaderMap::new();
    for (name, value) in [("host", "model.internal"), ("user-agent", "mine"), ("x-request-id", "theirs")] {
        headers.insert(name, value.parse().unwrap());
    }
    for route in [0, 1] {
        let (to, server) = drops_the_second();
        let _lost = post_twice(&routes(to, &headers, Duration::ZERO)[route], to);
        TcpStream::connect(to).unwrap().write_all(b"END\r\n\r\n").unwrap();
        let request = server.join().unwrap()[0].to_lowercase();
        for line in ["host: model.internal", "user-agent: mine", "x-request-id: theirs", "content-length: 2"] {
            let (name, _) = line.split_once(' ').unwrap();
            assert!(request.lines().any(|l| l == line), "{line} in {request}");
            assert_eq!(request.lines().filter(|l| l.starts_with(name)).count(), 1, "{request}");
        }
    }
}

/// Starts a server that answers one request with these header fields and a body of three bytes.
fn answers_with(fields: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _peer) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\nabc").as_bytes()).unwrap();
    });
    address
}

#[test]
fn contradicting_content_lengths_are_an_error_on_both_transports() {
    let post_once = |route: usize, fields| {
        let to = answers_with(fields);
        let transport = &routes(to, &HeaderMap::new(), FOREVER)[route];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut answer = transport.post(post(&format!("http://{to}/v1/x"), "one")).await?;
            let mut body = Vec::new();
            while answer
                .body
                .read(&mut |_, piece| body.extend_from_slice(piece))
                .await
                .map_err(ConnectionError::Closed)?
            {}
            Ok(body)
        })
    };
    for route in [0, 1] {
        for fields in
            ["content-length: 3\r\ncontent-length: 4\r\n", "content-length: 3, 4\r\n", "content-length: -3\r\n"]
        {
            let outcome: Result<Vec<u8>, ConnectionError> = post_once(route, fields);
            let Err(ConnectionError::Closed(why)) = outcome else { panic!("{fields}: {outcome:?}") };
            assert_eq!(why, super::super::failure::NO_ONE_LENGTH, "{fields}");
        }
        for fields in ["content-length: 3\r\ncontent-length: 3\r\n", "content-length: 3, 3\r\n"] {
            assert_eq!(post_once(route, fields).unwrap(), b"abc", "{fields}");
        }
    }
}
