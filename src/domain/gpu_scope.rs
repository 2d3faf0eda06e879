//! Scope of the sampled GPUs: whether they belong to the endpoint.

use serde::{Deserialize, Serialize};

/// Whether the GPUs belong to the endpoint. GPUs of a client machine say nothing about the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GpuScope {
    /// The GPUs are on the endpoint's machine.
    EndpointHost {
        /// Evidence that the GPUs are there, in plain words.
        evidence: String,
        /// Unique names of the GPUs that serve the endpoint.
        gpus: Vec<String>,
    },
    /// The GPUs are in this machine, and the endpoint is on another one.
    ClientHost,
    /// The endpoint's address is on this machine, but nothing shows that it uses the GPUs.
    Unknown {
        /// Missing evidence, in plain words.
        why: String,
    },
}

impl GpuScope {
    /// Name in `results.json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::EndpointHost { .. } => "endpoint-host",
            Self::ClientHost => "client-host",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Evidence or reason, in plain words.
    pub fn explanation(&self) -> &str {
        match self {
            Self::EndpointHost { evidence, .. } => evidence,
            Self::ClientHost => "the endpoint is on another machine, so its GPUs are not visible from here",
            Self::Unknown { why } => why,
        }
    }

    /// Whether the GPU with this UUID serves the endpoint; `None` if unknown. A slice that serves does not make its
    /// parent GPU serve.
    pub fn serves(&self, uuid: Option<&str>) -> Option<bool> {
        match self {
            Self::EndpointHost { gpus, .. } => Some(uuid.is_some_and(|uuid| gpus.iter().any(|gpu| gpu == uuid))),
            Self::ClientHost => Some(false),
            Self::Unknown { .. } => None,
        }
    }

    /// Combines this scope with a later one. Evidence is never withdrawn: a GPU from which the server unloads its model
    /// has still served the run, and a GPU that the server loads later is added.
    #[must_use]
    pub fn updated_with(self, later: Self) -> Self {
        match (self, later) {
            (
                Self::EndpointHost { evidence: earlier, gpus: mut all },
                Self::EndpointHost { evidence: latest, gpus: now },
            ) => {
                let added = now.iter().any(|uuid| !all.contains(uuid));
                let evidence = match (added, all.iter().all(|uuid| now.contains(uuid))) {
                    (true, true) => latest,
                    (true, false) => format!("{earlier}; {latest}"),
                    (false, _) => earlier,
                };
                all.extend(now);
                all.sort_unstable();
                all.dedup();
                Self::EndpointHost { evidence, gpus: all }
            }
            (known @ Self::EndpointHost { .. }, _) => known,
            (_, later) => later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(evidence: &str, gpus: &[&str]) -> GpuScope {
        GpuScope::EndpointHost { evidence: evidence.to_owned(), gpus: gpus.iter().map(|&g| g.to_owned()).collect() }
    }

    #[test]
    fn evidence_is_kept_and_extended() {
        let why = || GpuScope::Unknown { why: "not seen".to_owned() };
        assert_eq!(why().updated_with(host("a", &["A"])), host("a", &["A"]));
        assert_eq!(host("a", &["A"]).updated_with(why()), host("a", &["A"]), "the model was unloaded");
        assert_eq!(host("a", &["A", "B"]).updated_with(host("b", &["B"])), host("a", &["A", "B"]));
        assert_eq!(host("a", &["A"]).updated_with(host("both", &["B", "A"])), host("both", &["A", "B"]));
        assert_eq!(host("a", &["A"]).updated_with(host("b", &["B"])), host("a; b", &["A", "B"]));
        assert_eq!(GpuScope::ClientHost.updated_with(why()), why());
    }

    #[test]
    fn a_gpu_serves_if_the_evidence_names_it() {
        let scope = host("a", &["A"]);
        assert_eq!([Some("A"), Some("B"), None].map(|uuid| scope.serves(uuid)), [true, false, false].map(Some));
        assert_eq!(GpuScope::Unknown { why: String::new() }.serves(Some("A")), None);
        assert_eq!(GpuScope::ClientHost.serves(Some("A")), Some(false));
    }
}
