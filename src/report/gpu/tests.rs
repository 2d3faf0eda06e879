use std::time::Duration;

use super::super::fixture::sample_session;
use super::*;
use crate::domain::energy::EnergyMethod;
use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample};

/// Returns GPUs with these names and UUIDs, sampled once per second at 100 W over a run of ten seconds.
fn history(gpus: &[(&str, Option<&str>)]) -> GpuHistory {
    let mut history = GpuHistory::default();
    let info = |(index, (uuid, parent)): (u32, &(&str, Option<&str>))| GpuInfo {
        index,
        uuid: Some((*uuid).to_owned()),
        parent_uuid: parent.map(str::to_owned),
        memory_kind: if parent.is_some() { MemoryKind::Slice } else { MemoryKind::Dedicated },
        ..GpuInfo::default()
    };
    let infos = (0..).zip(gpus).map(info).collect();
    history.apply(GpuEvent::Found { source: "nvml".to_owned(), driver: None, gpus: infos, interval_ms: 1000 });
    history.begin_run(Nanos(0));
    for s in 0..=10 {
        if s == 10 {
            history.set_active(false, Nanos::from_millis(10_000));
        }
        for index in 0..gpus.len() as u32 {
            let at = Nanos::from_millis(s * 1000);
            history.apply(GpuEvent::Sample(GpuSample { at, index, power_w: Some(100.0), ..GpuSample::default() }));
        }
    }
    history
}

fn serve(history: &mut GpuHistory, gpus: &[&str]) {
    let gpus = gpus.iter().map(|&g| g.to_owned()).collect();
    history.apply(GpuEvent::Scope(GpuScope::EndpointHost { evidence: "seen".to_owned(), gpus }));
}

fn report_of(history: &GpuHistory, is_local: bool) -> Result<GpuReport, String> {
    GpuReport::from_history(history, &sample_session(), is_local, Nanos::from_millis(60_000))
}

#[test]
fn only_serving_gpus_count_for_the_energy_per_token() {
    let mut history = history(&[("A", None), ("B", None), ("C", None)]);
    serve(&mut history, &["A", "C"]);
    let report = report_of(&history, true).unwrap();
    assert_eq!(report.devices.iter().map(|d| d.serves).collect::<Vec<_>>(), [true, false, true].map(Some));
    let each = Energy { joules: 1000.0, method: EnergyMethod::Integrated };
    assert!(report.devices.iter().all(|d| d.energy == Ok(each)));
    assert_eq!((report.energy_j(), report.tokens_estimated), (Some(2000.0), false));
    assert_eq!(report.efficiency, Ok(Efficiency { joules: 2000.0, output_tokens: 6600 }));
}

#[test]
fn without_evidence_there_is_no_energy_per_token() {
    let mut history = history(&[("A", None)]);
    let report = report_of(&history, true).unwrap();
    assert_eq!((report.scope.as_str(), report.devices[0].serves), ("unknown", None));
    let why = "it is not known which GPUs serve the endpoint: the endpoint's address is loopback, but a tunnel may start there";
    assert_eq!(report.efficiency, Err(why.to_owned()));
    history.apply(GpuEvent::Scope(GpuScope::Unknown { why: "no listener".to_owned() }));
    // The address names this machine but is not loopback. The resolved scope takes precedence over the text of the
    // address.
    assert_eq!(report_of(&history, false).unwrap().scope.explanation(), "no listener");
}

#[test]
fn a_mig_slice_has_no_energy_of_its_own() {
    let mut history = history(&[("A", None), ("MIG-1", Some("A"))]);
    serve(&mut history, &["MIG-1"]);
    let report = report_of(&history, true).unwrap();
    let why = "the driver reports one figure for all MIG slices";
    assert!(report.devices.iter().all(|d| d.energy == Err(why.to_owned())));
    assert_eq!(report.efficiency, Err(format!("no energy of a GPU that served: {why}")));
}

#[test]
fn gpus_of_another_machine_are_omitted_with_one_line() {
    let elsewhere = "the endpoint is on another machine, so its GPUs are not visible from here";
    let mut history = history(&[("A", None)]);
    assert_eq!(report_of(&history, false).err().as_deref(), Some(elsewhere));
    history.apply(GpuEvent::Scope(GpuScope::ClientHost));
    assert_eq!(report_of(&history, true).err().as_deref(), Some(elsewhere));
    history = GpuHistory::default();
    assert_eq!(report_of(&history, true).err().as_deref(), Some("the GPU driver did not answer for 60.0 s"));
    history.apply(GpuEvent::Absent("no driver".to_owned()));
    assert_eq!(report_of(&history, true).err().as_deref(), Some("no driver"));
    assert_eq!(report_of(&history, false).err().as_deref(), Some(elsewhere));
}

#[test]
fn a_silent_driver_is_reported() {
    let mut history = history(&[("A", None)]);
    assert_eq!(report_of(&history, true).unwrap().driver_silent_s, None);
    history.begin_run(Nanos::from_millis(20_000));
    history.set_active(false, Nanos::from_millis(29_500));
    assert_eq!(report_of(&history, true).unwrap().driver_silent_s, Some(Duration::from_millis(9500).as_secs_f64()));
}

/// Returns a GPU of another machine with this many samples, three seconds apart, in a run of ten seconds.
fn exported(samples: u64) -> GpuReport {
    let mut history = history(&[]);
    let info = GpuInfo { uuid: Some("A".to_owned()), host: Some("node-7".to_owned()), ..GpuInfo::default() };
    history.apply(GpuEvent::Found { source: "dcgm".to_owned(), driver: None, gpus: vec![info], interval_ms: 1000 });
    history.begin_run(Nanos(0));
    history.set_active(true, Nanos(0));
    for s in 0..=10 {
        let at = Nanos::from_millis(s * 1000);
        if s == 10 {
            history.set_active(false, at);
        }
        history.apply(if s % 3 == 0 && s / 3 < samples {
            let energy_j = Some(100.0 * s as f64);
            GpuEvent::Sample(GpuSample { at, memory_used_bytes: Some(s << 20), energy_j, ..GpuSample::default() })
        } else {
            GpuEvent::Unchanged { at, index: 0 }
        });
    }
    serve(&mut history, &["A"]);
    report_of(&history, false).unwrap()
}

#[test]
fn a_gpu_with_few_samples_has_no_figures_of_the_run() {
    let device = exported(2).devices.remove(0);
    let why =
        "the exporter gave 2 samples during the run, and 9 reads found the page unchanged; energy and peaks need 3";
    assert_eq!((device.memory_peak_mib, device.memory_peak_at_s), (None, None));
    assert_eq!(device.memory_peak_unknown_because.as_deref(), Some(why));
    assert_eq!(device.energy, Err(why.to_owned()));
    let device = exported(3).devices.remove(0);
    assert_eq!((device.memory_peak_mib, device.samples, device.samples_apart_ms), (Some(6.0), 3, Some(3000)));
    // The samples cover six of the ten seconds.
    assert_eq!(device.energy, Err("4.0 s of the 10.0 s run have no reading".to_owned()));
    let report = exported(4);
    assert_eq!((report.source.as_str(), report.driver_silent_s), ("dcgm", None));
}

#[test]
fn only_a_serving_gpu_can_be_the_busiest() {
    let mut history = history(&[("A", None), ("B", None)]);
    history.begin_run(Nanos::from_millis(20_000));
    history.set_active(true, Nanos::from_millis(20_000));
    for (index, percent) in [(0, 40.0), (1, 99.0)] {
        let (at, utilization_percent) = (Nanos::from_millis(21_000), Some(percent));
        history.apply(GpuEvent::Sample(GpuSample { at, index, utilization_percent, ..GpuSample::default() }));
    }
    assert_eq!(
        report_of(&history, true).unwrap().busiest_percent(),
        Some(99.0),
        "it is not known which of them serves"
    );
    serve(&mut history, &["A"]);
    assert_eq!(report_of(&history, true).unwrap().busiest_percent(), Some(40.0));
}

#[test]
fn only_a_simulated_gpu_serves_a_simulated_run() {
    let mut history = history(&[("A", None)]);
    serve(&mut history, &["A"]);
    let of_run = |history: &GpuHistory| {
        GpuReport::of_run(true, true, history, &sample_session(), Nanos::from_millis(60_000))
            .map(|report| report.source)
    };
    assert_eq!(of_run(&history), Err("the built-in simulator uses no GPU".to_owned()));
    SIMULATED_SOURCE.clone_into(&mut history.source);
    assert_eq!(of_run(&history), Ok("simulated".to_owned()));
}
