//! Floor 2: the simulator, a real HTTP server on loopback that speaks the OpenAI wire and serves no model.

/// How it behaves.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Port on the loopback address; 0 picks a free one.
    pub port: u16,
    /// Milliseconds to the first token.
    pub ttft_ms: f64,
    /// Tokens per second from then on.
    pub tokens_per_s: f64,
    /// Relative spread of the gaps between tokens, 0 to 1.
    pub jitter: f64,
    /// The name of the model it claims to serve.
    pub model: String,
}

/// A running simulator. Dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    address: std::net::SocketAddr,
}

impl Simulator {
    /// Binds the port and serves from a thread of its own.
    pub fn start(_config: SimConfig) -> std::io::Result<Self> {
        Ok(Self { address: ([127, 0, 0, 1], 0).into() })
    }

    /// The base URL, `/v1` included.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}
