//! Finds the process that listens on the endpoint's port, and checks whether it or a descendant uses a GPU. Linux only.
//!
//! Everything comes from `/proc`: the socket's inode from `net/tcp` and `net/tcp6`, its owner from the links in
//! `PID/fd`, and parents from `PID/stat`. The open files of other users' processes are not readable, and a process in a
//! container has different IDs inside and outside.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::source::GpuUsers;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::text::sanitise_line;

/// State of listening sockets in `net/tcp`.
const LISTEN: &str = "0A";
/// Link to the machine's initial PID namespace. A container has another namespace.
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Finds the process that listens on a port.
#[derive(Debug)]
pub(super) struct Listener {
    root: PathBuf,
    port: u16,
    /// Listening sockets and their owners from the last search. A search is expensive: it reads the open files of all
    /// processes.
    known: Option<(BTreeSet<u64>, BTreeSet<u32>)>,
}

impl Listener {
    /// Creates a search in the process file system at `root`, normally `/proc`.
    pub(super) fn new(root: PathBuf, port: u16) -> Self {
        Self { root, port, known: None }
    }

    /// Determines whether a process that listens on one of these local addresses uses a GPU.
    pub(super) fn scope(&mut self, addresses: &[IpAddr], users: &[GpuUsers]) -> GpuScope {
        self.evidence(addresses, users).unwrap_or_else(|why| GpuScope::Unknown { why })
    }

    fn evidence(&mut self, addresses: &[IpAddr], users: &[GpuUsers]) -> Result<GpuScope, String> {
        let port = self.port;
        let owners = self.owners(addresses)?;
        let Some(first) = owners.first() else { return Err(format!("no process found that listens on :{port}")) };
        let tree = with_descendants(&self.root, &owners);
        let serving: Vec<&GpuUsers> = users.iter().filter(|u| u.pids.iter().any(|pid| tree.contains(pid))).collect();
        // In a container, the ID of a process outside could by chance equal that of a process inside.
        let is_outside = |pid: &u32| !self.root.join(pid.to_string()).exists();
        if self.is_in_container() && (serving.is_empty() || users.iter().flat_map(|u| &u.pids).any(is_outside)) {
            return Err("tokscope runs in a container, but the driver reports process IDs of the machine outside: \
                        the process that serves the endpoint cannot be identified"
                .to_owned());
        }
        if serving.is_empty() {
            let name = fs::read_to_string(self.root.join(format!("{first}/comm"))).unwrap_or_default();
            let name = sanitise_line(name.trim());
            return Err(format!(
                "pid {first} ({name}) owns :{port}, but neither it nor a process it started uses a GPU"
            ));
        }
        let gpus: Vec<String> = serving.iter().map(|u| u.uuid.clone()).collect();
        let is_owner_itself = serving.iter().any(|u| u.pids.iter().any(|pid| owners.contains(pid)));
        let child = serving.iter().flat_map(|u| &u.pids).find(|pid| tree.contains(pid)).filter(|_| !is_owner_itself);
        let subject = child.map_or_else(|| "and".to_owned(), |pid| format!("and pid {pid}, which it started,"));
        let first = owners.iter().find(|pid| serving.iter().any(|u| u.pids.contains(pid))).unwrap_or(first);
        Ok(GpuScope::EndpointHost {
            evidence: format!("pid {first} owns :{port} {subject} uses {}", gpus.join(", ")),
            gpus,
        })
    }

    /// Returns the processes that have the listening socket open.
    fn owners(&mut self, addresses: &[IpAddr]) -> Result<BTreeSet<u32>, String> {
        let sockets = sockets(&self.root, self.port, addresses)?;
        if sockets.is_empty() {
            return Err(format!("no listener found on this machine on :{}", self.port));
        }
        if let Some((known, owners)) = &self.known
            && *known == sockets
            && owners.iter().all(|pid| self.root.join(pid.to_string()).exists())
        {
            return Ok(owners.clone());
        }
        let links: BTreeSet<PathBuf> = sockets.iter().map(|inode| format!("socket:[{inode}]").into()).collect();
        let mut owners = BTreeSet::new();
        for pid in pids(&self.root) {
            let Ok(files) = fs::read_dir(self.root.join(format!("{pid}/fd"))) else { continue };
            let is_owner = |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|to| links.contains(&to));
            if files.flatten().any(is_owner) {
                owners.insert(pid);
            }
        }
        if owners.is_empty() {
            return Err(format!(
                "the process that owns :{} cannot be inspected: it belongs to another user or is outside this container",
                self.port
            ));
        }
        self.known = Some((sockets, owners.clone()));
        Ok(owners)
    }

    fn is_in_container(&self) -> bool {
        fs::read_link(self.root.join("self/ns/pid"))
            .is_ok_and(|namespace| namespace != Path::new(INITIAL_PID_NAMESPACE))
    }
}

/// Returns the IDs of all processes.
fn pids(root: &Path) -> Vec<u32> {
    let all = fs::read_dir(root).into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Returns these processes and all their descendants.
fn with_descendants(root: &Path, pids_of_interest: &BTreeSet<u32>) -> BTreeSet<u32> {
    let parents: Vec<(u32, u32)> = pids(root).into_iter().filter_map(|pid| Some((pid, parent(root, pid)?))).collect();
    let mut tree = pids_of_interest.clone();
    loop {
        let old_len = tree.len();
        for (pid, parent) in &parents {
            if tree.contains(parent) {
                tree.insert(*pid);
            }
        }
        if tree.len() == old_len {
            return tree;
        }
    }
}

/// Returns the parent of a process. The process name may contain anything; the remaining fields start after its last
/// parenthesis.
fn parent(root: &Path, pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(root.join(format!("{pid}/stat"))).ok()?;
    let (_pid_and_name, rest) = stat.rsplit_once(") ")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the inodes of the sockets that listen on the port, at one of these addresses or at all addresses.
fn sockets(root: &Path, port: u16, addresses: &[IpAddr]) -> Result<BTreeSet<u64>, String> {
    let tables: Vec<String> = ["net/tcp", "net/tcp6"].iter().flat_map(|t| fs::read_to_string(root.join(t))).collect();
    if tables.is_empty() {
        return Err("the system does not report which process listens on which port".to_owned());
    }
    let any = addresses.iter().any(IpAddr::is_unspecified);
    let wanted = |at: IpAddr| any || at.is_unspecified() || addresses.iter().any(|a| a.to_canonical() == at);
    let listening = tables.iter().flat_map(|t| t.lines().skip(1)).filter_map(socket);
    Ok(listening.filter(|(at, on, _)| *on == port && wanted(*at)).map(|(.., inode)| inode).collect())
}

/// Returns address, port and inode of a listening socket.
fn socket(line: &str) -> Option<(IpAddr, u16, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (address, port) = local.split_once(':')?;
    let socket = (ip(address)?, u16::from_str_radix(port, 16).ok()?, inode.parse().ok()?);
    (*state == LISTEN).then_some(socket)
}

/// Parses an address as the kernel prints it: 32-bit words in the machine's byte order.
fn ip(hex: &str) -> Option<IpAddr> {
    let words = hex.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        16 => Some(IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
