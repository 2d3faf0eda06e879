//! HTTPS on a loopback socket: its reads get their times like those of HTTP.

use std::collections::BTreeSet;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::*;

const DONE: &str = "data: [DONE]\n\n";
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// The server's end of a connection.
enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn accept(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>) -> Self {
        let (socket, _peer) = listener.accept().unwrap();
        match tls {
            None => Self::Plain(socket),
            Some(config) => {
                let mut session = ServerConnection::new(Arc::clone(config)).unwrap();
                session.set_buffer_limit(None);
                Self::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        }
    }

    fn request(&mut self) -> String {
        match self {
            Self::Plain(socket) => read_request(socket),
            Self::Tls(stream) => read_request(stream),
        }
    }

    /// Sends all records in one write to the socket. With TLS, each item is a TLS record.
    fn send(&mut self, records: &[&str]) {
        match self {
            Self::Plain(socket) => socket.write_all(records.concat().as_bytes()).unwrap(),
            Self::Tls(stream) => {
                for record in records {
                    stream.conn.writer().write_all(record.as_bytes()).unwrap();
                }
                self.flush();
            }
        }
    }

    fn announce_end(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Self::Tls(stream) = self else { return };
        let mut bytes = Vec::new();
        while stream.conn.wants_write() {
            stream.conn.write_tls(&mut bytes).unwrap();
        }
        stream.sock.write_all(&bytes).unwrap();
    }
}

const PEM: &[u8] = include_bytes!("../../../tests/data/tls/good.pem");

fn server_config(versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> Arc<ServerConfig> {
    let pem = PEM;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(certificates, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn any_version() -> Arc<ServerConfig> {
    server_config(rustls::ALL_VERSIONS, &[])
}

/// Starts a server on a thread. Returns its address with this scheme.
fn listen(scheme: &str, serve: impl FnOnce(TcpListener) + Send + 'static) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}/v1", listener.local_addr().unwrap());
    (url, thread::spawn(move || serve(listener)))
}

fn insecure_engine(url: &str) -> (Engine, Receiver<EngineFact>) {
    let network = Network { insecure: true, ..Network::default() };
    engine_of(EngineConfig { network, ..config(url, &CHAT, true) })
}

#[test]
fn https_stamps_reads_as_finely_as_http() {
    for tls in [None, Some(any_version())] {
        let (go, ready) = channel();
        // The third batch is larger than the buffer of TLS for one read.
        let batches = [1, 1, 300, 2];
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (url, server) = listen(scheme, move |listener| {
            let mut wire = Wire::accept(&listener, tls.as_ref());
            wire.request();
            for (i, events) in batches.into_iter().enumerate() {
                ready.recv().unwrap();
                let head = if i == 0 { HEAD } else { "" };
                wire.send(&[&[head], vec![TEXT; events].as_slice()].concat());
            }
            ready.recv().unwrap();
            wire.send(&[FINISH, DONE]);
            wire.announce_end();
        });
        let (engine, facts) = insecure_engine(&url);
        start(&engine, Duration::from_secs(60));
        let mut sent = 0;
        for events in batches {
            go.send(()).unwrap();
            sent += events as u32;
            let arrived = || engine.live().in_flight.iter().map(|f| f.content_events).sum::<u32>();
            while arrived() < sent {
                thread::yield_now();
            }
        }
        go.send(()).unwrap();
        let record = end(&facts);
        assert_eq!(failure(&record), (AttemptStatus::Ok, ""), "{scheme}");
        let times: BTreeSet<_> = record.arrivals.iter().map(|a| a.at).collect();
        let coalesced = record.arrivals.iter().filter(|a| a.coalesced).count();
        assert_eq!((times.len(), coalesced), (4, 299 + 1), "{scheme}: a time for each write");
        server.join().unwrap();
    }
}

#[test]
fn a_tls_response_without_its_end_is_an_error() {
    for announces in [true, false] {
        let (url, server) = listen("https", move |listener| {
            let mut wire = Wire::accept(&listener, Some(&any_version()));
            wire.request();
            wire.send(&[HEAD, TEXT]);
            if announces {
                wire.announce_end();
            }
        });
        let (engine, facts) = insecure_engine(&url);
        start(&engine, Duration::from_secs(30));
        let record = end(&facts);
        let is_cut = failure(&record).1.contains("closed in the middle of the answer");
        assert_eq!((record.status, is_cut), (AttemptStatus::Truncated, !announces), "{:?}", record.error);
        server.join().unwrap();
    }
}

#[test]
fn a_server_that_requires_a_client_certificate_is_named_as_such() {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(PEM).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    for version in rustls::ALL_VERSIONS {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[version]);
        let builder = builder.unwrap().with_client_cert_verifier(Arc::clone(&verifier));
        let chain = vec![CertificateDer::from_pem_slice(PEM).unwrap()];
        let config = Arc::new(builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(PEM).unwrap()).unwrap());
        let (url, server) = listen("https", move |listener| {
            let Wire::Tls(mut stream) = Wire::accept(&listener, Some(&config)) else { unreachable!() };
            assert!(stream.read(&mut [0]).is_err(), "the client has no certificate");
            // Read the rest: closing with unread data would reset the connection before the client reads the alert.
            stream.sock.shutdown(Shutdown::Write).unwrap();
            let _rest = std::io::copy(&mut stream.sock, &mut std::io::sink());
        });
        let (engine, facts) = insecure_engine(&url);
        start(&engine, Duration::from_secs(30));
        let record = end(&facts);
        let (status, message) = failure(&record);
        assert_eq!(status, AttemptStatus::ConnectError, "{version:?}: {message}");
        assert!(message.contains("the server requires a client certificate"), "{version:?}: {message}");
        server.join().unwrap();
    }
}

#[test]
fn a_tls_connection_is_reused_for_requests_of_any_length() {
    let body = [TEXT, FINISH, DONE].concat();
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let prompt = "long ".repeat(2_000_000);
    for version in rustls::ALL_VERSIONS {
        let answer = answer.clone();
        let (url, server) = listen("https", move |listener| {
            let mut wire = Wire::accept(&listener, Some(&server_config(&[version], &["http/1.1"])));
            for _ in 0..2 {
                let Wire::Tls(stream) = &mut wire else { unreachable!() };
                let mut request = std::io::BufReader::new(stream);
                let mut length = 0;
                for line in std::io::BufRead::lines(&mut request).map(Result::unwrap).take_while(|l| !l.is_empty()) {
                    length = line.strip_prefix("content-length: ").map_or(length, |l| l.parse().unwrap());
                }
                std::io::copy(&mut request.take(length), &mut std::io::sink()).unwrap();
                assert!(length > 10_000_000, "{length}");
                wire.send(&[&answer]);
            }
        });
        let (engine, facts) = insecure_engine(&url);
        let mut connected = Vec::new();
        for number in 1..=2 {
            let mut case = case(Duration::from_secs(60));
            case.messages[0].content.clone_from(&prompt);
            start_case(&engine, number, case);
            let record = end(&facts);
            assert_eq!(failure(&record), (AttemptStatus::Ok, ""), "{version:?}");
            connected.push(record.connect_ms.is_some());
        }
        assert_eq!(connected, [true, false], "{version:?}");
        server.join().unwrap();
    }
}

#[test]
fn http_2_is_used_if_the_server_chooses_it() {
    let (asked, requests) = channel();
    let (url, _server) = listen("https", move |listener| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let tls = tokio_rustls::TlsAcceptor::from(server_config(rustls::ALL_VERSIONS, &["h2", "http/1.1"]));
            loop {
                let (socket, _peer) = listener.accept().await.unwrap();
                let stream = TokioIo::new(tls.accept(socket).await.unwrap());
                let asked = asked.clone();
                let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    asked.send((request.version(), request.uri().path().to_owned())).unwrap();
                    let body = if request.method() == "GET" {
                        r#"{"data":[{"id":"m","owned_by":"vllm"}]}"#.to_owned()
                    } else {
                        [TEXT, FINISH, DONE].concat()
                    };
                    std::future::ready(Ok::<_, std::io::Error>(hyper::Response::new(body)))
                });
                tokio::spawn(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, answer),
                );
            }
        });
    });
    for discovers in [false, true] {
        let (engine, facts) = insecure_engine(&url);
        if discovers {
            engine.send(EngineCommand::Discover { retry: false, needs_list: true });
            while !matches!(facts.recv().unwrap(), EngineFact::Discovered { .. }) {}
        }
        for number in 1..=2 {
            start_number(&engine, number, Duration::from_secs(30));
            let record = end(&facts);
            assert_eq!((failure(&record), record.text.as_str()), ((AttemptStatus::Ok, ""), "a"));
            assert_eq!(record.connect_ms.is_some(), number == 1 && !discovers, "the second keeps the connection");
        }
    }
    let asked: Vec<_> = requests.try_iter().collect();
    assert!(asked.iter().all(|(version, _)| *version == hyper::Version::HTTP_2), "{asked:?}");
    assert_eq!(asked.iter().filter(|(_, path)| path == "/v1/chat/completions").count(), 4, "{asked:?}");
}
