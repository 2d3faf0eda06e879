//! HTTP/1.1 directly on the socket, plain or TLS, without a proxy.
//!
//! The client library passes every HTTP chunk from one task to another. This costs as much as all other work on an
//! event, and hides which chunks arrived in one read of the socket. Here, each read is stamped when the call returns.
//! Its bytes are parsed in place, in one buffer that all connections share. HTTP/2 and proxies still use the library
//! (see `transport`).
//!
//! An alternative was hyper's connection, polled in the same task over a stamped socket. It passes every chunk through
//! a channel and costs more CPU time per event: 1.55 instead of 0.94 µs for HTTP with 100 events in a write, and 1.61
//! instead of 1.08 µs for HTTPS.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use self::connection::{Connection, Reader};
use self::dechunk::Dechunker;
use self::head::Head;
use super::clock::EngineClock;
use super::failure::{CLOSED_MIDWAY, ConnectTimedOut, ConnectionError, describe_io, describe_tls, tls};
use super::peer::Peer;
use crate::domain::time::Nanos;

mod connection;
mod dechunk;
mod head;

/// Maximum size of status line and headers.
const MAX_HEAD_BYTES: usize = 256 * 1024;
/// Maximum number of interim (1xx) responses before the final one.
const MAX_INTERIM: usize = 64;

/// A host and its idle connections.
#[derive(Debug)]
pub struct Host {
    name: String,
    port: u16,
    clock: EngineClock,
    stale_within: Duration,
    /// Addresses of the host; empty until the first lookup.
    addresses: RefCell<Vec<SocketAddr>>,
    idle: RefCell<Vec<Connection>>,
    /// TLS configuration for `https://`.
    tls: Option<Arc<ClientConfig>>,
    reader: Reader,
    peer: Rc<Peer>,
}

/// Head of a response, with a body that is not read yet.
#[derive(Debug)]
pub struct DirectAnswer {
    /// HTTP status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Time when writing the request to the open connection began.
    pub started: Nanos,
    /// Time to connect, including TLS, milliseconds; `None` if the connection was reused.
    pub connect_ms: Option<f64>,
    /// Time at which the read that completed the headers returned.
    pub headers_at: Nanos,
    /// Body.
    pub body: DirectBody,
}

/// Body of a response.
#[derive(Debug)]
pub struct DirectBody {
    host: Rc<Host>,
    connection: Option<Connection>,
    dechunker: Dechunker,
    keep: bool,
    /// Bytes after the headers in the read that completed the headers, with the time of that read.
    rest: Option<(Nanos, Vec<u8>)>,
}

impl Host {
    /// Creates a host without connections. If a reused connection closes within `stale_within` after a request, the
    /// server is assumed to have closed the connection before the request.
    pub fn new(
        (name, port): (String, u16),
        tls: Option<Arc<ClientConfig>>,
        clock: EngineClock,
        stale_within: Duration,
        peer: Rc<Peer>,
    ) -> Self {
        let (addresses, idle) = (RefCell::default(), RefCell::default());
        Self { name, port, clock, stale_within, addresses, idle, tls, reader: Reader::new(clock), peer }
    }

    /// Sends a request and reads the head of its response. If a reused connection turns out to be closed, opens a new
    /// one, sends the request again and restarts the clock. This is common: many servers close a connection right after
    /// a stream, while the next request is on its way. A connection that breaks later was already serving the request,
    /// so the request is not sent again.
    ///
    /// `connect` is the connect timeout; `sent` is called with the time at which writing begins. Returns `None`,
    /// without sending, if the server chose HTTP/2.
    pub async fn send(
        self: &Rc<Self>,
        request: &[u8],
        connect: Duration,
        sent: &dyn Fn(Nanos),
    ) -> Result<Option<DirectAnswer>, ConnectionError> {
        if let Some(kept) = self.take_kept() {
            match self.exchange(kept, request, None, sent).await {
                Err(ExchangeError::Stale(_)) => {}
                Err(ExchangeError::Broken(why)) => return Err(ConnectionError::Closed(why)),
                Ok(answer) => return Ok(Some(answer)),
            }
        }
        let begun = self.clock.now();
        let connection = self.connect(connect).await?;
        if connection.is_http2() {
            return Ok(None);
        }
        let connect_ms = self.clock.now().millis_since(begun);
        self.exchange(connection, request, Some(connect_ms), sent).await.map(Some).map_err(|error| match error {
            ExchangeError::Stale(why) | ExchangeError::Broken(why) => ConnectionError::Closed(why),
        })
    }

    /// Takes an idle connection that the server has not closed; drops closed ones.
    fn take_kept(&self) -> Option<Connection> {
        loop {
            let kept = self.idle.borrow_mut().pop()?;
            if kept.is_idle() {
                return Some(kept);
            }
        }
    }

    async fn connect(&self, limit: Duration) -> Result<Connection, ConnectionError> {
        match tokio::time::timeout(limit, self.connect_and_shake_hands()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(("dns", error))) => Err(ConnectionError::Connect("dns", self.peer.unknown(&error))),
            Ok(Err((kind, error))) => Err(match tls(&error) {
                Some(error) => ConnectionError::Connect("tls", describe_tls(error)),
                None => ConnectionError::Connect(kind, self.peer.refused(&error)),
            }),
            Err(_elapsed) => {
                self.addresses.borrow_mut().clear();
                Err(ConnectionError::Connect("connect_timeout", self.peer.too_late(&ConnectTimedOut(limit))))
            }
        }
    }

    async fn connect_and_shake_hands(&self) -> Result<Connection, (&'static str, io::Error)> {
        let socket = self.connect_anywhere().await?;
        // If setting this option fails, the request still works, but may be delayed.
        let _at_once = socket.set_nodelay(true);
        let Some(config) = &self.tls else { return Ok(Connection::plain(socket)) };
        let name = ServerName::try_from(self.name.clone()).map_err(|e| ("tls", io::Error::other(e)))?;
        Connection::with_tls(socket, Arc::clone(config), name, &self.reader).await.map_err(|e| ("connect", e))
    }

    /// Connects to any address of the host. Resolves the name for the first connection, and again when all known
    /// addresses fail.
    async fn connect_anywhere(&self) -> Result<TcpStream, (&'static str, io::Error)> {
        let known = self.addresses.borrow().clone();
        if !known.is_empty()
            && let Ok(stream) = TcpStream::connect(&*known).await
        {
            return Ok(stream);
        }
        self.addresses.borrow_mut().clear();
        let looked_up = tokio::net::lookup_host((self.name.as_str(), self.port)).await;
        let mut found: Vec<_> = looked_up.map_err(|e| ("dns", e))?.collect();
        let refused = |e| ("connect", e);
        let stream = TcpStream::connect(&*found).await.map_err(refused)?;
        // Try the address that answered first from now on.
        let answered = stream.peer_addr().map_err(refused)?;
        found.sort_by_key(|address| *address != answered);
        *self.addresses.borrow_mut() = found;
        Ok(stream)
    }

    async fn exchange(
        self: &Rc<Self>,
        mut connection: Connection,
        request: &[u8],
        connect_ms: Option<f64>,
        sent: &dyn Fn(Nanos),
    ) -> Result<DirectAnswer, ExchangeError> {
        let started = self.clock.now();
        sent(started);
        // Ignore an error of the write: the server may have answered before it closed, and the read reports a lost
        // connection.
        let written = connection.write_all(request).await;
        // A server does not process a request that arrived only in part.
        let is_unsent = written.is_err();
        let without_answer = |why| {
            let is_stale = is_unsent || self.clock.now().since(started) <= self.stale_within;
            if is_stale { ExchangeError::Stale(why) } else { ExchangeError::Broken(why) }
        };
        let mut head = Vec::new();
        let mut interim = 0;
        loop {
            let mut at = started;
            let mut may_be_whole = head.is_empty();
            let mut take = |read_at, bytes: &[u8]| {
                at = read_at;
                may_be_whole |= bytes.contains(&b'\n');
                head.extend_from_slice(bytes);
            };
            let read = match self.reader.read(&mut connection, &mut take).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                read => read,
            };
            let nothing_came = head.is_empty() && interim == 0;
            match read {
                Ok(true) => {}
                Ok(false) if nothing_came => {
                    let why = "the server closed the connection without a response".to_owned();
                    return Err(without_answer(written.err().map_or(why.clone(), |e| format!("{why}: {e}"))));
                }
                Ok(false) => {
                    return Err(ExchangeError::Broken(
                        "the server closed the connection in the middle of the headers".to_owned(),
                    ));
                }
                Err(error) if nothing_came => return Err(without_answer(self.broken(&error))),
                Err(error) => return Err(ExchangeError::Broken(self.broken(&error))),
            }
            // Only a line end can complete the head. This avoids parsing again for each byte of a head that arrives
            // byte by byte.
            while may_be_whole && let Some(parsed) = Head::parse(&head).map_err(ExchangeError::Broken)? {
                let rest = head.split_off(parsed.length);
                // Interim responses precede the final one.
                if (100..200).contains(&parsed.status) {
                    interim += 1;
                    if interim > MAX_INTERIM {
                        return Err(ExchangeError::Broken(format!(
                            "more than {MAX_INTERIM} interim responses (1xx) and no final one"
                        )));
                    }
                    head = rest;
                    continue;
                }
                return self.answer(parsed, connection, started, connect_ms, at, rest).map_err(ExchangeError::Broken);
            }
            if head.len() > MAX_HEAD_BYTES {
                return Err(ExchangeError::Broken(format!(
                    "the headers are longer than {} KiB",
                    MAX_HEAD_BYTES / 1024
                )));
            }
        }
    }

    fn broken(&self, error: &io::Error) -> String {
        self.peer.broken(describe_io(error), Some(error.kind()))
    }

    fn answer(
        self: &Rc<Self>,
        head: Head,
        connection: Connection,
        started: Nanos,
        connect_ms: Option<f64>,
        headers_at: Nanos,
        rest: Vec<u8>,
    ) -> Result<DirectAnswer, String> {
        let (end, keep) = head.body_end()?;
        let body = DirectBody {
            host: Rc::clone(self),
            connection: Some(connection),
            dechunker: Dechunker::new(end),
            keep,
            rest: Some((headers_at, rest)),
        };
        Ok(DirectAnswer { status: head.status, headers: head.headers, started, connect_ms, headers_at, body })
    }
}

impl DirectBody {
    /// Reads the socket once and passes the pieces of the body to `each`, all with the time of the read. Returns false
    /// at the end.
    pub async fn read(&mut self, each: &mut dyn FnMut(Nanos, &[u8])) -> Result<bool, String> {
        if let Some((at, rest)) = self.rest.take() {
            self.dechunker.take(&rest, &mut |piece| each(at, piece))?;
            return Ok(self.has_more());
        }
        let Some(connection) = &mut self.connection else { return Ok(false) };
        let dechunker = &mut self.dechunker;
        let mut outcome = Ok(());
        let mut take = |at, bytes: &[u8]| {
            if outcome.is_ok() {
                outcome = dechunker.take(bytes, &mut |piece| each(at, piece));
            }
        };
        let read = self.host.reader.read(connection, &mut take).await;
        outcome?;
        match read {
            Ok(true) => Ok(self.has_more()),
            Ok(false) => {
                self.connection = None;
                if self.dechunker.may_end() { Ok(false) } else { Err(CLOSED_MIDWAY.to_owned()) }
            }
            Err(error) => {
                self.connection = None;
                let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
                Err(if is_end { CLOSED_MIDWAY.to_owned() } else { describe_io(&error) })
            }
        }
    }

    /// Returns whether more of the body follows. At the end of the body, keeps the connection for the next request.
    fn has_more(&mut self) -> bool {
        if !self.dechunker.is_over() {
            return true;
        }
        if let Some(connection) = self.connection.take().filter(|_| self.keep && !self.dechunker.has_surplus()) {
            self.host.idle.borrow_mut().push(connection);
        }
        false
    }
}

/// Failure of an exchange.
enum ExchangeError {
    /// The connection closed at once without a response: the server had closed it before the request.
    Stale(String),
    /// The connection broke in the middle of the response, or some time after the server had received the request.
    Broken(String),
}
