//! Tests with file trees like `/proc`.

use std::os::unix::fs::symlink;

use super::*;

const HEADER: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/// `/proc` of a machine or a container.
struct Proc {
    root: tempfile::TempDir,
}

impl Proc {
    fn new(pid_namespace: &str) -> Self {
        let proc = Self { root: tempfile::tempdir().unwrap() };
        for folder in ["net", "self/ns"] {
            fs::create_dir_all(proc.path(folder)).unwrap();
        }
        symlink(pid_namespace, proc.path("self/ns/pid")).unwrap();
        proc
    }

    fn machine() -> Self {
        Self::new("pid:[4026531836]")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Writes sockets: address as the kernel prints it, state and inode.
    fn sockets(self, table: &str, sockets: &[(&str, &str, u64)]) -> Self {
        let line = |(local, state, inode): &(&str, &str, u64)| {
            format!(
                "   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0\n"
            )
        };
        fs::write(self.path(table), HEADER.to_owned() + &sockets.iter().map(line).collect::<String>()).unwrap();
        self
    }

    /// Adds a process with its parent and its open sockets.
    fn process(self, pid: u32, parent: u32, name: &str, inodes: &[u64]) -> Self {
        let fd = self.path(&format!("{pid}/fd"));
        fs::create_dir_all(&fd).unwrap();
        symlink("/dev/null", fd.join("0")).unwrap();
        for (at, inode) in inodes.iter().enumerate() {
            symlink(format!("socket:[{inode}]"), fd.join((3 + at).to_string())).unwrap();
        }
        fs::write(self.path(&format!("{pid}/stat")), format!("{pid} ({name}) S {parent} {pid} 1 0 -1\n")).unwrap();
        fs::write(self.path(&format!("{pid}/comm")), format!("{name}\n")).unwrap();
        self
    }

    fn scope(&self, address: &str, users: &[(&str, &[u32])]) -> GpuScope {
        let mut listener = Listener::new(self.root.path().to_owned(), 8000);
        listener.scope(&[address.parse().unwrap()], &all(users))
    }
}

fn all(users: &[(&str, &[u32])]) -> Vec<GpuUsers> {
    users.iter().map(|(uuid, pids)| GpuUsers { uuid: (*uuid).to_owned(), pids: pids.to_vec() }).collect()
}

fn host(evidence: &str, gpus: &[&str]) -> GpuScope {
    GpuScope::EndpointHost { evidence: evidence.to_owned(), gpus: gpus.iter().map(|&g| g.to_owned()).collect() }
}

fn why(scope: GpuScope) -> String {
    let GpuScope::Unknown { why } = scope else { panic!("{scope:?}") };
    why
}

/// 127.0.0.1:8000, as the kernel prints it with this machine's byte order.
fn loopback() -> String {
    format!("{:08X}:1F40", u32::from_ne_bytes([127, 0, 0, 1]))
}

#[test]
fn the_listener_that_uses_a_gpu_is_the_evidence() {
    let proc = Proc::machine()
        .sockets("net/tcp", &[(&loopback(), "01", 9), (&loopback(), "0A", 77)])
        .process(1, 0, "init", &[])
        .process(4242, 1, "vllm (dev) x", &[5, 77])
        .process(4300, 1, "other", &[9]);
    let users: &[(&str, &[u32])] = &[("GPU-a", &[4242, 7]), ("GPU-b", &[4300]), ("GPU-c", &[4242])];
    let expected = host("pid 4242 owns :8000 and uses GPU-a, GPU-c", &["GPU-a", "GPU-c"]);
    assert_eq!(proc.scope("127.0.0.1", users), expected);
    let nobody: &[(&str, &[u32])] = &[("GPU-a", &[]), ("GPU-b", &[4300])];
    assert_eq!(
        why(proc.scope("127.0.0.1", nobody)),
        "pid 4242 (vllm (dev) x) owns :8000, but neither it nor a process it started uses a GPU"
    );
    assert_eq!(why(proc.scope("127.0.0.2", users)), "no listener found on this machine on :8000");
}

#[test]
fn descendants_of_the_listener_count() {
    let proc = Proc::machine()
        .sockets("net/tcp", &[("00000000:1F40", "0A", 77)])
        .process(10, 1, "server", &[77])
        // A child may have a lower ID than its parent.
        .process(5, 11, "runner", &[])
        .process(11, 10, "manager", &[])
        .process(12, 1, "other", &[]);
    let evidence = "pid 10 owns :8000 and pid 5, which it started, uses GPU-a";
    assert_eq!(proc.scope("127.0.0.1", &[("GPU-a", &[5]), ("GPU-b", &[12])]), host(evidence, &["GPU-a"]));
}

#[test]
fn ipv6_sockets_are_found() {
    let v6 = |bytes: [u8; 16]| {
        let words = bytes.chunks(4).map(|w| format!("{:08X}", u32::from_ne_bytes(w.try_into().unwrap())));
        words.collect::<String>() + ":1F40"
    };
    let mapped = v6(Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets());
    let one = v6(Ipv6Addr::LOCALHOST.octets());
    for (socket, address) in [(&mapped, "127.0.0.1"), (&one, "::1"), (&v6([0; 16]), "127.0.0.1")] {
        let proc = Proc::machine().sockets("net/tcp6", &[(socket, "0A", 77)]).process(10, 1, "server", &[77]);
        let expected = host("pid 10 owns :8000 and uses GPU-a", &["GPU-a"]);
        assert_eq!(proc.scope(address, &[("GPU-a", &[10])]), expected, "{socket} {address}");
    }
}

#[test]
fn process_ids_of_a_container_are_not_mixed_with_outside_ids() {
    let inside = || Proc::new("pid:[4026532999]").sockets("net/tcp", &[("00000000:1F40", "0A", 77)]);
    let proc = inside().process(10, 1, "server", &[77]);
    let reason = "tokscope runs in a container, but the driver reports process IDs of the machine outside: the process \
                  that serves the endpoint cannot be identified";
    assert_eq!(why(proc.scope("127.0.0.1", &[("GPU-a", &[81_234])])), reason);
    // The ID matches by chance: another process that the driver lists does not exist here.
    assert_eq!(why(proc.scope("127.0.0.1", &[("GPU-a", &[10]), ("GPU-b", &[81_234])])), reason);
    // All processes that the driver lists exist here, so the driver reports the container's IDs.
    let shared = host("pid 10 owns :8000 and uses GPU-a", &["GPU-a"]);
    assert_eq!(proc.scope("127.0.0.1", &[("GPU-a", &[10]), ("GPU-b", &[])]), shared);
}

#[test]
fn unreadable_information_gives_a_reason() {
    let users: &[(&str, &[u32])] = &[("GPU-a", &[10])];
    assert_eq!(
        why(Proc::machine().scope("127.0.0.1", users)),
        "the system does not report which process listens on which port"
    );
    let proc = Proc::machine().sockets("net/tcp", &[("00000000:1F40", "0A", 77)]).process(10, 1, "server", &[]);
    assert_eq!(
        why(proc.scope("127.0.0.1", users)),
        "the process that owns :8000 cannot be inspected: it belongs to another user or is outside this container"
    );
}

#[test]
fn the_search_repeats_when_the_owner_has_ended() {
    let proc = Proc::machine().sockets("net/tcp", &[("00000000:1F40", "0A", 77)]).process(10, 1, "server", &[77]);
    let mut listener = Listener::new(proc.root.path().to_owned(), 8000);
    let address = [IpAddr::from(Ipv4Addr::LOCALHOST)];
    let users = all(&[("GPU-a", &[10, 20])]);
    assert_eq!(listener.scope(&address, &users), host("pid 10 owns :8000 and uses GPU-a", &["GPU-a"]));
    fs::remove_dir_all(proc.path("10")).unwrap();
    let proc = proc.process(20, 1, "server", &[77]);
    assert_eq!(listener.scope(&address, &users), host("pid 20 owns :8000 and uses GPU-a", &["GPU-a"]));
    drop(proc);
}
