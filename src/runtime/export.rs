//! From the run as it stands to a file.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Run;
use super::closing::say;
use super::guard::guarded;
use super::saved::report_of;
use crate::app::message::Msg;
use crate::app::state::export_dialog::NameCheck;
use crate::protocol::api::Api;
use crate::report::exporters::{EXPORTERS, Exporter, exporter_for_path};
use crate::report::gpu::GpuReport;
use crate::report::host::HostReport;
use crate::report::model::Report;
use crate::store::file::{default_name, would_write, write_new};

impl Run {
    /// The report of what was measured so far.
    pub(super) fn report(&self) -> Report {
        let scene = &self.app.scene;
        if let Some(saved) = self.saved.as_deref().filter(|_| self.app.playback.is_some()) {
            return report_of(saved.clone());
        }
        let before = self.saved.as_deref();
        let environment = before.map_or_else(super::environment::look, |s| s.run.environment.clone());
        let calibration = before.map_or_else(|| super::calibrate::kept(&environment), |s| s.run.calibration.clone());
        let (now, lag) = self.ended.unwrap_or_else(|| (self.now(), self.live().lag));
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
            resumed: before.map_or_else(Vec::new, |s| s.resumed.clone()),
            tool: before.map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |s| s.run.tool.clone()),
            calibration,
            environment,
            gpu: GpuReport::of_run(scene.target.simulated, scene.target.is_local(), &scene.gpu, &scene.session, now),
            gauges: scene.gauges.clone(),
            host: HostReport::of(&scene.host),
            local: scene.target.is_local(),
            lag: before.map_or(lag, |s| s.lag.worse(lag)),
            finished_at: now,
        }
    }

    /// Writes in the format of the exporters' table: to the file asked for with that format, else to one named after
    /// the model and the time.
    pub(super) fn export(&self, exporter: usize) -> Result<PathBuf, String> {
        let exporter = at(exporter)?;
        self.write(exporter, &self.path_for(exporter))
    }

    /// The same to a file of this name.
    pub(super) fn export_as(&self, exporter: usize, name: &str) -> Result<PathBuf, String> {
        self.write(at(exporter)?, Path::new(name))
    }

    /// The names that [`Self::export`] would write to.
    pub(super) fn offers(&self) -> Msg {
        let offers = EXPORTERS.iter().map(|e| self.path_for(e).display().to_string()).collect();
        let folder = std::env::current_dir().map_or_else(|_| ".".to_owned(), |folder| folder.display().to_string());
        Msg::ExportsOffered { offers, folder }
    }

    /// What [`Self::export`] would write in the first format, and where to.
    pub(super) fn rendered(&self) -> Msg {
        let Some(exporter) = EXPORTERS.first() else {
            return Msg::ReportRendered { text: "".into(), file: String::new() };
        };
        let path = self.path_for(exporter);
        let path = would_write(&path).unwrap_or(path);
        let text = guarded("the report", || (exporter.render)(&self.report())).unwrap_or_else(|why| why).into();
        Msg::ReportRendered { text, file: path.display().to_string() }
    }

    fn path_for(&self, exporter: &Exporter) -> PathBuf {
        let asked = |p: &&PathBuf| exporter_for_path(p).is_some_and(|e| e.id == exporter.id);
        self.exports.iter().find(asked).cloned().unwrap_or_else(|| self.default_path(exporter))
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
        write(path, || (exporter.render)(&self.report()))
    }

    fn default_path(&self, exporter: &Exporter) -> PathBuf {
        let model = self.app.scene.target.model.as_deref().unwrap_or("run");
        let stamp = self.wall.strftime("%Y-%m-%d-%H%M%S").to_string();
        PathBuf::from(default_name(model, &stamp, exporter.extension))
    }
}

/// Writes what is made to a file of its own.
pub(super) fn write(path: &Path, make: impl FnOnce() -> String) -> Result<PathBuf, String> {
    let text = guarded(&format!("'{}'", path.display()), make)?;
    write_new(path, &text).map_err(|e| e.to_string())
}

/// Tells of each file what became of it; returns the exit status that follows.
pub(super) fn tell_written(
    what: &str,
    files: impl IntoIterator<Item = Result<PathBuf, String>>,
    stderr: &mut impl Write,
) -> u8 {
    let mut status = 0;
    for file in files {
        match file {
            Ok(path) => say(stderr, &format!("{what} written to '{}'", path.display())),
            Err(why) => {
                say(stderr, &format!("tokscope: {why}"));
                status = 2;
            }
        }
    }
    status
}

fn at(exporter: usize) -> Result<&'static Exporter, String> {
    EXPORTERS.get(exporter).ok_or_else(|| "there is no such format".to_owned())
}

/// What would become of a file of this name.
pub(super) fn check_name(name: &str) -> NameCheck {
    let path = Path::new(name);
    match would_write(path) {
        Ok(written) if written == path => NameCheck::New,
        Ok(written) => NameCheck::Taken(written.display().to_string()),
        Err(why) => NameCheck::Refused(why.to_string()),
    }
}

/// Where the requests of an API go.
pub(super) fn request_url(base: &str, api: &Api) -> String {
    format!("{base}{}", api.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::api::by_name;

    #[test]
    fn a_file_that_cannot_be_made_or_written_takes_no_other_along() {
        type Make = fn() -> String;
        let dir = tempfile::tempdir().unwrap();
        let made: [(&str, Make); 4] = [
            ("a.md", || "a".to_owned()),
            ("b.json", || panic!("as the test wants it")),
            ("missing/c.csv", || "c".to_owned()),
            ("d.csv", || "d".to_owned()),
        ];
        let mut told = Vec::new();
        let status = tell_written("Report", made.map(|(name, make)| write(&dir.path().join(name), make)), &mut told);
        let told =
            String::from_utf8(told).unwrap().replace(&dir.path().display().to_string(), "DIR").replace('\\', "/");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[..2], ["Report written to 'DIR/a.md'", "tokscope: 'DIR/b.json': an internal error"]);
        assert!(lines[2].starts_with("tokscope: 'DIR/missing/c.csv': "), "{told}");
        assert_eq!((lines[3], status), ("Report written to 'DIR/d.csv'", 2));
        assert_eq!(std::fs::read_to_string(dir.path().join("d.csv")).unwrap(), "d");
        assert!(!dir.path().join("b.json").exists());
    }

    #[test]
    fn what_would_become_of_a_name_is_told_beforehand() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("r.md"), "").unwrap();
        assert_eq!(check_name(&path("new.md")), NameCheck::New);
        assert_eq!(check_name(&path("no extension")), NameCheck::New);
        assert_eq!(check_name(&path("r.md")), NameCheck::Taken(path("r-2.md")));
        for name in [String::new(), path("missing/r.md"), dir.path().display().to_string(), path("..")] {
            assert!(matches!(check_name(&name), NameCheck::Refused(_)), "{name}");
        }
    }

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
