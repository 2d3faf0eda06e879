//! Secrets and GPUs of new and resumed runs.

use std::path::Path;

use super::{ConfigError, key_file, metrics, secrets};
use crate::cli::{GpuArgs, SecretArgs};
use crate::domain::gpu_history::GpuHistory;
use crate::domain::key_source::KeySource;
use crate::domain::text::sanitise_line;
use crate::telemetry::{GpuChoice, NOT_ASKED, source_by_name};

/// API key and headers of every request. Has no `Debug`, because they are secret.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) api_key: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    /// Source of the key.
    pub(super) source: KeySource,
    /// Warnings for the user.
    pub(super) warnings: Vec<String>,
}

/// Reads the API key and the headers that the command line names.
pub(super) fn secrets(
    args: &SecretArgs,
    env: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
) -> Result<Secrets, ConfigError> {
    let (api_key, warning) = match args.api_key_file.as_deref() {
        Some(path) => key_file::key(path, folder).map(|(key, warning)| (Some(key), warning))?,
        None => (secrets::api_key(args.api_key_env.as_deref(), env)?, None),
    };
    let headers = secrets::headers(&args.headers, &args.headers_env, env)?;
    let from = api_key.as_ref().map(|_key| match args.api_key_file {
        Some(_) => KeySource::File,
        None => secrets::from_variable(args.api_key_env.as_deref()),
    });
    let source = secrets::key_source(from, &headers);
    Ok(Secrets { api_key, headers, source, warnings: warning.into_iter().collect() })
}

/// Returns the source of GPU figures and the metrics pages of other machines' GPUs.
pub(super) fn gpu(args: &GpuArgs) -> Result<(GpuChoice, Vec<String>), ConfigError> {
    let choice = args.gpu.as_deref().and_then(GpuChoice::by_name).unwrap_or_default();
    let urls: Vec<String> = args.gpu_metrics_urls.iter().map(|url| metrics::exporter(url)).collect::<Result<_, _>>()?;
    match choice {
        GpuChoice::Only(name) if is_remote(name) && urls.is_empty() => {
            Err(ConfigError(format!("--gpu {name} needs the page of an exporter; add --gpu-metrics-url HOST")))
        }
        GpuChoice::Auto => Ok((choice, urls)),
        GpuChoice::Only(name) if is_remote(name) => Ok((choice, urls)),
        GpuChoice::Only(_) | GpuChoice::None if urls.is_empty() => Ok((choice, urls)),
        GpuChoice::Only(_) | GpuChoice::None => Err(ConfigError(format!(
            "--gpu {} reads no metrics page; remove it or --gpu-metrics-url",
            sanitise_line(args.gpu.as_deref().unwrap_or_default())
        ))),
    }
}

fn is_remote(name: &str) -> bool {
    source_by_name(name).is_some_and(|source| source.is_remote)
}

/// Like [`gpu`], for the resumed run `id`: by default the source that the run had before. Another source is rejected if
/// the run already has figures, because figures of different GPUs must not be mixed.
pub(super) fn gpu_again(args: &GpuArgs, id: &str, kept: &GpuHistory) -> Result<(GpuChoice, Vec<String>), ConfigError> {
    if args.gpu.is_some() || !args.gpu_metrics_urls.is_empty() {
        return gpu(args);
    }
    match kept.source.as_str() {
        "" if kept.absent.as_deref() == Some(NOT_ASKED) => Ok((GpuChoice::None, Vec::new())),
        "" => Ok((GpuChoice::Auto, Vec::new())),
        name if is_remote(name) => Err(ConfigError(format!(
            "the GPUs of {id} were read from an exporter's page, whose address is not saved; pass it again with \
             --gpu-metrics-url HOST, or resume without GPUs: --gpu none"
        ))),
        name => match GpuChoice::by_name(name) {
            Some(choice @ GpuChoice::Only(_)) => Ok((choice, Vec::new())),
            _ => Err(ConfigError(format!(
                "the GPU figures of {id} came from '{}', which is not available here; choose another source with --gpu, \
                 or resume without GPUs: --gpu none",
                sanitise_line(name)
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(
        source: &str,
        absent: Option<&str>,
        gpu: Option<&str>,
        url: Option<&str>,
    ) -> Result<(GpuChoice, usize), String> {
        let args =
            GpuArgs { gpu: gpu.map(str::to_owned), gpu_metrics_urls: url.map(str::to_owned).into_iter().collect() };
        let mut kept = GpuHistory::default();
        (kept.source, kept.absent) = (source.to_owned(), absent.map(str::to_owned));
        gpu_again(&args, "ts-1", &kept).map(|(choice, urls)| (choice, urls.len())).map_err(|e| e.to_string())
    }

    #[test]
    fn a_resumed_run_keeps_its_gpu_source() {
        assert_eq!(again("", None, None, None), Ok((GpuChoice::Auto, 0)), "it had not looked yet");
        assert_eq!(again("", Some("no driver"), None, None), Ok((GpuChoice::Auto, 0)));
        assert_eq!(again("", Some(NOT_ASKED), None, None), Ok((GpuChoice::None, 0)), "GPUs were turned off");
        for own in crate::telemetry::SOURCES.iter().filter(|s| !s.is_remote) {
            assert_eq!(again(own.name, None, None, None), Ok((GpuChoice::Only(own.name), 0)));
        }
        let why = again("dcgm", None, None, None).unwrap_err();
        assert!(why.contains("pass it again with --gpu-metrics-url HOST") && why.contains("--gpu none"), "{why}");
        let why = again("voodoo\u{1b}[2J", None, None, None).unwrap_err();
        assert!(why.contains("came from 'voodoo', which") && why.contains("with --gpu,"), "{why}");
    }

    #[test]
    fn gpu_options_win_over_the_saved_source() {
        assert_eq!(again("dcgm", None, None, Some("box")), Ok((GpuChoice::Auto, 1)));
        assert_eq!(again("dcgm", None, Some("none"), None), Ok((GpuChoice::None, 0)));
        assert_eq!(again("", Some(NOT_ASKED), Some("auto"), None), Ok((GpuChoice::Auto, 0)));
        assert!(again("nvml", None, Some("dcgm"), None).unwrap_err().contains("add --gpu-metrics-url HOST"));
    }
}
