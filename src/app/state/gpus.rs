//! The sampled GPUs that may serve the endpoint, and their totals.

use super::scene::Scene;
use crate::domain::gpu::{MemoryKind, SIMULATED_SOURCE};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::gpu_track::GpuTrack;

impl Scene {
    /// GPUs that may serve the endpoint. Left out are the GPUs of a machine that only sends requests and, for the
    /// simulator, all real GPUs.
    pub fn gpus(&self) -> Vec<&GpuTrack> {
        let may_serve = match &self.gpu.scope {
            Some(GpuScope::EndpointHost { .. } | GpuScope::Unknown { .. }) => true,
            Some(GpuScope::ClientHost) => false,
            None => self.target.is_local(),
        };
        let is_real_beside_simulator = self.target.simulated && self.gpu.source != SIMULATED_SOURCE;
        let is_shown = |gpu: &&GpuTrack| !is_real_beside_simulator && (may_serve || gpu.info.host.is_some());
        self.gpu.gpus.iter().filter(is_shown).collect()
    }

    /// GPUs to add up: those known to serve the endpoint, or else all of [`Self::gpus`]. Slices of a listed GPU are
    /// left out, so that nothing counts twice.
    pub fn working_gpus(&self) -> Vec<&GpuTrack> {
        let all = self.gpus();
        let serves = |gpu: &GpuTrack| self.serves(gpu) == Some(true);
        if all.iter().any(|gpu| serves(gpu)) {
            return all.into_iter().filter(|gpu| serves(gpu)).collect();
        }
        without_slices(&all)
    }

    /// Whether a GPU serves the endpoint; `None` if unknown.
    pub fn serves(&self, gpu: &GpuTrack) -> Option<bool> {
        self.gpu.scope.as_ref()?.serves(gpu.info.uuid.as_deref())
    }
}

/// Drops slices (MIG) whose parent GPU is listed as well.
fn without_slices<'a>(gpus: &[&'a GpuTrack]) -> Vec<&'a GpuTrack> {
    let has_parent = |gpu: &GpuTrack| gpus.iter().any(|g| g.info.uuid.is_some() && g.info.uuid == gpu.info.parent_uuid);
    let is_part = |gpu: &GpuTrack| gpu.info.memory_kind == MemoryKind::Slice && has_parent(gpu);
    gpus.iter().filter(|gpu| !is_part(gpu)).copied().collect()
}

/// Totals of several GPUs. A total is `None` if a GPU lacks the figure, or if the figure has another meaning on some
/// of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GpuTotals {
    /// Number of GPUs; a GPU and its slices count once.
    pub count: usize,
    /// Mean load, percent.
    pub load_percent: Option<f64>,
    /// Total power, watts.
    pub power_w: Option<f64>,
    /// Memory in use, MiB.
    pub memory_used_mib: Option<f64>,
    /// Total memory, MiB.
    pub memory_total_mib: Option<f64>,
}

impl GpuTotals {
    /// Totals of [`Scene::gpus`].
    pub fn from_scene(scene: &Scene) -> Self {
        let gpus = without_slices(&scene.gpus());
        let count = gpus.len();
        let sum = |get: &dyn Fn(&GpuTrack) -> Option<f64>| {
            gpus.iter().map(|gpu| get(gpu)).sum::<Option<f64>>().filter(|_| count > 0)
        };
        let kind = gpus.first().map(|gpu| gpu.info.memory_kind);
        let is_alike = gpus.iter().all(|gpu| Some(gpu.info.memory_kind) == kind) && kind != Some(MemoryKind::Unified);
        Self {
            count,
            load_percent: sum(&|gpu| gpu.load_percent.last()).map(|sum| sum / count as f64),
            power_w: sum(&|gpu| gpu.power_w.last()),
            memory_used_mib: sum(&|gpu| gpu.memory_used_mib.last()).filter(|_| is_alike),
            memory_total_mib: sum(&GpuTrack::memory_total_mib).filter(|_| is_alike),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::state::testing::app;
    use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample};

    const GIB: u64 = 1 << 30;

    /// Two GPUs, the second divided into two slices.
    fn scene() -> Scene {
        let gpu = |index: u32, parent: Option<&str>| GpuInfo {
            index,
            uuid: Some(format!("G{index}")),
            memory_total_bytes: Some(if parent.is_some() { 10 } else { 80 } * GIB),
            memory_kind: if parent.is_some() { MemoryKind::Slice } else { MemoryKind::Dedicated },
            parent_uuid: parent.map(str::to_owned),
            ..GpuInfo::default()
        };
        let gpus = vec![gpu(0, None), gpu(1, None), gpu(2, Some("G1")), gpu(3, Some("G1"))];
        let mut scene = app(1).scene;
        "http://localhost:1/v1".clone_into(&mut scene.target.url);
        scene.gpu.apply(GpuEvent::Found { source: "nvml".to_owned(), driver: None, gpus, interval_ms: 250 });
        for index in 0..4 {
            sample(&mut scene, index, Some(100.0));
        }
        scene
    }

    fn sample(scene: &mut Scene, index: u32, power_w: Option<f64>) {
        let (memory, load) = (Some(GIB), Some(f64::from(index) * 10.0));
        let sample =
            GpuSample { index, power_w, memory_used_bytes: memory, utilization_percent: load, ..GpuSample::default() };
        scene.gpu.apply(GpuEvent::Sample(sample));
    }

    fn indices(gpus: &[&GpuTrack]) -> Vec<u32> {
        gpus.iter().map(|g| g.info.index).collect()
    }

    #[test]
    fn slices_are_not_added_to_their_gpu() {
        let mut scene = scene();
        let totals = GpuTotals::from_scene(&scene);
        assert_eq!((totals.count, totals.power_w, totals.load_percent), (2, Some(200.0), Some(5.0)));
        assert_eq!((totals.memory_used_mib, totals.memory_total_mib), (Some(2048.0), Some(163_840.0)));
        sample(&mut scene, 1, None);
        assert_eq!(GpuTotals::from_scene(&scene).power_w, None, "a sum over some GPUs is not the total");
        scene.gpu.gpus[0].info.memory_kind = MemoryKind::Unified;
        assert_eq!(GpuTotals::from_scene(&scene).memory_used_mib, None);
    }

    #[test]
    fn only_gpus_known_to_serve_the_endpoint_are_added_up() {
        let mut scene = scene();
        assert_eq!(indices(&scene.working_gpus()), [0, 1]);
        let scope = |gpus: &[&str]| GpuScope::EndpointHost {
            evidence: "seen".to_owned(),
            gpus: gpus.iter().map(|&g| g.to_owned()).collect(),
        };
        scene.gpu.scope = Some(scope(&["G2"]));
        assert_eq!(indices(&scene.working_gpus()), [2]);
        assert_eq!(indices(&scene.gpus()), [0, 1, 2, 3]);
    }

    #[test]
    fn gpus_of_a_machine_that_only_sends_requests_are_not_shown() {
        let mut scene = scene();
        scene.gpu.scope = Some(GpuScope::ClientHost);
        assert!(scene.gpus().is_empty());
        scene.gpu.gpus[1].info.host = Some("gpu-box".to_owned());
        assert_eq!(indices(&scene.gpus()), [1], "a GPU of the endpoint's host, from its exporter");
        scene.gpu.scope = None;
        assert_eq!(scene.gpus().len(), 4);
        "https://api.example.com/v1".clone_into(&mut scene.target.url);
        assert_eq!(indices(&scene.gpus()), [1]);
        scene.target.simulated = true;
        assert!(scene.gpus().is_empty());
        assert_eq!(GpuTotals::from_scene(&scene), GpuTotals::default());
    }

    #[test]
    fn a_simulated_gpu_serves_the_simulator() {
        let mut scene = scene();
        scene.target.simulated = true;
        assert!(scene.gpus().is_empty(), "a real one does not");
        SIMULATED_SOURCE.clone_into(&mut scene.gpu.source);
        assert_eq!(scene.gpus().len(), 4);
    }
}
