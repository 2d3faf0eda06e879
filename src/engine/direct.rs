//! HTTP/1.1 straight on the socket, for plain `http://` endpoints: the servers at hand, whose figures are finest.
//!
//! Why not the client library here too: it hands every HTTP chunk over from one task to another, which costs as much as
//! all else that is done with an event, and what arrives with it is no longer known to be one read of the socket. Here a
//! read is stamped the moment the call returns, and its bytes are looked at where they lie, in one buffer that all
//! connections share. TLS, HTTP/2 and proxies stay with the library (see `transport`).

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
use super::failure::{CLOSED_MIDWAY, ConnectTimedOut, Trouble, describe_tls, tls};
use super::peer::Peer;
use crate::domain::time::Nanos;

mod connection;
mod dechunk;
mod head;

/// Status line and headers may be so long.
const MAX_HEAD_BYTES: usize = 256 * 1024;
/// So many interim answers may precede the one that counts.
const MAX_INTERIM: usize = 64;

/// One host with its kept connections.
#[derive(Debug)]
pub struct Host {
    name: String,
    port: u16,
    clock: EngineClock,
    stale_within: Duration,
    /// Of the name, once it is looked up.
    addresses: RefCell<Vec<SocketAddr>>,
    idle: RefCell<Vec<Connection>>,
    /// For `https://`.
    tls: Option<Arc<ClientConfig>>,
    reader: Reader,
    peer: Rc<Peer>,
}

/// The head of an answer, and its body still to be read.
#[derive(Debug)]
pub struct DirectAnswer {
    /// HTTP status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The request was begun to be written here, on a connection that stood.
    pub started: Nanos,
    /// Time to connect, when this request had to.
    pub connect_ms: Option<f64>,
    /// When the read that completed the headers returned.
    pub headers_at: Nanos,
    /// What follows.
    pub body: DirectBody,
}

/// The body of an answer.
#[derive(Debug)]
pub struct DirectBody {
    host: Rc<Host>,
    connection: Option<Connection>,
    dechunker: Dechunker,
    keep: bool,
    /// What came in one read with the headers, and when.
    rest: Option<(Nanos, Vec<u8>)>,
}

impl Host {
    /// A host without connections yet. A kept one that closes so soon after a request was closed before it.
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

    /// Sends a whole request and reads the head of its answer. A kept connection that turns out closed is replaced, once,
    /// by a new one, and the clock starts anew: many servers close one right after a stream, so that the close crosses
    /// the next request. One that breaks later was at work on the request, which is not sent again.
    /// `connect` is the time a new one has; `sent` is told when the request begins to be written. `None` if the server
    /// chose HTTP/2, in which nothing was sent.
    pub async fn send(
        self: &Rc<Self>,
        request: &[u8],
        connect: Duration,
        sent: &dyn Fn(Nanos),
    ) -> Result<Option<DirectAnswer>, Trouble> {
        if let Some(kept) = self.take_kept() {
            match self.exchange(kept, request, None, sent).await {
                Err(Gone::AtOnce(_)) => {}
                Err(Gone::Broken(why)) => return Err(Trouble::Closed(why)),
                Ok(answer) => return Ok(Some(answer)),
            }
        }
        let begun = self.clock.now();
        let connection = self.connect(connect).await?;
        if connection.is_http2() {
            return Ok(None);
        }
        let connect_ms = self.clock.now().millis_since(begun);
        self.exchange(connection, request, Some(connect_ms), sent).await.map(Some).map_err(|gone| match gone {
            Gone::AtOnce(why) | Gone::Broken(why) => Trouble::Closed(why),
        })
    }

    /// A kept connection that the server has not closed yet.
    fn take_kept(&self) -> Option<Connection> {
        loop {
            let kept = self.idle.borrow_mut().pop()?;
            if kept.is_idle() {
                return Some(kept);
            }
        }
    }

    async fn connect(&self, limit: Duration) -> Result<Connection, Trouble> {
        match tokio::time::timeout(limit, self.connect_and_shake_hands()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(("dns", error))) => Err(Trouble::Connect("dns", self.peer.unknown(&error))),
            Ok(Err((kind, error))) => Err(match tls(&error) {
                Some(error) => Trouble::Connect("tls", describe_tls(error)),
                None => Trouble::Connect(kind, self.peer.refused(&error)),
            }),
            Err(_elapsed) => {
                self.addresses.borrow_mut().clear();
                Err(Trouble::Connect("connect_timeout", self.peer.too_late(&ConnectTimedOut(limit))))
            }
        }
    }

    async fn connect_and_shake_hands(&self) -> Result<Connection, (&'static str, io::Error)> {
        let socket = self.connect_anywhere().await?;
        // Without it the request works as well, only later.
        let _at_once = socket.set_nodelay(true);
        let Some(config) = &self.tls else { return Ok(Connection::plain(socket)) };
        let name = ServerName::try_from(self.name.clone()).map_err(|e| ("tls", io::Error::other(e)))?;
        Connection::with_tls(socket, Arc::clone(config), name, &self.reader).await.map_err(|e| ("connect", e))
    }

    /// The name is looked up for the first connection, and again once its addresses no longer work.
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
        // The one that answered comes first from now on: others were tried before it in vain.
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
    ) -> Result<DirectAnswer, Gone> {
        let started = self.clock.now();
        sent(started);
        // An error here is told by the read: the server may have answered before it closed.
        let written = connection.write_all(request).await;
        // A request that could not even be written whole is not being worked on.
        let is_unsent = written.is_err();
        let without_answer = |why| {
            let at_once = is_unsent || self.clock.now().since(started) <= self.stale_within;
            if at_once { Gone::AtOnce(why) } else { Gone::Broken(why) }
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
                    let why = "the server closed the connection without an answer".to_owned();
                    return Err(without_answer(written.err().map_or(why.clone(), |e| format!("{why}: {e}"))));
                }
                Ok(false) => {
                    return Err(Gone::Broken("the server closed the connection within the headers".to_owned()));
                }
                Err(error) if nothing_came => return Err(without_answer(self.broken(&error))),
                Err(error) => return Err(Gone::Broken(self.broken(&error))),
            }
            // What ends no line makes no head whole: one that comes a byte at a time is not read all over with each.
            while may_be_whole && let Some(parsed) = Head::parse(&head).map_err(Gone::Broken)? {
                let rest = head.split_off(parsed.length);
                // An interim answer precedes the one that counts.
                if (100..200).contains(&parsed.status) {
                    interim += 1;
                    if interim > MAX_INTERIM {
                        return Err(Gone::Broken(format!(
                            "more than {MAX_INTERIM} interim answers (1xx) and no other"
                        )));
                    }
                    head = rest;
                    continue;
                }
                return self.answer(parsed, connection, started, connect_ms, at, rest).map_err(Gone::Broken);
            }
            if head.len() > MAX_HEAD_BYTES {
                return Err(Gone::Broken(format!("the headers are longer than {} KiB", MAX_HEAD_BYTES / 1024)));
            }
        }
    }

    fn broken(&self, error: &io::Error) -> String {
        self.peer.broken(error.to_string(), Some(error.kind()))
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
    /// Reads once; `each` gets the pieces of the body that came, all with the read's time. False at the end.
    pub async fn read(&mut self, each: &mut dyn FnMut(Nanos, &[u8])) -> Result<bool, String> {
        if let Some((at, rest)) = self.rest.take() {
            self.dechunker.take(&rest, &mut |piece| each(at, piece))?;
            return Ok(self.go_on());
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
            Ok(true) => Ok(self.go_on()),
            Ok(false) => {
                self.connection = None;
                if self.dechunker.may_end() { Ok(false) } else { Err(CLOSED_MIDWAY.to_owned()) }
            }
            Err(error) => {
                self.connection = None;
                let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
                Err(if is_end { CLOSED_MIDWAY.to_owned() } else { error.to_string() })
            }
        }
    }

    /// Whether more is to come; a connection whose answer is over is kept for the next request.
    fn go_on(&mut self) -> bool {
        if !self.dechunker.is_over() {
            return true;
        }
        if let Some(connection) = self.connection.take().filter(|_| self.keep && !self.dechunker.has_surplus()) {
            self.host.idle.borrow_mut().push(connection);
        }
        false
    }
}

/// How an exchange failed.
enum Gone {
    /// Not a byte came, and at once: a kept connection was closed before the request reached the server.
    AtOnce(String),
    /// Something came, or the server had the request for a while.
    Broken(String),
}
