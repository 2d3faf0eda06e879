//! Determines whether the endpoint is on this machine, and whether it uses the sampled GPUs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

#[cfg(target_os = "linux")]
use super::listener::Listener;
use super::source::GpuSource;
use super::{Endpoint, SamplerConfig};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;

/// Interval between checks: listing processes is expensive.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Checks repeatedly who uses the GPUs, and returns changes.
#[derive(Debug)]
pub(super) struct ScopeWatch {
    place: Place,
    #[cfg(target_os = "linux")]
    listener: Option<Listener>,
    is_due: bool,
    checked: Option<Nanos>,
    reported: Option<GpuScope>,
}

/// Location of the endpoint.
#[derive(Debug)]
enum Place {
    /// No endpoint was given.
    NoEndpoint,
    /// Another thread resolves the name: this may take long and must not delay samples.
    Resolving(Receiver<Vec<IpAddr>>),
    /// On this machine, at these addresses.
    Here(Vec<IpAddr>),
    Elsewhere,
}

impl Place {
    fn from_endpoint(endpoint: &Endpoint) -> Self {
        let host = endpoint.host.trim_start_matches('[').trim_end_matches(']');
        if host.eq_ignore_ascii_case("localhost") {
            return Self::Here(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        if let Ok(address) = host.parse() {
            return Self::at(vec![address]);
        }
        let (name, port) = (host.to_owned(), endpoint.port);
        let (found, wait) = sync_channel(1);
        let look_up = move || {
            let addresses = (name.as_str(), port).to_socket_addrs().into_iter().flatten();
            // If the run has ended, nothing receives the result.
            drop(found.send(addresses.map(|a| a.ip()).collect()));
        };
        match std::thread::Builder::new().name("resolve".to_owned()).spawn(look_up) {
            Ok(_) => Self::Resolving(wait),
            Err(_) => Self::Elsewhere,
        }
    }

    fn at(addresses: Vec<IpAddr>) -> Self {
        let own: Vec<IpAddr> = addresses.into_iter().filter(|a| is_own(*a)).collect();
        if own.is_empty() { Self::Elsewhere } else { Self::Here(own) }
    }
}

/// Returns whether an address belongs to this machine. A socket can be bound only to a local address; nothing is sent.
fn is_own(address: IpAddr) -> bool {
    address.to_canonical().is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

impl ScopeWatch {
    pub(super) fn new(config: &SamplerConfig) -> Self {
        Self {
            place: config.endpoint.as_ref().map_or(Place::NoEndpoint, Place::from_endpoint),
            #[cfg(target_os = "linux")]
            listener: config.endpoint.as_ref().map(|e| Listener::new(config.proc_root.clone(), e.port)),
            is_due: false,
            checked: None,
            reported: None,
        }
    }

    /// Returns the scope if it changed. Checks on request, and at intervals after the first request. The initial sample
    /// makes no check: this would delay the sample at the start of the run.
    pub(super) fn check(&mut self, at: Nanos, requested: bool, source: &mut dyn GpuSource) -> Option<GpuScope> {
        self.is_due |= requested || self.checked.is_some_and(|checked| at.since(checked) >= CHECK_INTERVAL);
        if !self.is_due {
            return None;
        }
        let source_scope = source.scope();
        if let (Place::Resolving(wait), None) = (&self.place, &source_scope) {
            match wait.try_recv() {
                Ok(addresses) => self.place = Place::at(addresses),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => self.place = Place::Elsewhere,
            }
        }
        self.is_due = false;
        self.checked = Some(at);
        let scope = match &self.place {
            _ if source_scope.is_some() => source_scope?,
            Place::NoEndpoint | Place::Resolving(_) => return None,
            Place::Elsewhere => GpuScope::ClientHost,
            Place::Here(addresses) => match source.users() {
                #[cfg(target_os = "linux")]
                Ok(users) => self.listener.as_mut()?.scope(addresses, &users),
                #[cfg(not(target_os = "linux"))]
                Ok(_) => GpuScope::Unknown {
                    why: format!("on this system tokscope cannot find the process that serves {addresses:?}"),
                },
                Err(why) => GpuScope::Unknown { why },
            },
        };
        if self.reported.as_ref() == Some(&scope) {
            return None;
        }
        self.reported = Some(scope.clone());
        Some(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str) -> Place {
        Place::from_endpoint(&Endpoint { host: host.to_owned(), port: 8000 })
    }

    #[test]
    fn local_addresses_are_recognised() {
        for own in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]", "::1", "::ffff:127.0.0.1", "0.0.0.0"] {
            assert!(matches!(place(own), Place::Here(_)), "{own}");
        }
        // No machine has these addresses, which are reserved for documentation.
        for other in ["192.0.2.1", "[2001:db8::1]"] {
            assert!(matches!(place(other), Place::Elsewhere), "{other}");
        }
    }

    #[test]
    fn names_are_resolved_in_the_background() {
        let Place::Resolving(wait) = place("localhost.") else { panic!("not an address and not `localhost`") };
        let addresses = wait.recv().unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }
}
