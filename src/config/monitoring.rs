//! Monitoring systems that see a run in progress.

use std::net::TcpListener;

use super::ConfigError;
use crate::cli::MonitoringArgs;
use crate::domain::text::sanitise_line;
use crate::monitoring::otlp::OtlpTarget;
use crate::monitoring::prometheus;
use crate::protocol::url::without_secrets;
use crate::runtime::spec::MonitoringSpec;

/// Checks the options, and listens for Prometheus if asked. Also returns notices for the user.
pub(super) fn monitoring(args: &MonitoringArgs) -> Result<(MonitoringSpec, Vec<String>), ConfigError> {
    let mut notices = Vec::new();
    let metrics_listener = args.metrics_listen.as_deref().map(|typed| listen(typed, &mut notices)).transpose()?;
    let refused =
        |typed: &str, why| ConfigError(format!("--otlp '{}': {why}", sanitise_line(&without_secrets(typed.trim()))));
    let otlp = args.otlp.as_deref().map(|typed| OtlpTarget::new(typed).map_err(|why| refused(typed, why)));
    Ok((MonitoringSpec { metrics_listener, notice: notices.first().cloned(), otlp: otlp.transpose()? }, notices))
}

fn listen(typed: &str, notices: &mut Vec<String>) -> Result<TcpListener, ConfigError> {
    let refused = |why: String| ConfigError(format!("--metrics-listen '{}': {why}", sanitise_line(typed)));
    let listener = prometheus::bind(typed).map_err(|why| refused(why.to_string()))?;
    let address = listener.local_addr().map_err(|why| refused(why.to_string()))?;
    let reach = if address.ip().is_loopback() { "" } else { "; other machines can read them" };
    notices.push(format!("metrics for Prometheus are at http://{address}/metrics{reach}"));
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(typed: &str) -> Result<(MonitoringSpec, Vec<String>), String> {
        monitoring(&MonitoringArgs { metrics_listen: Some(typed.to_owned()), otlp: None })
            .map_err(|why| why.to_string())
    }

    #[test]
    fn a_bare_port_is_reachable_from_this_machine_only_and_others_are_announced() {
        let (spec, notices) = started("0").unwrap();
        let address = spec.metrics_listener.unwrap().local_addr().unwrap();
        assert_eq!(notices, [format!("metrics for Prometheus are at http://{address}/metrics")]);
        assert!(address.ip().is_loopback());
        let (_spec, notices) = started("0.0.0.0:0").unwrap();
        assert!(notices[0].ends_with("/metrics; other machines can read them"), "{notices:?}");
        let (none, notices) = monitoring(&MonitoringArgs::default()).unwrap();
        assert!(none.metrics_listener.is_none() && notices.is_empty());
    }

    #[test]
    fn addresses_that_cannot_be_used_are_reported_before_the_run() {
        let why = started("gpu\u{1b}[2J-box:9464").unwrap_err();
        assert!(why.starts_with("--metrics-listen 'gpu-box:9464': is no address; use a port like 9464"), "{why}");
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let why = started(&taken.local_addr().unwrap().to_string()).unwrap_err();
        assert!(why.contains("': cannot listen there (") && why.ends_with("choose another port or address"), "{why}");
    }

    #[test]
    fn a_receiver_s_address_with_a_secret_is_refused_without_it() {
        let refused = |url: &str| {
            let args = MonitoringArgs { metrics_listen: None, otlp: Some(url.to_owned()) };
            monitoring(&args).map(drop).map_err(|why| why.to_string())
        };
        assert_eq!(refused("http://localhost:4318"), Ok(()));
        let why = refused("http://u:hunter2@h:4318").unwrap_err();
        assert!(why.starts_with("--otlp 'http://") && why.contains("OTEL_EXPORTER_OTLP_HEADERS"), "{why}");
        assert!(!why.contains("hunter2"), "{why}");
        assert!(refused("localhost").unwrap_err().contains("use one like http://localhost:4318"));
    }
}
