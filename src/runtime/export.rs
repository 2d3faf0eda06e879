//! From the run as it stands to a file.

use std::path::{Path, PathBuf};

use super::Run;
use crate::domain::gpu_history::GpuHistory;
use crate::domain::session::Session;
use crate::domain::time::Nanos;
use crate::protocol::api::Api;
use crate::report::exporters::{EXPORTERS, Exporter, exporter_for_path};
use crate::report::gpu::GpuReport;
use crate::report::model::Report;
use crate::store::file::{default_name, write_new};

impl Run {
    /// The report of what was measured so far.
    pub(super) fn report(&self) -> Report {
        let scene = &self.app.scene;
        let environment = super::environment::look();
        Report {
            session: scene.session.clone(),
            epoch: self.wall.clone(),
            url: request_url(&scene.target.url, self.api),
            api: self.api.name,
            model: scene.target.model.clone().unwrap_or_default(),
            server: scene.target.server.clone(),
            simulated: scene.target.simulated,
            route: scene.target.route.clone(),
            run_id: self.id.clone(),
            calibration: super::calibrate::kept(&environment),
            environment,
            gpu: gpu_report(scene.target.simulated, scene.target.is_local(), &scene.gpu, &scene.session, self.now()),
            gauges: scene.gauges.clone(),
            lag: self.engine.live().lag,
            finished_at: self.now(),
        }
    }

    /// Writes in the format of the exporters' table: to the file asked for with that format, else to one named after
    /// the model and the time.
    pub(super) fn export(&self, exporter: usize) -> Result<PathBuf, String> {
        let exporter = EXPORTERS.get(exporter).ok_or_else(|| "there is no such format".to_owned())?;
        let asked = |p: &&PathBuf| exporter_for_path(p).is_some_and(|e| e.id == exporter.id);
        let path = self.exports.iter().find(asked).cloned().unwrap_or_else(|| self.default_path(exporter));
        self.write(exporter, &path)
    }

    /// Writes every file that the command line asked for; returns what was written and what was not.
    pub(super) fn export_all(&self) -> Vec<Result<PathBuf, String>> {
        let write = |path: &PathBuf| match exporter_for_path(path) {
            Some(exporter) => self.write(exporter, path),
            None => Err(format!("'{}': no format has this extension", path.display())),
        };
        self.exports.iter().map(write).collect()
    }

    fn write(&self, exporter: &Exporter, path: &Path) -> Result<PathBuf, String> {
        write_new(path, &(exporter.render)(&self.report())).map_err(|e| e.to_string())
    }

    fn default_path(&self, exporter: &Exporter) -> PathBuf {
        let model = self.app.scene.target.model.as_deref().unwrap_or("run");
        let stamp = self.wall.strftime("%Y-%m-%d-%H%M%S").to_string();
        PathBuf::from(default_name(model, &stamp, exporter.extension))
    }
}

/// Where the requests of an API go.
pub(super) fn request_url(base: &str, api: &Api) -> String {
    format!("{base}{}", api.path)
}

/// What the GPUs did, if they can have done the work.
pub(super) fn gpu_report(
    simulated: bool,
    is_local: bool,
    gpu: &GpuHistory,
    session: &Session,
    now: Nanos,
) -> Result<GpuReport, String> {
    if simulated {
        return Err("the simulator answered, which uses no GPU".to_owned());
    }
    GpuReport::of(gpu, session, is_local, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::api::by_name;

    #[test]
    fn the_report_names_the_address_that_was_asked() {
        let url = |api| by_name(api).map(|api| request_url("http://h/v1", api)).unwrap_or_default();
        assert_eq!(url("chat"), "http://h/v1/chat/completions");
        assert_eq!(url("responses"), "http://h/v1/responses");
        assert_eq!(url("messages"), "http://h/v1/messages");
        let ollama = by_name("ollama").map(|api| request_url("http://h/api", api));
        assert_eq!(ollama.as_deref(), Some("http://h/api/chat"));
    }
}
