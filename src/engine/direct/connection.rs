//! Connections to the server, plain or TLS. Each read of the socket gets its time before its bytes are decrypted. HTTPS
//! is therefore measured like HTTP: one read, one time.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, BufRead as _, ErrorKind, IoSlice, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::super::clock::EngineClock;
use crate::domain::time::Nanos;

/// Size of the buffer for all reads.
const READ_BYTES: usize = 64 * 1024;

/// Reads sockets through one buffer that all connections share, and stamps each read.
#[derive(Debug)]
pub struct Reader {
    clock: EngineClock,
    scratch: RefCell<Box<[u8]>>,
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    tls: Option<Box<Tls>>,
}

/// The TLS session of a connection.
#[derive(Debug)]
struct Tls {
    session: ClientConnection,
    /// Whether the server has announced the end of its data.
    is_over: bool,
}

impl Reader {
    /// Creates a reader that takes the times of reads from this clock.
    pub fn new(clock: EngineClock) -> Self {
        Self { clock, scratch: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()) }
    }

    /// Reads the socket once and passes the decrypted bytes to `take`, possibly in several pieces, with the time at
    /// which the read returned. Returns false at the end.
    pub async fn read(&self, connection: &mut Connection, take: &mut dyn FnMut(Nanos, &[u8])) -> io::Result<bool> {
        let Connection { socket, tls } = connection;
        if tls.as_ref().is_some_and(|tls| tls.is_over) {
            return Ok(false);
        }
        poll_fn(|cx| {
            let mut scratch = self.scratch.borrow_mut();
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut *socket).poll_read(cx, &mut buffer))?;
            let at = self.clock.now();
            let bytes = buffer.filled();
            Poll::Ready(match tls {
                Some(tls) => tls.read(socket, bytes, &mut |plain| take(at, plain)),
                None if bytes.is_empty() => Ok(false),
                None => {
                    take(at, bytes);
                    Ok(true)
                }
            })
        })
        .await
    }
}

impl Connection {
    /// Wraps a socket without TLS.
    pub const fn plain(socket: TcpStream) -> Self {
        Self { socket, tls: None }
    }

    /// Performs the TLS handshake on a socket. The returned error wraps any error of rustls.
    pub async fn with_tls(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        reader: &Reader,
    ) -> io::Result<Self> {
        let mut session = ClientConnection::new(config, name).map_err(invalid_data)?;
        // Prompts may be long, and a request is buffered as a whole.
        session.set_buffer_limit(None);
        let mut connection = Self { socket, tls: Some(Box::new(Tls { session, is_over: false })) };
        loop {
            connection.flush().await?;
            if !connection.tls.as_ref().is_some_and(|tls| tls.session.is_handshaking()) {
                return Ok(connection);
            }
            if !reader.read(&mut connection, &mut |_, _| ()).await? {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "tls handshake eof"));
            }
        }
    }

    /// Whether the server chose HTTP/2 in the handshake.
    pub fn is_http2(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.alpn_protocol() == Some(b"h2"))
    }

    /// Whether the connection is open and the server has sent nothing since its last response.
    pub fn is_idle(&self) -> bool {
        let is_open = self.tls.as_ref().is_none_or(|tls| !tls.is_over);
        is_open && matches!(self.socket.try_read(&mut [0]), Err(e) if e.kind() == ErrorKind::WouldBlock)
    }

    /// Writes all these bytes.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            None => self.socket.write_all(bytes).await,
            Some(tls) => {
                tls.session.writer().write_all(bytes)?;
                self.flush().await
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        while let Some(Err(error)) = self.tls.as_mut().map(|tls| tls.try_flush(&self.socket)) {
            if error.kind() != ErrorKind::WouldBlock {
                return Err(error);
            }
            self.socket.writable().await?;
        }
        Ok(())
    }
}

impl Tls {
    /// Decrypts the bytes of one read of the socket; returns false at the end.
    fn read(&mut self, socket: &TcpStream, bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        if bytes.is_empty() {
            // Report an error: without `close_notify`, an attacker may have cut the response off.
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "tls eof without close_notify"));
        }
        let decrypted = self.decrypt(bytes, take);
        // Send replies of the TLS protocol itself, such as alerts, as far as possible now. Unsent ones go out with the
        // next request.
        let _flushed_or_later = self.try_flush(socket);
        decrypted.map(|()| true)
    }

    fn decrypt(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        while !bytes.is_empty() && !self.is_over {
            if self.session.read_tls(&mut bytes)? == 0 {
                return Err(io::Error::new(ErrorKind::InvalidData, "tls record too long"));
            }
            let state = self.session.process_new_packets();
            // Pass on the data that was decrypted before an error.
            self.drain(take);
            self.is_over = state.map_err(invalid_data)?.peer_has_closed();
        }
        Ok(())
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        let mut reader = self.session.reader();
        while let Ok(plain) = reader.fill_buf()
            && !plain.is_empty()
        {
            take(plain);
            let length = plain.len();
            reader.consume(length);
        }
    }

    fn try_flush(&mut self, socket: &TcpStream) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut TryWrite(socket))?;
        }
        Ok(())
    }
}

fn invalid_data(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// Writes to a socket without waiting.
struct TryWrite<'a>(&'a TcpStream);

impl io::Write for TryWrite<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
