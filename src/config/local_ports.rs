//! Ports to search for a local server if the user names no endpoint.

use super::ConfigError;
use super::address::VARIABLES;
use crate::cli::RunArgs;
use crate::domain::text::sanitise_line;
use crate::runtime::local_servers::USUAL_PORTS;

/// Environment variable with the ports to search on this machine.
const PORTS_VARIABLE: &str = "TOKSCOPE_LOCAL_PORTS";

/// Returns the ports to search if neither the command line, the environment nor the config file names an endpoint.
///
/// # Errors
///
/// If the environment variable is not a list of ports.
pub fn ports_to_search(args: &RunArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Vec<u16>>, ConfigError> {
    let is_set = |name: &&str| env(name).is_some_and(|value| !value.trim().is_empty());
    if args.demo || args.url.is_some() || VARIABLES.iter().any(is_set) {
        return Ok(None);
    }
    let Some(typed) = env(PORTS_VARIABLE).filter(|typed| !typed.trim().is_empty()) else {
        return Ok(Some(USUAL_PORTS.to_vec()));
    };
    let ports: Result<Vec<u16>, _> = typed.split(',').map(|port| port.trim().parse()).collect();
    let refused = |_| {
        let typed = sanitise_line(&typed);
        ConfigError(format!("{PORTS_VARIABLE}: '{typed}' is not a list of ports, like 8000,8080"))
    };
    ports.map(Some).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(args: &RunArgs, variables: &[(&str, &str)]) -> Result<Option<Vec<u16>>, String> {
        let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        ports_to_search(args, &env).map_err(|e| e.to_string())
    }

    #[test]
    fn this_machine_is_searched_only_without_an_endpoint() {
        let bare = RunArgs::default();
        assert_eq!(ports(&bare, &[]), Ok(Some(USUAL_PORTS.to_vec())));
        assert_eq!(ports(&bare, &[("TOKSCOPE_URL", " ")]), Ok(Some(USUAL_PORTS.to_vec())));
        assert_eq!(ports(&bare, &[(PORTS_VARIABLE, "1, 2")]), Ok(Some(vec![1, 2])));
        assert_eq!(ports(&bare, &[("OPENAI_BASE_URL", "http://h")]), Ok(None));
        assert_eq!(ports(&RunArgs { demo: true, ..RunArgs::default() }, &[]), Ok(None));
        assert_eq!(ports(&RunArgs { url: Some("h".into()), ..RunArgs::default() }, &[]), Ok(None));
        let why = ports(&bare, &[(PORTS_VARIABLE, "all")]).unwrap_err();
        assert_eq!(why, "TOKSCOPE_LOCAL_PORTS: 'all' is not a list of ports, like 8000,8080");
    }
}
