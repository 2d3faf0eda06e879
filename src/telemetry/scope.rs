//! Whether the endpoint is on this machine, and then whether it uses the GPUs that are read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

#[cfg(target_os = "linux")]
use super::listener::Listener;
use super::source::GpuSource;
use super::{Endpoint, SamplerConfig};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;

/// The list of processes is dear to ask for.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks now and then, and tells what is new.
#[derive(Debug)]
pub(super) struct ScopeWatch {
    place: Place,
    #[cfg(target_os = "linux")]
    listener: Option<Listener>,
    is_due: bool,
    looked: Option<Nanos>,
    told: Option<GpuScope>,
}

/// Where the endpoint is.
#[derive(Debug)]
enum Place {
    /// Nobody asked.
    NotAsked,
    /// Its name is being looked up. That may take long, and samples do not wait for it.
    Asked(Receiver<Vec<IpAddr>>),
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
            // Nobody waits any more when the run is over.
            drop(found.send(addresses.map(|a| a.ip()).collect()));
        };
        match std::thread::Builder::new().name("resolve".to_owned()).spawn(look_up) {
            Ok(_) => Self::Asked(wait),
            Err(_) => Self::Elsewhere,
        }
    }

    fn at(addresses: Vec<IpAddr>) -> Self {
        let own: Vec<IpAddr> = addresses.into_iter().filter(|a| is_own(*a)).collect();
        if own.is_empty() { Self::Elsewhere } else { Self::Here(own) }
    }
}

/// Whether an address is this machine's: a socket can be bound to those alone. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    address.to_canonical().is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

impl ScopeWatch {
    pub(super) fn new(config: &SamplerConfig) -> Self {
        Self {
            place: config.endpoint.as_ref().map_or(Place::NotAsked, Place::from_endpoint),
            #[cfg(target_os = "linux")]
            listener: config.endpoint.as_ref().map(|e| Listener::new(config.proc_root.clone(), e.port)),
            is_due: false,
            looked: None,
            told: None,
        }
    }

    /// What is new, if somebody wants to know or it is some time since somebody did. The first look of all is nobody's: it
    /// would only stand in the way of the sample at the run's begin.
    pub(super) fn look(&mut self, at: Nanos, wanted: bool, source: &mut dyn GpuSource) -> Option<GpuScope> {
        self.is_due |= wanted || self.looked.is_some_and(|looked| at.since(looked) >= LOOK_EVERY);
        if !self.is_due {
            return None;
        }
        let vouched = source.scope();
        if let (Place::Asked(wait), None) = (&self.place, &vouched) {
            match wait.try_recv() {
                Ok(addresses) => self.place = Place::at(addresses),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => self.place = Place::Elsewhere,
            }
        }
        self.is_due = false;
        self.looked = Some(at);
        let scope = match &self.place {
            _ if vouched.is_some() => vouched?,
            Place::NotAsked | Place::Asked(_) => return None,
            Place::Elsewhere => GpuScope::ClientHost,
            Place::Here(addresses) => match source.users() {
                #[cfg(target_os = "linux")]
                Ok(users) => self.listener.as_mut()?.scope(addresses, &users),
                #[cfg(not(target_os = "linux"))]
                Ok(_) => GpuScope::Unknown {
                    why: format!("on this system it is not looked up which process serves {addresses:?}"),
                },
                Err(why) => GpuScope::Unknown { why },
            },
        };
        if self.told.as_ref() == Some(&scope) {
            return None;
        }
        self.told = Some(scope.clone());
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
    fn an_address_is_here_if_it_is_one_of_ours() {
        for own in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]", "::1", "::ffff:127.0.0.1", "0.0.0.0"] {
            assert!(matches!(place(own), Place::Here(_)), "{own}");
        }
        // Addresses of documentation are nobody's.
        for other in ["192.0.2.1", "[2001:db8::1]"] {
            assert!(matches!(place(other), Place::Elsewhere), "{other}");
        }
    }

    #[test]
    fn a_name_is_looked_up_meanwhile() {
        let Place::Asked(wait) = place("localhost.") else { panic!("no number, and not the usual name") };
        let addresses = wait.recv().unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }
}
