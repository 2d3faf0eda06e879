//! Describes this machine.

use crate::report::model::Environment;

/// Reads host name, system, CPU and memory. Facts that cannot be read are left out.
pub fn read() -> Environment {
    Environment {
        hostname: gethostname::gethostname().to_string_lossy().into_owned(),
        os: os_name(),
        cpu: field_of("/proc/cpuinfo", "model name"),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        memory_mib: memory_mib(),
    }
}

fn os_name() -> String {
    let pretty = std::fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    });
    let arch = std::env::consts::ARCH;
    pretty.map_or_else(|| format!("{} {arch}", std::env::consts::OS), |name| format!("{name} {arch}"))
}

fn memory_mib() -> Option<u64> {
    let total = field_of("/proc/meminfo", "MemTotal")?;
    Some(total.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

fn field_of(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
