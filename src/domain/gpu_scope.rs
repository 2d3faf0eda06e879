//! Whether the GPUs that are read are those that serve the endpoint.

use serde::{Deserialize, Serialize};

/// Whose the GPUs are. Figures of a machine that only asks say nothing of the one that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GpuScope {
    /// They are the endpoint's.
    EndpointHost {
        /// What shows it, in words for people.
        evidence: String,
        /// The unique names of those that serve it.
        gpus: Vec<String>,
    },
    /// They are this machine's, and the endpoint is another one's.
    ClientHost,
    /// The endpoint is on this machine by its address, and nothing shows that it uses them.
    Unknown {
        /// What is missing, in words for people.
        why: String,
    },
}

impl GpuScope {
    /// Its name in `results.json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::EndpointHost { .. } => "endpoint-host",
            Self::ClientHost => "client-host",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// What it rests on, in words.
    pub fn words(&self) -> &str {
        match self {
            Self::EndpointHost { evidence, .. } => evidence,
            Self::ClientHost => "the endpoint is not on this machine, so that its GPUs are not seen",
            Self::Unknown { why } => why,
        }
    }

    /// Whether the GPU with this UUID serves the endpoint; `None` if unknown. A slice that serves does not make its parent
    /// GPU serve.
    pub fn serves(&self, uuid: Option<&str>) -> Option<bool> {
        match self {
            Self::EndpointHost { gpus, .. } => Some(uuid.is_some_and(|uuid| gpus.iter().any(|gpu| gpu == uuid))),
            Self::ClientHost => Some(false),
            Self::Unknown { .. } => None,
        }
    }

    /// What is known after `later`. Evidence that was seen once stays: a server that unloads its model has served the run
    /// all the same, and one that loads it later on another GPU adds that one.
    #[must_use]
    pub fn and_then(self, later: Self) -> Self {
        match (self, later) {
            (
                Self::EndpointHost { evidence: before, gpus: mut all },
                Self::EndpointHost { evidence: after, gpus: now },
            ) => {
                let added = now.iter().any(|uuid| !all.contains(uuid));
                let evidence = match (added, all.iter().all(|uuid| now.contains(uuid))) {
                    (true, true) => after,
                    (true, false) => format!("{before}; {after}"),
                    (false, _) => before,
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
    fn evidence_stays_and_grows() {
        let why = || GpuScope::Unknown { why: "not seen".to_owned() };
        assert_eq!(why().and_then(host("a", &["A"])), host("a", &["A"]));
        assert_eq!(host("a", &["A"]).and_then(why()), host("a", &["A"]), "the model was unloaded");
        assert_eq!(host("a", &["A", "B"]).and_then(host("b", &["B"])), host("a", &["A", "B"]));
        assert_eq!(host("a", &["A"]).and_then(host("both", &["B", "A"])), host("both", &["A", "B"]));
        assert_eq!(host("a", &["A"]).and_then(host("b", &["B"])), host("a; b", &["A", "B"]));
        assert_eq!(GpuScope::ClientHost.and_then(why()), why());
    }

    #[test]
    fn a_gpu_serves_where_evidence_names_it() {
        let scope = host("a", &["A"]);
        assert_eq!([Some("A"), Some("B"), None].map(|uuid| scope.serves(uuid)), [true, false, false].map(Some));
        assert_eq!(GpuScope::Unknown { why: String::new() }.serves(Some("A")), None);
        assert_eq!(GpuScope::ClientHost.serves(Some("A")), Some(false));
    }
}
