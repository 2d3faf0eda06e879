//! Linux: which process listens on the endpoint's port, and whether it or one that it started is among those on a GPU.
//!
//! All of it is read from `/proc`: the socket's number from `net/tcp` and `net/tcp6`, its owner from the links in
//! `PID/fd`, who started whom from `PID/stat`. What other users' processes have open cannot be read, and a process in a
//! container has a number there and another one outside.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::source::GpuUsers;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::text::sanitise_line;

/// The state of a socket that listens, in `net/tcp`.
const LISTEN: &str = "0A";
/// The number of the first space of process numbers, of the machine itself.
const FIRST_PID_SPACE: &str = "pid:[4026531836]";

/// Looks the listener up.
#[derive(Debug)]
pub(super) struct Listener {
    root: PathBuf,
    port: u16,
    /// The sockets found last, and their owners: to look through all processes' files is dear.
    known: Option<(BTreeSet<u64>, BTreeSet<u32>)>,
}

impl Listener {
    /// `root` is where `/proc` is.
    pub(super) fn new(root: PathBuf, port: u16) -> Self {
        Self { root, port, known: None }
    }

    /// Whether one that listens at one of the addresses, all of them this machine's, is among the GPUs' users.
    pub(super) fn scope(&mut self, addresses: &[IpAddr], users: &[GpuUsers]) -> GpuScope {
        self.evidence(addresses, users).unwrap_or_else(|why| GpuScope::Unknown { why })
    }

    fn evidence(&mut self, addresses: &[IpAddr], users: &[GpuUsers]) -> Result<GpuScope, String> {
        let port = self.port;
        let owners = self.owners(addresses)?;
        let Some(first) = owners.first() else { return Err(format!("nobody is seen to listen on :{port}")) };
        let family = with_descendants(&self.root, &owners);
        let serving: Vec<&GpuUsers> = users.iter().filter(|u| u.pids.iter().any(|pid| family.contains(pid))).collect();
        // In a container numbers of processes outside could be taken for those of others inside.
        let is_outside = |pid: &u32| !self.root.join(pid.to_string()).exists();
        if self.is_in_container() && (serving.is_empty() || users.iter().flat_map(|u| &u.pids).any(is_outside)) {
            return Err("tokscope runs in a container, and the driver numbers processes as the machine outside does: \
                        which of them serves the endpoint is not seen"
                .to_owned());
        }
        if serving.is_empty() {
            let name = fs::read_to_string(self.root.join(format!("{first}/comm"))).unwrap_or_default();
            let name = sanitise_line(name.trim());
            return Err(format!(
                "pid {first} ({name}) owns :{port}, and neither it nor a process it started uses a GPU"
            ));
        }
        let gpus: Vec<String> = serving.iter().map(|u| u.uuid.clone()).collect();
        let is_itself = serving.iter().any(|u| u.pids.iter().any(|pid| owners.contains(pid)));
        let child = serving.iter().flat_map(|u| &u.pids).find(|pid| family.contains(pid)).filter(|_| !is_itself);
        let who = child.map_or_else(|| "and".to_owned(), |pid| format!("and pid {pid}, which it started,"));
        let first = owners.iter().find(|pid| serving.iter().any(|u| u.pids.contains(pid))).unwrap_or(first);
        Ok(GpuScope::EndpointHost {
            evidence: format!("pid {first} owns :{port} {who} uses {}", gpus.join(", ")),
            gpus,
        })
    }

    /// The processes that have the listening socket open.
    fn owners(&mut self, addresses: &[IpAddr]) -> Result<BTreeSet<u32>, String> {
        let sockets = sockets(&self.root, self.port, addresses)?;
        if sockets.is_empty() {
            return Err(format!("nothing on this machine is seen to listen on :{}", self.port));
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
                "the process that owns :{} is not ours to look at, or not of this container",
                self.port
            ));
        }
        self.known = Some((sockets, owners.clone()));
        Ok(owners)
    }

    fn is_in_container(&self) -> bool {
        fs::read_link(self.root.join("self/ns/pid")).is_ok_and(|space| space != Path::new(FIRST_PID_SPACE))
    }
}

/// The processes there are.
fn pids(root: &Path) -> Vec<u32> {
    let all = fs::read_dir(root).into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The processes, and all that they started.
fn with_descendants(root: &Path, of: &BTreeSet<u32>) -> BTreeSet<u32> {
    let parents: Vec<(u32, u32)> = pids(root).into_iter().filter_map(|pid| Some((pid, parent(root, pid)?))).collect();
    let mut family = of.clone();
    loop {
        let before = family.len();
        for (pid, parent) in &parents {
            if family.contains(parent) {
                family.insert(*pid);
            }
        }
        if family.len() == before {
            return family;
        }
    }
}

/// Who started it. The name that stands before may contain anything.
fn parent(root: &Path, pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(root.join(format!("{pid}/stat"))).ok()?;
    let (_pid_and_name, rest) = stat.rsplit_once(") ")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// The numbers of the sockets that listen on the port, at one of the addresses or at all.
fn sockets(root: &Path, port: u16, addresses: &[IpAddr]) -> Result<BTreeSet<u64>, String> {
    let tables: Vec<String> = ["net/tcp", "net/tcp6"].iter().flat_map(|t| fs::read_to_string(root.join(t))).collect();
    if tables.is_empty() {
        return Err("the system does not tell who listens on which port".to_owned());
    }
    let any = addresses.iter().any(IpAddr::is_unspecified);
    let wanted = |at: IpAddr| any || at.is_unspecified() || addresses.iter().any(|a| a.to_canonical() == at);
    let listening = tables.iter().flat_map(|t| t.lines().skip(1)).filter_map(socket);
    Ok(listening.filter(|(at, on, _)| *on == port && wanted(*at)).map(|(.., inode)| inode).collect())
}

/// Address, port and number of a socket that listens.
fn socket(line: &str) -> Option<(IpAddr, u16, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
    let (address, port) = local.split_once(':')?;
    let socket = (ip(address)?, u16::from_str_radix(port, 16).ok()?, inode.parse().ok()?);
    (*state == LISTEN).then_some(socket)
}

/// An address as the kernel prints it: words of 32 bits in the machine's own order of bytes.
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
